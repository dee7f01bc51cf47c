"""Tables of 16 numbers in registers: one permutation of lanes looks all of them up."""

from __future__ import annotations

from collections.abc import Sequence

from axec.passes.codegen.llvm import Builder, Value, poison, vec, vector_constant
from axec.passes.codegen.llvm.types import F32

SIZE = 16
_HALF = SIZE // 2


def lookup(b: Builder, table: Sequence[float], index: Value) -> Value:
    """The f32 numbers of `table` (16) whose numbers stand in the last 4 bits of every i32."""
    lanes, widest = index.type.lanes, SIZE if b.avx512 else _HALF
    if lanes > widest:
        parts = [b.slice(index, at, lanes // 2) for at in (0, lanes // 2)]
        low, high = (lookup(b, table, part) for part in parts)
        return b.concat(low, high)
    if lanes == SIZE:  # vpermps
        return b.intrinsic("x86.avx512.permvar.sf.512", [], vec(F32, SIZE), [_lanes(table), index])
    wide = _padded(b, index)
    first, second = _lanes(table[:_HALF]), _lanes(table[_HALF:])
    if b.avx512:  # vpermt2ps
        found = b.intrinsic("x86.avx512.vpermi2var.ps.256", [], first.type, [first, wide, second])
    else:  # vpermps sees 3 bits
        halves = [
            b.intrinsic("x86.avx2.permps", [], first.type, [half, wide]) for half in (first, second)
        ]
        upper = b.cmp("lt", b.shl(wide, 28), 0)
        found = b.select(upper, halves[1], halves[0])
    return found if lanes == _HALF else b.slice(found, 0, lanes or 1)


def _lanes(numbers: Sequence[float]) -> Value:
    return vector_constant(vec(F32, len(numbers)), numbers)


def _padded(b: Builder, x: Value) -> Value:
    """x as the first of 8 lanes."""
    wide = vec(x.type.element, _HALF)
    if not x.type.lanes:
        return b.insert(poison(wide), x, 0)
    if x.type is wide:
        return x
    return b.shuffle(x, None, [i if i < x.type.lanes else -1 for i in range(_HALF)])
