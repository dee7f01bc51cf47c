"""Register tiles: how many rows and vectors of the result one micro-kernel keeps in registers.

A tile of R rows and V vectors reads V vectors of `right` and R numbers of `left` for R * V
multiply-adds, and holds R * V sums, V vectors and one broadcast number in registers. Measured on
Zen 4 at K = 256, percent of the multiply-add peak: 64-byte vectors, 6 x 4: 99, 8 x 3: 98,
8 x 2: 97, 12 x 1: 94; 32-byte vectors, 6 x 2: 91.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from axec.diag import AxecError
from axec.dialects import dims
from axec.dialects.dims import Size
from axec.passes.codegen.cpu.targets import Target
from axec.passes.kernel.templates.choice import Choice
from axec.passes.kernel.templates.gemm import Gemm
from axec.passes.kernel.weight_layouts import PANEL

#: Vectors per tile row -> most rows: each row takes a general register for its address, too.
MOST_ROWS = {1: 12, 2: 8, 3: 8, 4: 6}
#: The same of a product, whose rows may lie whole pages apart: their lines then share a place in
#: the first cache, which has 8 ways. (Zen 4, us: 1024x1024x16 418 -> 288, none lost beyond 1%.)
MOST_ROWS_APART = 8
#: Of tiles for the last rows, where these are a dim.
LOWER_ROWS = (2, 4)
#: Of tiles of a matrix engine (blocks.py), which have one vector or two, too.
ENGINE_ROWS = (16, 32)
#: Vector registers -> most vectors per tile row.
MOST_VECTORS = {32: 4, 16: 2}
#: The same of a tile that is one row: it needs each vector of `right` once, so what counts is that
#: `right` is read in one stream, panels as wide as they are.
MOST_VECTORS_OF_A_ROW = 8

#: Multiply-adds that hide what a loop costs besides: a step of K with fewer of them is unrolled.
#: (Zen 4, GFLOP/s at 64x784x512 with two steps per iteration and with one: 6 x 4 vectors of 64
#: bytes 116 and 116, 6 x 2 of 32 bytes 94 and 86.)
LONG_STEP = 16

#: What a step of K costs besides the multiply-adds of the tile, in multiply-adds: reading B,
#: counting. Decides between few tall tiles and more low ones that fit M better.
STEP_COST = 1
#: What gathering a vector of every 2nd, 3rd, ... element costs, in multiply-adds of a vector.
STRIDED_COST = 4


@dataclass(frozen=True, slots=True)
class Tile:
    """`rows` x `vectors` vectors of `lanes` elements; `unroll` steps of K per iteration. engine:
    computed by a matrix engine."""

    rows: int
    vectors: int
    lanes: int
    unroll: int
    engine: bool = False

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes


def choose(
    target: Target, lanes: int, vectors: int, m: Size, k: Size, each: int = 1, most: int = 12
) -> Tile:
    """The tile of that width, or of the largest there is, for a product with M rows that is folded
    over k words: rows that divide M well. each: registers that a vector of factors takes; most:
    rows."""
    if m == 1:
        vectors = min(max(vectors, 1), MOST_VECTORS_OF_A_ROW)
        return Tile(1, vectors, lanes, 2 if _even(k) else 1)
    vectors = min(max(vectors, 1), MOST_VECTORS[target.vector_registers])
    rows = min(_most_rows(target, vectors, each), most)
    if isinstance(m, int) and m > 0:
        rows = min(range(1, rows + 1), key=lambda r: (-(-m // r) * (r * vectors + STEP_COST), -r))
    return _unrolled(rows, vectors, lanes, k)


def chosen(
    target: Target, choice: Choice, model: Tile, widths: Container[int], k: Size, each: int = 1
) -> Tile:
    """The tile that a kernel's attribute asks for, else the model's; other arguments as those of
    `choose`. widths: vectors that fit what tiles are cut from. AxecError `choice-invalid`."""
    if choice.tile is None or model.rows == 1 or model.engine:
        return model
    rows, vectors = choice.tile
    most = MOST_VECTORS[target.vector_registers]
    if vectors > most or vectors not in widths or rows > _most_rows(target, vectors, each):
        text = f"a tile of {rows} rows and {vectors} vectors does not fit the kernel or the target"
        raise AxecError("choice-invalid", text, hint=f"by itself: {model.rows}x{model.vectors}")
    return _unrolled(rows, vectors, model.lanes, k)


def _most_rows(target: Target, vectors: int, each: int) -> int:
    registers = target.vector_registers
    return min((registers - each * (vectors + 1)) // vectors, MOST_ROWS[vectors])


def _unrolled(rows: int, vectors: int, lanes: int, k: Size) -> Tile:
    return Tile(rows, vectors, lanes, 2 if _even(k) and rows * vectors < LONG_STEP else 1)


def _even(k: Size) -> bool:
    return isinstance(k, int) and k % 2 == 0


def choose_width(
    target: Target, lanes: int, pieces: Sequence[int], m: Size, k: Size, *, strided: bool
) -> Tile:
    """As `choose`, of the width that suits blocks of so many vectors each. strided: the vectors are
    no neighbouring elements of `right`."""
    # One vector per row needs a number of `left` for every multiply-add: only where vectors cost.
    least = 1 if strided else min(2, max(pieces))
    widths = range(least, MOST_VECTORS[target.vector_registers] + 1)
    found = (choose(target, lanes, v, m, k) for v in widths)
    return _cheapest(found, pieces, m, STRIDED_COST if strided else 0)


def _cheapest(found: Iterable[Tile], pieces: Sequence[int], m: Size, reading: int = 0) -> Tile:
    """The tile that covers M rows and blocks of so many vectors each in the fewest multiply-adds.
    reading: what a vector of `right` costs besides."""

    def cost(tile: Tile) -> tuple[float, int]:
        columns = sum(-(-n // tile.vectors) for n in pieces)
        rows = -(-m // tile.rows) if isinstance(m, int) else 1 / tile.rows
        step = tile.vectors * (tile.rows + reading) + STEP_COST
        return columns * rows * step, -tile.vectors

    return min(found, key=cost)


def lower(tile: Tile, g: Gemm) -> list[Tile]:
    """Tiles for the rows that are left over where nobody knows how many, from low to high. (Zen 4,
    us: 2x512x512 28 -> 15 where the number of rows is a dim, as it is where they are known.)"""
    if isinstance(g.m, int) or tile.vectors == 1:
        return []
    lower = (ENGINE_ROWS[0],) if tile.engine else LOWER_ROWS
    return [replace(tile, rows=r, unroll=1) for r in lower if r < tile.rows]


def divisors(vectors: int) -> list[int]:
    """Widths of tiles that divide so many vectors evenly."""
    return [v for v in range(1, vectors + 1) if vectors % v == 0]


def widest(target: Target, vectors: int) -> int:
    """The widest tile, in vectors, that divides so many evenly."""
    return max(v for v in divisors(vectors) if v <= MOST_VECTORS[target.vector_registers])


def for_gemm(target: Target, g: Gemm, each: int = 1) -> Tile:
    """The tile for the product of two matrices; `each` as in `choose`. Where the last panel is not
    full, a narrower one may leave fewer columns idle. (Zen 4, us: 200x300x150 203 -> 170, 64x256x80
    36.6 -> 23.7, 128x384x144 163 -> 126.)"""
    if target.engine and g.group > 1 and g.m != 1:
        return _of_engine(target, g)
    lanes, k = target.lanes(g.sums.size), dims.ceildiv(g.k, g.group)
    columns = min(PANEL, g.n) if isinstance(g.n, int) else PANEL
    wide = -(-columns // lanes)  # with fewer columns than a panel has, packed ones are no wider
    model = choose(target, lanes, wide, g.m, k, each, MOST_ROWS_APART)
    widths = {model.vectors, *[v for v in divisors(PANEL // lanes) if v <= wide]}
    if isinstance(g.n, int) and g.n % PANEL and g.m != 1:
        pieces = [-(-min(PANEL, g.n - column) // lanes) for column in range(0, g.n, PANEL)]
        narrow = (choose(target, lanes, v, g.m, k, each, MOST_ROWS_APART) for v in sorted(widths))
        model = _cheapest(narrow, pieces, g.m)
    return chosen(target, g.choice, model, widths, k, each)


def _of_engine(target: Target, g: Gemm) -> Tile:
    """The tile of a matrix engine, which has no rows or columns more than needed."""
    low, high = ENGINE_ROWS
    lanes = target.lanes(g.sums.size)
    rows = low if isinstance(g.m, int) and g.m <= low else high
    return Tile(rows, 1 if isinstance(g.n, int) and g.n <= lanes else 2, lanes, 1, engine=True)
