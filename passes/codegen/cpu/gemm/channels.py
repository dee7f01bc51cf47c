"""Convolutions with lanes along channels: a unit is positions x the output channels of a panel.

    sums = the products of the window, for all tiles of the unit            (window.py)
    the rows of sums through the epilogue

A row is a position of the output: one number of x at a time, for all columns. x is read where it
lies; rows that fall into the padding count as 0. Depthwise, a row is a vector of x for each vector
of columns.
"""

from __future__ import annotations

from dataclasses import dataclass

from axec.passes.codegen.cpu.gemm import panels, window
from axec.passes.codegen.cpu.gemm.control import steps
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.panels import Place, Unit, Window
from axec.passes.codegen.cpu.gemm.window import WINDOW, ZERO, At
from axec.passes.codegen.llvm import I64, Value, constant, zero


@dataclass(frozen=True, slots=True)
class Setting:
    """One kernel function. table: the window in memory; sums: the room for those of a unit, and of
    one tile more; place: that for a unit's place; column_step: what the first column of every panel
    is a multiple of."""

    window: Window
    epilogue: Epilogue
    table: Value
    sums: Value
    place: Value
    column_step: int


def units(s: Setting, lo: Value, hi: Value) -> None:
    """The units in [lo, hi)."""
    w, b = s.window, s.window.b
    with b.for_(lo, hi, name="unit") as loop:
        if w.kind.depthwise:
            u = panels.unit_of(w, loop.index)
            _lanes_apart(s, u)
            place = u.place
        else:
            WINDOW.call(
                b, w.kind.words(), table=s.table, x=w.x, w=w.w, unit=loop.index, place=s.place,
                sums=s.sums,
            )  # fmt: skip
            place = panels.read(b, s.place)
        _results(s, place)


def _results(s: Setting, place: Place) -> None:
    """The rows of sums through the epilogue."""
    b = s.window.b
    end = b.add(place.output, place.columns)
    with b.for_(place.row, place.end_row, name="out") as loop:
        sums = _line(s, b.sub(loop.index, place.row))
        s.epilogue.row(sums, [loop.index], place.output, end, s.column_step)


def _lanes_apart(s: Setting, u: Unit) -> None:
    """The sums of a unit where every channel has filters of its own."""
    w, b, tile, place = s.window, s.window.b, s.window.tile, u.place
    with (
        steps(b, ZERO, constant(I64, w.kind.width), tile.columns, "column") as column,
        steps(b, place.row, place.end_row, tile.rows, "row") as row,
    ):
        last = b.sub(place.end_row, 1)
        numbers = [b.min(b.add(row, i), last) for i in range(tile.rows)]
        at = At(
            rows=[window.row_at(w, u.x, window.index_of(w, n)) for n in numbers],
            x=b.mul(column, w.cut.x),
            w=b.offset(u.w, b.mul(column, w.w_column)),
            columns=b.sub(place.columns, column),
            near=ZERO,
        )
        _store(s, at, b.at(_line(s, b.sub(row, place.row)), w.vector.element, column))


def _store(s: Setting, at: At, first: Value) -> None:
    """The sums of a tile, at `first`."""
    w, places = s.window, window.sums_of(s.window, first)
    start = [zero(w.vector)] * len(places)
    found = window.products(w, at, w.folds, {}, {}, (ZERO, ZERO), start)
    for place, value in zip(places, found, strict=True):
        w.b.store(value, place)


def _line(s: Setting, number: Value) -> Value:
    """A row of the sums."""
    b = s.window.b
    return b.offset(s.sums, b.mul(number, s.window.line_bytes))
