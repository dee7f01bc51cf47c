"""Products of few columns or rows: dot products along k, some rows by some columns at a time.

    sums[i][j] = sum over vectors of k, lane by lane, of left[i] * right[j];  then across lanes

A tile whose vectors run along columns leaves most lanes empty where these are few, and has to have
few rows of a transposed factor turned around. Here both factors are read along k: each vector of
one meets all those of the other. `right` is read in place where its k are neighbours; else its few
columns are copied into the slot of the unit first, [column][k]. (Zen 4, one core, us: 1024x1024x4
420 -> 78, 256x256x2 19.6 -> 3.5.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from axec.dialects.dtypes import BY_NAME, DType
from axec.passes.codegen.cpu.gemm.arithmetic import Arithmetic, grouped
from axec.passes.codegen.cpu.gemm.control import steps
from axec.passes.codegen.cpu.gemm.setting import Matrix, Panel, Region, Setting, store
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.lanes.registers import memory_type
from axec.passes.codegen.cpu.routines import family
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I64, PTR, Builder, Value, constant, vec, zero
from axec.passes.kernel.templates.gemm import Gemm

_MOST = 8  # rows, and columns, of a tile
_STEP_COST = 2  # what a vector along k costs besides its multiply-adds, in these


@dataclass(frozen=True, slots=True)
class Kind:
    """What distinguishes tiles. whole: k is a multiple of the lanes."""

    left: DType
    right: DType
    sums: DType
    rows: int
    columns: int
    whole: bool

    def words(self) -> tuple[object, ...]:
        """The parameters of the routine."""
        return self.left, self.right, self.sums, self.rows, self.columns, int(self.whole)

    @staticmethod
    def read(words: Sequence[str]) -> Kind:
        """The kind of those parameters."""
        left, right, sums = (BY_NAME[w] for w in words[:3])
        rows, columns, whole = map(int, words[3:])
        return Kind(left, right, sums, rows, columns, bool(whole))


def tile_of(target: Target, g: Gemm, arithmetic: Arithmetic) -> tuple[Tile, int]:
    """The tile, whose rows of sums take a vector each, and how many columns it has: all sums, a
    vector of each row and one of a column stay in registers."""
    each, biased = arithmetic.registers, bool(arithmetic.excess)
    lanes = target.lanes(g.sums.size)

    def cost(rows: int, columns: int) -> tuple[float, int]:
        dots = rows * columns
        step = max(dots, (rows + columns) / 2) + biased * columns + _STEP_COST
        return _pieces(g.m, rows) * _pieces(g.n, columns) * step, -dots

    fit = [
        (rows, columns)
        for rows in range(1, _MOST + 1)
        for columns in range(1, min(_MOST, lanes) + 1)
        if (rows + biased) * columns + (rows + 1) * each <= target.vector_registers
    ]
    rows, columns = min(fit, key=lambda shape: cost(*shape))
    return Tile(rows, 1, lanes, 1), columns


def _pieces(size: object, each: int) -> float:
    return -(-size // each) if isinstance(size, int) else 1 / each


def panel(s: Setting, p: Panel) -> None:
    """All rows and columns of a panel."""
    b, g = s.b, s.gemm
    right, step = b.offset(p.right, b.mul(p.column, s.steps.right_n)), s.steps.right_n
    if p.slot is not None:
        _turn(s, right, p.slot)
        right, step = p.slot, constant(I64, g.depth * g.itemsize)
    columns = s.dots
    with (
        steps(b, p.column, p.end_column, columns, "column") as column,
        steps(b, p.row, p.end_row, s.tile.rows, "row") as row,
    ):
        rest = b.sub(p.end_row, row), b.sub(p.end_column, column)
        r = Region(row, column, b.min(rest[0], s.tile.rows), b.min(rest[1], columns))
        _tile(s, p, r, b.offset(right, b.mul(b.sub(column, p.column), step)), step)


def _turn(s: Setting, source: Value, slot: Value) -> None:
    """Copy the columns, all of the product's, one after another."""
    b, g = s.b, s.gemm
    assert isinstance(g.n, int)
    with b.for_(0, s.k, name="turn") as loop:
        row = b.offset(source, b.mul(loop.index, s.steps.right_k))
        for j in range(g.n):
            found = b.load(s.element, b.offset(row, b.mul(s.steps.right_n, j)))
            b.store(found, b.at(b.at(slot, s.element, loop.index), s.element, j * g.depth))


def _tile(s: Setting, p: Panel, r: Region, right: Value, step: Value) -> None:
    b, epilogue = s.b, s.epilogue
    scratch = Matrix(s.scratch, constant(I64, s.tile.columns * s.sum.size))
    g, lanes = s.gemm, s.tile.lanes * s.group
    DOTS.call(
        b,
        Kind(*s.problem.dtypes, g.sums, s.tile.rows, s.dots, _divides(lanes, g.k)).words(),
        left=b.offset(p.left, b.mul(r.row, s.steps.left_m)),
        left_m=s.steps.left_m,
        last_row=b.sub(r.rows, 1),
        right=right,
        right_n=step,
        last_column=b.sub(r.columns, 1),
        k=s.k,
        target=scratch.address,
        target_m=scratch.step,
    )
    with b.for_(0, r.rows, name="row") as loop:
        place = b.offset(scratch.address, b.mul(loop.index, scratch.step))
        row = b.add(r.row, loop.index)
        if epilogue:
            line, end = b.add(b.mul(p.batch, s.m), row), b.add(r.column, r.columns)
            epilogue.row(place, [line], r.column, end, s.dots)
        else:
            _store(s, p, r, row, place)


def _store(s: Setting, p: Panel, r: Region, row: Value, place: Value) -> None:
    """The sums of a row that exist."""
    b, columns = s.b, s.dots
    assert p.sums is not None
    result = b.at(b.offset(p.sums, b.mul(row, s.steps.sums_m)), s.sum, r.column)
    lanes = 1 << (columns - 1).bit_length()
    fits = lanes == columns and _divides(columns, s.gemm.n)
    mask = None if fits else b.tail_mask(r.columns, lanes)
    store(b, result, b.load(vec(s.sum, lanes), place), mask)


def _divides(lanes: int, k: object) -> bool:
    return isinstance(k, int) and k % lanes == 0


@family(
    "dots",
    left=PTR,  # of the first row
    left_m=I64,  # bytes from one row to the next
    last_row=I64,  # that exists; those behind it are it once more
    right=PTR,  # of the first column
    right_n=I64,
    last_column=I64,
    k=I64,  # how many
    target=PTR,  # rows of sums, each as long as a power of 2
    target_m=I64,
)
def DOTS(b: Builder, target: Target, parameters: Sequence[str]) -> None:
    """The code of a tile of some `Kind`."""
    _Dots(b, Kind.read(parameters), target).emit()


class _Dots:
    """A tile under construction: its kind, and the arguments by name."""

    def __init__(self, b: Builder, kind: Kind, target: Target) -> None:
        self.b, self.kind = b, kind
        self.arithmetic = grouped(target, kind.left, kind.right, kind.sums)
        self.of = dict(zip(DOTS.arguments, b.args, strict=True))
        self.lanes = target.lanes(kind.sums.size)
        self.vector = vec(self.arithmetic.sums, self.lanes)
        self.element = memory_type(kind.right)
        self.rows = self._starts("left", "left_m", "last_row", kind.rows)
        self.columns = self._starts("right", "right_n", "last_column", kind.columns)

    def _starts(self, first: str, step: str, last: str, count: int) -> list[Value]:
        b, of = self.b, self.of
        numbers = [b.min(constant(I64, i), of[last]) for i in range(count)]
        return [b.offset(of[first], b.mul(n, of[step])) for n in numbers]

    def emit(self) -> None:
        b, kind = self.b, self.kind
        each = self.lanes * self.arithmetic.group
        end = b.sub(self.of["k"], b.urem(self.of["k"], each))
        biased = kind.columns if self.arithmetic.excess else 0
        start = [zero(self.vector)] * (kind.rows * kind.columns + biased)
        with b.for_(0, end, each, carried=start, name="k") as loop:
            loop.yield_(*self.step(loop.carried, loop.index, None))
        found = list(loop.results)
        if not kind.whole:
            mask = b.tail_mask(b.sub(self.of["k"], end), each)
            found = self.step(found, end, mask)
        surplus = found[kind.rows * kind.columns :]
        for i in range(kind.rows):
            row = found[i * kind.columns : (i + 1) * kind.columns]
            if surplus:
                row = [b.sub(x, y) for x, y in zip(row, surplus, strict=True)]
            place = b.offset(self.of["target"], b.mul(self.of["target_m"], i))
            b.store(across(b, row), place)

    def step(self, sums: Sequence[Value], k: Value, mask: Value | None) -> list[Value]:
        """The sums after a vector along k of every row and column."""
        b, kind, arithmetic, found = self.b, self.kind, self.arithmetic, list(sums)
        rows = [arithmetic.left(b, self.words(place, k, mask)) for place in self.rows]
        for j, place in enumerate(self.columns):
            column = arithmetic.right(b, self.words(place, k, mask))
            for i, row in enumerate(rows):
                at = i * kind.columns + j
                found[at] = arithmetic.add(b, found[at], row, column)
            if arithmetic.excess:
                bias = (b.splat(constant(arithmetic.word, arithmetic.excess), self.lanes),)
                at = kind.rows * kind.columns + j
                found[at] = arithmetic.add(b, found[at], bias, column)
        return found

    def words(self, start: Value, k: Value, mask: Value | None) -> Value:
        """A vector of words from step k on; elements outside the mask are 0."""
        b, type_ = self.b, vec(self.element, self.lanes * self.arithmetic.group)
        place = b.at(start, self.element, k)
        found = b.masked_load(type_, place, mask, zero(type_)) if mask else b.load(type_, place)
        if self.arithmetic.group == 1:
            return found
        return b.bitcast(found, vec(self.arithmetic.word, self.lanes))


def across(b: Builder, vectors: Sequence[Value]) -> Value:
    """The sums of all lanes of each vector, one after another in the first lanes of a vector as
    long as a power of 2. Pairs of vectors become one of half as many lanes each."""
    lanes, found = vectors[0].type.lanes, list(vectors)
    block = 1
    while len(found) > 1:
        if len(found) % 2:
            found.append(found[-1])
        found = [_pair(b, x, y, block) for x, y in zip(found[::2], found[1::2], strict=True)]
        block *= 2
    total = found[0]
    while lanes > block:
        lanes //= 2
        total = b.add(b.slice(total, 0, lanes), b.slice(total, lanes, lanes))
    return total


def _pair(b: Builder, x: Value, y: Value, block: int) -> Value:
    """Blocks of lanes of x and y in turns, each the sum of two neighbours."""
    lanes = x.type.lanes
    starts = [(n, side) for n in range(0, lanes, 2 * block) for side in (0, lanes)]
    first = [n + side + i for n, side in starts for i in range(block)]
    return b.add(b.shuffle(x, y, first), b.shuffle(x, y, [i + block for i in first]))
