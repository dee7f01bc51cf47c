"""Functions of one element at a time. Operands broadcast and promote (see core.py).

One line per function: the op, and what it is for the reader; the rule, the reference and the
accuracy stand with the op in dialects/axe/elementwise.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from axec.dialects import dtypes
from axec.dialects.axe import elementwise as ops
from axec.dialects.opdef import OpDef
from axec.lang import hints
from axec.lang.arrays import core
from axec.lang.arrays.core import ArrayLike, as_tensor, match, need_float
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.spec import as_dtype, dtype_name

__all__ = [
    "abs", "acosh", "add", "asinh", "astype", "atan", "atan2", "bitwise_and", "bitwise_invert",
    "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil", "clip",
    "copysign", "cos", "divide", "equal", "erf", "exp", "exp2", "expm1", "floor", "floor_divide",
    "fmod", "greater", "greater_equal", "hypot", "isfinite", "isinf", "isnan", "less", "less_equal",
    "log", "log1p", "log2", "log10", "logical_and", "logical_not", "logical_or", "logical_xor",
    "maximum", "minimum", "multiply", "negative", "nextafter", "not_equal", "positive", "pow",
    "reciprocal", "remainder", "round", "rsqrt", "sigmoid", "sign", "sin", "sqrt", "square",
    "subtract", "tanh", "trunc", "where",
]  # fmt: skip


class Unary(Protocol):
    """`f(x)`: an array of the shape and dtype of x (comparisons and logic: of bool)."""

    def __call__(self, x: ArrayLike, /) -> Tensor: ...


class Binary(Protocol):
    """`f(x1, x2)`: an array of the common shape and dtype (comparisons and logic: of bool)."""

    def __call__(self, x1: ArrayLike, x2: ArrayLike, /) -> Tensor: ...


def _named(fn: Any, name: str, doc: str) -> Any:
    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = doc
    return fn


def _unary(name: str, op: OpDef, doc: str) -> Unary:
    def fn(x: ArrayLike, /) -> Tensor:
        return apply(op, as_tensor(x))

    found: Unary = _named(fn, name, f"{doc}\n\nDtypes and accuracy: {op.doc}")
    return found


def _binary(name: str, op: OpDef, doc: str, **given: Any) -> Binary:
    def fn(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
        return apply(op, *match(name, x1, x2), **given)

    found: Binary = _named(fn, name, f"{doc}\n\nDtypes: {op.doc}")
    return found


def _logical(name: str, op: OpDef, doc: str) -> Binary:
    def fn(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
        return apply(op, *match(name, _truth(x1), _truth(x2)))

    found: Binary = _named(fn, name, doc)
    return found


def _truth(x: ArrayLike) -> Tensor:
    return cast(as_tensor(x), dtypes.bool_)


def _signed(name: str, op: OpDef, doc: str, of_unsigned: Callable[[Tensor], Tensor]) -> Unary:
    def fn(x: ArrayLike, /) -> Tensor:
        t = as_tensor(x)
        return of_unsigned(t) if t.dtype.kind == "u" else apply(op, t)

    found: Unary = _named(fn, name, f"{doc}\n\nDtypes: {op.doc} uint8 as well.")
    return found


negative: Unary = _signed("negative", ops.neg, "-x.", lambda x: 0 - x)
abs: Unary = _signed("abs", ops.abs_, "|x|.", lambda x: x)
sign: Unary = _signed(
    "sign", ops.sign, "-1, 0 or 1 by the sign of x.", lambda x: cast(x != 0, x.dtype)
)
exp: Unary = _unary("exp", ops.exp, "e ** x.")
exp2: Unary = _unary("exp2", ops.exp2, "2 ** x.")
expm1: Unary = _unary("expm1", ops.expm1, "e ** x - 1, accurate near 0.")
log: Unary = _unary("log", ops.log, "Natural logarithm.")
log2: Unary = _unary("log2", ops.log2, "Logarithm to base 2.")
log10: Unary = _unary("log10", ops.log10, "Logarithm to base 10.")
log1p: Unary = _unary("log1p", ops.log1p, "log(1 + x), accurate near 0.")
sqrt: Unary = _unary("sqrt", ops.sqrt, "Square root.")
rsqrt: Unary = _unary("rsqrt", ops.rsqrt, "1 / sqrt(x).")
tanh: Unary = _unary("tanh", ops.tanh, "Hyperbolic tangent.")
sigmoid: Unary = _unary("sigmoid", ops.sigmoid, "1 / (1 + e ** -x).")
erf: Unary = _unary("erf", ops.erf, "Error function.")
sin: Unary = _unary("sin", ops.sin, "Sine of x radians.")
cos: Unary = _unary("cos", ops.cos, "Cosine of x radians.")
atan: Unary = _unary("atan", ops.atan, "Arc tangent, in [-pi/2, pi/2].")
asinh: Unary = _unary("asinh", ops.asinh, "Inverse hyperbolic sine.")
acosh: Unary = _unary("acosh", ops.acosh, "Inverse hyperbolic cosine.")
bitwise_invert: Unary = _unary("bitwise_invert", ops.not_, "Every bit flipped; not on bool.")

add: Binary = _binary("add", ops.add, "x1 + x2.")
subtract: Binary = _binary("subtract", ops.sub, "x1 - x2.")
multiply: Binary = _binary("multiply", ops.mul, "x1 * x2.")
maximum: Binary = _binary("maximum", ops.max_, "The larger of both; NaN when either is NaN.")
minimum: Binary = _binary("minimum", ops.min_, "The smaller of both; NaN when either is NaN.")
bitwise_and: Binary = _binary("bitwise_and", ops.and_, "x1 & x2.")
bitwise_or: Binary = _binary("bitwise_or", ops.or_, "x1 | x2.")
bitwise_xor: Binary = _binary("bitwise_xor", ops.xor, "x1 ^ x2.")
bitwise_left_shift: Binary = _binary("bitwise_left_shift", ops.shift_left, "x1 << x2.")
bitwise_right_shift: Binary = _binary("bitwise_right_shift", ops.shift_right, "x1 >> x2.")
atan2: Binary = _binary("atan2", ops.atan2, "The angle of the point with ordinate x1, abscissa x2.")
hypot: Binary = _binary("hypot", ops.hypot, "sqrt(x1**2 + x2**2) without overflow.")
copysign: Binary = _binary("copysign", ops.copysign, "The magnitude of x1 with the sign of x2.")
nextafter: Binary = _binary("nextafter", ops.next_after, "The number next to x1 towards x2.")
equal: Binary = _binary("equal", ops.compare, "x1 == x2 as bool.", direction="eq")
not_equal: Binary = _binary("not_equal", ops.compare, "x1 != x2 as bool.", direction="ne")
less: Binary = _binary("less", ops.compare, "x1 < x2 as bool.", direction="lt")
less_equal: Binary = _binary("less_equal", ops.compare, "x1 <= x2 as bool.", direction="le")
greater: Binary = _binary("greater", ops.compare, "x1 > x2 as bool.", direction="gt")
greater_equal: Binary = _binary("greater_equal", ops.compare, "x1 >= x2 as bool.", direction="ge")
logical_and: Binary = _logical("logical_and", ops.and_, "Both nonzero, as bool.")
logical_or: Binary = _logical("logical_or", ops.or_, "Either nonzero, as bool.")
logical_xor: Binary = _logical("logical_xor", ops.xor, "Exactly one nonzero, as bool.")


def logical_not(x: ArrayLike, /) -> Tensor:
    """x == 0, as bool."""
    return apply(ops.not_, _truth(x))


def positive(x: ArrayLike, /) -> Tensor:
    """x itself."""
    return as_tensor(x)


def divide(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """x1 / x2 in floating point. Integers are an AxecError, as the standard leaves them undefined:
    cast, or divide with `//`."""
    a, b = match("divide", x1, x2)
    return apply(ops.div, need_float("divide", a, (x1, x2)), b)


def fmod(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """x1 - trunc(x1 / x2) * x2, exactly, with the sign of x1; NaN where x2 is 0. Floating point."""
    a, b = match("fmod", x1, x2)
    return apply(ops.rem, need_float("fmod", a, (x1, x2)), b)


def floor_divide(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """floor(x1 / x2), towards minus infinity. Integers: exact, 0 where x2 is 0. Floats: from
    the exact remainder, so that x1 = x1 // x2 * x2 + x1 % x2 up to one rounding."""
    a, b = match("floor_divide", x1, x2)
    if a.dtype.is_float:
        return _float_quotient(a, b)
    quotient = apply(ops.div, a, b)
    if a.dtype.kind == "u":
        return quotient
    return quotient - cast(_other_sign(a - quotient * b, b), a.dtype)


def remainder(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """x1 - floor(x1 / x2) * x2, with the sign of x2. Integers: exact, 0 where x2 is 0. Floats:
    exact, but for one rounding where the signs differ."""
    a, b = match("remainder", x1, x2)
    if a.dtype.is_float:
        return _float_remainder(a, b)
    rest = a - apply(ops.div, a, b) * b
    rest = where(b == 0, 0, rest)
    return rest if a.dtype.kind == "u" else rest + where(_other_sign(rest, b), b, 0)


def _float_remainder(x: Tensor, y: Tensor) -> Tensor:
    rest = apply(ops.rem, x, y)
    zero = apply(ops.copysign, core.full(y.type.shape, 0.0, y.dtype), y)
    return where(rest == 0, zero, where(_other_sign(rest, y), rest + y, rest))


def _float_quotient(x: Tensor, y: Tensor) -> Tensor:
    """As NumPy does: what the remainder leaves is a multiple of y up to rounding."""
    plain, rest = apply(ops.div, x, y), apply(ops.rem, x, y)
    found = apply(ops.div, x - rest, y)
    found = where(_other_sign(rest, y), found - 1.0, found)
    down = apply(ops.floor, found)
    near = where(found - down > 0.5, down + 1.0, down)
    zero = apply(ops.copysign, core.full(y.type.shape, 0.0, y.dtype), plain)
    return where(y == 0, plain, where(found == 0, zero, near))


def _other_sign(rest: Tensor, divisor: Tensor) -> Tensor:
    """Where truncation and floor differ: the rest is not 0 and has not the sign of the divisor."""
    differs = apply(ops.xor, rest < 0, divisor < 0)
    return differs & (rest != 0) & (divisor != 0)


def pow(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """x1 ** x2. Integers wrap; a Python int as their power must not be negative, and an array's
    negative power truncates towards zero: 0 unless x1 is 1 or -1."""
    if isinstance(x2, int) and not isinstance(x2, bool) and as_tensor(x1).dtype.is_integer:
        return _integer_power(as_tensor(x1), x2)
    return apply(ops.pow_, *match("pow", x1, x2))


def _integer_power(x: Tensor, power: int) -> Tensor:
    if power < 0:
        raise error(
            "dtype-unsupported",
            f"pow: an integer array has no power {power}",
            hint=hints.to_float([0], 2),
        )
    found = None
    while power:  # by squaring: x holds x ** 1, 2, 4, ...
        if power & 1:
            found = x if found is None else found * x
        power >>= 1
        x = x * x if power else x
    return core.full(x.type.shape, 1, x.dtype) if found is None else found


def square(x: ArrayLike, /) -> Tensor:
    """x * x."""
    t = as_tensor(x)
    return apply(ops.mul, t, t)


def reciprocal(x: ArrayLike, /) -> Tensor:
    """1 / x in floating point."""
    return divide(1, need_float("reciprocal", as_tensor(x)))


def _rounding(name: str, op: OpDef, doc: str) -> Unary:
    def fn(x: ArrayLike, /) -> Tensor:
        t = as_tensor(x)
        return t if t.dtype.is_integer else apply(op, t)

    found: Unary = _named(fn, name, f"{doc} Integers stay what they are.")
    return found


floor: Unary = _rounding("floor", ops.floor, "The largest whole number <= x.")
ceil: Unary = _rounding("ceil", ops.ceil, "The smallest whole number >= x.")
trunc: Unary = _rounding("trunc", ops.trunc, "The whole number next to x towards 0.")
round: Unary = _rounding("round", ops.round_, "The nearest whole number, ties to even.")


def isnan(x: ArrayLike, /) -> Tensor:
    """Whether x is NaN, as bool."""
    t = as_tensor(x)
    return t != t


def isinf(x: ArrayLike, /) -> Tensor:
    """Whether x is plus or minus infinity, as bool."""
    t = as_tensor(x)
    return abs(t) == math.inf if t.dtype.is_float else core.full(t.type.shape, False, dtypes.bool_)


def isfinite(x: ArrayLike, /) -> Tensor:
    """Whether x is neither infinite nor NaN, as bool."""
    t = as_tensor(x)
    return abs(t) < math.inf if t.dtype.is_float else core.full(t.type.shape, True, dtypes.bool_)


def where(condition: ArrayLike, x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """x1 where `condition` (bool) is true, otherwise x2; all three broadcast."""
    test = as_tensor(condition)
    if test.dtype is not dtypes.bool_:
        raise error(
            "dtype-unsupported",
            f"where: the condition must be bool, got {dtype_name(test.dtype)}",
            hint=hints.write(0, "{} != 0", "compare it with something: `x != 0`"),
        )
    return apply(ops.select, *core.broadcast("where", [test, *core.promote("where", x1, x2)]))


def clip(x: ArrayLike, /, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Tensor:
    """min(max(x, min), max), in the dtype and shape of x and its bounds; NaN stays NaN."""
    if min is None and max is None:
        return as_tensor(x)
    if min is None:
        return minimum(x, max)  # type: ignore[arg-type]
    if max is None:
        return maximum(x, min)
    value, low, high = match("clip", x, min, max)
    return apply(ops.clamp, low, value, high)


def astype(x: ArrayLike, dtype: Any, /) -> Tensor:
    """x as another dtype. Float to integer truncates and saturates (NaN becomes 0), to bool is
    x != 0."""
    return cast(as_tensor(x), as_dtype(dtype))
