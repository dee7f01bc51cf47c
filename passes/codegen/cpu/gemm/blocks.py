"""The tile of products on a matrix engine as a routine: 16 or 32 rows of 16 or 32 sums.

    target[i][j] = source[i][j] (or 0) + sum over words of left[min(i, last)] * right[j]

with the arguments of tile_routine.py, which it stands in for. The words of a row of `left` lie one
after another; those of `right` lie as panels do, which is what an engine takes: 16 rows of a tile
are 16 words along k of 16 columns. Two by two tiles of sums meet two tiles of each factor. Sums
of bf16 grow by 16 words of k at a time, from the first of a part, which is a multiple of 16: the
same bits for any tile, part and thread.

Rows beyond the last one are not read. In their place, the second tile of rows has at least one
row, the last, whose sums land where no row exists, in scratch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from axec.dialects.dtypes import BY_NAME, DType
from axec.passes.codegen.cpu.gemm.engine import ENGINES, ROWS, WORDS, Shape
from axec.passes.codegen.cpu.gemm.tile_routine import TILE
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.routines import family
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I64, NULL, Builder, Value, constant

_LEFT, _RIGHT = 4, 6  # numbers of tiles; those of sums come first


@dataclass(frozen=True, slots=True)
class Kind:
    """What distinguishes tiles: dtypes of the factors, and how many tiles of rows and columns."""

    left: DType
    right: DType
    rows: int
    columns: int

    @staticmethod
    def of(dtypes: tuple[DType, DType], tile: Tile) -> Kind:
        """The kind that computes a tile."""
        return Kind(*dtypes, tile.rows // ROWS, tile.columns // WORDS)

    def words(self) -> tuple[object, ...]:
        """The parameters of the routine."""
        return self.left, self.right, self.rows, self.columns


@family("block", **TILE.arguments)
def BLOCK(b: Builder, target: Target, parameters: Sequence[str]) -> None:
    """The code of a tile of some `Kind`."""
    left, right = (BY_NAME[word] for word in parameters[:2])
    rows, columns = map(int, parameters[2:])
    _Block(b, Kind(left, right, rows, columns), target).emit()


class _Block:
    """A tile under construction: its kind, and the arguments by name."""

    def __init__(self, b: Builder, kind: Kind, target: Target) -> None:
        self.b, self.kind = b, kind
        self.engine = ENGINES[target.engine](b)
        self.of = dict(zip(BLOCK.arguments, b.args, strict=True))
        first, rest = b.min(self.of["last"], ROWS), b.sub(self.of["last"], ROWS - 1)
        #: Of each tile of rows: its first row, and how many there are.
        self.rows = [(constant(I64, 0), b.min(b.add(self.of["last"], 1), ROWS))]
        self.rows += [(first, b.min(b.max(rest, 1), ROWS))] * (kind.rows - 1)

    def emit(self) -> None:
        """Words in whole tiles, then those that are left, for which tiles are narrower. A product
        over nothing stores its start, too."""
        b, of = self.b, self.of
        rest = b.and_(of["words"], WORDS - 1)
        whole = b.sub(of["words"], rest)
        source = of["source"], of["source_m"]
        some = b.cmp("gt", whole, 0)
        with b.if_(some):
            self.add(source, constant(I64, 0), whole, constant(I64, WORDS))
        target = of["target"], of["target_m"]
        sums = [b.select(some, x, y) for x, y in zip(target, source, strict=True)]
        with b.if_(b.or_(b.cmp("gt", rest, 0), b.not_(some))):
            self.add((sums[0], sums[1]), whole, of["words"], b.max(rest, 1))
        self.engine.release()

    def add(self, source: tuple[Value, Value], first: Value, end: Value, words: Value) -> None:
        """target = source + the products of words [first, end), `words` at a time."""
        b, of, kind, engine = self.b, self.of, self.kind, self.engine
        engine.configure(self.shapes(words))
        with b.if_else(b.cmp("ne", source[0], NULL)) as way:
            with way.then():
                for number, place in self.sums(*source):
                    engine.load(number, place, source[1])
            with way.else_():
                for number, _ in self.sums(*source):
                    engine.zero(number)
        with b.for_(first, end, WORDS, name="k") as loop:
            left = b.offset(of["left"], b.mul(loop.index, 4))
            right = b.offset(of["right"], b.mul(loop.index, of["right_k"]))
            for j in range(kind.columns):
                engine.load(_RIGHT + j, b.offset(right, 4 * WORDS * j), of["right_k"])
            for i, (row, _) in enumerate(self.rows):
                engine.load(_LEFT + i, b.offset(left, b.mul(row, of["left_m"])), of["left_m"])
                for j in range(kind.columns):
                    factors = kind.left, kind.right
                    engine.multiply(factors, i * kind.columns + j, _LEFT + i, _RIGHT + j)
        for number, place in self.sums(of["target"], of["target_m"]):
            engine.store(number, place, of["target_m"])

    def sums(self, address: Value, step: Value) -> list[tuple[int, Value]]:
        """The tiles of sums, and where each lies in a matrix of rows."""
        b, columns = self.b, self.kind.columns
        rows = [b.offset(address, b.mul(step, ROWS * i)) for i in range(self.kind.rows)]
        places = [b.offset(row, 4 * WORDS * j) for row in rows for j in range(columns)]
        return list(enumerate(places))

    def shapes(self, words: Value) -> list[Shape]:
        """Of all tiles, where factors have so many words along k."""
        full, one = constant(I64, WORDS), constant(I64, 1)
        heights = [rows for _, rows in self.rows]
        found: list[Shape] = [(rows, full) for rows in heights for _ in range(self.kind.columns)]
        found += [(one, one)] * (_LEFT - len(found))
        found += [(rows, words) for rows in heights]
        found += [(one, one)] * (_RIGHT - len(found))
        return [*found, *[(words, full)] * self.kind.columns]
