"""Elementary functions that are formulas of others: no op of their own, because the formula is
accurate (errors below in units in the last place) and smooth wherever the function is.

f16 and bf16 are computed in f32 and rounded once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from axec.dialects import dtypes
from axec.lang.arrays import elementwise as ew
from axec.lang.arrays.core import ArrayLike, as_tensor, match, need_float
from axec.lang.arrays.dispatch import cast
from axec.lang.arrays.tensor import Tensor

__all__ = ["acos", "asin", "atanh", "cosh", "logaddexp", "signbit", "sinh", "tan"]

_NARROW = (dtypes.f16, dtypes.bf16)


def _formula(fn: Callable[[Tensor], Tensor]) -> ew.Unary:
    """A function of one float array."""

    @functools.wraps(fn)
    def run(x: ArrayLike, /) -> Tensor:
        t = need_float(fn.__name__, as_tensor(x))
        return cast(fn(cast(t, dtypes.f32)), t.dtype) if t.dtype in _NARROW else fn(t)

    return run


@_formula
def tan(x: Tensor, /) -> Tensor:
    """Tangent of x radians, as sin(x) / cos(x): 4 ulp."""
    return ew.divide(ew.sin(x), ew.cos(x))


@_formula
def asin(x: Tensor, /) -> Tensor:
    """Arc sine, as the angle of (sqrt((1 - x)(1 + x)), x): 4 ulp; NaN outside of [-1, 1]."""
    return ew.atan2(x, ew.sqrt((1.0 - x) * (1.0 + x)))


@_formula
def acos(x: Tensor, /) -> Tensor:
    """Arc cosine, as the angle of (x, sqrt((1 - x)(1 + x))): 4 ulp; NaN outside of [-1, 1]."""
    return ew.atan2(ew.sqrt((1.0 - x) * (1.0 + x)), x)


@_formula
def sinh(x: Tensor, /) -> Tensor:
    """Hyperbolic sine, as 2 sinh(x/2) cosh(x/2): no cancellation, no early overflow; 6 ulp."""
    half = x * 0.5
    up, down = ew.expm1(half), ew.expm1(-half)
    return (up - down) * (0.5 * (up + down) + 1.0)


@_formula
def cosh(x: Tensor, /) -> Tensor:
    """Hyperbolic cosine, as (h**2 + h**-2) / 2 with h = e ** (x/2), which does not overflow early:
    4 ulp."""
    h = ew.exp(x * 0.5)
    return (h * 0.5) * h + (0.5 / h) / h


@_formula
def atanh(x: Tensor, /) -> Tensor:
    """Inverse hyperbolic tangent, as (log(1 + x) - log(1 - x)) / 2, whose terms add up: 3 ulp."""
    return 0.5 * (ew.log1p(x) - ew.log1p(-x))


def signbit(x: ArrayLike, /) -> Tensor:
    """Whether the sign of x is minus, also of -0.0 and NaN, as bool."""
    return ew.copysign(1.0, need_float("signbit", as_tensor(x))) < 0


def logaddexp(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """log(e ** x1 + e ** x2) without overflow: the larger plus log1p(e ** -distance), 3 ulp."""
    a, b = match("logaddexp", x1, x2)
    dtype = need_float("logaddexp", a, (x1, x2)).dtype
    if dtype in _NARROW:
        a, b = cast(a, dtypes.f32), cast(b, dtypes.f32)
    # Equal infinities have no distance.
    distance = ew.where(a == b, 0.0, ew.abs(a - b))
    return cast(ew.maximum(a, b) + ew.log1p(ew.exp(-distance)), dtype)
