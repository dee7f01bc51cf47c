"""Constant folding with the ops' own NumPy references."""

from __future__ import annotations

import math

import numpy as np

from axec.dialects.axe import OPS
from axec.dialects.axe.constants import constant
from axec.dialects.emit import evaluate
from axec.dialects.opdef import Array
from axec.dialects.types import TensorType
from axec.passes.axe.simplify.rewrite import Rules, Site, Value, static_shape

RULES = Rules()
rule = RULES.enter

_FOLDED = tuple(
    op.name
    for op in OPS.values()
    if op.group not in ("constant", "alias") and op.name != "broadcast"
)
_POINTWISE = tuple(op.name for op in OPS.values() if op.group == "pointwise")


@rule("constant of one number repeated => broadcast(number)", "constant")
def _(s: Site) -> Value | None:
    if s.type.rank == 0 or not s.op.attributes["value"].is_splat or s.type.count == 0:
        return None
    value = s.attr("value")
    return s.fill(value.reshape(-1)[0])


@rule("pointwise op on constant numbers => constant number", *_POINTWISE)
def _(s: Site) -> Value | None:
    numbers = []
    for i in range(len(s.operands)):
        number = s.splat(i)
        if number is None:
            return None
        numbers.append(number)
    return s.fill(evaluate(s.definition, numbers, s.attrs))


@rule("op on constants => constant (up to `limit` elements)", *_FOLDED)
def _(s: Site) -> Value | None:
    if not s.operands_are_constant():
        return None
    t = s.type
    if not is_small(t, s.sweep.limit):
        return None
    arrays = []
    for i in range(len(s.operands)):
        found = _array(s, i)
        if found is None:
            return None
        arrays.append(found)
    value = evaluate(s.definition, arrays, s.attrs)
    return s.emit(constant, value=np.asarray(value, t.dtype.numpy))


# Operands may be larger than what comes out (a reduced table), but not without bound.
_OPERAND_FACTOR = 16


def is_small(t: TensorType, limit: int) -> bool:
    """The shape is known and has at most `limit` elements."""
    shape = static_shape(t)
    return shape is not None and math.prod(shape) <= limit


def _array(s: Site, i: int) -> Array | None:
    """Operand i as an array, where it is constant and not too large to look at."""
    t = s.operand_type(i)
    if not is_small(t, _OPERAND_FACTOR * s.sweep.limit):
        return None
    number = s.splat(i)
    if number is not None:
        return np.full(static_shape(t) or (), number)
    ramp = s.made_by(i, "iota")
    if ramp is not None:
        return np.asarray(evaluate(ramp.definition, [], ramp.attrs))
    repeated = s.made_by(i, "broadcast")
    if repeated is not None:
        inner = _array(repeated, 0)
        return None if inner is None else evaluate(repeated.definition, [inner], repeated.attrs)
    maker = s.makers[i]
    return None if maker is None else maker.literal
