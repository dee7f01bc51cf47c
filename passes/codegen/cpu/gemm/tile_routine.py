"""The register tile of products as a routine: sums of rows x vectors over words of k.

    target[i][j] = source[i][j] (or 0) + sum over words of left[min(i, last)] * right[j]

for i < rows and j < vectors. `left` and `right` are words of factors wherever they lie; sums are
rows of vectors. Every product of every kernel with such a tile calls it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from axec.dialects.dims import dim
from axec.dialects.dtypes import BY_NAME, DType, f32
from axec.passes.codegen.cpu.gemm.arithmetic import grouped
from axec.passes.codegen.cpu.gemm.control import lanes_of
from axec.passes.codegen.cpu.gemm.setting import load
from axec.passes.codegen.cpu.gemm.tiles import LOWER_ROWS, Tile, choose
from axec.passes.codegen.cpu.lanes.turn import TURN, WHOLE
from axec.passes.codegen.cpu.routines import family
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I64, NULL, PTR, Builder, Value, constant, vec, zero
from axec.passes.kernel.weight_layouts import PANEL

LINE = 64  # bytes of a cache line

#: What is brought near, a line per word along k: nothing; a line of each one's row; columns, line
#: after line, as many beside each other as a line has words.
Ahead = Literal["none", "rows", "columns"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What distinguishes tiles. masked: columns beyond the last one must not be read; scaled:
    `source` is multiplied by a row of factors."""

    left: DType
    right: DType
    sums: DType
    tile: Tile
    masked: bool = False
    ahead: Ahead = "none"
    scaled: bool = False

    def words(self) -> tuple[object, ...]:
        """The parameters of the routine."""
        t = self.tile
        flags = int(self.masked), self.ahead, int(self.scaled)
        return (self.left, self.right, self.sums, t.rows, t.vectors, t.unroll, *flags)

    @staticmethod
    def read(words: Sequence[str], target: Target) -> Kind:
        """The kind of those parameters."""
        left, right, sums = (BY_NAME[w] for w in words[:3])
        rows, vectors, unroll, masked = map(int, words[3:7])
        ahead: Ahead = next(a for a in _AHEAD if a == words[7])
        tile = Tile(rows, vectors, target.lanes(sums.size), unroll)
        return Kind(left, right, sums, tile, bool(masked), ahead, words[8] == "1")


_AHEAD: tuple[Ahead, ...] = ("none", "rows", "columns")


def common(target: Target) -> list[str]:
    """The routines that most programs with products call: tiles for any number of rows of f32, and
    the squares that turn a factor."""
    lanes, unknown = target.lanes(f32.size), dim("n")
    tile = choose(target, lanes, PANEL // lanes, unknown, unknown)
    ways: tuple[Ahead, ...] = ("rows", "columns")
    kinds = [Kind(f32, f32, f32, tile, ahead=way) for way in ways]
    kinds += [replace(kinds[0], tile=replace(tile, rows=r, unroll=1)) for r in LOWER_ROWS]
    return [
        *[TILE.routine(kind.words()) for kind in kinds],
        TURN.routine((8 * f32.size, lanes, WHOLE)),
    ]


@family(
    "tile",
    left=PTR,  # of the first row, at the first word
    left_m=I64,  # bytes from one row to the next
    last=I64,  # row that exists; those behind it are it once more
    left_k=I64,  # bytes from one word to the next
    right=PTR,  # the vectors of the first word
    right_k=I64,
    words=I64,  # how many, >= 0; a multiple of the unrolled steps
    columns=I64,  # that exist, where tiles are masked
    source=PTR,  # sums so far; null: zeros
    source_m=I64,
    target=PTR,
    target_m=I64,
    near=PTR,  # what to bring near, and its steps
    near_step=I64,
    row=PTR,  # a row of vectors: factors of `source`, or what each row of sums counts too much
)
def TILE(b: Builder, target: Target, parameters: Sequence[str]) -> None:
    """The code of a tile of some `Kind`."""
    _Tile(b, Kind.read(parameters, target), target).emit()


class _Tile:
    """A tile under construction: its kind, and the arguments by name."""

    def __init__(self, b: Builder, kind: Kind, target: Target) -> None:
        self.b, self.kind, self.tile = b, kind, kind.tile
        self.arithmetic = grouped(target, kind.left, kind.right, kind.sums)
        self.of = dict(zip(TILE.arguments, b.args, strict=True))
        self.vector = vec(self.arithmetic.sums, self.tile.lanes)

    def emit(self) -> None:
        b, tile = self.b, self.tile
        found = self.sums(self.so_far())
        if self.arithmetic.excess:
            row = self.row()
            found = tuple(b.sub(x, row[i % tile.vectors]) for i, x in enumerate(found))
        for place, value in zip(self.places("target"), found, strict=True):
            b.store(value, place)

    def sums(self, start: Sequence[Value]) -> Sequence[Value]:
        """`start` plus the products of all words, in their order."""
        b, of, tile = self.b, self.of, self.tile
        numbers = [b.min(constant(I64, i), of["last"]) for i in range(tile.rows)]
        rows = [b.offset(of["left"], b.mul(n, of["left_m"])) for n in numbers]
        masks: Sequence[Value | None] = [None] * tile.vectors
        if self.kind.masked:
            masks = lanes_of(b, of["columns"], tile.lanes, tile.vectors)
        start = [*start, constant(I64, 0), of["right"]]
        with b.for_(0, of["words"], tile.unroll, carried=start, name="k") as loop:
            *found, at, right = loop.carried
            for u in range(tile.unroll):
                self.bring_near(b.add(loop.index, u))
                found = self.step(found, [b.offset(row, at) for row in rows], right, masks)
                at, right = b.add(at, of["left_k"]), b.offset(right, of["right_k"])
            loop.yield_(*found, at, right)
        return loop.results[:-2]

    def step(
        self,
        sums: Sequence[Value],
        left: Sequence[Value],
        right: Value,
        masks: Sequence[Value | None],
    ) -> list[Value]:
        """The sums after one word of every row and column."""
        b, tile, arithmetic = self.b, self.tile, self.arithmetic
        words, found = vec(arithmetic.word, tile.lanes), list(sums)
        read = [load(b, words, b.at(right, words, j), mask) for j, mask in enumerate(masks)]
        vectors = [arithmetic.right(b, v) for v in read]
        for i, place in enumerate(left):
            word = b.splat(b.load(arithmetic.word, place), tile.lanes)
            factor = arithmetic.left(b, word)
            for j, v in enumerate(vectors, i * tile.vectors):
                found[j] = arithmetic.add(b, found[j], factor, v)
        return found

    def so_far(self) -> Sequence[Value]:
        """The sums that the tile begins with."""
        b, tile = self.b, self.tile
        zeros = [zero(self.vector)] * (tile.rows * tile.vectors)
        with b.if_(b.cmp("ne", self.of["source"], NULL), zeros) as some:
            found = [b.load(self.vector, place) for place in self.places("source")]
            if self.kind.scaled:
                row = self.row()
                found = [b.mul(x, row[i % tile.vectors]) for i, x in enumerate(found)]
            some.yield_(*found)
        return some.results

    def row(self) -> list[Value]:
        b = self.b
        return [
            b.load(self.vector, b.at(self.of["row"], self.vector, j))
            for j in range(self.tile.vectors)
        ]

    def places(self, matrix: str) -> list[Value]:
        """Addresses of the vectors of `source` or `target`, row by row."""
        b, tile = self.b, self.tile
        address, step = self.of[matrix], self.of[f"{matrix}_m"]
        rows = [b.offset(address, b.mul(step, i)) for i in range(tile.rows)]
        return [b.at(row, self.vector, j) for row in rows for j in range(tile.vectors)]

    def bring_near(self, word: Value) -> None:
        """The cache line of a word along k that is wanted soon."""
        b, near, step = self.b, self.of["near"], self.of["near_step"]
        if self.kind.ahead == "none":
            return
        place = b.offset(near, b.mul(word, step))
        if self.kind.ahead == "columns":
            share = LINE // self.arithmetic.word.size
            column, number = b.and_(word, share - 1), b.lshr(word, share.bit_length() - 1)
            place = b.offset(b.offset(near, b.mul(column, step)), b.mul(number, LINE))
        b.prefetch(place, locality=2)
