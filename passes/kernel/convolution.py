"""The convolution of a gemm kernel: a sum of matrix products, one per position in the window.

    out[image, g, m, p] = sum over t of (sum over c of w[g, m, c, t] * x[image, g, c, at(p, t)])

with image and group g as batch axes, output channel m of the group as row, output position p as
column, input channel c as the axis that is folded. `x` and `w` are read where they lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects import dims, dtypes, types
from axec.dialects.dims import Size
from axec.passes.kernel.product import rows_per_unit
from axec.passes.kernel.strides import TRANSPOSES, merge, strided

COLUMNS = 64  # output positions of a unit, at least, where there are as many
COLUMN_BLOCK = 512  # output positions of one output row in a unit, at most


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
    def is_point(self) -> bool:
        """Is output position p input position p and nothing else?"""
        return self.taps == self.stride == 1 and not self.padded

    @property
    def padded(self) -> bool:
        """May positions of the window lie outside of the input?"""
        return bool(self.low or self.high)


@dataclass(frozen=True, slots=True)
class Conv:
    """Strides are in elements of the buffers that `x` and `w` name: images, channels, space...;
    output channels, input channels, space.... A unit is `row_block` output rows (positions along
    the last axis), of them COLUMN_BLOCK columns, for `m_block` output channels of one group of one
    image; units count images, groups, blocks of rows, of columns, of channels, outermost first."""

    op: Any  # the axe.conv
    x: Any  # the MLIR values (in a kernel: block arguments) that are read
    w: Any
    images: Size
    groups: int
    m: Size  # output channels of a group
    channels: Size  # input channels of a group
    space: tuple[Window, ...]
    x_strides: tuple[Size, ...]
    w_strides: tuple[Size, ...]

    @property
    def rows(self) -> Size:
        """Output rows of an image."""
        return dims.product(window.out for window in self.space[:-1])

    @property
    def columns(self) -> Size:
        """Positions of an output row."""
        return self.space[-1].out

    def leaves_x(self, lanes: int) -> bool:
        """May lanes read outside of x, where output rows are cut into pieces of so many lanes?"""
        whole = isinstance(self.columns, int) and self.columns % lanes == 0
        return not whole or any(window.padded for window in self.space)

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
    def through(self) -> frozenset[str]:
        """Ops that are looked through to find the buffers."""
        return TRANSPOSES

    @property
    def m_block(self) -> Size:
        return rows_per_unit(self.m, self._others)

    @property
    def m_blocks(self) -> Size:
        block = self.m_block
        return dims.ceildiv(self.m, block) if isinstance(block, int) and block else 1

    @property
    def units(self) -> Size:
        return self._others * self.m_blocks


def conv_of(op: Any) -> Conv | None:
    """How an axe.conv is computed as products, or None where it is not (another dtype than f32 and
    f64, a window or a distance between neighbours that is a named dim). Transposes that feed the
    operands are looked through; where the window is one point, all positions are one axis."""
    x_type, w_type = (types.of(v) for v in op.operands)
    windows = _windows(op)
    x, w = (strided(v) for v in op.operands)
    x_axes, w_axes = x.axes, w.axes
    if x_type.dtype not in (dtypes.f32, dtypes.f64) or windows is None:
        return None
    if not isinstance(x_axes[-1][1], int):
        return None
    pixels = merge(x_axes[2:])
    if len(pixels) == 1 and all(window.is_point for window in windows):
        ((size, stride),) = pixels
        windows, x_axes = [Window(size, size, 1, 1, 1, 0, 0)], [*x_axes[:2], (size, stride)]
        w_axes = w_axes[:3]
    groups = op.attributes["groups"].value
    return Conv(
        op=op,
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
    attributes = [op.attributes[name] for name in ("stride", "dilation", "padding")]
    for size, out, count, stride, dilation, padding in zip(
        sizes, outs, taps, *attributes, strict=True
    ):
        if not isinstance(count, int):
            return None
        low, high = padding
        found.append(Window(size, out, count, stride, dilation, low, high))
    return found
