"""Pointwise ops as instructions: one row per op of the axe dialect's family `elementwise`.

A row is called with the builder, the operands in register form (all scalars or all vectors), the
operands' dtype, the result's dtype, and the op's one attribute (direction, dtype) or None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axec.dialects import dtypes
from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu import math
from axec.passes.codegen.cpu.lanes.registers import register_type, rounded
from axec.passes.codegen.cpu.math import threefry
from axec.passes.codegen.llvm import F16, F32, F64, I32, Builder, Value, constant, int_of, like

Args = Sequence[Value]
Row = Callable[[Builder, Args, DType, DType, object], Value]


def larger(b: Builder, x: Value, y: Value, dtype: DType) -> Value:
    """Maximum; a NaN wins; of bools: or."""
    if dtype.is_float:
        # The inner select is one instruction, which gives y when either is NaN.
        return b.select(b.cmp("unordered", x, x), x, b.select(b.cmp("gt", x, y), x, y))
    if dtype is dtypes.bool_:
        return b.or_(x, y)
    return b.umax(x, y) if dtype.kind == "u" else b.max(x, y)


def smaller(b: Builder, x: Value, y: Value, dtype: DType) -> Value:
    """Minimum; a NaN wins; of bools: and."""
    if dtype.is_float:
        return b.select(b.cmp("unordered", x, x), x, b.select(b.cmp("lt", x, y), x, y))
    if dtype is dtypes.bool_:
        return b.and_(x, y)
    return b.umin(x, y) if dtype.kind == "u" else b.min(x, y)


def compare(b: Builder, direction: str, x: Value, y: Value, dtype: DType) -> Value:
    """x <direction> y as i1."""
    unsigned = dtype.kind in "ub" and direction not in ("eq", "ne")
    return b.cmp("u" + direction if unsigned else direction, x, y)


def _div(b: Builder, args: Args, dtype: DType, result: DType, _: object) -> Value:
    x, y = args
    if dtype.is_float:
        return rounded(b, result, b.div(x, y))
    # Neither 0 nor -1 may reach the division: the one traps, the other may overflow.
    one = constant(y.type, 1)
    by_zero = b.cmp("eq", y, 0)
    if dtype.kind == "u":
        quotient = _quotient(b, x, b.select(by_zero, one, y), signed=False)
    else:
        minus_one = b.cmp("eq", y, -1)
        quotient = _quotient(b, x, b.select(b.or_(by_zero, minus_one), one, y), signed=True)
        quotient = b.select(minus_one, b.neg(x), quotient)
    return b.select(by_zero, constant(x.type, 0), quotient)


def _quotient(b: Builder, x: Value, y: Value, *, signed: bool) -> Value:
    """x / y towards zero. Vector units divide floats only: a float type of more than twice the bits
    gives the exact quotient, because x / y is at least 1 / y away from the next integer."""
    if x.type.bits > 32:
        return b.div(x, y) if signed else b.udiv(x, y)
    wide = like(x.type, F64 if x.type.bits == 32 else F32)
    quotient = b.div(b.convert(x, wide, signed=signed), b.convert(y, wide, signed=signed))
    # Truncation of what fits into i32 is one instruction.
    whole = b.float_to_int(quotient, like(x.type, I32))
    return b.convert(whole, x.type, signed=signed)


def _sign(b: Builder, args: Args, dtype: DType, *_: object) -> Value:
    (x,) = args
    zero, one = constant(x.type, 0), constant(x.type, 1)
    positive = b.select(b.cmp("gt", x, zero), one, zero)
    found = b.select(b.cmp("lt", x, zero), constant(x.type, -1), positive)
    return b.select(b.cmp("unordered", x, x), x, found) if dtype.is_float else found


def _cast(b: Builder, args: Args, dtype: DType, result: DType, _: object) -> Value:
    (x,) = args
    to = register_type(result)
    if dtype is dtypes.f64 and result is dtypes.f16:
        x = _rounded_to_odd(b, x)
    signed = (result if dtype.is_float else dtype).kind not in "ub"
    if dtype.is_float and result.is_integer and result.size == 1:
        # Saturate in i32: conversions to bytes are no instructions.
        low, high = (0, 255) if result is dtypes.u8 else (-128, 127)
        wide = b.convert(x, I32)
        return b.convert(b.min(b.max(wide, low), high), to)
    return rounded(b, result, b.convert(x, to, signed=signed))


def _rounded_to_odd(b: Builder, x: Value) -> Value:
    """f64 to f32 such that rounding the result to f16 equals rounding x to f16: where inexact, the
    neighbour with the odd last bit. Source: Boldo, Melquiond, "Emulation of a FMA and correctly
    rounded sums: proved algorithms using rounding to odd", 2008."""
    near = b.convert(x, F32)
    back = b.convert(near, F64)
    bits = b.bitcast(near, like(near.type, I32))
    even = b.cmp("eq", b.and_(bits, 1), 0)
    moved = b.and_(even, b.cmp("ne", b.abs(back), b.abs(x)))
    moved = b.and_(moved, b.cmp("ordered", x, x))
    outward = b.cmp("lt", b.abs(back), b.abs(x))
    step = b.select(outward, constant(bits.type, 1), constant(bits.type, -1))
    return b.bitcast(b.select(moved, b.add(bits, step), bits), near.type)


def _pow(b: Builder, args: Args, dtype: DType, result: DType, _: object) -> Value:
    x, y = args
    if dtype.is_float:
        return rounded(b, result, math.FUNCTIONS["pow"](b, x, y))
    one = constant(x.type, 1)
    with b.for_(0, x.type.bits, carried=[one, x, y], nonempty=True) as loop:  # by squaring
        found, base, power = loop.carried
        odd = b.cmp("ne", b.and_(power, 1), 0)
        found = b.select(odd, b.mul(found, base), found)
        loop.yield_(found, b.mul(base, base), b.lshr(power, 1))
    if dtype.kind == "u":
        return loop.results[0]
    unit = b.select(b.cmp("ne", b.and_(y, 1), 0), x, one)
    units = b.or_(b.cmp("eq", x, one), b.cmp("eq", x, -1))
    inverse = b.select(units, unit, constant(x.type, 0))
    return b.select(b.cmp("lt", y, 0), inverse, loop.results[0])


def _shift_left(b: Builder, x: Value, y: Value, dtype: DType) -> Value:
    fits = b.cmp("ult", y, x.type.bits)
    return b.select(fits, b.shl(x, b.and_(y, x.type.bits - 1)), constant(x.type, 0))


def _shift_right(b: Builder, x: Value, y: Value, dtype: DType) -> Value:
    if dtype.kind == "i":
        return b.ashr(x, b.umin(y, x.type.bits - 1))
    fits = b.cmp("ult", y, x.type.bits)
    return b.select(fits, b.lshr(x, b.and_(y, x.type.bits - 1)), constant(x.type, 0))


def _next_after(b: Builder, x: Value, y: Value, dtype: DType) -> Value:
    """One unit up or down in the bit pattern, which orders magnitudes."""
    narrow = b.convert(x, F16) if dtype is dtypes.f16 else x
    bits = b.bitcast(narrow, int_of(narrow.type))
    unit = 1 << 16 if dtype is dtypes.bf16 else 1  # bf16 is the upper half of an f32
    zero = b.cmp("eq", x, constant(x.type, 0))
    outward = b.xor(b.cmp("gt", y, x), b.cmp("lt", x, constant(x.type, 0)))
    step = b.select(outward, constant(bits.type, unit), constant(bits.type, -unit))
    moved = b.select(zero, constant(bits.type, unit), b.add(bits, step))
    found = b.convert(b.bitcast(moved, narrow.type), x.type)
    found = b.select(zero, b.copysign(found, y), found)
    found = b.select(b.cmp("eq", x, y), y, found)
    return b.select(b.cmp("unordered", x, y), b.add(x, y), found)


def _arithmetic(fn: Callable[..., Value]) -> Row:
    """A computation whose result is rounded to the result's dtype."""
    return lambda b, args, dtype, result, _: rounded(b, result, fn(b, *args))


def _plain(fn: Callable[..., Value]) -> Row:
    """A computation that needs no rounding in any dtype."""
    return lambda b, args, dtype, result, _: fn(b, *args)


def _by_dtype(fn: Callable[..., Value]) -> Row:
    return lambda b, args, dtype, result, _: fn(b, *args, dtype)


def _clamp(b: Builder, low: Value, x: Value, high: Value, dtype: DType) -> Value:
    return smaller(b, larger(b, x, low, dtype), high, dtype)


def _rsqrt(b: Builder, x: Value) -> Value:
    return b.div(constant(x.type, 1), b.sqrt(x))


POINTWISE: dict[str, Row] = {
    "add": _arithmetic(Builder.add),
    "sub": _arithmetic(Builder.sub),
    "mul": _arithmetic(Builder.mul),
    "div": _div,
    "max": _by_dtype(larger),
    "min": _by_dtype(smaller),
    "neg": _plain(Builder.neg),
    "abs": _plain(Builder.abs),
    "sqrt": _arithmetic(Builder.sqrt),
    "rsqrt": _arithmetic(_rsqrt),
    "floor": _arithmetic(Builder.floor),
    "ceil": _arithmetic(Builder.ceil),
    "round": _arithmetic(Builder.round_even),
    "sign": _sign,
    "and": _plain(Builder.and_),
    "or": _plain(Builder.or_),
    "xor": _plain(Builder.xor),
    "not": _plain(Builder.not_),
    "compare": lambda b, args, dtype, _, how: compare(b, str(how), args[0], args[1], dtype),
    "select": _plain(Builder.select),
    "clamp": _by_dtype(_clamp),
    "cast": _cast,
    "trunc": _arithmetic(Builder.round_to_zero),
    "copysign": _plain(Builder.copysign),
    "next_after": _by_dtype(_next_after),
    "shift_left": _by_dtype(_shift_left),
    "shift_right": _by_dtype(_shift_right),
    **{name: _arithmetic(fn) for name, fn in math.FUNCTIONS.items()},
    "pow": _pow,
    "random_bits": _plain(threefry.random_bits),
}
