"""Convolutions with lanes along channels: a unit is positions x the output channels of a panel.

    sums = the products of the window, for all tiles of the unit            (window.py)
    the rows of sums through the epilogue

A row is a position of the output: one number of x at a time, for all columns. x is read where it
lies; rows that fall into the padding count as 0. Depthwise, a row is a vector of x for each vector
of columns.
"""

from __future__ import annotations

from axec.passes.codegen.cpu.gemm import window
from axec.passes.codegen.cpu.gemm.control import steps
from axec.passes.codegen.cpu.gemm.last_setting import Setting, Unit
from axec.passes.codegen.cpu.gemm.window import ZERO, At
from axec.passes.codegen.llvm import I64, Value, constant, zero


def unit(s: Setting, u: Unit) -> None:
    """All outputs of a unit."""
    b = s.b
    if s.conv.depthwise:
        _lanes_apart(s, u)
    else:
        window.call(
            s.window, s.table, x=u.x, w=u.w, row=u.row, end_row=u.end_row, columns=u.columns,
            sums=s.sums,
        )  # fmt: skip
    end = b.add(u.output, u.columns)
    with b.for_(u.row, u.end_row, name="out") as loop:
        place = _line(s, b.sub(loop.index, u.row))
        s.epilogue.row(place, [loop.index], u.output, end, s.column_step)


def _lanes_apart(s: Setting, u: Unit) -> None:
    """The sums of a unit where every channel has filters of its own."""
    b, tile = s.b, s.tile
    with (
        steps(b, ZERO, constant(I64, s.conv.width), tile.columns, "column") as column,
        steps(b, u.row, u.end_row, tile.rows, "row") as row,
    ):
        last = b.sub(u.end_row, 1)
        numbers = [b.min(b.add(row, i), last) for i in range(tile.rows)]
        at = At(
            rows=[window.row_at(s.window, u.x, window.index_of(s.window, n)) for n in numbers],
            x=b.mul(column, s.x_channel),
            w=b.offset(u.w, b.mul(column, s.window.w_column)),
            columns=b.sub(u.columns, column),
            near=ZERO,
        )
        _store(s, at, b.at(_line(s, b.sub(row, u.row)), s.vector.element, column))


def _store(s: Setting, at: At, first: Value) -> None:
    """The sums of a tile, at `first`."""
    places = window.sums_of(s.b, s.tile, s.vector, first, constant(I64, s.line_bytes))
    start = [zero(s.vector)] * len(places)
    found = window.products(s.window, at, s.window.folds, {}, {}, (ZERO, ZERO), start)
    for place, value in zip(places, found, strict=True):
        s.b.store(value, place)


def _line(s: Setting, number: Value) -> Value:
    """A row of the sums."""
    return s.b.offset(s.sums, s.b.mul(number, s.line_bytes))
