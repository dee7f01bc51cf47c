"""Attention: its derivative is made of ops that kernels compute tile by tile, too, where the
template takes them; otherwise of products of whole matrices of scores, which are those of the
forward computation after merging equal ops. The parts go through their decomposition."""

from __future__ import annotations

from collections.abc import Sequence

from axec.dialects.axe import attention as ops
from axec.dialects.axe.attention import attention_weights, product
from axec.dialects.axe.build import fill, narrow, over, widen
from axec.dialects.axe.elementwise import mul, sub
from axec.dialects.axe.reduce import reduce
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.rules import Tangents, Value, jvp, total, vjp_of_all
from axec.passes.kernel.templates.attention import fits


def _sum(e: IrEmit, x: Value, axis: int) -> Value:
    return e(reduce, x, kind="sum", axes=(axis,))


@vjp_of_all(ops.attention)
def _(
    e: IrEmit, wanted: Sequence[bool], g: Value, y: Value, q: Value, k: Value, v: Value,
    *mask: Value, scale: float, causal: bool,
) -> list[Value | None]:  # fmt: skip
    dtype, wide = e.type(q).dtype, [widen(e, x) for x in (g, y, q, k, v, *mask)]
    if fits(e.type(wide[2]), e.type(wide[4])) and not any(wanted[3:]):
        found = _tiled(e, wanted, *wide, scale=scale, causal=causal)
        return [x if x is None else narrow(e, x, dtype) for x in found]
    return _whole(e, wanted, g, y, q, k, v, *mask, scale=scale, causal=causal)


def _tiled(
    e: IrEmit, wanted: Sequence[bool], g: Value, y: Value, q: Value, k: Value, v: Value,
    *mask: Value, scale: float, causal: bool,
) -> list[Value | None]:  # fmt: skip
    """By probabilities that are computed again from the log-sum-exp of each query's scores. Source:
    arXiv 2307.08691, section 3.1.2."""
    how = {"scale": scale, "causal": causal}
    found: list[Value | None] = [None] * len(wanted)
    lse = e(ops.attention_lse, q, k, *mask, **how)
    delta = _sum(e, e(mul, g, y), e.type(y).rank - 1)
    for i, part in enumerate((ops.attention_dq, ops.attention_dk)):
        if wanted[i]:
            found[i] = e(part, q, k, v, g, lse, delta, *mask, **how)
    if wanted[2]:
        found[2] = e(ops.attention_dv, q, k, g, lse, *mask, **how)
    return found


def _whole(
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
