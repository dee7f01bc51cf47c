"""pow(x, y) = 2 ** (y log2 |x|), with the sign and the special cases of IEEE 754-2019, 9.2.1.

The product needs more digits than the result: up to 11 bits of it are the result's exponent. f32
computes in f64; f64 carries pairs high + low. Source: Muller et al., Handbook of Floating-Point
Arithmetic, 2nd ed., chapter 4 (sums and products with their errors), 14.2.
"""

from __future__ import annotations

import math

from axec.passes.codegen.cpu.math import coefficients, exponential, formats
from axec.passes.codegen.cpu.math.formats import at_least, at_most, number, polynomial
from axec.passes.codegen.cpu.math.logarithm import split, split_normal
from axec.passes.codegen.llvm import Builder, Value
from axec.passes.codegen.llvm.types import F32, F64

_FINITE = 1e30  # as exponent as good as infinite, but finite times log2(1) = 0
_RANGE = {32: (-160.0, 130.0), 64: (-1080.0, 1030.0)}  # of the exponent of the result
_LOG2_E = (float.fromhex("0x1.71547652b82fep+0"), float.fromhex("0x1.777d0ffda0d24p-56"))
_TWO_THIRDS = (float.fromhex("0x1.5555555555555p-1"), float.fromhex("0x1.5555555555555p-55"))

Pair = tuple[Value, Value]  # high + low


def pow_(b: Builder, x: Value, y: Value) -> Value:
    """x ** y."""
    magnitude = b.abs(x)
    found = _of_f32(b, magnitude, y) if x.type.bits == 32 else _of_f64(b, magnitude, y)
    return _signed(b, x, y, found)


def _signed(b: Builder, x: Value, y: Value, found: Value) -> Value:
    """The result from that for |x|: its sign, NaN where there is none, 1 where it is always 1."""
    zero, one = number(x, 0.0), number(x, 1.0)
    half = b.mul(y, number(y, 0.5))
    whole = b.cmp("eq", b.round_even(y), y)
    odd = b.and_(whole, b.cmp("ne", b.round_even(half), half))
    found = b.select(odd, b.copysign(found, x), found)
    below = b.and_(b.cmp("lt", x, zero), b.cmp("gt", x, number(x, -math.inf)))
    undefined = b.and_(below, b.not_(whole))
    found = b.select(undefined, number(x, math.nan), found)
    always_one = b.or_(b.cmp("eq", x, one), b.cmp("eq", y, zero))
    return b.select(always_one, one, found)


def _edges(b: Builder, x: Value, log2: Value) -> Value:
    """log2 of 0, of infinity and of NaN."""
    log2 = b.select(b.cmp("eq", x, number(x, 0.0)), number(x, -math.inf), log2)
    return b.select(b.cmp("lt", x, number(x, math.inf)), log2, x)


def _of_f32(b: Builder, x: Value, y: Value) -> Value:
    power, mantissa = split_normal(b, b.convert(x, F64))  # f32 denormals are normal f64
    f = b.sub(mantissa, number(mantissa, 1.0))
    s = b.div(f, b.add(f, number(f, 2.0)))
    series = polynomial(b, b.mul(s, s), coefficients.LOG2_F64_FOR_F32)
    log2 = _edges(b, b.convert(x, F64), b.fma(s, series, formats.small_float(b, power)))
    exponent = at_least(b, at_most(b, b.convert(y, F64), _FINITE), -_FINITE)
    low, high = _RANGE[32]
    t = at_least(b, at_most(b, b.mul(exponent, log2), high), low)
    n, power = formats.nearest(b, t, 1.0)
    found = polynomial(b, b.sub(t, n), coefficients.EXP2_F64_FOR_F32)
    return b.convert(b.mul(found, formats.power_of_two(b, power)), F32)


def _of_f64(b: Builder, x: Value, y: Value) -> Value:
    high, low = _log2(b, x)
    exponent = at_least(b, at_most(b, y, _FINITE), -_FINITE)
    t, rest = _product(b, exponent, high)
    rest = b.fma(exponent, low, rest)
    floor, ceiling = _RANGE[64]
    inside = b.cmp("lt", b.abs(t), number(t, 2 * ceiling))
    rest = b.select(inside, rest, number(t, 0.0))
    t = at_least(b, at_most(b, t, ceiling), floor)
    n, power = formats.nearest(b, t, 1.0)
    r = b.mul(b.add(b.sub(t, n), rest), number(t, math.log(2)))
    less = exponential.expm1_of_reduced(b, r)
    return formats.scaled(b, b.add(less, number(t, 1.0)), n, power)


def _log2(b: Builder, x: Value) -> Pair:
    """log2 of a positive f64 to about 2**-68: with s = f / (2 + f), log(1 + f) is
    2s + s**3 (2/3 + s**2 P(s**2))."""
    power, mantissa = split(b, x)
    s, s_low = _ratio(b, mantissa)
    z, z_low = _product(b, s, s)
    z_low = b.fma(b.add(s, s), s_low, z_low)
    two_thirds, two_thirds_low = (number(x, c) for c in _TWO_THIRDS)
    tail = b.mul(z, polynomial(b, z, coefficients.LOG_TAIL_F64))
    u, u_low = _sum(b, two_thirds, tail)
    u_low = b.add(u_low, two_thirds_low)
    w, w_low = _product(b, s, z)
    w_low = b.add(w_low, b.fma(s, z_low, b.mul(s_low, z)))
    v, v_low = _product(b, w, u)
    v_low = b.add(v_low, b.fma(w, u_low, b.mul(w_low, u)))
    log, log_low = _sum(b, b.add(s, s), v)
    log_low = b.add(log_low, b.add(b.add(s_low, s_low), v_low))
    factor, factor_low = (number(x, c) for c in _LOG2_E)
    g, g_low = _product(b, log, factor)
    g_low = b.add(g_low, b.fma(log, factor_low, b.mul(log_low, factor)))
    high, low = _sum(b, power, g)
    low = b.add(low, g_low)
    return _edges(b, x, high), low


def _ratio(b: Builder, m: Value) -> Pair:
    """(m - 1) / (m + 1) for m in [sqrt(1/2), sqrt(2)]."""
    one = number(m, 1.0)
    f, d = b.sub(m, one), b.add(m, one)
    d_low = b.sub(m, b.sub(d, one))
    inverse = b.div(one, d)
    s = b.mul(f, inverse)
    minus = b.neg(s)
    rest = b.fma(minus, d_low, b.fma(minus, d, f))
    return s, b.mul(rest, inverse)


def _product(b: Builder, x: Value, y: Value) -> Pair:
    """x * y and its error."""
    high = b.mul(x, y)
    return high, b.fma(x, y, b.neg(high))


def _sum(b: Builder, x: Value, y: Value) -> Pair:
    """x + y and its error, for |x| >= |y| or x = 0."""
    high = b.add(x, y)
    return high, b.add(b.sub(x, high), y)
