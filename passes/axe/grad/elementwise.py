"""Pointwise ops: per operand its partial derivative times g. The Jacobian is diagonal, so that the
formula serves both directions: g is the cotangent of y, or the tangent of the operand.

Where max, min or abs have no derivative because two sides meet, a tie shares evenly (abs: 0).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from axec.dialects.axe import elementwise as ew
from axec.dialects.axe.random import random_bits
from axec.dialects.emit import IrEmit
from axec.dialects.opdef import OpDef
from axec.passes.axe.grad.num import Num
from axec.passes.axe.grad.rules import JVP, NO_GRADIENT, VJP, Pull, Tangents, Value, total, vjp

Partial = Callable[..., Num]  # (g, y, *operands) -> g * dy/d operand


def _larger(g: Num, a: Num, b: Num) -> Num:
    """g where a > b, half of it where they are equal."""
    return g.where(a > b, (g * 0.5).where(a.equals(b)))


def _pow_base(g: Num, y: Num, a: Num, b: Num) -> Num:
    # b = 0 is apart: 0 * a ** -1 is NaN at a = 0.
    return (g * (b * a ** (b - 1.0))).where(b.equals(0.0).of(ew.not_))


def _pow_exponent(g: Num, y: Num, a: Num, b: Num) -> Num:
    # At a = 0 the limit is 0, and log(0) must not meet it.
    safe = a.where(a.equals(0.0).of(ew.not_), 1.0)
    return g * (y * safe.of(ew.log))


def _turn(g: Num, side: Num, y: Num, x: Num) -> Num:
    """g * side / (x**2 + y**2), where the squares may leave the range."""
    radius = x.of(ew.hypot, y)
    return g * (side / radius) / radius


def _share(g: Num, side: Num, radius: Num) -> Num:
    """g * side / radius; 0 at the origin, where abs has the same derivative."""
    return (g * (side / radius)).where(radius > 0.0)


# Operand by operand; None: zero, because y is constant between jumps or the operand is a condition.
PARTIALS: dict[OpDef, tuple[Partial | None, ...]] = {
    ew.add: (lambda g, y, a, b: g, lambda g, y, a, b: g),
    ew.sub: (lambda g, y, a, b: g, lambda g, y, a, b: -g),
    ew.mul: (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
    ew.div: (lambda g, y, a, b: g / b, lambda g, y, a, b: -(g / b * y)),
    ew.pow_: (_pow_base, _pow_exponent),
    ew.max_: (lambda g, y, a, b: _larger(g, a, b), lambda g, y, a, b: _larger(g, b, a)),
    ew.min_: (lambda g, y, a, b: _larger(g, b, a), lambda g, y, a, b: _larger(g, a, b)),
    ew.neg: (lambda g, y, x: -g,),
    ew.abs_: (lambda g, y, x: g * x.of(ew.sign),),
    ew.exp: (lambda g, y, x: g * y,),
    ew.log: (lambda g, y, x: g / x,),
    ew.log1p: (lambda g, y, x: g / (x + 1.0),),
    ew.expm1: (lambda g, y, x: g * (y + 1.0),),
    ew.sqrt: (lambda g, y, x: g * 0.5 / y,),
    ew.rsqrt: (lambda g, y, x: g * -0.5 * (y * y * y),),
    ew.tanh: (lambda g, y, x: g * (1.0 - y * y),),
    ew.sigmoid: (lambda g, y, x: g * (y * (1.0 - y)),),
    ew.erf: (lambda g, y, x: g * (-(x * x)).of(ew.exp) * (2 / math.sqrt(math.pi)),),
    ew.sin: (lambda g, y, x: g * x.of(ew.cos),),
    ew.cos: (lambda g, y, x: -(g * x.of(ew.sin)),),
    ew.exp2: (lambda g, y, x: g * y * math.log(2),),
    ew.log2: (lambda g, y, x: g / x * (1 / math.log(2)),),
    ew.log10: (lambda g, y, x: g / x * (1 / math.log(10)),),
    ew.atan: (lambda g, y, x: g / (x * x + 1.0),),
    ew.atan2: (lambda g, z, y, x: _turn(g, x, y, x), lambda g, z, y, x: -_turn(g, y, y, x)),
    ew.asinh: (lambda g, y, x: g / (x * x + 1.0).of(ew.sqrt),),
    ew.acosh: (lambda g, y, x: g / ((x - 1.0).of(ew.sqrt) * (x + 1.0).of(ew.sqrt)),),
    ew.hypot: (lambda g, z, x, y: _share(g, x, z), lambda g, z, x, y: _share(g, y, z)),
    ew.rem: (
        lambda g, z, x, y: g,
        lambda g, z, x, y: -(g * ((x - z) / y).of(ew.round_)),
    ),
    ew.copysign: (lambda g, z, x, y: g.where(z.equals(x), -g), None),
    ew.next_after: (lambda g, z, x, y: g, None),
    ew.floor: (None,),
    ew.trunc: (None,),
    ew.ceil: (None,),
    ew.round_: (None,),
    ew.sign: (None,),
    ew.select: (
        None,
        lambda g, y, c, a, b: g.where(c),
        lambda g, y, c, a, b: g.where(c.of(ew.not_)),
    ),
    # min(max(x, low), high): the upper end wins where the ends are crossed.
    ew.clamp: (
        lambda g, y, low, x, high: g.where((x < low) & (low < high)),
        lambda g, y, low, x, high: g.where((x > low) & (x < high)),
        lambda g, y, low, x, high: g.where(x.of(ew.max_, low) > high),
    ),
}


def _enter(op: OpDef, partials: tuple[Partial | None, ...]) -> None:
    def pull(partial: Partial) -> Pull:
        def rule(e: IrEmit, g: Value, y: Value, *xs: Value) -> Value:
            return partial(Num(e, g), Num(e, y), *(Num(e, x) for x in xs)).value

        return rule

    pulls = {i: pull(p) for i, p in enumerate(partials) if p is not None}
    VJP[op] = pulls

    def push(e: IrEmit, ts: Tangents, y: Value, *xs: Value) -> Value | None:
        varying = [(i, t) for i, t in enumerate(ts) if t is not None and i in pulls]
        return total(e, [pulls[i](e, t, y, *xs) for i, t in varying])

    JVP[op] = push


for _op, _partials in PARTIALS.items():
    _enter(_op, _partials)


@vjp(ew.cast)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, dtype: Any) -> Value:
    return e(ew.cast, g, dtype=e.type(x).dtype)


def _push_cast(e: IrEmit, ts: Tangents, y: Value, x: Value, *, dtype: Any) -> Value:
    return e(ew.cast, ts[0], dtype=dtype)


JVP[ew.cast] = _push_cast

_BITS = (ew.and_, ew.or_, ew.xor, ew.not_, ew.shift_left, ew.shift_right, random_bits)
for _op in (ew.compare, *_BITS):
    NO_GRADIENT[_op] = "its results are no floating point numbers"
