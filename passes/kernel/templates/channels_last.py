"""The convolution of a gemm kernel whose result lies channels last: a product of matrices.

    out[row, o] = sum over t of (sum over c of x[at(row, t), c] * w[t, c, o])

with positions of all images as rows and output channels of a group as columns, which vectors run
along. Where every channel is a group of its own (depthwise), channels are columns and x has one per
column: out[row, c] = sum over t of x[at(row, t), c] * w[t, c]. A convolution
is one of these where its only reader is a transposition that moves the channels last: that is what
the kernel writes. `layout.py` decides where it pays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.passes.kernel.strides import turned
from axec.passes.kernel.templates.choice import AS_MODELLED, Choice
from axec.passes.kernel.templates.convolution import Conv, factors_of
from axec.passes.kernel.templates.gemm import at_most

#: Columns of a panel: of these the ones that fill the panels best.
WIDTHS = (64, 48, 32, 16, 8, 4)
_PANEL_COST = 4  # what a panel costs besides its columns, in columns

#: What is read of the filters of a panel while sums are in registers stays in the second-level
#: cache: bytes of it, at most.
SLICE = 320 * 1024
#: Rows of a unit, at most: while there is one slice, and while sums of several are kept. Fewer
#: units than UNITS are cut until they have LEAST_ROWS.
ROWS, SUMMED_ROWS = 48, 192
UNITS, LEAST_ROWS = 8, 6


@dataclass(frozen=True, slots=True)
class Fold:
    """An axis that is folded: channels (-1) or a spatial axis; strides in elements of x and w."""

    axis: int
    count: Size
    x: Size
    w: Size


@dataclass(frozen=True, slots=True)
class ChannelsLast:
    """`conv` says where the factors lie. A unit is `row_block` rows of a panel of `width` columns;
    units count groups, panels, blocks of rows, outermost first.

    in_panels: the filters lie as weight_layouts.Filters says. cut: numbers of blocks of rows and of
    steps of a slice that calls give (share.py); None: as the sizes say."""

    conv: Conv
    in_panels: bool = False
    choice: Choice = AS_MODELLED
    cut: tuple[Size, ...] | None = None

    @property
    def weight(self) -> Any:
        """The factor that may lie otherwise than row by row."""
        return self.conv.w

    @property
    def through(self) -> frozenset[str]:
        return self.conv.through

    @property
    def sums(self) -> DType:
        return self.conv.sums

    def stored(self, layout: str) -> ChannelsLast:
        """The convolution where `weight` lies so; "" is row by row."""
        if self.depthwise:
            return replace(self, conv=self.conv.stored(layout))
        return replace(self, in_panels=bool(layout))

    @property
    def depthwise(self) -> bool:
        """Does every channel, which are neighbours in x, give one of its own?"""
        c = self.conv
        return c.groups > 1 and c.m == 1 and c.channels == 1 and c.x_strides[1] == 1

    @property
    def groups(self) -> int:
        return 1 if self.depthwise else self.conv.groups

    @property
    def columns(self) -> Size:
        """Of a group."""
        return self.conv.groups if self.depthwise else self.conv.m

    @property
    def rows(self) -> Size:
        """Positions of all images."""
        return self.conv.images * dims.product(window.out for window in self.conv.space)

    @property
    def width(self) -> int:
        return panel_width(self.columns)

    @property
    def panels(self) -> Size:
        """Panels of a group."""
        return dims.ceildiv(self.columns, self.width)

    @property
    def panel_elements(self) -> Size:
        """Numbers of a panel, where the filters lie in panels."""
        return dims.product(fold.count for fold in self.folds) * self.width

    @property
    def row_block(self) -> Size:
        """At most, where calls say how many blocks there are."""
        if self.cut is not None:
            return SUMMED_ROWS
        if self.choice.rows is not None:
            return at_most(min(self.choice.rows, SUMMED_ROWS), self.rows)  # their sums: on a stack
        most = ROWS if self.block is None else SUMMED_ROWS
        others = self.groups * self.panels
        if not isinstance(others, int) or not isinstance(self.rows, int):
            return most
        shares = min(-(-UNITS // max(others, 1)), self.rows // LEAST_ROWS)
        blocks = max(-(-self.rows // most), shares, 1)
        return -(-self.rows // blocks)

    @property
    def row_blocks(self) -> Size:
        if self.cut is not None:
            return self.cut[0]
        block = self.row_block
        return dims.ceildiv(self.rows, block) if isinstance(block, int) and block else 1

    @property
    def units(self) -> Size:
        return self.groups * self.panels * self.row_blocks

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The axes that are folded, outermost first: in the order in which x lies, but the
        innermost one is never padded (whether a position is inside is decided before it)."""
        c = self.conv
        taps = [w.taps for w in c.space]
        strides = list(c.w_strides[1:])
        if self.in_panels:
            strides = [self.width, *_steps(taps, self.width * c.channels)]
        found = [Fold(-1, c.channels, c.x_strides[1], strides[0])]
        for axis, window in enumerate(c.space):
            step = c.x_strides[2 + axis] * window.dilation
            found.append(Fold(axis, window.taps, step, strides[1 + axis]))
        if self.depthwise:
            return tuple(found[1:])
        *outer, last = sorted([*found[1:], found[0]], key=_outermost_first)
        if last.axis >= 0 and c.space[last.axis].padded:
            outer, last = [f for f in (*outer, last) if f.axis >= 0], found[0]
        return _joined([*outer, last], c)

    @property
    def block(self) -> int | None:
        """Steps of the outermost folded axis that make a slice; None: one slice is all."""
        if self.cut is not None:
            return None
        first, *others = self.folds
        each = dims.product(f.count for f in others) * (self.width * self.sums.size)
        if self.depthwise or not isinstance(first.count, int) or not isinstance(each, int):
            return None
        if first.count * each <= SLICE or first.count < 2:
            return None
        blocks = -(-first.count // max(SLICE // each, 1))
        return -(-first.count // blocks)


def panel_width(columns: Size) -> int:
    """The width that makes the least of so many columns."""
    if not isinstance(columns, int):
        return WIDTHS[0]
    return min(WIDTHS, key=lambda width: -(-columns // width) * (width + _PANEL_COST))


def channels_last_of(op: Any) -> ChannelsLast | None:
    """How an axe.conv is computed whose result is written channels last; None where it is not."""
    conv = factors_of(op) if turned(op) is not None else None
    if conv is None or not isinstance(conv.w_strides[0], int):
        return None
    along = conv.x_strides[1] == 1 or isinstance(conv.x_strides[-1], int)
    return ChannelsLast(conv) if along else None


def _joined(folds: list[Fold], c: Conv) -> tuple[Fold, ...]:
    """Folds of one step vanish, and the innermost two join where both factors walk them as one."""
    found = [f for f in folds[:-1] if f.count != 1]
    last = folds[-1]
    while found:
        outer = found[-1]
        as_one = outer.x == last.count * last.x and outer.w == last.count * last.w
        if not as_one or (outer.axis >= 0 and c.space[outer.axis].padded):
            break
        last = Fold(last.axis, outer.count * last.count, last.x, last.w)
        found.pop()
    return (*found, last)


def _steps(counts: list[int], step: Size) -> list[Size]:
    """Strides of row-major axes whose elements take `step`."""
    found: list[Size] = []
    for count in reversed(counts):
        found.append(step)
        step = step * count
    return found[::-1]


def _outermost_first(fold: Fold) -> int:
    """For axes whose stride is a named dim: as if it were long."""
    return -fold.x if isinstance(fold.x, int) else -(1 << 62)
