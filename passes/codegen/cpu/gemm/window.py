"""The window of a convolution with lanes along channels, inside of a kernel or as a routine.

    for each position t in the window:
        sums += x[rows moved by t, :] * w[t, :, columns]                    (microkernel.py)

A tile's rows, steps and sizes are values, so one routine serves all convolutions with such a tile,
such axes and such a padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from axec.dialects.dtypes import BY_NAME, DType
from axec.passes.codegen.cpu.gemm.arithmetic import Arithmetic, single
from axec.passes.codegen.cpu.gemm.control import YES, both, lanes_of
from axec.passes.codegen.cpu.gemm.microkernel import Strip, multiply
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.memory import read
from axec.passes.codegen.cpu.registers import memory_type
from axec.passes.codegen.cpu.routines import family
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I64, NULL, PTR, Builder, Type, Value, constant, vec, zero

ZERO = constant(I64, 0)
WORD = I64.size


@dataclass(frozen=True, slots=True)
class Kind:
    """What distinguishes windows. axes: those that are folded, outermost first, -1 the channels;
    padded: by spatial axis; in_panels, stride: how columns of w lie (elements from one to the
    next); masked: columns beyond the last one must not be read."""

    dtypes: tuple[DType, DType, DType]
    tile: Tile
    axes: tuple[int, ...]
    padded: tuple[bool, ...]
    in_panels: bool
    stride: int
    masked: bool
    depthwise: bool = False

    def words(self) -> tuple[object, ...]:
        """The parameters of the routine."""
        t = self.tile
        axes = "".join(str(axis + 1) for axis in self.axes)
        padded = "".join(str(int(p)) for p in self.padded)
        lies = 0 if self.in_panels else self.stride
        return (*self.dtypes, t.rows, t.vectors, t.lanes, t.unroll, axes, padded, lies,
                int(self.masked))  # fmt: skip

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
class Window:
    """Values that all tiles share: x, an address that may be read; zeros, of a row (depthwise);
    sizes, dilations per spatial axis; w_column: bytes from one column of w to the next."""

    b: Builder
    kind: Kind
    x: Value
    zeros: Value
    sizes: Sequence[Value]
    dilations: Sequence[Value]
    w_column: Value
    folds: Sequence[Folded]

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
    for axis, (start, padded) in enumerate(zip(row.starts, s.kind.padded, strict=True)):
        if padded:
            at = b.add(start, b.mul(taps.get(axis, ZERO), s.dilations[axis]))
            found = both(b, found, b.cmp("ult", at, s.sizes[axis]))
    return found


# ---- the routine ---------------------------------------------------------------------------------


@family(
    "window",
    rows=PTR,  # records: address in x, starts
    table=PTR,  # count, x, w of every folded axis; size, dilation of every spatial one
    lo=I64,  # of the first folded axis
    hi=I64,
    x=PTR,
    w=PTR,
    w_column=I64,
    columns=I64,
    near=I64,
    source=PTR,  # sums so far; null: zeros
    target=PTR,
    line=I64,  # bytes from one row of sums to the next
)
def WINDOW(b: Builder, target: Target, parameters: Sequence[str]) -> None:
    """target = source + the products of a window, for one tile of some `Kind`."""
    kind = Kind.read(parameters)
    of = dict(zip(WINDOW.arguments, b.args, strict=True))
    spatial, tile = len(kind.padded), kind.tile

    def word(base: Value, number: int, type_: Type = I64) -> Value:
        return b.load(type_, b.offset(base, number * WORD))

    folds = [
        Folded(axis, *(word(of["table"], 3 * i + j) for j in range(3)))
        for i, axis in enumerate(kind.axes)
    ]
    sizes = [word(of["table"], 3 * len(folds) + i) for i in range(2 * spatial)]
    w = Window(b, kind, of["x"], NULL, sizes[::2], sizes[1::2], of["w_column"], folds)
    records = [b.offset(of["rows"], i * (1 + spatial) * WORD) for i in range(tile.rows)]
    rows = [Row([word(r, 1 + i) for i in range(spatial)], word(r, 0, PTR)) for r in records]
    at = At(rows, ZERO, of["w"], of["columns"], of["near"])
    vector = vec(w.arithmetic.sums, tile.lanes)
    zeros = [zero(vector)] * (tile.rows * tile.vectors)
    with b.if_(b.cmp("ne", of["source"], NULL), zeros) as some:
        places = sums_of(b, tile, vector, of["source"], of["line"])
        some.yield_(*[b.load(vector, place) for place in places])
    first = {0: (of["lo"], of["hi"])}
    found = products(w, at, folds, first, {}, (ZERO, ZERO), some.results)
    for place, value in zip(sums_of(b, tile, vector, of["target"], of["line"]), found, strict=True):
        b.store(value, place)


def sums_of(b: Builder, tile: Tile, vector: Type, first: Value, line: Value) -> list[Value]:
    """Addresses of the sums of a tile, row by row."""
    rows = [b.offset(first, b.mul(line, i)) for i in range(tile.rows)]
    return [b.at(row, vector, j) for row in rows for j in range(tile.vectors)]


def call(
    s: Window, rows: Value, table: Value, at: At, ends: tuple[Value, Value],
    sums: tuple[Value, Value, Value],
) -> None:  # fmt: skip
    """The routine. rows, table: as its arguments; `at` without rows; ends: of the first folded
    axis; sums: source, target, line."""
    WINDOW.call(
        s.b, s.kind.words(), rows=rows, table=table, lo=ends[0], hi=ends[1], x=s.x, w=at.w,
        w_column=s.w_column, columns=at.columns, near=at.near, source=sums[0], target=sums[1],
        line=sums[2],
    )  # fmt: skip


def table(s: Window) -> Value:
    """What the routine asks of a window, in memory. At the entry of a kernel."""
    b = s.b
    words = [v for fold in s.folds for v in (fold.count, fold.x, fold.w)]
    words += [v for pair in zip(s.sizes, s.dilations, strict=True) for v in pair]
    made = b.alloca(I64, len(words), name="window")
    for i, value in enumerate(words):
        b.store(value, b.offset(made, i * WORD))
    return made
