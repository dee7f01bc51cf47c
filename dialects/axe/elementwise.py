"""Pointwise ops: result[i] = f(operand[i], ...), all operands of one shape.

Broadcasting and promotion are explicit ops before them, so every rule here is one line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.axe.numerics import wide
from axec.dialects.axe.rules import need_dtype, need_kind, need_shape, need_word, same_types
from axec.dialects.dtypes import DType
from axec.dialects.opdef import Array, OpDef, core
from axec.dialects.types import TensorType

SHAPES = ("[]", "[0, 3]", "[1]", "[3, 5]", "[batch, 7]")  # of the samples


def _same(name: str, kinds: str, arity: int, fn: Callable[..., Any], doc: str) -> OpDef:
    """Operands and result share one type."""

    def unary(x: TensorType) -> TensorType:
        need_kind(name, x, kinds)
        return x

    def binary(x: TensorType, y: TensorType) -> TensorType:
        need_kind(name, x, kinds)
        return same_types(name, x, y)

    rule = unary if arity == 1 else binary
    rule.__doc__ = doc
    op = core("pointwise", name)(rule)
    op.reference(wide(fn))
    for shape in SHAPES:
        op.sample(*[f"{'f32' if 'f' in kinds else 'i32'}{shape}"] * arity)
    return op


def _erf(x: Array) -> Any:
    return np.vectorize(math.erf, otypes=[np.float64])(x).astype(x.dtype)


def _sigmoid(x: Array) -> Any:
    # exp of a non-positive number never overflows.
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _pow(x: Array, y: Array) -> Any:
    if x.dtype.kind in "fu":
        return np.power(x, y)
    inverse = np.where(np.abs(x) == 1, np.where((y & 1) == 1, x, np.ones_like(x)), np.zeros_like(x))
    return np.where(y < 0, inverse, np.power(x, np.maximum(y, 0)))


def _shifted(x: Array, y: Array, shift: Callable[..., Any], empty: Any) -> Any:
    bits = 8 * x.dtype.itemsize
    inside = (y >= 0) & (y < bits)
    return np.where(inside, shift(x, np.where(inside, y, np.zeros_like(y))), empty)


def _shift_left(x: Array, y: Array) -> Any:
    return _shifted(x, y, np.left_shift, np.zeros_like(x))


def _shift_right(x: Array, y: Array) -> Any:
    empty = np.where(x < 0, np.full_like(x, -1), 0) if x.dtype.kind == "i" else np.zeros_like(x)
    return _shifted(x, y, np.right_shift, empty)


def _div(x: Array, y: Array) -> Any:
    if x.dtype.kind == "f":
        return np.divide(x, y)
    # Integers truncate towards zero as hardware does; x / 0 = 0 by definition here, never a trap,
    # and the smallest integer / -1 wraps.
    safe = np.where(y == 0, np.ones_like(y), y)
    floored = x // safe
    inexact = x - floored * safe != 0
    return np.where(y == 0, np.zeros_like(x), floored + (inexact & ((x < 0) != (safe < 0))))


add = _same("add", "fiu", 2, np.add, "x + y. Integers wrap.")
sub = _same("sub", "fiu", 2, np.subtract, "x - y. Integers wrap.")
mul = _same("mul", "fiu", 2, np.multiply, "x * y. Integers wrap.")
div = _same("div", "fiu", 2, _div, "x / y; integers truncate towards zero, x / 0 = 0.")
rem = _same(
    "rem", "f", 2, np.fmod,
    "x - y * trunc(x / y) without rounding, with the sign of x; NaN where x is infinite or y is 0.",
)  # fmt: skip
pow_ = _same(
    "pow", "fiu", 2, _pow,
    "x ** y, IEEE 754-2019 pow (pow(x, 0) = 1). Integers wrap; a power below 0 truncates towards "
    "zero as 1 / x ** -y does: 0 unless x is 1 or -1.",
)  # fmt: skip
max_ = _same("max", "fiub", 2, np.maximum, "The larger; NaN when either is NaN.")
min_ = _same("min", "fiub", 2, np.minimum, "The smaller; NaN when either is NaN.")
neg = _same("neg", "fi", 1, np.negative, "-x. Integers wrap.")
abs_ = _same("abs", "fi", 1, np.abs, "|x|. The smallest integer wraps to itself.")
exp = _same("exp", "f", 1, np.exp, "e ** x.")
log = _same("log", "f", 1, np.log, "Natural logarithm; NaN below 0, -inf at 0.")
log2 = _same("log2", "f", 1, np.log2, "Logarithm to base 2, exact for powers of two.")
log10 = _same("log10", "f", 1, np.log10, "Logarithm to base 10.")
log1p = _same("log1p", "f", 1, np.log1p, "log(1 + x), accurate near 0.")
exp2 = _same("exp2", "f", 1, np.exp2, "2 ** x, exact for integers.")
expm1 = _same("expm1", "f", 1, np.expm1, "e ** x - 1, accurate near 0.")
sqrt = _same("sqrt", "f", 1, np.sqrt, "Square root, correctly rounded; NaN below 0.")
rsqrt = _same("rsqrt", "f", 1, lambda x: 1 / np.sqrt(x), "1 / sqrt(x).")
tanh = _same("tanh", "f", 1, np.tanh, "Hyperbolic tangent.")
sigmoid = _same("sigmoid", "f", 1, _sigmoid, "1 / (1 + e ** -x).")
erf = _same("erf", "f", 1, _erf, "Error function, 2/sqrt(pi) * integral of e ** -t**2 over [0, x].")
sin = _same("sin", "f", 1, np.sin, "Sine of x radians.")
cos = _same("cos", "f", 1, np.cos, "Cosine of x radians.")
atan = _same("atan", "f", 1, np.arctan, "Arc tangent in radians, in [-pi/2, pi/2].")
atan2 = _same(
    "atan2", "f", 2, np.arctan2,
    "The angle of the point (y, x) in radians: atan(y / x) in the quadrant of the signs, those of "
    "zeros included (IEEE 754-2019 atan2). The first operand is the ordinate.",
)  # fmt: skip
asinh = _same("asinh", "f", 1, np.arcsinh, "Inverse hyperbolic sine.")
acosh = _same("acosh", "f", 1, np.arccosh, "Inverse hyperbolic cosine; NaN below 1.")
hypot = _same(
    "hypot", "f", 2, np.hypot,
    "sqrt(x**2 + y**2) without overflow in between; infinite when either is.",
)  # fmt: skip
copysign = _same("copysign", "f", 2, np.copysign, "The magnitude of x with the sign of y.")
floor = _same("floor", "f", 1, np.floor, "Largest integer <= x.")
ceil = _same("ceil", "f", 1, np.ceil, "Smallest integer >= x.")
trunc = _same("trunc", "f", 1, np.trunc, "The integer part: nearest integer towards zero.")
round_ = _same("round", "f", 1, np.rint, "Nearest integer, ties to even.")
sign = _same("sign", "fi", 1, np.sign, "-1, 0 or 1; NaN stays NaN.")
and_ = _same("and", "iub", 2, np.bitwise_and, "Bitwise and; logical on bool.")
or_ = _same("or", "iub", 2, np.bitwise_or, "Bitwise or; logical on bool.")
xor = _same("xor", "iub", 2, np.bitwise_xor, "Bitwise exclusive or; logical on bool.")
not_ = _same("not", "iub", 1, np.invert, "Bitwise complement; logical on bool.")
shift_left = _same(
    "shift_left", "iu", 2, _shift_left,
    "x << y; 0 where y is negative or not below the number of bits.",
)  # fmt: skip
shift_right = _same(
    "shift_right", "iu", 2, _shift_right,
    "x >> y, filled with the sign; all sign bits where y is negative or not below the number of "
    "bits.",
)  # fmt: skip


@core("pointwise")
def next_after(x: TensorType, y: TensorType) -> TensorType:
    """The number next to x in the direction of y; y where they are equal, NaN when either is."""
    need_kind("next_after", x, "f")
    return same_types("next_after", x, y)


@next_after.reference
def _(x: Array, y: Array) -> Any:
    return np.where(x == y, y, np.nextafter(x, y))  # of f16, NumPy gives x there


DIRECTIONS: dict[str, Callable[[Array, Array], Array]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


@core("pointwise")
def compare(x: TensorType, y: TensorType, *, direction: str) -> TensorType:
    """x <direction> y as bool; direction is one of eq ne lt le gt ge. NaN compares unordered:
    every direction but `ne` is false."""
    need_word("compare", "direction", direction, DIRECTIONS)
    return same_types("compare", x, y).with_dtype(dtypes.bool_)


@compare.reference
def _(x: Array, y: Array, *, direction: str) -> Array:
    return DIRECTIONS[direction](x, y)


@core("pointwise")
def select(condition: TensorType, x: TensorType, y: TensorType) -> TensorType:
    """x where condition (bool) is true, else y; all of one shape."""
    need_dtype("select", "the condition", condition, dtypes.bool_)
    need_shape("select", "the condition", condition, x.shape)
    return same_types("select", x, y)


@select.reference
def _(condition: Array, x: Array, y: Array) -> Array:
    return np.where(condition, x, y)


@core("pointwise")
def clamp(low: TensorType, x: TensorType, high: TensorType) -> TensorType:
    """min(max(x, low), high); NaN stays NaN."""
    need_kind("clamp", x, "fiu")
    return same_types("clamp", x, low, high)


@clamp.reference
@wide
def _(low: Array, x: Array, high: Array) -> Array:
    return np.minimum(np.maximum(x, low), high)


@core("pointwise")
def cast(x: TensorType, *, dtype: DType) -> TensorType:
    """x as another dtype. Float to integer truncates and saturates, NaN becomes 0 (LLVM LangRef,
    llvm.fptosi.sat); integer to narrower integer wraps; to f16 and bf16 by way of f32; to bool:
    x != 0."""
    return x.with_dtype(dtype)


@cast.reference
def _(x: Array, *, dtype: DType) -> Any:
    if dtype is dtypes.bool_:
        return np.not_equal(x, 0)
    if dtypes.of(x.dtype).is_float and dtype.is_integer:
        return _saturated(x.astype(np.float64), dtype)
    if dtype in (dtypes.f16, dtypes.bf16):
        x = x.astype(np.float32)
    return x.astype(dtype.numpy)


def _saturated(x: Array, dtype: DType) -> Array:
    info = np.iinfo(dtype.numpy)
    # float(info.max) may round up to a number that does not fit: only what is below it converts.
    inside = (x > float(info.min)) & (x < float(info.max))
    edge = np.where(x > 0, info.max, np.where(x < 0, info.min, 0))
    return np.where(inside, np.where(inside, x, 0).astype(dtype.numpy), edge.astype(dtype.numpy))


for _shape in SHAPES:
    compare.sample(f"f32{_shape}", f"f32{_shape}", direction="lt")
    next_after.sample(f"f32{_shape}", f"f32{_shape}")
    select.sample(f"bool{_shape}", f"f32{_shape}", f"f32{_shape}")
    clamp.sample(*[f"f32{_shape}"] * 3)
    cast.sample(f"f32{_shape}", dtype=dtypes.i32)
for _direction in DIRECTIONS:
    compare.sample("f32[3, 5]", "f32[3, 5]", direction=_direction)
for _dtype in dtypes.ALL:
    cast.sample("f32[3, 5]", dtype=_dtype)
