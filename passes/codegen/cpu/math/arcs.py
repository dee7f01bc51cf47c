"""atan and atan2: the smaller of |x|, |y| over the larger is q in [0, 1]; for q > tan(pi/8) atan(q)
is pi/4 + atan((q - 1) / (q + 1)). What remains is odd in r, |r| <= tan(pi/8): r + r**3 P(r**2).
"""

from __future__ import annotations

import math

from axec.passes.codegen.cpu.math.coefficients import ATAN
from axec.passes.codegen.cpu.math.formats import bits_of, keep_zero, number, polynomial
from axec.passes.codegen.llvm import Builder, Value

_TAN_PI_8 = math.sqrt(2) - 1


def atan(b: Builder, x: Value) -> Value:
    """Arc tangent, in [-pi/2, pi/2]."""
    magnitude, one = b.abs(x), number(x, 1.0)
    steep = b.cmp("gt", magnitude, one)
    q = b.select(steep, b.div(one, magnitude), magnitude)
    found = _of_ratio(b, q)
    found = b.select(steep, b.sub(number(x, math.pi / 2), found), found)
    return keep_zero(b, x, b.copysign(found, x))


def atan2(b: Builder, y: Value, x: Value) -> Value:
    """The angle of (x, y) in [-pi, pi], with the signs of zeros as IEEE 754-2019, 9.2.1 says."""
    across, up = b.abs(x), b.abs(y)
    steep = b.cmp("gt", up, across)
    low, high = b.select(steep, across, up), b.select(steep, up, across)
    q = b.div(low, high)
    # 0 / 0 and inf / inf: the angles of (1, 0) and (1, 1).
    q = b.select(b.cmp("eq", high, number(x, 0.0)), number(x, 0.0), q)
    q = b.select(b.cmp("eq", low, number(x, math.inf)), number(x, 1.0), q)
    found = _of_ratio(b, q)
    found = b.select(steep, b.sub(number(x, math.pi / 2), found), found)
    left = b.cmp("lt", bits_of(b, x), 0)
    found = b.select(left, b.sub(number(x, math.pi), found), found)
    return b.select(b.cmp("unordered", x, y), number(x, math.nan), b.copysign(found, y))


def _of_ratio(b: Builder, q: Value) -> Value:
    """atan(q) for q in [0, 1] or NaN."""
    one = number(q, 1.0)
    large = b.cmp("gt", q, number(q, _TAN_PI_8))
    r = b.select(large, b.div(b.sub(q, one), b.add(q, one)), q)
    z = b.mul(r, r)
    found = b.fma(b.mul(r, z), polynomial(b, z, ATAN[q.type.element]), r)
    return b.add(found, b.select(large, number(q, math.pi / 4), number(q, 0.0)))
