"""The window of a convolution with lanes along channels, inside of a kernel or as a routine.

    for each slice of what is folded (channels_last.SLICE; mostly there is one):
        for each tile of rows of a unit:
            for each position t in the window:
                sums += x[rows moved by t, :] * w[t, :, columns]            (microkernel.py)

Rows, steps and sizes are values, so one routine serves all convolutions with such a tile, such axes
and such a padding. Of the filters the next slice is brought near meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from axec.passes.codegen.cpu.gemm import panels
from axec.passes.codegen.cpu.gemm.control import YES, both, lanes_of, steps
from axec.passes.codegen.cpu.gemm.microkernel import Strip, multiply
from axec.passes.codegen.cpu.gemm.panels import WORD, Folded, Kind, Unit, Window
from axec.passes.codegen.cpu.gemm.pieces import split
from axec.passes.codegen.cpu.lanes.memory import read
from axec.passes.codegen.cpu.routines import family
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I64, PTR, Builder, Value, constant, zero

ZERO = constant(I64, 0)
LINE = 64  # bytes of a cache line


@dataclass(frozen=True, slots=True)
class Row:
    """A position of the output: where its window begins in x, per spatial axis, and the address of
    that."""

    starts: Sequence[Value]
    x: Value


@dataclass(frozen=True, slots=True)
class At:
    """The rows at hand, bytes from the unit's first column to their own in x, the filters of that
    column, how many of its columns exist; near: bytes from what is read of the filters to what is
    brought near."""

    rows: Sequence[Row]
    x: Value
    w: Value
    columns: Value
    near: Value


_Range = tuple[Value, Value]


def products(
    s: Window,
    at: At,
    folds: Sequence[Folded],
    ranges: Mapping[int, _Range],
    taps: Mapping[int, Value],
    moved: _Range,
    sums: Sequence[Value],
) -> Sequence[Value]:
    """`sums` plus the products of `folds`, the axes that are left (all: `s.folds`). ranges: of axes
    that are not walked whole; taps: where the others stand; moved: bytes that this is in x, w."""
    if not folds:
        return _multiply_lanes(s, at, taps, moved, sums)
    b, fold = s.b, folds[0]
    lo, hi = ranges.get(len(s.folds) - len(folds), (ZERO, fold.count))
    if len(folds) == 1 and not s.kind.depthwise:
        strip = _strip(s, at, taps, _moved(s, moved, fold, lo))
        return multiply(b, s.tile, s.arithmetic, strip, b.sub(hi, lo), sums)
    with b.for_(lo, hi, carried=sums, name="tap", nonempty=True) as loop:
        here, there = {**taps, fold.axis: loop.index}, _moved(s, moved, fold, loop.index)
        loop.yield_(*products(s, at, folds[1:], ranges, here, there, loop.carried))
    return loop.results


def _moved(s: Window, moved: _Range, fold: Folded, by: Value) -> _Range:
    b, (x, w) = s.b, moved
    return b.add(x, b.mul(by, fold.x)), b.add(w, b.mul(by, fold.w))


def _strip(s: Window, at: At, taps: Mapping[int, Value], moved: _Range) -> Strip:
    """What the tile reads along the innermost folded axis."""
    b, tile, fold = s.b, s.tile, s.folds[-1]
    w = b.offset(at.w, moved[1])
    inside = [_inside(s, row, taps) for row in at.rows]
    rows = [b.offset(row.x, moved[0]) for row in at.rows]
    padded = inside[0].const is None
    if padded:
        rows = [b.select(i, place, s.x) for i, place in zip(inside, rows, strict=True)]
    in_panels, stride = s.kind.in_panels, s.kind.stride
    masks = None
    if not in_panels and s.kind.masked:
        masks = lanes_of(b, at.columns, tile.lanes, tile.vectors)
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
    s: Window, at: At, taps: Mapping[int, Value], moved: _Range, sums: Sequence[Value]
) -> Sequence[Value]:
    """`sums` plus the products at one position of the window, channel by channel."""
    b, tile = s.b, s.tile
    masks: Sequence[Value | None] = [None] * tile.vectors
    if s.kind.masked:
        masks = lanes_of(b, at.columns, tile.lanes, tile.vectors)
    right = [
        s.arithmetic.right(b, v) for v in _lanes(s, b.offset(at.w, moved[1]), s.kind.stride, masks)
    ]
    found = []
    for i, row in enumerate(at.rows):
        inside, place = _inside(s, row, taps), b.offset(b.offset(row.x, moved[0]), at.x)
        place = place if inside.const else b.select(inside, place, s.zeros)
        for j, v in enumerate(_lanes(s, place, 1, masks)):
            left, number = s.arithmetic.left(b, v), i * tile.vectors + j
            found.append(s.arithmetic.add(b, sums[number], left, right[j]))
    return found


def _lanes(s: Window, place: Value, step: int, masks: Sequence[Value | None]) -> list[Value]:
    """Vectors of elements that are `step` apart."""
    return [
        read(s.b, s.elements, s.b.at(place, s.element, step * j * s.tile.lanes), step, mask)
        for j, mask in enumerate(masks)
    ]


def _inside(s: Window, row: Row, taps: Mapping[int, Value]) -> Value:
    """Does the window of a row lie inside of x at these taps?"""
    b, found = s.b, YES
    for number, (start, axis) in enumerate(zip(row.starts, s.space, strict=True)):
        if s.kind.padded[number]:
            at = b.add(start, b.mul(taps.get(number, ZERO), axis.dilation))
            found = both(b, found, b.cmp("ult", at, axis.size))
    return found


# ---- rows ----------------------------------------------------------------------------------------


def index_of(s: Window, number: Value) -> list[Value]:
    """The image and the position along each axis that a row has."""
    return split(s.b, number, [ZERO, *[axis.out for axis in s.space]])


def row_at(s: Window, x: Value, index: Sequence[Value]) -> Row:
    """The row of an index in x."""
    b, (image, *position) = s.b, index
    starts = [b.sub(b.mul(p, a.stride), a.low) for p, a in zip(position, s.space, strict=True)]
    x = b.offset(x, b.mul(image, s.image))
    for start, axis in zip(starts, s.space, strict=True):
        x = b.offset(x, b.mul(start, axis.x))
    return Row(starts, x)


def _following(s: Window, index: Sequence[Value], step: Value) -> list[Value]:
    """The index of the next row; the same where step, 0 or 1, is 0."""
    b, (image, *position) = s.b, index
    found = []
    for at, axis in zip(reversed(position), reversed(s.space), strict=True):
        moved = b.add(at, step)
        ends = b.cmp("eq", moved, axis.out)
        found.append(b.select(ends, ZERO, moved))
        step = b.convert(ends, I64)
    return [b.add(image, step), *reversed(found)]


def sums_of(s: Window, first: Value) -> list[Value]:
    """Addresses of the sums of a tile, row by row."""
    b, tile = s.b, s.tile
    rows = [b.offset(first, s.line_bytes * i) for i in range(tile.rows)]
    return [b.at(row, s.vector, j) for row in rows for j in range(tile.vectors)]


# ---- the routine ---------------------------------------------------------------------------------


@family(
    "window",
    table=PTR,  # panels.py
    x=PTR,
    w=PTR,
    unit=I64,
    place=PTR,  # of the unit's result, written: panels.Place
    sums=PTR,  # rows of `width`, of which those of whole tiles are written
)
def WINDOW(b: Builder, target: Target, parameters: Sequence[str]) -> None:
    """sums = the products of a window, for all tiles of a unit of some `Kind`."""
    kind = Kind.read(parameters)
    table, x, w, unit, place, sums = b.args
    s = panels.of_table(b, kind, table, x, w)
    records = b.alloca(I64, kind.tile.rows * (1 + len(s.space)), name="rows")
    u = panels.unit_of(s, unit)
    panels.write(b, u.place, place)
    with b.for_(0, s.folds[0].count, s.slice, name="slice") as loop:
        end = b.min(b.add(loop.index, s.slice), s.folds[0].count)
        with steps(b, ZERO, constant(I64, kind.width), kind.tile.columns, "column") as column:
            _column(s, u, sums, (loop.index, end), column, records)


def _column(s: Window, u: Unit, sums: Value, ends: _Range, column: Value, records: Value) -> None:
    """The tiles of a unit that begin at a column, for a slice."""
    b, tile, vector, line, first = s.b, s.tile, s.vector, s.line_bytes, u.place.row
    start = index_of(s, first)
    with b.for_(first, u.place.end_row, tile.rows, carried=start, name="row") as loop:
        number = b.sub(loop.index, first)
        rows, following = _rows(s, u, loop.index, loop.carried, records)
        at = At(
            rows=rows,
            x=ZERO,
            w=b.offset(u.w, b.mul(column, s.w_column)),
            columns=b.sub(u.place.columns, column),
            near=_near(s, b.udiv(number, tile.rows), b.sub(ends[1], ends[0])),
        )
        places = sums_of(s, b.at(b.offset(sums, b.mul(number, line)), vector.element, column))
        with b.if_(b.cmp("ne", ends[0], 0), [zero(vector)] * len(places)) as some:
            some.yield_(*[b.load(vector, place) for place in places])
        found = products(s, at, s.folds, {0: ends}, {}, (ZERO, ZERO), some.results)
        for place, value in zip(places, found, strict=True):
            b.store(value, place)
        loop.yield_(*following)


def _rows(
    s: Window, u: Unit, row: Value, index: Sequence[Value], records: Value
) -> tuple[list[Row], Sequence[Value]]:
    """The rows of a tile, written and read again (all at once would be much code), and the index
    behind them. Behind the last row of the unit it is that one once more."""
    b, words = s.b, 1 + len(s.space)
    with b.for_(0, s.tile.rows, carried=index, name="position") as loop:
        found = row_at(s, u.x, loop.carried)
        place = b.offset(records, b.mul(loop.index, words * WORD))
        for i, value in enumerate((found.x, *found.starts)):
            b.store(value, b.offset(place, i * WORD))
        more = b.cmp("lt", b.add(b.add(row, loop.index), 1), u.place.end_row)
        loop.yield_(*_following(s, loop.carried, b.convert(more, I64)))
    rows = []
    for i in range(s.tile.rows):
        x, *starts = (b.offset(records, (i * words + j) * WORD) for j in range(words))
        rows.append(Row([b.load(I64, start) for start in starts], b.load(PTR, x)))
    return rows, loop.results


def _near(s: Window, number: Value, count: Value) -> Value:
    """Bytes to the filters of the next slice: tiles take turns in asking for its lines."""
    b, lines = s.b, max(s.tile.columns * s.element.size // LINE, 1)
    return b.add(b.mul(count, s.folds[0].w), b.mul(b.urem(number, lines), LINE))
