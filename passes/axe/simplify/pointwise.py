"""Algebra of pointwise ops, exact to the bit (of NaN: that it is one).

What is left out, because floats differ: x + 0 and 0 - x (-0 becomes 0), x - x and x * 0 (NaN and
infinity), pow(x, 0.5) => sqrt(x) (-0 and -inf), sums and products in another order, 1 / sqrt(x) =>
rsqrt(x), log(1 + x) => log1p(x) (rounding).
"""

from __future__ import annotations

import math

import numpy as np

from axec.dialects import dtypes
from axec.dialects.axe import elementwise as ew
from axec.dialects.dtypes import DType
from axec.dialects.opdef import Array
from axec.passes.axe.simplify.rewrite import Rules, Site, Value

RULES = Rules()
rule = RULES.enter

# What leaves the other operand as it is: (op, number, dtype kinds); -0.0 is the zero of float sums.
_NEUTRAL: dict[str, tuple[tuple[float, str], ...]] = {
    "add": ((-0.0, "f"), (0, "iu")),
    "sub": ((0.0, "fiu"),),
    "mul": ((1, "fiu"),),
    "div": ((1, "fiu"),),
    "pow": ((1, "f"),),
    "max": ((-math.inf, "f"), (False, "b")),
    "min": ((math.inf, "f"), (True, "b")),
    "and": ((True, "b"), (-1, "i")),
    "or": ((0, "iub"),),
    "xor": ((0, "iub"),),
}
_COMMUTATIVE = ("add", "mul", "max", "min", "and", "or", "xor")
_SENTENCES = {
    "add": "add(x, 0) => x (of floats: -0.0)",
    "sub": "sub(x, 0) => x",
    "mul": "mul(x, 1) => x",
    "div": "div(x, 1) => x",
    "pow": "pow(x, 1) => x",
    "max": "max(x, lowest) => x",
    "min": "min(x, highest) => x",
    "and": "and(x, all ones) => x",
    "or": "or(x, 0) => x",
    "xor": "xor(x, 0) => x",
}


def _neutral(s: Site) -> Value | None:
    kind = s.type.dtype.kind
    rows = [number for number, kinds in _NEUTRAL[s.name] if kind in kinds]
    for i in (1, 0) if s.name in _COMMUTATIVE else (1,):
        if any(s.is_splat(i, number) for number in rows):
            return s.operands[1 - i]
    return None


for _name, _sentence in _SENTENCES.items():
    rule(_sentence, _name)(_neutral)


@rule("mul(x, 0) => 0 (integers)", "mul", "and")
def _(s: Site) -> Value | None:
    if s.type.dtype.is_float:
        return None
    return next((s.operands[i] for i in (0, 1) if s.is_splat(i, 0)), None)


@rule("sub(x, x) => 0 (integers)", "sub", "xor")
def _(s: Site) -> Value | None:
    return s.fill(0) if s.operands[0] == s.operands[1] and not s.type.dtype.is_float else None


@rule("max(x, x) => x", "max", "min", "and", "or")
def _(s: Site) -> Value | None:
    return s.operands[0] if s.operands[0] == s.operands[1] else None


# ---- signs ---------------------------------------------------------------------------------------


@rule("neg(neg(x)) => x", "neg", "not")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, s.name)
    return inner and inner.operands[0]


@rule("neg(sub(x, y)) => sub(y, x) (integers)", "neg")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "sub")
    if inner is None or s.type.dtype.is_float:  # 0 - 0 and -(0 - 0) differ
        return None
    return s.emit(ew.sub, inner.operands[1], inner.operands[0])


@rule("abs(neg(x)) => abs(x)", "abs")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "neg")
    return inner and s.emit(ew.abs_, inner.operands[0])


@rule("abs(abs(x)) => abs(x)", "abs")
def _(s: Site) -> Value | None:
    return s.operands[0] if s.made_by(0, "abs") else None


@rule("add(x, neg(y)) => sub(x, y)", "add")
def _(s: Site) -> Value | None:
    for i in (1, 0):
        inner = s.made_by(i, "neg")
        if inner is not None:
            return s.emit(ew.sub, s.operands[1 - i], inner.operands[0])
    return None


@rule("sub(x, neg(y)) => add(x, y)", "sub")
def _(s: Site) -> Value | None:
    inner = s.made_by(1, "neg")
    return inner and s.emit(ew.add, s.operands[0], inner.operands[0])


@rule("mul(x, -1) => neg(x)", "mul", "div")
def _(s: Site) -> Value | None:
    if s.type.dtype.kind == "u":
        return None
    for i in (1, 0) if s.name == "mul" else (1,):
        if s.is_splat(i, -1):
            return s.emit(ew.neg, s.operands[1 - i])
    return None


# ---- powers --------------------------------------------------------------------------------------


@rule("div(x, c) => mul(x, 1 / c), c a power of two", "div")
def _(s: Site) -> Value | None:
    by = s.splat(1)
    if by is None or not s.type.dtype.is_float or not _has_exact_reciprocal(by):
        return None
    return s.emit(ew.mul, s.operands[0], s.fill(1 / by.astype(np.float64)))


# Exponent of the smallest normal number, bits of the significand (IEEE 754; bfloat16: x86 manuals).
_FORMATS: dict[DType, tuple[int, int]] = {
    dtypes.f64: (-1022, 53),
    dtypes.f32: (-126, 24),
    dtypes.f16: (-14, 11),
    dtypes.bf16: (-126, 8),
}


def _has_exact_reciprocal(c: Array) -> bool:
    mantissa, exponent = math.frexp(float(c))
    lowest = _FORMATS[dtypes.of(c.dtype)][0]
    # Neither c = +-2**(exponent - 1) nor its reciprocal may be subnormal or infinite.
    return abs(mantissa) == 0.5 and lowest < exponent - 1 < -lowest


@rule("pow(x, 2) => mul(x, x)", "pow")
def _(s: Site) -> Value | None:
    return s.emit(ew.mul, s.operands[0], s.operands[0]) if s.is_splat(1, 2) else None


@rule("pow(x, -1) => div(1, x)", "pow")
def _(s: Site) -> Value | None:
    return s.emit(ew.div, s.fill(1), s.operands[0]) if s.is_splat(1, -1) else None


@rule("pow(x, 0) => 1", "pow")
def _(s: Site) -> Value | None:
    found = s.splat(1)
    return s.fill(1) if found is not None and found == 0 else None


# ---- choices -------------------------------------------------------------------------------------


@rule("select(constant, x, y) => x, or y", "select")
def _(s: Site) -> Value | None:
    found = s.splat(0)
    return None if found is None else s.operands[1 if found else 2]


@rule("select(c, x, x) => x", "select")
def _(s: Site) -> Value | None:
    return s.operands[1] if s.operands[1] == s.operands[2] else None


@rule("select(not(c), x, y) => select(c, y, x)", "select")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "not")
    if inner is None:
        return None
    return s.emit(ew.select, inner.operands[0], s.operands[2], s.operands[1])


@rule("clamp(-inf, x, inf) => x", "clamp")
def _(s: Site) -> Value | None:
    unbounded = s.is_splat(0, -math.inf) and s.is_splat(2, math.inf)
    return s.operands[1] if unbounded else None


@rule("compare(x, x) => constant (integers)", "compare")
def _(s: Site) -> Value | None:
    if s.operands[0] != s.operands[1] or s.operand_type().dtype.is_float:
        return None  # NaN is not equal to itself
    return s.fill(s.attr("direction") in ("eq", "le", "ge"))


_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}


@rule("not(compare(x, y)) => the opposite compare (of floats: eq, ne)", "not")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "compare")
    if inner is None:
        return None
    direction = inner.attr("direction")
    if inner.operand_type().dtype.is_float and direction not in ("eq", "ne"):
        return None  # where one is NaN, both lt and ge are false
    return s.emit(ew.compare, *inner.operands, direction=_OPPOSITE[direction])


# ---- casts ---------------------------------------------------------------------------------------


@rule("cast(x) to its own dtype => x", "cast")
def _(s: Site) -> Value | None:
    return s.operands[0] if s.operand_type().dtype is s.type.dtype else None


@rule("cast(cast(x)) => cast(x), the inner one exact", "cast")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "cast")
    if inner is None or not _keeps_values(inner.operand_type().dtype, inner.type.dtype):
        return None
    return s.emit(ew.cast, inner.operands[0], dtype=s.type.dtype)


def _keeps_values(a: DType, b: DType) -> bool:
    """Every value of dtype a is one of dtype b."""
    if a.is_integer and b.is_float:
        return 8 * a.size - (a.kind == "i") <= _FORMATS[b][1]
    return bool(np.can_cast(a.numpy, b.numpy, "safe"))
