"""The remainder of a division, exactly."""

from __future__ import annotations

import math

from axec.passes.codegen.cpu.math.formats import format_of
from axec.passes.codegen.llvm import Builder, Value, constant, int_of


def rem(b: Builder, x: Value, y: Value) -> Value:
    """x - y * trunc(x / y) without rounding (C fmod), with the sign of x.

    Long division: while |x| >= |y|, subtract the largest multiple of |y| * 2**s that the quotient's
    digits tell of, s >= 0 such that these are fewer than a significand has. Such a multiple and the
    difference are numbers of the format, so that the fma is exact; where the quotient was rounded
    up, the difference is negative and is taken back. One round for |x / y| < 2**22 (f32)."""
    size, by = b.abs(x), b.abs(y)
    infinite = constant(x.type, math.inf)
    defined = b.and_(b.cmp("lt", size, infinite), b.cmp("gt", by, 0))
    zero = constant(x.type, 0)
    with b.loop(carried=[b.select(defined, size, zero)], name="divide") as loop:
        (rest,) = loop.carried
        more = b.cmp("ge", rest, by)
        loop.break_if(b.not_(b.any(more)), rest)
        step = b.select(more, _scaled(b, by, rest), by)
        times = b.round_to_zero(b.div(rest, step))
        left = b.fma(b.neg(times), step, rest)
        left = b.select(b.cmp("lt", left, 0), b.add(left, step), left)
        loop.yield_(b.select(more, left, rest))
    found = b.copysign(loop.results[0], x)
    nan = constant(x.type, math.nan)
    known = b.and_(defined, b.cmp("ordered", x, y))
    return b.select(known, found, nan)


def _scaled(b: Builder, y: Value, x: Value) -> Value:
    """y * 2**s for the s >= 0 that brings it within a significand of x."""
    f = format_of(y)
    scale = constant(y.type, 2.0 ** (f.mantissa + 1))
    tiny = b.cmp("lt", y, constant(y.type, f.least_normal))
    normal = b.select(tiny, b.mul(y, scale), y)
    extra = b.select(tiny, constant(int_of(y.type), f.mantissa + 1), 0)
    behind = b.sub(b.sub(_exponent(b, x), _exponent(b, normal)), f.mantissa - 1)
    steps = b.max(b.add(behind, extra), 0)
    half = b.lshr(steps, 1)
    return b.mul(b.mul(y, _power(b, y, half)), _power(b, y, b.sub(steps, half)))


def _exponent(b: Builder, x: Value) -> Value:
    """The biased exponent of a number >= 0."""
    return b.lshr(b.bitcast(x, int_of(x.type)), format_of(x).mantissa)


def _power(b: Builder, like: Value, n: Value) -> Value:
    """2**n"""
    f = format_of(like)
    return b.bitcast(b.shl(b.add(n, f.bias), f.mantissa), like.type)
