"""Attention: its derivative is made of ops that kernels compute tile by tile, too, where the
template takes them; otherwise of products of whole matrices of scores, which are those of the
forward computation after merging equal ops. The parts go through their decomposition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from axec.dialects.axe import attention as ops
from axec.dialects.axe.attention import Scores, attention_weights, product
from axec.dialects.axe.build import fill, narrow, over, widen
from axec.dialects.axe.elementwise import mul, sub
from axec.dialects.axe.reduce import reduce
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.rules import Tangents, Value, jvp, total, vjp_of_all
from axec.passes.kernel.templates.attention import fits


def _sum(e: IrEmit, x: Value, axis: int) -> Value:
    return e(reduce, x, kind="sum", axes=(axis,))


@dataclass(frozen=True, slots=True)
class _Attention:
    """y = attention(q, k, v, *mask) with options `how`; g is the cotangent of y."""

    g: Value
    y: Value
    q: Value
    k: Value
    v: Value
    mask: tuple[Value, ...]
    how: Mapping[str, Any]

    def wide(self, e: IrEmit) -> _Attention:
        """The same with operands that are at least f32."""
        g, y, q, k, v, *mask = (
            widen(e, x) for x in (self.g, self.y, self.q, self.k, self.v, *self.mask)
        )
        return _Attention(g, y, q, k, v, tuple(mask), self.how)


@vjp_of_all(ops.attention)
def _(
    e: IrEmit, wanted: Sequence[bool], g: Value, y: Value, q: Value, k: Value, v: Value,
    *mask: Value, **how: Any,
) -> list[Value | None]:  # fmt: skip
    wide = _Attention(g, y, q, k, v, mask, how).wide(e)
    tiled = fits(e.type(wide.q), e.type(wide.v)) and not any(wanted[3:])
    cotangents = _tiled(e, wanted, wide) if tiled else _whole(e, wanted, wide)
    return [x if x is None else narrow(e, x, e.type(q).dtype) for x in cotangents]


def _tiled(e: IrEmit, wanted: Sequence[bool], a: _Attention) -> list[Value | None]:
    """By probabilities that are computed again from the log-sum-exp of each query's scores. Source:
    arXiv 2307.08691, section 3.1.2."""
    cotangents: list[Value | None] = [None] * len(wanted)
    lse = e(ops.attention_lse, a.q, a.k, *a.mask, **a.how)
    delta = _sum(e, e(mul, a.g, a.y), e.type(a.y).rank - 1)
    for i, part in enumerate((ops.attention_dq, ops.attention_dk)):
        if wanted[i]:
            cotangents[i] = e(part, a.q, a.k, a.v, a.g, lse, delta, *a.mask, **a.how)
    if wanted[2]:
        cotangents[2] = e(ops.attention_dv, a.q, a.k, a.g, lse, *a.mask, **a.how)
    return cotangents


def _whole(e: IrEmit, wanted: Sequence[bool], a: _Attention) -> list[Value | None]:
    """With weights w and shares s, y = s * (w v): h = s * g, dv = w^T h, and the cotangent of the
    scores is d = w * (h v^T - sum(h * y)); dq = scale * d k, dk = d^T (scale * q). Source: arXiv
    2205.14135, appendix B.4."""
    scaled, weights, share = attention_weights(e, Scores(a.q, a.k, a.mask, **a.how))
    axis = e.type(weights).rank - 1
    h = e(mul, a.g, over(e, share, a.g, axis))
    cotangents: list[Value | None] = [None] * len(wanted)
    if wanted[2]:
        cotangents[2] = product(e, weights, h, -2, -2)
    if any((*wanted[:2], *wanted[3:])):
        inner = over(e, _sum(e, e(mul, h, a.y), axis), weights, axis)
        d = e(mul, weights, e(sub, product(e, h, a.v, -1, -1), inner))
        if wanted[0]:
            dq = product(e, d, a.k, -1, -2)
            cotangents[0] = e(mul, dq, fill(e, a.how["scale"], dq))
        if wanted[1]:
            cotangents[1] = product(e, d, scaled, -2, -2)
        cotangents[3:] = [d if w else None for w in wanted[3:]]
    return cotangents


@jvp(ops.attention)
def _(
    e: IrEmit, ts: Tangents, y: Value, q: Value, k: Value, v: Value, *mask: Value, scale: float,
    causal: bool,
) -> Value:  # fmt: skip
    """With the tangent t of the scores: s * (w t) v - y * sum(s * w t) + s * w tv."""
    wide_q, wide_k, wide_v = (widen(e, x) for x in (q, k, v))
    tq, tk, tv, *tmask = (None if t is None else widen(e, t) for t in ts)
    scaled, weights, share = attention_weights(e, Scores(wide_q, wide_k, mask, scale, causal))
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
