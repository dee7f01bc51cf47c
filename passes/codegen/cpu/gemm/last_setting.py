"""What the parts of a convolution with lanes along channels share; from units to panels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axec.passes.codegen.cpu.gemm.arithmetic import Arithmetic
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.gemm.window import Window
from axec.passes.codegen.llvm import Builder, Type, Value, vec
from axec.passes.kernel.templates.channels_last import ChannelsLast


@dataclass(frozen=True, slots=True)
class Setting:
    """One kernel function. All values are computed at its entry: addresses of x, w, the room for
    the sums of a unit (rows of `width`, and of one tile more), sizes (m, channels: of a group),
    bytes from one channel of x, one panel of w to the next; row_block: rows of a unit; counts:
    panels of a group, blocks of rows; window: what tiles share, table: the same in memory
    (window.py)."""

    b: Builder
    conv: ChannelsLast
    tile: Tile
    arithmetic: Arithmetic
    element: Type  # of x and w, in memory
    epilogue: Epilogue
    x: Value
    x_channel: Value
    w: Value
    sums: Value
    m: Value
    channels: Value
    rows: Value
    panel_bytes: Value
    row_block: Value
    counts: Sequence[Value]
    window: Window
    table: Value

    @property
    def vector(self) -> Type:
        """Of sums."""
        return vec(self.arithmetic.sums, self.tile.lanes)

    @property
    def elements(self) -> Type:
        return vec(self.element, self.tile.lanes)

    @property
    def line_bytes(self) -> int:
        """Of a row of sums."""
        return self.conv.width * self.arithmetic.sums.size

    @property
    def column_step(self) -> int:
        """What the first column of every panel is a multiple of."""
        m, width = self.conv.columns, self.conv.width
        if self.conv.groups == 1:
            return width
        return math.gcd(m, width) if isinstance(m, int) else 1


@dataclass(frozen=True, slots=True)
class Unit:
    """Rows [row, end_row) of one panel of a group. x: the first channel that it reads; w: its
    filters; output: its first output channel; columns: how many of it exist."""

    row: Value
    end_row: Value
    x: Value
    w: Value
    output: Value
    columns: Value


def units(s: Setting, lo: Value, hi: Value, work: Callable[[Setting, Unit], None]) -> None:
    """`work` for every unit in [lo, hi)."""
    b, (panels, blocks) = s.b, s.counts
    with b.for_(lo, hi, name="unit") as loop:
        panel, block = _divided(b, loop.index, blocks)
        group, number = _divided(b, panel, panels)
        row = b.mul(block, s.row_block)
        column = b.mul(number, s.conv.width)
        output = b.add(b.mul(group, s.m), column)
        channel = column if s.conv.depthwise else b.mul(group, s.channels)
        if s.conv.in_panels:
            w = b.offset(s.w, b.mul(panel, s.panel_bytes))
        else:
            w = b.offset(s.w, b.mul(output, s.window.w_column))
        work(
            s,
            Unit(
                row=row,
                end_row=b.min(b.add(row, s.row_block), s.rows),
                x=b.offset(s.x, b.mul(channel, s.x_channel)),
                w=w,
                output=output,
                columns=b.min(b.sub(s.m, column), s.conv.width),
            ),
        )


def _divided(b: Builder, number: Value, size: Value) -> tuple[Value, Value]:
    return b.udiv(number, size), b.urem(number, size)
