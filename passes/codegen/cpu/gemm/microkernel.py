"""The inner loop: a register tile of sums over K.

    for k: for each row i, vector j:  sum[i][j] += left[i, k] * right[k, j]

where left[i, k] and right[k, j] are words: one step of k, or several (arithmetic.py). Each sum is
one SSA value carried by the loop (an array of them would live in memory), each left[i, k] one
broadcast. Sums grow in the order of k whatever the tile: every tile gives the same
bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axec.passes.codegen.cpu.gemm.arithmetic import Arithmetic
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.llvm import I64, Builder, Value, constant, zero


@dataclass(frozen=True, slots=True)
class Strip:
    """What a tile reads.

    rows: the address of left[i, first k], for each row; left_step: bytes from one k to the next.
    columns: that of right[first k, j], for each vector, as address and bytes behind it; right_step:
    bytes from one k to the next; read: vector of words number j from its address. ahead: addresses
    of what to bring near meanwhile, by number of k. inside: masks of rows, outside of which left is
    0."""

    rows: Sequence[Value]
    left_step: Value
    columns: Sequence[tuple[Value, int]]
    right_step: Value
    read: Callable[[Value, int], Value]
    ahead: Callable[[Value], Sequence[Value]] | None = None
    inside: Sequence[Value] | None = None


def multiply(
    b: Builder, tile: Tile, arithmetic: Arithmetic, strip: Strip, depth: Value,
    sums: Sequence[Value],
) -> tuple[Value, ...]:  # fmt: skip
    """`sums` (row by row, `tile.vectors` each) plus the products over `depth` >= 0 words along k, a
    multiple of `tile.unroll`."""
    word, count = arithmetic.word, len(sums)
    start = constant(I64, 0)
    with b.for_(0, depth, tile.unroll, carried=[*sums, start, start], name="k") as loop:
        *found, left, right = loop.carried
        for u in range(tile.unroll):
            if strip.ahead:
                for place in strip.ahead(b.add(loop.index, u)):
                    b.prefetch(place, locality=2)
            vectors = [arithmetic.right(b, v) for v in _vectors(b, strip, right)]
            for i, row in enumerate(strip.rows):
                word_i = b.splat(b.load(word, b.offset(row, left)), tile.lanes)
                if strip.inside:
                    word_i = b.select(strip.inside[i], word_i, zero(word_i.type))
                factor = arithmetic.left(b, word_i)
                for j, v in enumerate(vectors, i * tile.vectors):
                    found[j] = arithmetic.add(b, found[j], factor, v)
            left, right = b.add(left, strip.left_step), b.add(right, strip.right_step)
        loop.yield_(*found, left, right)
    return loop.results[:count]


def _vectors(b: Builder, strip: Strip, step: Value) -> list[Value]:
    """The vectors of `right` that many bytes from the first ones."""
    places = [b.offset(b.offset(c, step), n) for c, n in strip.columns]
    return [strip.read(place, j) for j, place in enumerate(places)]
