"""Composites with a better derivative than that of their decomposition; the others go through it.

What a rule needs of the forward computation it emits as the decomposition does, so that merging
equal ops leaves one of both."""

from __future__ import annotations

from collections.abc import Sequence

from axec.dialects.axe import composite as ops
from axec.dialects.axe.build import fill, mean, narrow, over, trailing, widen
from axec.dialects.axe.composite import attention_weights, product
from axec.dialects.axe.elementwise import add, compare, exp, mul, rsqrt, select, sub
from axec.dialects.axe.reduce import reduce
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.rules import (
    VJP,
    Tangents,
    Value,
    jvp,
    total,
    vjp,
    vjp_of_all,
)

VJP[ops.stop_gradient] = {}  # a constant


@jvp(ops.stop_gradient)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value) -> None:
    return None


@vjp(ops.relu)
def _relu(e: IrEmit, g: Value, y: Value, x: Value) -> Value:
    """Its derivative at 0 is 0."""
    return e(select, e(compare, x, fill(e, 0, x), direction="gt"), g, fill(e, 0, g))


@jvp(ops.relu)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value) -> Value:
    return _relu(e, ts[0], y, x)


def _sum(e: IrEmit, x: Value, axis: int) -> Value:
    return e(reduce, x, kind="sum", axes=(axis,))


# ---- softmax: a symmetric Jacobian, diag(y) - y y^T ----------------------------------------------


@vjp(ops.softmax)
def _softmax(e: IrEmit, g: Value, y: Value, x: Value, *, axis: int) -> Value:
    """y * (g - sum(g * y))"""
    wide_g, wide_y = widen(e, g), widen(e, y)
    inner = over(e, _sum(e, e(mul, wide_g, wide_y), axis), wide_y, axis)
    return narrow(e, e(mul, wide_y, e(sub, wide_g, inner)), e.type(x).dtype)


@jvp(ops.softmax)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value, *, axis: int) -> Value:
    return _softmax(e, ts[0], y, x, axis=axis)


@vjp(ops.log_softmax)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, axis: int) -> Value:
    """g - softmax(x) * sum(g)"""
    wide_g, share = widen(e, g), e(exp, widen(e, y))
    inner = over(e, _sum(e, wide_g, axis), share, axis)
    return narrow(e, e(sub, wide_g, e(mul, share, inner)), e.type(x).dtype)


@jvp(ops.log_softmax)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value, *, axis: int) -> Value:
    """t - sum(softmax(x) * t)"""
    t, share = widen(e, ts[0]), e(exp, widen(e, y))
    inner = over(e, _sum(e, e(mul, share, t), axis), share, axis)
    return narrow(e, e(sub, t, inner), e.type(x).dtype)


# ---- normalisation -------------------------------------------------------------------------------


@vjp_of_all(ops.layer_norm)
def _(
    e: IrEmit, wanted: Sequence[bool], g: Value, y: Value, x: Value, scale: Value, bias: Value, *,
    eps: float,
) -> list[Value | None]:  # fmt: skip
    wide = widen(e, x)
    axis = e.type(x).rank - 1
    d = e(sub, wide, over(e, mean(e, wide, axis), wide, axis))
    dx, dscale = _normalised(e, wanted, g, d, scale, eps, centred=True)
    dbias = _rows_added(e, widen(e, g), scale) if wanted[2] else None
    return [dx, dscale, dbias]


@vjp_of_all(ops.rms_norm)
def _(
    e: IrEmit, wanted: Sequence[bool], g: Value, y: Value, x: Value, scale: Value, *, eps: float
) -> list[Value | None]:
    return _normalised(e, wanted, g, widen(e, x), scale, eps, centred=False)


def _normalised(
    e: IrEmit, wanted: Sequence[bool], g: Value, d: Value, scale: Value, eps: float, *,
    centred: bool,
) -> list[Value | None]:  # fmt: skip
    """Cotangents of x and scale of d * r * scale, r = 1 / sqrt(mean(d**2) + eps), where d is x,
    `centred` or as it is: with n = d * r and h = g * scale, that of x is
    r * (h - mean(h) - n * mean(h * n)); as it is, without the first mean."""
    axis = e.type(d).rank - 1
    power = mean(e, e(mul, d, d), axis)
    factor = over(e, e(rsqrt, e(add, power, fill(e, eps, power))), d, axis)
    n, wide_g = e(mul, d, factor), widen(e, g)
    dx = None
    if wanted[0]:
        h = e(mul, wide_g, trailing(e, widen(e, scale), d))
        inner = e(mul, n, over(e, mean(e, e(mul, h, n), axis), d, axis))
        rest = e(sub, h, inner)
        if centred:
            rest = e(sub, rest, over(e, mean(e, h, axis), d, axis))
        dx = narrow(e, e(mul, factor, rest), e.type(g).dtype)
    return [dx, _rows_added(e, e(mul, wide_g, n), scale) if wanted[1] else None]


def _rows_added(e: IrEmit, x: Value, like: Value) -> Value:
    """The sum over all axes but the last."""
    axes = tuple(range(e.type(x).rank - 1))
    found = e(reduce, x, kind="sum", axes=axes) if axes else x
    return narrow(e, found, e.type(like).dtype)


# ---- attention -----------------------------------------------------------------------------------


@vjp_of_all(ops.attention)
def _(
    e: IrEmit, wanted: Sequence[bool], g: Value, y: Value, q: Value, k: Value, v: Value,
    *mask: Value, scale: float, causal: bool,
) -> list[Value | None]:  # fmt: skip
    """With weights w and shares s, y = s * (w v): h = s * g, dv = w^T h, and the cotangent of the
    scores is d = w * (h v^T - sum(h * y)); dq = scale * d k, dk = d^T (scale * q). Source: arXiv
    2205.14135, appendix B.4."""
    wide_q, wide_k, wide_v, wide_g = (widen(e, x) for x in (q, k, v, g))
    scaled, weights, share = attention_weights(e, wide_q, wide_k, mask, scale, causal)
    axis = e.type(weights).rank - 1
    dtype = e.type(q).dtype
    h = e(mul, wide_g, over(e, share, wide_g, axis))
    found: list[Value | None] = [None] * len(wanted)
    if wanted[2]:
        found[2] = narrow(e, product(e, weights, h, -2, -2), dtype)
    if any((*wanted[:2], *wanted[3:])):
        inner = over(e, _sum(e, e(mul, h, widen(e, y)), axis), weights, axis)
        d = e(mul, weights, e(sub, product(e, h, wide_v, -1, -1), inner))
        if wanted[0]:
            dq = product(e, d, wide_k, -1, -2)
            found[0] = narrow(e, e(mul, dq, fill(e, scale, dq)), dtype)
        if wanted[1]:
            found[1] = narrow(e, product(e, d, scaled, -2, -2), dtype)
        found[3:] = [narrow(e, d, dtype) if w else None for w in wanted[3:]]
    return found


@jvp(ops.attention)
def _(
    e: IrEmit, ts: Tangents, y: Value, q: Value, k: Value, v: Value, *mask: Value, scale: float,
    causal: bool,
) -> Value:  # fmt: skip
    """With the tangent t of the scores: s * (w t) v - y * sum(s * w t) + s * w tv."""
    wide_q, wide_k, wide_v = (widen(e, x) for x in (q, k, v))
    tq, tk, tv, *tmask = (None if t is None else widen(e, t) for t in ts)
    scaled, weights, share = attention_weights(e, wide_q, wide_k, mask, scale, causal)
    axis = e.type(weights).rank - 1
    tq = None if tq is None else e(mul, tq, fill(e, scale, tq))
    t = total(
        e,
        [
            None if tq is None else product(e, tq, wide_k, -1, -1),
            None if tk is None else product(e, scaled, tk, -1, -1),
            *tmask,
        ],
    )
    terms = [None if tv is None else product(e, weights, tv, -1, -2)]
    if t is not None:
        moved = e(mul, weights, t)
        change = over(e, _sum(e, moved, axis), widen(e, y), axis)
        terms += [product(e, moved, wide_v, -1, -2)]
        back = e(mul, widen(e, y), change)
        terms = [e(sub, total(e, terms), back)]
    found = total(e, terms)
    return narrow(e, e(mul, found, over(e, share, found, axis)), e.type(q).dtype)
