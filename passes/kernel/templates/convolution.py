"""The convolution of a gemm kernel: a sum of matrix products, one per position in the window.

    out[image, g, m, p] = sum over t of (sum over c of w[g, m, c, t] * x[image, g, c, at(p, t)])

with image and group g as batch axes, output channel m of the group as row, output position p as
column, input channel c as the axis that is folded. `x` and `w` are read where they lie.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from axec.dialects import attrs, dims, types
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.passes.kernel.strides import TRANSPOSES, WIDENING, row_major, strided
from axec.passes.kernel.templates.choice import AS_MODELLED, Choice
from axec.passes.kernel.templates.gemm import at_most, rows_per_unit, sums_of

COLUMNS = 64  # output positions of a unit, at least, where there are as many
COLUMN_BLOCK = 256  # output positions of one output row in a unit, at most


@dataclass(frozen=True, slots=True)
class Window:
    """One spatial axis: sizes of input and output, and how the window walks it."""

    size: Size
    out: Size
    taps: int
    stride: int
    dilation: int
    low: int
    high: int

    @property
    def keeps_size(self) -> bool:
        """Does output position p read around input position p?"""
        return self.stride == 1 and self.size == self.out

    @property
    def padded(self) -> bool:
        """May positions of the window lie outside of the input?"""
        return bool(self.low or self.high)


@dataclass(frozen=True, slots=True)
class Conv:
    """Strides are in elements of the buffers that `x` and `w` name: images, channels, space...;
    output channels, input channels, space.... A unit is `row_block` output rows (positions along
    the last axis), of them COLUMN_BLOCK columns, for `m_block` output channels of one group of one
    image; units count images, groups, blocks of rows, of columns, of channels, outermost first.

    flat: the output has the size of the input, where positions follow each other without gaps, so
    that all positions are one row: a step in the window is one step in memory for all of them."""

    op: Any  # the axe.conv
    sums: DType  # in which products are summed
    x: Any  # the MLIR values (in a kernel: block arguments) that are read
    w: Any
    images: Size
    groups: int
    m: Size  # output channels of a group
    channels: Size  # input channels of a group
    space: tuple[Window, ...]
    x_strides: tuple[Size, ...]
    w_strides: tuple[Size, ...]
    through: frozenset[str] = TRANSPOSES  # ops that were looked through to find the buffers
    choice: Choice = AS_MODELLED

    @property
    def weight(self) -> Any:
        """The factor that may lie otherwise than row by row."""
        return self.w

    def stored(self, layout: str) -> Conv:
        """The convolution where `weight` lies so; "" is row by row."""
        if not layout:
            return self
        taps = row_major(tuple(window.taps for window in self.space))
        each = self.m * self.groups * self.channels  # numbers per position in the window
        return replace(self, w_strides=(self.channels, 1, *[each * step for step in taps]))

    @property
    def flat(self) -> bool:
        whole = all(window.keeps_size for window in self.space)
        known = all(isinstance(window.size, int) for window in self.space[1:])
        return whole and known and self.x_strides[2:] == tuple(row_major(self._sizes))

    @property
    def _sizes(self) -> tuple[Size, ...]:
        return tuple(window.size for window in self.space)

    @property
    def rows(self) -> Size:
        """Output rows of an image."""
        return 1 if self.flat else dims.product(window.out for window in self.space[:-1])

    @property
    def columns(self) -> Size:
        """Positions of an output row."""
        return dims.product(self._sizes) if self.flat else self.space[-1].out

    @property
    def row_block(self) -> int:
        columns = self.columns
        return max(COLUMNS // max(columns, 1), 1) if isinstance(columns, int) else 1

    @property
    def row_blocks(self) -> Size:
        return dims.ceildiv(self.rows, self.row_block)

    @property
    def column_blocks(self) -> Size:
        return dims.ceildiv(self.columns, COLUMN_BLOCK)

    @property
    def _others(self) -> Size:
        return self.images * self.groups * self.row_blocks * self.column_blocks

    @property
    def m_block(self) -> Size:
        if self.choice.rows is not None:
            return at_most(self.choice.rows, self.m)
        return rows_per_unit(self.m, self._others, least=1)

    @property
    def m_blocks(self) -> Size:
        block = self.m_block
        return dims.ceildiv(self.m, block) if isinstance(block, int) and block else 1

    @property
    def units(self) -> Size:
        return self._others * self.m_blocks


def conv_of(op: Any) -> Conv | None:
    """How an axe.conv is computed as products, or None where it is not (factors that have no row in
    `sums_of`, a window or a distance between neighbours that is a named dim). Transposes that feed
    the operands are looked through, and casts that widen both to the dtype of their sums."""
    found = factors_of(op)
    return found if found is not None and isinstance(found.x_strides[-1], int) else None


def factors_of(op: Any) -> Conv | None:
    """The same, however far neighbours along the last axis are apart."""
    return _conv(op, TRANSPOSES | WIDENING) or _conv(op, TRANSPOSES)


def _conv(op: Any, through: frozenset[str]) -> Conv | None:
    x_type, w_type = (types.of(v) for v in op.operands)
    windows = _windows(op)
    x, w = (strided(v, through) for v in op.operands)
    x_axes, w_axes = x.axes, w.axes
    sums = sums_of(*(types.of(v).dtype for v in (x.value, w.value, op.results[0])))
    if sums is None or windows is None:
        return None
    groups = op.attributes["groups"].value
    return Conv(
        op=op,
        sums=sums,
        through=through,
        x=x.value,
        w=w.value,
        images=x_type.shape[0],
        groups=groups,
        m=w_type.shape[0] // groups,
        channels=w_type.shape[1],
        space=tuple(windows),
        x_strides=tuple(stride for _, stride in x_axes),
        w_strides=tuple(stride for _, stride in w_axes),
    )


def _windows(op: Any) -> list[Window] | None:
    """How the window walks each spatial axis; None where its size is a named dim."""
    sizes, taps = (types.of(v).shape[2:] for v in op.operands)
    outs, found = types.of(op.results[0]).shape[2:], []
    steps, padding = (
        (attrs.ints(op, "stride"), attrs.ints(op, "dilation")),
        op.attributes["padding"],
    )
    for size, out, count, stride, dilation, (low, high) in zip(
        sizes, outs, taps, *steps, attrs.read("Pairs", padding), strict=True
    ):
        if not isinstance(count, int):
            return None
        found.append(Window(size, out, count, stride, dilation, low, high))
    return found
