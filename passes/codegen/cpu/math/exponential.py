"""exp, exp2, expm1, sigmoid, tanh: exp(x) = 2**n * exp(r), x = n ln(2) + r.

n is an integer, or of exp and exp2 in f32 a multiple of 1/16, where 2**(i/16) comes from a table,
so that a short series is enough for exp(r).
"""

from __future__ import annotations

import math

from axec.passes.codegen.cpu.math import formats, lookup
from axec.passes.codegen.cpu.math.cells import Cells, odd
from axec.passes.codegen.cpu.math.coefficients import EXP, EXP_NEAR_F32, TANH_F32
from axec.passes.codegen.cpu.math.formats import (
    at_least,
    at_most,
    bits_of,
    format_of,
    keep_zero,
    nearest,
    number,
    polynomial,
    power_of_two,
    reduced,
    scaled,
)
from axec.passes.codegen.llvm import Builder, Value

_ROOTS = [2.0 ** (i / lookup.SIZE) for i in range(lookup.SIZE)]
_ROOT_BITS = 4  # that tell them apart
_LIFT = 25  # exponents that results below the normal numbers need
_LOW_ROOTS = [root * 2.0**-_LIFT for root in _ROOTS]
_LOG2_E = 1 / math.log(2)
# Beyond these the result is 0 and infinite; expm1 is -1 before that.
_LOWEST = {32: -104.5, 64: -746.0}
_HIGHEST = {32: 89.0, 64: 710.0}
_EXP2_RANGE = {32: (-151.0, 128.5), 64: (-1076.0, 1024.5)}
_EXPM1_LOWEST = {32: -18.0, 64: -38.0}
# Where the polynomial has come to 1 exactly; 1 - tanh(x) is less than half a unit in the last place
# before that, from 9.02 on.
_TANH_F32 = Cells(0.625, 9.37, TANH_F32)
_TANH_ONE_F64 = 19.07


def exp(b: Builder, x: Value) -> Value:
    """e ** x."""
    bits = x.type.bits
    return _exp(b, at_least(b, at_most(b, x, _HIGHEST[bits]), _LOWEST[bits]))


def exp2(b: Builder, x: Value) -> Value:
    """2 ** x, exact for integers."""
    lowest, highest = _EXP2_RANGE[x.type.bits]
    inside = at_least(b, at_most(b, x, highest), lowest)
    step = _sixteenth if x.type.bits == 32 else nearest
    n, power = step(b, inside, 1.0)
    return _joined(b, n, power, b.mul(b.sub(inside, n), number(x, math.log(2))))


def exp_of_negative(b: Builder, x: Value) -> Value:
    """e ** x for x <= 0 or NaN, with the bits of `exp`. In f32 the table's numbers are smaller by
    2**-25 and the power of two is larger, so that it is a normal number: one product scales, and
    rounds once, down to denormals."""
    x = at_least(b, x, _LOWEST[x.type.bits])
    if x.type.bits == 64:
        return _exp(b, x)
    f = format_of(x)
    n, bits = _sixteenth(b, x, _LOG2_E, f.bias + _LIFT)
    r = reduced(b, x, n, f.ln2)
    power = b.shl(b.and_(bits, -lookup.SIZE), f.mantissa - _ROOT_BITS)
    return b.mul(_near(b, r, lookup.lookup(b, _LOW_ROOTS, bits)), formats.float_of(b, power))


def _exp(b: Builder, x: Value) -> Value:
    """e ** x in the range of the format, or of NaN."""
    step = _sixteenth if x.type.bits == 32 else nearest
    n, power = step(b, x, _LOG2_E)
    return _joined(b, n, power, reduced(b, x, n, format_of(x).ln2))


def _sixteenth(b: Builder, x: Value, scale: float, more: int = 0) -> tuple[Value, Value]:
    """n = x * scale rounded to a multiple of 1/16, and bits of which the last four count these;
    those before them are floor(n) + more."""
    magic = format_of(x).magic / lookup.SIZE + more
    shifted = b.fma(x, number(x, scale), number(x, magic))
    return b.sub(shifted, number(x, magic)), bits_of(b, shifted)


def _joined(b: Builder, n: Value, power: Value, r: Value) -> Value:
    """2 ** n * e ** r; `power` is n as an integer, in f32 what `_sixteenth` gives."""
    if r.type.bits == 64:
        return scaled(b, b.add(expm1_of_reduced(b, r), number(r, 1.0)), n, power)
    found = _near(b, r, lookup.lookup(b, _ROOTS, power))
    f = format_of(r)
    zero = f.magic_bits - (4 << f.mantissa)
    return scaled(b, found, n, b.ashr(b.sub(power, zero), 4))


def _near(b: Builder, r: Value, root: Value) -> Value:
    """root * e ** r in f32 for |r| <= ln(2)/32."""
    return b.fma(b.mul(root, r), polynomial(b, r, (1.0, *EXP_NEAR_F32)), root)


def exp_of_small(b: Builder, x: Value) -> Value:
    """e ** x where it is a normal number."""
    _, power, less = _parts(b, x)
    return b.mul(b.add(less, number(x, 1.0)), power_of_two(b, power))


def expm1(b: Builder, x: Value) -> Value:
    """e ** x - 1."""
    bits = x.type.bits
    inside = at_least(b, at_most(b, x, _HIGHEST[bits]), _EXPM1_LOWEST[bits])
    _, power, less = _parts(b, inside)
    # 2**n may exceed the format by a factor of 2 where the result does not.
    half = power_of_two(b, b.sub(power, 1))
    found = b.fma(less, half, b.sub(half, number(x, 0.5)))
    found = b.add(found, found)
    # Halving must not cost a denormal its last bit.
    return b.select(b.cmp("eq", power, 0), keep_zero(b, x, less), found)


def tanh(b: Builder, x: Value) -> Value:
    """Hyperbolic tangent: in f32 cells (cells.py), in f64 e / (e + 2) with e = exp(2|x|) - 1."""
    if x.type.bits == 32:
        return odd(b, x, _TANH_F32)
    magnitude = at_most(b, b.abs(x), _TANH_ONE_F64)
    _, power, less = _parts(b, b.add(magnitude, magnitude))
    scale = power_of_two(b, power)
    e = b.fma(less, scale, b.sub(scale, number(x, 1.0)))
    return b.copysign(b.div(e, b.add(e, number(x, 2.0))), x)


def sigmoid(b: Builder, x: Value) -> Value:
    """1 / (1 + e**-x), without overflow: with e = exp(-|x|) it is 1 / (1 + e) or e / (1 + e)."""
    # Not by table: its rounding would stand beside that of the sum and of the quotient.
    n, power, less = _parts(b, at_least(b, b.neg(b.abs(x)), _LOWEST[x.type.bits]))
    e = scaled(b, b.add(less, number(x, 1.0)), n, power)
    one = number(x, 1.0)
    above = b.select(b.cmp("lt", x, number(x, 0.0)), e, one)
    return b.div(above, b.add(one, e))


def expm1_of_reduced(b: Builder, r: Value) -> Value:
    """e ** r - 1 for |r| <= ln(2)/2, with r's relative accuracy."""
    return b.fma(b.mul(r, r), polynomial(b, r, EXP[r.type.element]), r)


def _parts(b: Builder, x: Value) -> tuple[Value, Value, Value]:
    """n, n as an integer, and exp(r) - 1."""
    n, power = nearest(b, x, _LOG2_E)
    return n, power, expm1_of_reduced(b, reduced(b, x, n, format_of(x).ln2))
