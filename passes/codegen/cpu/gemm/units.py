"""From units to panels: which rows and columns of which batch element a call covers."""

from __future__ import annotations

from collections.abc import Callable

from axec.passes.codegen.cpu.gemm.setting import Panel, Setting
from axec.passes.codegen.llvm import I64, Value, constant
from axec.passes.kernel.weight_layouts import PANEL

Work = Callable[[Setting, Panel], None]
ZERO = constant(I64, 0)


def panels(s: Setting, lo: Value, hi: Value, work: Work) -> None:
    """`work` for every panel that the units [lo, hi) touch, with those of its rows that they
    cover. All use the slot of unit lo, so that it stays in the cache."""
    b, g = s.b, s.gemm
    slot = None if s.slots is None else b.offset(s.slots, b.mul(lo, g.slot_bytes))
    first = b.udiv(lo, s.row_blocks)
    end = b.udiv(b.add(hi, b.sub(s.row_blocks, 1)), s.row_blocks)
    with b.for_(first, end, name="panel") as loop:
        batch = ZERO if g.batch_count == 1 else b.udiv(loop.index, s.panels)
        number = b.sub(loop.index, b.mul(batch, s.panels))
        row, end_row = ZERO, s.m
        if s.row_blocks.const != 1:
            assert isinstance(g.row_block, int)
            before = b.mul(loop.index, s.row_blocks)
            row = b.mul(b.max(b.sub(lo, before), 0), g.row_block)
            end_row = b.min(b.mul(b.sub(hi, before), g.row_block), s.m)
        column = b.mul(number, PANEL)
        end_column = b.min(b.add(column, PANEL), s.n)
        work(s, _panel(s, batch, (row, end_row), (column, end_column), slot))


def columns(s: Setting, lo: Value, hi: Value, work: Work) -> None:
    """`work` for every batch element that the units [lo, hi) of a product with one row touch, with
    those of its columns that they cover, of all panels at once."""
    b, rows = s.b, (ZERO, constant(I64, 1))
    last = b.udiv(b.sub(hi, 1), s.panels)
    with b.for_(b.udiv(lo, s.panels), b.add(last, 1), name="batch") as loop:
        before = b.mul(loop.index, s.panels)
        column = b.mul(b.max(b.sub(lo, before), 0), PANEL)
        end_column = b.min(b.mul(b.sub(hi, before), PANEL), s.n)
        work(s, _panel(s, loop.index, rows, (column, end_column), None))


def _panel(
    s: Setting,
    batch: Value,
    rows: tuple[Value, Value],
    columns: tuple[Value, Value],
    slot: Value | None,
) -> Panel:
    """The panel, with the addresses of its batch element."""
    b, left, right, rest = s.b, s.left, s.right, batch
    for axis, (size, left_step, right_step) in reversed(list(enumerate(s.batch))):
        position = b.urem(rest, size) if axis else rest
        rest = b.udiv(rest, size)
        left = b.offset(left, b.mul(position, left_step))
        right = b.offset(right, b.mul(position, right_step))
    sums = None if s.sums is None else b.offset(s.sums, b.mul(batch, s.steps.sums_batch))
    return Panel(batch, left, right, sums, *rows, *columns, slot)
