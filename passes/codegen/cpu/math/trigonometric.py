"""sin and cos: x = n pi/2 + r, |r| <= pi/4; which polynomial and which sign, n mod 4 says.

The reduction is done in f64 also for f32 and holds for |x| <= 2**45; beyond, the result is NaN.
"""

from __future__ import annotations

import math

from axec.passes.codegen.cpu.math.coefficients import COS, SIN
from axec.passes.codegen.cpu.math.formats import (
    bits_of,
    float_of,
    keep_zero,
    nearest,
    number,
    polynomial,
    reduced,
)
from axec.passes.codegen.llvm import Builder, Value
from axec.passes.codegen.llvm.types import F64, int_of

LIMIT = 2.0**45  # rounding of n: n * 2**-54 is still small beside the interval's margin
# pi/2 in parts of 53 bits; one part less is enough for f32.
_PI_2 = tuple(
    map(float.fromhex, ("0x1.921fb54442d18p+0", "0x1.1a62633145c07p-54", "-0x1.f1976b7ed8fbcp-110"))
)
_PARTS = {32: 2, 64: 3}


def sin(b: Builder, x: Value) -> Value:
    """Sine of x radians."""
    quadrant, r = _quadrant(b, x)
    return keep_zero(b, x, _wave(b, quadrant, r))


def cos(b: Builder, x: Value) -> Value:
    """Cosine of x radians."""
    quadrant, r = _quadrant(b, x)
    return _wave(b, b.add(quadrant, 1), r)


def _quadrant(b: Builder, x: Value) -> tuple[Value, Value]:
    """n (as an integer of the width of x) and r."""
    wide = b.convert(x, F64)
    n, whole = nearest(b, wide, 2 / math.pi)
    r = reduced(b, wide, n, _PI_2[: _PARTS[x.type.bits]])
    r = b.select(b.cmp("le", b.abs(wide), number(wide, LIMIT)), r, number(r, math.nan))
    return b.convert(whole, int_of(x.type)), b.convert(r, x.type)


def _wave(b: Builder, quadrant: Value, r: Value) -> Value:
    """sin(r + quadrant * pi/2)."""
    z = b.mul(r, r)
    sine = b.fma(b.mul(r, z), polynomial(b, z, SIN[r.type.element]), r)
    flat = b.fma(z, number(z, -0.5), number(z, 1.0))
    cosine = b.fma(b.mul(z, z), polynomial(b, z, COS[r.type.element]), flat)
    odd = b.cmp("ne", b.and_(quadrant, 1), 0)
    sign = b.shl(b.and_(quadrant, 2), r.type.bits - 2)
    return float_of(b, b.xor(bits_of(b, b.select(odd, cosine, sine)), sign))
