"""Convolutions with lanes along channels: a tile of positions x output channels.

    for each slice of what is folded (channels_last.SLICE; mostly there is one):
        for each tile of rows of a unit:
            for each position t in the window:
                sums += x[rows moved by t, :] * w[t, :, columns]        (microkernel.py)
    the rows of sums through the epilogue

A row is a position of the output: one number of x at a time, for all columns. x is read where it
lies; rows that fall into the padding count as 0. Of the filters the next slice is brought near
meanwhile. Depthwise, a row is a vector of x for each vector of columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from axec.passes.codegen.cpu.gemm.control import YES, both, lanes_of, steps
from axec.passes.codegen.cpu.gemm.conv_setting import split
from axec.passes.codegen.cpu.gemm.last_setting import Folded, Setting, Unit
from axec.passes.codegen.cpu.gemm.microkernel import Strip, multiply
from axec.passes.codegen.cpu.memory import read
from axec.passes.codegen.llvm import I64, Value, constant, zero

ZERO = constant(I64, 0)
LINE = 64  # bytes of a cache line


@dataclass(frozen=True, slots=True)
class Row:
    """A position of the output: where its window begins in x, per spatial axis, and the address of
    that."""

    starts: Sequence[Value]
    x: Value


@dataclass(frozen=True, slots=True)
class Tile:
    """The rows at hand, bytes from the unit's first column to its own in x, the filters of that
    column, how many of its columns exist; near: bytes from what is read of the filters to what is
    brought near."""

    rows: Sequence[Row]
    x: Value
    w: Value
    columns: Value
    near: Value


def unit(s: Setting, u: Unit) -> None:
    """All outputs of a unit."""
    b, block = s.b, s.conv.block
    if block is None:
        _slice(s, u, ZERO, s.folds[0].count)
    else:
        _clear(s, u)
        with b.for_(0, s.folds[0].count, block, name="slice") as loop:
            _slice(s, u, loop.index, b.min(b.add(loop.index, block), s.folds[0].count))
    end = b.add(u.output, u.columns)
    with b.for_(u.row, u.end_row, name="out") as loop:
        place = b.offset(s.sums, b.mul(b.sub(loop.index, u.row), s.line_bytes))
        s.epilogue.row(place, [loop.index], u.output, end, s.column_step)


def _clear(s: Setting, u: Unit) -> None:
    b, vectors = s.b, s.conv.width // s.tile.lanes
    with b.for_(0, b.mul(b.sub(u.end_row, u.row), vectors), name="clear") as loop:
        b.store(zero(s.vector), b.at(s.sums, s.vector, loop.index))


def _slice(s: Setting, u: Unit, first: Value, end: Value) -> None:
    """The steps [first, end) of the outermost folded axis, for all tiles of a unit."""
    b, tile = s.b, s.tile
    with (
        steps(b, ZERO, constant(I64, s.conv.width), tile.columns, "column") as column,
        steps(b, u.row, u.end_row, tile.rows, "row") as row,
    ):
        number = b.udiv(b.sub(row, u.row), tile.rows)
        line = b.mul(b.urem(number, max(tile.columns * s.element.size // LINE, 1)), LINE)
        at = Tile(
            rows=[_row(s, u, b.min(b.add(row, i), b.sub(u.end_row, 1))) for i in range(tile.rows)],
            x=b.mul(column, s.x_steps[1]),
            w=b.offset(u.w, b.mul(column, s.w_column)),
            columns=b.sub(u.columns, column),
            near=b.add(b.mul(b.sub(end, first), s.folds[0].w), line),
        )
        places = _places(s, b.sub(row, u.row), column)
        if s.conv.block is None:
            sums = [zero(s.vector)] * len(places)
        else:
            sums = [b.load(s.vector, place) for place in places]
        found = _window(s, at, s.folds, {0: (first, end)}, {}, (ZERO, ZERO), sums)
        for place, value in zip(places, found, strict=True):
            b.store(value, place)


def _places(s: Setting, row: Value, column: Value) -> list[Value]:
    """Addresses of the sums of a tile, row by row."""
    b = s.b
    first = b.at(b.offset(s.sums, b.mul(row, s.line_bytes)), s.vector.element, column)
    rows = [b.offset(first, i * s.line_bytes) for i in range(s.tile.rows)]
    return [b.at(row, s.vector, j) for row in rows for j in range(s.tile.vectors)]


def _row(s: Setting, u: Unit, number: Value) -> Row:
    b = s.b
    image, *position = split(b, number, [s.rows, *s.outs])
    windows = s.conv.conv.space
    starts = [b.sub(b.mul(p, w.stride), w.low) for p, w in zip(position, windows, strict=True)]
    x = b.offset(u.x, b.mul(image, s.x_steps[0]))
    for start, step in zip(starts, s.x_steps[2:], strict=True):
        x = b.offset(x, b.mul(start, step))
    return Row(starts, x)


_Range = tuple[Value, Value]


def _window(
    s: Setting,
    at: Tile,
    folds: Sequence[Folded],
    ranges: Mapping[int, _Range],
    taps: Mapping[int, Value],
    moved: _Range,
    sums: Sequence[Value],
) -> Sequence[Value]:
    """`sums` plus the products of `folds`, the axes that are left. ranges: of axes that are not
    walked whole; taps: where the others stand; moved: bytes that this is in x and w."""
    if not folds:
        return _multiply_lanes(s, at, taps, moved, sums)
    b, fold = s.b, folds[0]
    lo, hi = ranges.get(len(s.folds) - len(folds), (ZERO, fold.count))
    if len(folds) == 1 and not s.conv.depthwise:
        strip = _strip(s, at, taps, _moved(s, moved, fold, lo))
        return multiply(b, s.tile, s.arithmetic, strip, b.sub(hi, lo), sums)
    with b.for_(lo, hi, carried=sums, name="tap") as loop:
        here, there = {**taps, fold.axis: loop.index}, _moved(s, moved, fold, loop.index)
        loop.yield_(*_window(s, at, folds[1:], ranges, here, there, loop.carried))
    return loop.results


def _moved(s: Setting, moved: _Range, fold: Folded, by: Value) -> _Range:
    b, (x, w) = s.b, moved
    return b.add(x, b.mul(by, fold.x)), b.add(w, b.mul(by, fold.w))


def _strip(s: Setting, at: Tile, taps: Mapping[int, Value], moved: _Range) -> Strip:
    """What the tile reads along the innermost folded axis."""
    b, tile, fold = s.b, s.tile, s.folds[-1]
    w = b.offset(at.w, moved[1])
    inside = [_inside(s, row, taps) for row in at.rows]
    rows = [b.offset(row.x, moved[0]) for row in at.rows]
    padded = inside[0].const is None
    if padded:
        rows = [b.select(i, place, s.x) for i, place in zip(inside, rows, strict=True)]
    in_panels = s.conv.in_panels
    masks = None
    if not in_panels and not s.whole_panels:
        masks = lanes_of(b, at.columns, tile.lanes, tile.vectors)
    stride = s.conv.conv.w_strides[0]
    assert isinstance(stride, int)
    return Strip(
        rows=rows,
        left_step=fold.x,
        columns=[(b.offset(w, b.mul(s.w_column, j * tile.lanes)), 0) for j in range(tile.vectors)],
        right_step=fold.w,
        read=lambda place, j: read(
            b, s.elements, place, 1 if in_panels else stride, masks[j] if masks else None
        ),
        ahead=(lambda k: [b.offset(b.offset(w, at.near), b.mul(k, fold.w))]) if in_panels else None,
        inside=[b.splat(i, tile.lanes) for i in inside] if padded else None,
    )


def _multiply_lanes(
    s: Setting, at: Tile, taps: Mapping[int, Value], moved: _Range, sums: Sequence[Value]
) -> Sequence[Value]:
    """`sums` plus the products at one position of the window, channel by channel."""
    b, tile = s.b, s.tile
    w_step = s.conv.conv.w_strides[0]
    assert isinstance(w_step, int)
    masks: Sequence[Value | None] = [None] * tile.vectors
    if not s.whole_panels:
        masks = lanes_of(b, at.columns, tile.lanes, tile.vectors)
    right = [s.arithmetic.right(b, v) for v in _lanes(s, b.offset(at.w, moved[1]), w_step, masks)]
    found = []
    for i, row in enumerate(at.rows):
        inside, place = _inside(s, row, taps), b.offset(b.offset(row.x, moved[0]), at.x)
        place = place if inside.const else b.select(inside, place, s.zeros)
        for j, v in enumerate(_lanes(s, place, 1, masks)):
            left, number = s.arithmetic.left(b, v), i * tile.vectors + j
            found.append(s.arithmetic.add(b, sums[number], left, right[j]))
    return found


def _lanes(s: Setting, place: Value, step: int, masks: Sequence[Value | None]) -> list[Value]:
    """Vectors of elements that are `step` apart."""
    return [
        read(s.b, s.elements, s.b.at(place, s.element, step * j * s.tile.lanes), step, mask)
        for j, mask in enumerate(masks)
    ]


def _inside(s: Setting, row: Row, taps: Mapping[int, Value]) -> Value:
    """Does the window of a row lie inside of x at these taps?"""
    b, found = s.b, YES
    for axis, (start, window) in enumerate(zip(row.starts, s.conv.conv.space, strict=True)):
        if window.padded:
            at = b.add(start, b.mul(taps.get(axis, ZERO), window.dilation))
            found = both(b, found, b.cmp("ult", at, s.sizes[axis]))
    return found
