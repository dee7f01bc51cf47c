"""Convolutions with lanes along channels: a tile of positions x output channels.

    for each slice of what is folded (channels_last.SLICE; mostly there is one):
        for each tile of rows of a unit:
            for each position t in the window:
                sums += x[rows moved by t, :] * w[t, :, columns]        (window.py)
    the rows of sums through the epilogue

A row is a position of the output: one number of x at a time, for all columns. x is read where it
lies; rows that fall into the padding count as 0. Of the filters the next slice is brought near
meanwhile. Depthwise, a row is a vector of x for each vector of columns.
"""

from __future__ import annotations

from dataclasses import replace

from axec.passes.codegen.cpu.gemm import window
from axec.passes.codegen.cpu.gemm.control import steps
from axec.passes.codegen.cpu.gemm.conv_setting import split
from axec.passes.codegen.cpu.gemm.last_setting import Setting, Unit
from axec.passes.codegen.cpu.gemm.window import WORD, At, Row
from axec.passes.codegen.llvm import I64, NULL, Value, constant, zero

ZERO = constant(I64, 0)
LINE = 64  # bytes of a cache line


def unit(s: Setting, u: Unit) -> None:
    """All outputs of a unit."""
    b, count = s.b, s.window.folds[0].count
    with steps(b, ZERO, count, s.slice, "slice") as first:
        _slice(s, u, first, b.min(b.add(first, s.slice), count))
    end = b.add(u.output, u.columns)
    with b.for_(u.row, u.end_row, name="out") as loop:
        place = b.offset(s.sums, b.mul(b.sub(loop.index, u.row), s.line_bytes))
        s.epilogue.row(place, [loop.index], u.output, end, s.column_step)


def _slice(s: Setting, u: Unit, first: Value, end: Value) -> None:
    """The steps [first, end) of the outermost folded axis, for all tiles of a unit."""
    b, tile = s.b, s.tile
    with (
        steps(b, ZERO, constant(I64, s.conv.width), tile.columns, "column") as column,
        steps(b, u.row, u.end_row, tile.rows, "row") as row,
    ):
        number = b.udiv(b.sub(row, u.row), tile.rows)
        line = b.mul(b.urem(number, max(tile.columns * s.element.size // LINE, 1)), LINE)
        at = At(
            rows=[],
            x=b.mul(column, s.x_steps[1]),
            w=b.offset(u.w, b.mul(column, s.window.w_column)),
            columns=b.sub(u.columns, column),
            near=b.add(b.mul(b.sub(end, first), s.window.folds[0].w), line),
        )
        place = b.offset(s.sums, b.mul(b.sub(row, u.row), s.line_bytes))
        place = b.at(place, s.vector.element, column)
        write = _lanes_apart if s.conv.depthwise else _by_routine
        write(s, u, row, at, (first, end), place)


def _by_routine(
    s: Setting, u: Unit, row: Value, at: At, ends: tuple[Value, Value], sums: Value
) -> None:
    """A tile from row `row` on, whose sums stand at `sums`."""
    b, spatial = s.b, len(s.outs)
    with b.for_(0, s.tile.rows, name="position") as loop:
        number = b.min(b.add(row, loop.index), b.sub(u.end_row, 1))
        found = _row(s, u, number)
        place = b.offset(s.records, b.mul(loop.index, (1 + spatial) * WORD))
        for i, value in enumerate((found.x, *found.starts)):
            b.store(value, b.offset(place, i * WORD))
    source = b.select(b.cmp("eq", ends[0], 0), NULL, sums)
    line = constant(I64, s.line_bytes)
    window.call(s.window, s.records, s.table, at, ends, (source, sums, line))


def _lanes_apart(
    s: Setting, u: Unit, row: Value, at: At, ends: tuple[Value, Value], sums: Value
) -> None:
    """The same where every channel has filters of its own (depthwise)."""
    b, tile, last = s.b, s.tile, s.b.sub(u.end_row, 1)
    at = replace(at, rows=[_row(s, u, b.min(b.add(row, i), last)) for i in range(tile.rows)])
    places = window.sums_of(b, tile, s.vector, sums, constant(I64, s.line_bytes))
    start = [zero(s.vector)] * len(places)
    found = window.products(s.window, at, s.window.folds, {0: ends}, {}, (ZERO, ZERO), start)
    for place, value in zip(places, found, strict=True):
        b.store(value, place)


def _row(s: Setting, u: Unit, number: Value) -> Row:
    b = s.b
    image, *position = split(b, number, [s.rows, *s.outs])
    windows = s.conv.conv.space
    starts = [b.sub(b.mul(p, w.stride), w.low) for p, w in zip(position, windows, strict=True)]
    x = b.offset(u.x, b.mul(image, s.x_steps[0]))
    for start, step in zip(starts, s.x_steps[2:], strict=True):
        x = b.offset(x, b.mul(start, step))
    return Row(starts, x)
