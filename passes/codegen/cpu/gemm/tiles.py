"""Register tiles: how many rows and vectors of the result one micro-kernel keeps in registers.

A tile of R rows and V vectors reads V vectors of `right` and R numbers of `left` for R * V
multiply-adds, and holds R * V sums, V vectors and one broadcast number: the table lists, per vector
register file, the largest R for each V that LLVM compiles without spilling. Measured on Zen 4 at
K = 256, percent of the multiply-add peak: 64-byte vectors, V=4: 99, V=3: 98, V=2: 97, V=1: 94;
32-byte vectors, V=2: 91.
"""

from __future__ import annotations

from dataclasses import dataclass

from axec.dialects.dims import Size
from axec.passes.codegen.cpu.targets import Target
from axec.passes.kernel.product import PANEL

#: Vector registers -> vectors per tile row -> rows.
ROWS: dict[int, dict[int, int]] = {
    32: {4: 6, 3: 8, 2: 8, 1: 12},
    16: {2: 6, 1: 8},
}

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


def choose(target: Target, element_bytes: int, m: Size, n: Size, k: Size) -> Tile:
    """The tile for a product of these sizes: vectors that N fills, rows that divide M well."""
    lanes = target.lanes(element_bytes)
    table = ROWS[target.vector_registers]
    wanted = min(PANEL, n) if isinstance(n, int) else PANEL
    vectors = min(max(-(-wanted // lanes), 1), max(table))
    rows = table[vectors]
    if isinstance(m, int) and m > 0:
        rows = min(range(1, rows + 1), key=lambda r: (-(-m // r) * (r * vectors + STEP_COST), -r))
    unroll = 2 if isinstance(k, int) and k % 2 == 0 else 1
    return Tile(rows, vectors, lanes, unroll)
