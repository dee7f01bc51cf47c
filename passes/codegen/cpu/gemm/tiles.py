"""Register tiles: how many rows and vectors of the result one micro-kernel keeps in registers.

A tile of R rows and V vectors reads V vectors of `right` and R numbers of `left` for R * V
multiply-adds, and holds R * V sums, V vectors and one broadcast number in registers. Measured on
Zen 4 at K = 256, percent of the multiply-add peak: 64-byte vectors, 6 x 4: 99, 8 x 3: 98,
8 x 2: 97, 12 x 1: 94; 32-byte vectors, 6 x 2: 91.
"""

from __future__ import annotations

from dataclasses import dataclass

from axec.dialects.dims import Size
from axec.passes.codegen.cpu.targets import Target
from axec.passes.kernel.layouts import PANEL
from axec.passes.kernel.product import Gemm

#: Vectors per tile row -> most rows: each row takes a general register for its address, too.
MOST_ROWS = {1: 12, 2: 8, 3: 8, 4: 6}
#: Vector registers -> most vectors per tile row.
MOST_VECTORS = {32: 4, 16: 2}

#: What a step of K costs besides the multiply-adds of the tile, in multiply-adds: reading B,
#: counting. Decides between few tall tiles and more low ones that fit M better.
STEP_COST = 1


@dataclass(frozen=True, slots=True)
class Tile:
    """`rows` x `vectors` vectors of `lanes` elements; `unroll` steps of K per iteration."""

    rows: int
    vectors: int
    lanes: int
    unroll: int

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes


def choose(target: Target, lanes: int, wanted: int, m: Size, k: Size) -> Tile:
    """The tile for a product with M rows, folded over k steps, whose columns fill up to `wanted`
    vectors: rows that divide M well."""
    registers = target.vector_registers
    vectors = min(max(wanted, 1), MOST_VECTORS[registers])
    rows = min((registers - vectors - 1) // vectors, MOST_ROWS[vectors])
    if isinstance(m, int) and m > 0:
        rows = min(range(1, rows + 1), key=lambda r: (-(-m // r) * (r * vectors + STEP_COST), -r))
    unroll = 2 if isinstance(k, int) and k % 2 == 0 else 1
    return Tile(rows, vectors, lanes, unroll)


def for_gemm(target: Target, g: Gemm) -> Tile:
    """The tile for the product of two matrices."""
    lanes = target.lanes(g.itemsize)
    columns = min(PANEL, g.n) if isinstance(g.n, int) else PANEL
    return choose(target, lanes, -(-columns // lanes), g.m, g.k)
