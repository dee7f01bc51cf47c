"""The inner loop: a register tile of sums over K.

    for k: for each row i, vector j:  sum[i][j] += A[i, k] * B[k, j]

Each sum is one SSA value carried by the loop (an array of them would live in memory), each A[i, k]
one broadcast. Sums grow in the order of k whatever the tile, so every tile gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.llvm import Builder, Type, Value, vec, zero


@dataclass(frozen=True, slots=True)
class Strip:
    """What a tile reads: the address of A[i, k0] for each row i and of B[k0, j0]; `*_step`: bytes
    from one k to the next; `masks`: the lanes of B that exist, one per vector (None: all);
    `ahead`: address of what to bring near meanwhile, by number of k."""

    rows: Sequence[Value]
    a_step: Value
    b: Value
    b_step: Value
    masks: Sequence[Value] | None = None
    ahead: Callable[[Value], Value] | None = None


def multiply(
    b: Builder, tile: Tile, element: Type, strip: Strip, depth: Value, sums: Sequence[Value]
) -> tuple[Value, ...]:
    """`sums` (row by row, `tile.vectors` each) plus the products over `depth` >= 0 steps of K, a
    multiple of `tile.unroll`."""
    with b.for_(0, depth, tile.unroll, carried=sums, name="k") as loop:
        found = list(loop.carried)
        a_offset = b.mul(loop.index, strip.a_step)
        b_row = b.offset(strip.b, b.mul(loop.index, strip.b_step))
        for u in range(tile.unroll):
            if strip.ahead:
                b.prefetch(strip.ahead(b.add(loop.index, u)), locality=2)
            vectors = _vectors(b, tile, element, strip, b.offset(b_row, b.mul(strip.b_step, u)))
            for i, row in enumerate(strip.rows):
                at = b.offset(b.offset(row, a_offset), b.mul(strip.a_step, u))
                factor = b.splat(b.load(element, at), tile.lanes)
                for j, v in enumerate(vectors, i * tile.vectors):
                    found[j] = b.fma(factor, v, found[j])
        loop.yield_(*found)
    return loop.results


def _vectors(b: Builder, tile: Tile, element: Type, strip: Strip, row: Value) -> list[Value]:
    """The vectors of one row of B."""
    type_ = vec(element, tile.lanes)
    places = [b.offset(row, j * type_.size) for j in range(tile.vectors)]
    if strip.masks is None:
        return [b.load(type_, p) for p in places]
    pairs = zip(places, strip.masks, strict=True)
    return [b.masked_load(type_, p, mask, zero(type_)) for p, mask in pairs]
