"""Threefry-2x32-20 in 32-bit lanes; dialects/axe/random.py defines it and names the source."""

from __future__ import annotations

from axec.dialects.axe.random import PARITY, ROTATIONS, ROUNDS
from axec.passes.codegen.llvm import I32, I64, Builder, Value


def random_bits(b: Builder, key: Value, counter: Value) -> Value:
    """The pair of words of a key and a counter."""
    keys = _words(b, key)
    schedule = (*keys, b.xor(b.xor(*keys), PARITY))
    x, y = (b.add(word, k) for word, k in zip(_words(b, counter), keys, strict=True))
    for i in range(ROUNDS):
        by = ROTATIONS[i % 8]
        x = b.add(x, y)
        y = b.xor(b.or_(b.shl(y, by), b.lshr(y, 32 - by)), x)
        if i % 4 == 3:
            n = i // 4 + 1
            x = b.add(x, schedule[n % 3])
            y = b.add(y, b.add(schedule[(n + 1) % 3], n))
    low, high = b.convert(x, I64, signed=False), b.convert(y, I64, signed=False)
    return b.or_(low, b.shl(high, 32))


def _words(b: Builder, pair: Value) -> tuple[Value, Value]:
    return b.convert(pair, I32), b.convert(b.lshr(pair, 32), I32)
