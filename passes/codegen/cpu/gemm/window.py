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
from dataclasses import dataclass, fields

from axec.dialects.dtypes import BY_NAME, DType
from axec.passes.codegen.cpu.gemm.arithmetic import Arithmetic, single
from axec.passes.codegen.cpu.gemm.control import YES, both, lanes_of, steps
from axec.passes.codegen.cpu.gemm.conv_setting import split
from axec.passes.codegen.cpu.gemm.microkernel import Strip, multiply
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.lanes.memory import read
from axec.passes.codegen.cpu.lanes.registers import memory_type
from axec.passes.codegen.cpu.routines import family
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I64, NULL, PTR, Builder, Type, Value, constant, vec, zero

ZERO = constant(I64, 0)
WORD = I64.size
LINE = 64  # bytes of a cache line


@dataclass(frozen=True, slots=True)
class Kind:
    """What distinguishes windows. axes: those that are folded, outermost first, -1 the channels;
    padded: by spatial axis; in_panels, stride: how columns of w lie (elements from one to the
    next); masked: columns beyond the last one must not be read; width: columns of a unit."""

    dtypes: tuple[DType, DType, DType]
    tile: Tile
    axes: tuple[int, ...]
    padded: tuple[bool, ...]
    in_panels: bool
    stride: int
    masked: bool
    width: int
    depthwise: bool = False

    def words(self) -> tuple[object, ...]:
        """The parameters of the routine."""
        t = self.tile
        axes = "".join(str(axis + 1) for axis in self.axes)
        padded = "".join(str(int(p)) for p in self.padded)
        lies = 0 if self.in_panels else self.stride
        return (*self.dtypes, t.rows, t.vectors, t.lanes, t.unroll, axes, padded, lies,
                int(self.masked), self.width)  # fmt: skip

    @staticmethod
    def read(words: Sequence[str]) -> Kind:
        """The kind of those parameters."""
        x, w, sums = (BY_NAME[word] for word in words[:3])
        rows, vectors, lanes, unroll = map(int, words[3:7])
        stride = int(words[9])
        return Kind(
            dtypes=(x, w, sums),
            tile=Tile(rows, vectors, lanes, unroll),
            axes=tuple(int(axis) - 1 for axis in words[7]),
            padded=tuple(p == "1" for p in words[8]),
            in_panels=not stride,
            stride=stride or 1,
            masked=words[10] == "1",
            width=int(words[11]),
        )


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


@dataclass(frozen=True, slots=True)
class Folded:
    """An axis that is folded (channels_last.Fold): its length, and bytes from one to the next in x
    and w."""

    axis: int
    count: Value
    x: Value
    w: Value


@dataclass(frozen=True, slots=True)
class Axis:
    """A spatial axis: its size in x, what taps are apart, positions of the output and what these
    are apart in x, how far the first one begins before x, bytes from one element to the next."""

    size: Value
    dilation: Value
    out: Value
    stride: Value
    low: Value
    x: Value


@dataclass(frozen=True, slots=True)
class Window:
    """Values that all tiles share: x, an address that may be read; zeros, of a row (depthwise);
    image: bytes from one to the next in x; w_column: bytes from one column of w to the next; slice:
    steps of the outermost folded axis."""

    b: Builder
    kind: Kind
    x: Value
    zeros: Value
    space: Sequence[Axis]
    folds: Sequence[Folded]
    image: Value
    w_column: Value
    slice: Value

    @property
    def tile(self) -> Tile:
        return self.kind.tile

    @property
    def arithmetic(self) -> Arithmetic:
        return single(*self.kind.dtypes)

    @property
    def element(self) -> Type:
        return memory_type(self.kind.dtypes[0])

    @property
    def elements(self) -> Type:
        return vec(self.element, self.tile.lanes)


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
    with b.for_(lo, hi, carried=sums, name="tap") as loop:
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


def sums_of(b: Builder, tile: Tile, vector: Type, first: Value, line: Value) -> list[Value]:
    """Addresses of the sums of a tile, row by row."""
    rows = [b.offset(first, b.mul(line, i)) for i in range(tile.rows)]
    return [b.at(row, vector, j) for row in rows for j in range(tile.vectors)]


# ---- the routine ---------------------------------------------------------------------------------


@family(
    "window",
    table=PTR,  # see `table`
    x=PTR,  # of the unit: at the first channel that it reads
    w=PTR,  # its filters
    row=I64,
    end_row=I64,
    columns=I64,  # how many of its columns exist
    sums=PTR,  # rows of `width`, of which those of whole tiles are written
)
def WINDOW(b: Builder, target: Target, parameters: Sequence[str]) -> None:
    """sums = the products of a window, for all tiles of a unit of some `Kind`."""
    kind = Kind.read(parameters)
    u = dict(zip(WINDOW.arguments, b.args, strict=True))
    s = _of_table(b, kind, u["table"], u["x"])
    records = b.alloca(I64, kind.tile.rows * (1 + len(s.space)), name="rows")
    with b.for_(0, s.folds[0].count, s.slice, name="slice") as loop:
        end = b.min(b.add(loop.index, s.slice), s.folds[0].count)
        with steps(b, ZERO, constant(I64, kind.width), kind.tile.columns, "column") as column:
            _column(s, u, (loop.index, end), column, records)


def _column(s: Window, u: Mapping[str, Value], ends: _Range, column: Value, records: Value) -> None:
    """The tiles of a unit that begin at a column, for a slice."""
    b, tile, vector = s.b, s.tile, vec(s.arithmetic.sums, s.tile.lanes)
    line = s.kind.width * vector.element.size
    start = index_of(s, u["row"])
    with b.for_(u["row"], u["end_row"], tile.rows, carried=start, name="row") as loop:
        number = b.sub(loop.index, u["row"])
        rows, following = _rows(s, u, loop.index, loop.carried, records)
        at = At(
            rows=rows,
            x=ZERO,
            w=b.offset(u["w"], b.mul(column, s.w_column)),
            columns=b.sub(u["columns"], column),
            near=_near(s, b.udiv(number, tile.rows), b.sub(ends[1], ends[0])),
        )
        first = b.at(b.offset(u["sums"], b.mul(number, line)), vector.element, column)
        places = sums_of(b, tile, vector, first, constant(I64, line))
        with b.if_(b.cmp("ne", ends[0], 0), [zero(vector)] * len(places)) as some:
            some.yield_(*[b.load(vector, place) for place in places])
        found = products(s, at, s.folds, {0: ends}, {}, (ZERO, ZERO), some.results)
        for place, value in zip(places, found, strict=True):
            b.store(value, place)
        loop.yield_(*following)


def _rows(
    s: Window, u: Mapping[str, Value], row: Value, index: Sequence[Value], records: Value
) -> tuple[list[Row], Sequence[Value]]:
    """The rows of a tile, written and read again (all at once would be much code), and the index
    behind them. Behind the last row of the unit it is that one once more."""
    b, words = s.b, 1 + len(s.space)
    with b.for_(0, s.tile.rows, carried=index, name="position") as loop:
        found = row_at(s, u["x"], loop.carried)
        place = b.offset(records, b.mul(loop.index, words * WORD))
        for i, value in enumerate((found.x, *found.starts)):
            b.store(value, b.offset(place, i * WORD))
        more = b.cmp("lt", b.add(b.add(row, loop.index), 1), u["end_row"])
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


def call(s: Window, table: Value, **unit: Value) -> None:
    """The routine for a unit: its arguments besides the table."""
    WINDOW.call(s.b, s.kind.words(), table=table, **unit)


def table(s: Window, name: str) -> Value:
    """What the routine asks of a window, in memory. At the entry of a kernel; name: of data."""
    b, words = s.b, _words(s)
    if all(word.const is not None for word in words):
        return b.module.constant(name, words)
    made = b.alloca(I64, len(words), name="window")
    for i, value in enumerate(words):
        b.store(value, b.offset(made, i * WORD))
    return made


def _words(s: Window) -> list[Value]:
    found = [s.image, s.w_column, s.slice]
    found += [v for fold in s.folds for v in (fold.count, fold.x, fold.w)]
    return found + [getattr(axis, f.name) for axis in s.space for f in fields(axis)]


def _of_table(b: Builder, kind: Kind, table: Value, x: Value) -> Window:
    """The window whose table that is."""
    per_axis = len(fields(Axis))
    count = 3 + 3 * len(kind.axes) + per_axis * len(kind.padded)
    words = [b.load(I64, b.offset(table, i * WORD)) for i in range(count)]
    image, w_column, slice_, *rest = words
    folds = [Folded(axis, *rest[3 * i : 3 * i + 3]) for i, axis in enumerate(kind.axes)]
    rest = rest[3 * len(folds) :]
    space = [Axis(*rest[i : i + per_axis]) for i in range(0, len(rest), per_axis)]
    return Window(b, kind, x, NULL, space, folds, image, w_column, slice_)
