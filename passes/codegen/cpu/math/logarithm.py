"""Logarithms: log(x) = e ln(2) + log(1 + f), x = 2**e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2)."""

from __future__ import annotations

import math

from axec.passes.codegen.cpu.math import formats
from axec.passes.codegen.cpu.math.coefficients import LOG_F32, LOG_F64
from axec.passes.codegen.cpu.math.formats import format_of, number, polynomial
from axec.passes.codegen.llvm import Builder, Value

_ROOT_HALF_BITS = {32: 0x3F3504F3, 64: 0x3FE6A09E667F3BCD}
# log10(2) as a sum: an exponent times the first number is exact.
_LOG10_2 = {
    32: (float.fromhex("0x1.344p-2"), float.fromhex("0x1.3509f8p-18")),
    64: (float.fromhex("0x1.34413509f7p-2"), float.fromhex("0x1.3fde623e2566bp-43")),
}
_ONE_IS_LOST = 2.0**60  # from here on 1 + x == x


def log(b: Builder, x: Value) -> Value:
    """Natural logarithm."""
    power, mantissa = split(b, x)
    return _domain(b, x, _combined(b, power, b.sub(mantissa, number(x, 1.0))))


def log1p(b: Builder, x: Value) -> Value:
    """log(1 + x): what 1 + x loses by rounding is added to f."""
    one = number(x, 1.0)
    u = b.add(one, x)
    # Exact error of the sum. Source: Knuth, TAOCP vol. 2, 4.2.2, theorem B.
    rest = b.sub(u, one)
    lost = b.add(b.sub(one, b.sub(u, rest)), b.sub(x, rest))
    power, mantissa = split_normal(b, u)
    lost = b.mul(lost, formats.power_of_two(b, b.neg(power)))
    lost = b.select(b.cmp("lt", x, number(x, _ONE_IS_LOST)), lost, number(x, 0.0))
    f = b.add(b.sub(mantissa, one), lost)
    found = _combined(b, formats.small_float(b, power), f)
    return formats.keep_zero(b, x, _domain(b, u, found))


def log2(b: Builder, x: Value) -> Value:
    """Logarithm to base 2, exact for powers of two."""
    power, mantissa = split(b, x)
    f = b.sub(mantissa, number(x, 1.0))
    return _domain(b, x, b.fma(_of_fraction(b, f), number(x, 1 / math.log(2)), power))


def log10(b: Builder, x: Value) -> Value:
    """Logarithm to base 10."""
    power, mantissa = split(b, x)
    high, low = _LOG10_2[x.type.bits]
    f = _of_fraction(b, b.sub(mantissa, number(x, 1.0)))
    rest = b.fma(f, number(x, 1 / math.log(10)), b.mul(power, number(x, low)))
    return _domain(b, x, b.fma(power, number(x, high), rest))


def _of_fraction(b: Builder, f: Value) -> Value:
    """log(1 + f)."""
    return _combined(b, number(f, 0.0), f)


def split(b: Builder, x: Value) -> tuple[Value, Value]:
    """e (as a float) and 1 + f of a positive finite number, denormal or not."""
    f = format_of(x)
    up = f.mantissa + 2
    tiny = b.cmp("lt", x, number(x, f.least_normal))
    normal = b.select(tiny, b.mul(x, number(x, 2.0**up)), x)
    power, mantissa = split_normal(b, normal)
    down = b.select(tiny, number(x, -up), number(x, 0.0))
    return b.add(formats.small_float(b, power), down), mantissa


def split_normal(b: Builder, x: Value) -> tuple[Value, Value]:
    """e (as an integer) and 1 + f of a positive normal number."""
    f = format_of(x)
    root = _ROOT_HALF_BITS[x.type.bits]
    shifted = b.add(formats.bits_of(b, x), (f.bias << f.mantissa) - root)
    power = b.sub(b.lshr(shifted, f.mantissa), f.bias)
    fraction = b.and_(shifted, (1 << f.mantissa) - 1)
    return power, formats.float_of(b, b.add(fraction, root))


def _combined(b: Builder, power: Value, f: Value) -> Value:
    """power * ln(2) + log(1 + f), small terms first."""
    high, low = (number(f, part) for part in format_of(f).ln2)
    square = b.mul(f, f)
    if f.type.bits == 32:
        tail = b.fma(b.mul(square, f), polynomial(b, f, LOG_F32), b.mul(power, low))
        tail = b.fma(square, number(f, -0.5), tail)
    else:  # Source: fdlibm, e_log.c
        s = b.div(f, b.add(f, number(f, 2.0)))
        z = b.mul(s, s)
        half = b.mul(square, number(f, 0.5))
        series = b.fma(z, polynomial(b, z, LOG_F64), half)
        tail = b.sub(b.fma(s, series, b.mul(power, low)), half)
    return b.fma(power, high, b.add(f, tail))


def _domain(b: Builder, x: Value, found: Value) -> Value:
    """-inf at 0, inf at inf, NaN below 0 and for NaN."""
    zero, infinity = number(x, 0.0), number(x, math.inf)
    positive = b.cmp("gt", x, zero)
    edge = b.select(b.cmp("eq", x, zero), number(x, -math.inf), number(x, math.nan))
    edge = b.select(positive, infinity, edge)
    inside = b.and_(positive, b.cmp("lt", x, infinity))
    return b.select(inside, found, edge)
