"""asinh, acosh and hypot: formulas whose terms neither cancel nor overflow."""

from __future__ import annotations

import math

from axec.passes.codegen.cpu.math.formats import format_of, number
from axec.passes.codegen.cpu.math.logarithm import log1p
from axec.passes.codegen.llvm import Builder, Value


def asinh(b: Builder, x: Value) -> Value:
    """log(|x| + sqrt(x**2 + 1)), with the sign of x."""
    s, one = b.abs(x), number(x, 1.0)
    square = b.mul(s, s)
    more = b.div(square, b.add(one, b.sqrt(b.add(one, square))))
    return b.copysign(_log_of_sum(b, s, b.add(s, more)), x)


def acosh(b: Builder, x: Value) -> Value:
    """log(x + sqrt(x**2 - 1)); NaN below 1."""
    one = number(x, 1.0)
    t = b.sub(x, one)
    root = b.sqrt(b.mul(t, b.add(t, number(x, 2.0))))
    found = _log_of_sum(b, x, b.add(t, root))
    return b.select(b.cmp("ge", x, one), found, number(x, math.nan))


def _log_of_sum(b: Builder, x: Value, sum_: Value) -> Value:
    """log(1 + sum_), where x is so large that sum_ may overflow, log(2x)."""
    large = b.cmp("gt", x, number(x, 2.0 ** (format_of(x).mantissa + 2)))
    found = log1p(b, b.select(large, x, sum_))
    return b.add(found, b.select(large, number(x, math.log(2)), number(x, 0.0)))


def hypot(b: Builder, x: Value, y: Value) -> Value:
    """sqrt(x**2 + y**2), infinite when either is, as the larger times sqrt(1 + q**2)."""
    across, up = b.abs(x), b.abs(y)
    steep = b.cmp("gt", up, across)
    low, high = b.select(steep, across, up), b.select(steep, up, across)
    q = b.div(low, high)
    found = b.mul(high, b.sqrt(b.fma(q, q, number(q, 1.0))))
    found = b.select(b.cmp("eq", high, number(q, 0.0)), low, found)
    infinity = number(q, math.inf)
    infinite = b.or_(b.cmp("eq", across, infinity), b.cmp("eq", up, infinity))
    return b.select(infinite, infinity, found)
