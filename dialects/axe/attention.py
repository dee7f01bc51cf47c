"""Attention, and the parts that its derivative is made of: composites that a kernel of template
`attention` computes tile by tile, so that no scores [..., Sq, Sk] are ever stored.

q [..., Sq, D], k [..., Sk, D], v [..., Sk, E] have equal leading axes; scores are
scale * q k^T + mask, [..., Sq, Sk]. The optional mask is bool (true: attend) or has the dtype of q
and is added. `causal`: query i attends to keys 0 to i only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.axe.build import Value, fill, narrow, over, widen
from axec.dialects.axe.composite import stop_gradient
from axec.dialects.axe.constants import iota
from axec.dialects.axe.contract import dot_general
from axec.dialects.axe.elementwise import (
    add,
    and_,
    compare,
    div,
    exp,
    log,
    max_,
    mul,
    select,
    sub,
)
from axec.dialects.axe.reduce import reduce
from axec.dialects.axe.rules import need_kind, need_shape, same_dtype, show
from axec.dialects.emit import Emit
from axec.dialects.opdef import ShapeError, composite
from axec.dialects.types import TensorType


@composite
def attention(
    q: TensorType,
    k: TensorType,
    v: TensorType,
    *mask: TensorType,
    scale: float,
    causal: bool = False,
) -> TensorType:
    """Scaled dot-product attention: softmax(scale * q k^T + mask) v, for q [..., Sq, D],
    k [..., Sk, D], v [..., Sk, E] and any equal leading axes; result [..., Sq, E]. The optional
    mask [..., Sq, Sk] is bool (true: attend) or has the dtype of q and is added. `causal`: query i
    attends to keys 0 to i only. A query that attends to nothing gives 0.
    Source: arXiv 1706.03762, equation 1."""
    need_kind("attention", q, "f")
    same_dtype("attention", q, k, v)
    if min(q.rank, k.rank, v.rank) < 2:
        shapes = " and ".join(show(t.shape) for t in (q, k, v))
        raise ShapeError("shape-mismatch", f"attention: needs [..., S, D], got {shapes}")
    _need_keys("attention", q, k, mask)
    need_shape("attention", "v", v, (*q.shape[:-2], k.shape[-2], v.shape[-1]))
    return q.with_shape((*q.shape[:-1], v.shape[-1]))


def _need_keys(op: str, q: TensorType, k: TensorType, mask: tuple[TensorType, ...]) -> None:
    """q [..., Sq, D], k [..., Sk, D] and at most one mask [..., Sq, Sk] fit each other."""
    if min(q.rank, k.rank) < 2:
        shapes = f"{show(q.shape)} and {show(k.shape)}"
        raise ShapeError("shape-mismatch", f"{op}: needs [..., S, D], got {shapes}")
    need_shape(op, "k", k, (*q.shape[:-2], k.shape[-2], q.shape[-1]))
    if len(mask) > 1:
        raise ShapeError("shape-mismatch", f"{op}: takes one mask, got {len(mask)}")
    for m in mask:
        need_shape(op, "the mask", m, (*q.shape[:-1], k.shape[-2]))
        if m.dtype is not dtypes.bool_:
            same_dtype(op, q, m)


def product(emit: Emit, x: Value, y: Value, contract_x: int, contract_y: int) -> Value:
    """Contract one of the last two axes of x with one of y; those before are batch axes."""
    rank = emit.type(x).rank
    batch = tuple(range(rank - 2))
    return emit(
        dot_general,
        x,
        y,
        batch_x=batch,
        batch_y=batch,
        contract_x=(rank + contract_x,),
        contract_y=(rank + contract_y,),
    )


def _masked(emit: Emit, scores: Value, mask: tuple[Value, ...], causal: bool) -> Value:
    """Scores with -inf where a query must not attend, and an additive mask added."""
    t = emit.type(scores)
    allowed = [m for m in mask if emit.type(m).dtype is dtypes.bool_]
    for m in mask:
        if emit.type(m).dtype is not dtypes.bool_:
            scores = emit(add, scores, widen(emit, m))
    if causal:
        query, key = (
            emit(iota, shape=t.shape, dtype=dtypes.i32, axis=a) for a in (t.rank - 2, t.rank - 1)
        )
        allowed.append(emit(compare, key, query, direction="le"))
    if not allowed:
        return scores
    keep = allowed[0] if len(allowed) == 1 else emit(and_, *allowed)
    return emit(select, keep, scores, fill(emit, -math.inf, scores))


@dataclass(frozen=True, slots=True)
class Scores:
    """What scores are made of: scale * q k^T + mask."""

    q: Value
    k: Value
    mask: tuple[Value, ...]
    scale: float
    causal: bool

    def emit(self, emit: Emit) -> tuple[Value, Value]:
        """scale * q, and the scores."""
        scaled = emit(mul, self.q, fill(emit, self.scale, self.q))
        return scaled, _masked(emit, product(emit, scaled, self.k, -1, -1), self.mask, self.causal)


def _weights(emit: Emit, scores: Value) -> tuple[Value, Value, Value, Value]:
    """peak [..., Sq], weights exp(scores - peak), their totals [..., Sq], 1 where the query attends
    to nothing, and where that is."""
    axis = emit.type(scores).rank - 1
    # A row of -inf has a finite peak here, so that its weights are exp(-inf) = 0 and not NaN; then
    # its total is 0, where every other row has a total of at least exp(0) = 1. What is made of
    # these does not depend on the peak, so derivatives need not either.
    peak = emit(stop_gradient, emit(reduce, scores, kind="max", axes=(axis,)))
    lowest = float(np.finfo(emit.type(peak).dtype.numpy).min)
    peak = emit(max_, peak, fill(emit, lowest, peak))
    weights = emit(exp, emit(sub, scores, over(emit, peak, scores, axis)))
    total = emit(reduce, weights, kind="sum", axes=(axis,))
    nothing, one = emit(compare, total, fill(emit, 0, total), direction="eq"), fill(emit, 1, total)
    # Not max(total, 1), whose derivative would be halved where one key has all the weight.
    return peak, weights, emit(select, nothing, one, total), nothing


def attention_weights(emit: Emit, of: Scores) -> tuple[Value, Value, Value]:
    """Of wide q and k: scale * q; weights w [..., Sq, Sk] and share s [..., Sq] such that s * w are
    the attention probabilities."""
    scaled, scores = of.emit(emit)
    _, weights, total, _ = _weights(emit, scores)
    return scaled, weights, emit(div, fill(emit, 1, total), total)


@attention.decompose
def _(emit: Emit, q: Value, k: Value, v: Value, *mask: Value, **how: Any) -> Value:
    dtype = emit.type(q).dtype
    wide = [widen(emit, x) for x in (q, k, v, *mask)]
    if emit.type(wide[0]).dtype is not dtype:  # the same in f32, which a kernel takes whole
        return narrow(emit, emit(attention, *wide, **how), dtype)
    _, weights, share = attention_weights(emit, Scores(q, k, mask, **how))
    values = product(emit, weights, v, -1, -2)
    axis = emit.type(values).rank - 1
    return emit(mul, values, over(emit, share, values, axis))


attention.sample("f32[3, 5]", "f32[7, 5]", "f32[7, 4]", scale=0.5)
attention.sample("f32[2, 3, 5]", "f32[2, 3, 5]", "f32[2, 3, 5]", scale=0.5, causal=True)
attention.sample("f32[3, 1]", "f32[0, 1]", "f32[0, 2]", scale=1.0)
attention.sample("f32[3, 5]", "f32[4, 5]", "f32[4, 5]", "bool[3, 4]", scale=0.5, causal=True)
attention.sample("f32[3, 5]", "f32[4, 5]", "f32[4, 5]", "f32[3, 4]", scale=0.5)
attention.sample(
    *["f32[batch, 2, seq, 4]"] * 3, "bool[batch, 2, seq, seq]", scale=0.5, causal=False
)


# ---- the parts of the derivative -----------------------------------------------------------------


def _need_wide(op: str, first: TensorType, *others: TensorType) -> None:
    need_kind(op, first, "f")
    if first.dtype not in (dtypes.f32, dtypes.f64):
        raise ShapeError("dtype-unsupported", f"{op}: needs f32 or f64, got {first.dtype}")
    same_dtype(op, first, *others)


@composite
def attention_lse(
    q: TensorType, k: TensorType, *mask: TensorType, scale: float, causal: bool = False
) -> TensorType:
    """log(sum(exp(scores))) over the keys, [..., Sq]; 0 where a query attends to nothing. Its
    probabilities are exp(scores - lse)."""
    _need_wide("attention_lse", q, k)
    _need_keys("attention_lse", q, k, mask)
    return q.with_shape(q.shape[:-1])


@attention_lse.decompose
def _(emit: Emit, q: Value, k: Value, *mask: Value, **how: Any) -> Value:
    _, scores = Scores(q, k, mask, **how).emit(emit)
    peak, _, total, nothing = _weights(emit, scores)
    return emit(select, nothing, fill(emit, 0, peak), emit(add, peak, emit(log, total)))


def _need_cotangents(
    op: str, q: TensorType, k: TensorType, v: TensorType, g: TensorType, lse: TensorType,
    delta: TensorType, mask: tuple[TensorType, ...],
) -> None:  # fmt: skip
    _need_wide(op, q, k, v, g, lse, delta)
    _need_keys(op, q, k, mask)
    need_shape(op, "v", v, (*k.shape[:-1], *v.shape[-1:]))
    need_shape(op, "g", g, (*q.shape[:-1], *v.shape[-1:]))
    need_shape(op, "lse", lse, q.shape[:-1])
    need_shape(op, "delta", delta, q.shape[:-1])


def _probabilities(emit: Emit, of: Scores, lse: Value) -> tuple[Value, Value]:
    """scale * q, and exp(scores - lse)."""
    scaled, scores = of.emit(emit)
    axis = emit.type(scores).rank - 1
    return scaled, emit(exp, emit(sub, scores, over(emit, lse, scores, axis)))


def _of_scores(emit: Emit, p: Value, v: Value, g: Value, delta: Value) -> Value:
    """The cotangent of the scores: p * (g v^T - delta)."""
    dp = product(emit, g, v, -1, -1)
    return emit(mul, p, emit(sub, dp, over(emit, delta, dp, emit.type(dp).rank - 1)))


@composite
def attention_dq(
    q: TensorType, k: TensorType, v: TensorType, g: TensorType, lse: TensorType, delta: TensorType,
    *mask: TensorType, scale: float, causal: bool = False,
) -> TensorType:  # fmt: skip
    """The cotangent of q where g is that of y = attention(q, k, v): scale * ds k, with
    p = exp(scores - lse), lse = attention_lse(q, k), delta = sum(g * y) over E, and
    ds = p * (g v^T - delta). Source: arXiv 2307.08691, algorithm 2."""
    _need_cotangents("attention_dq", q, k, v, g, lse, delta, mask)
    return q


@attention_dq.decompose
def _(
    emit: Emit, q: Value, k: Value, v: Value, g: Value, lse: Value, delta: Value, *mask: Value,
    scale: float, causal: bool,
) -> Value:  # fmt: skip
    _, p = _probabilities(emit, Scores(q, k, mask, scale, causal), lse)
    dq = product(emit, _of_scores(emit, p, v, g, delta), k, -1, -2)
    return emit(mul, dq, fill(emit, scale, dq))


@composite
def attention_dk(
    q: TensorType, k: TensorType, v: TensorType, g: TensorType, lse: TensorType, delta: TensorType,
    *mask: TensorType, scale: float, causal: bool = False,
) -> TensorType:  # fmt: skip
    """The cotangent of k, ds^T (scale * q), with ds as in attention_dq."""
    _need_cotangents("attention_dk", q, k, v, g, lse, delta, mask)
    return k


@attention_dk.decompose
def _(
    emit: Emit, q: Value, k: Value, v: Value, g: Value, lse: Value, delta: Value, *mask: Value,
    **how: Any,
) -> Value:  # fmt: skip
    scaled, p = _probabilities(emit, Scores(q, k, mask, **how), lse)
    return product(emit, _of_scores(emit, p, v, g, delta), scaled, -2, -2)


@composite
def attention_dv(
    q: TensorType, k: TensorType, g: TensorType, lse: TensorType, *mask: TensorType, scale: float,
    causal: bool = False,
) -> TensorType:  # fmt: skip
    """The cotangent of v, p^T g, with p as in attention_dq."""
    _need_wide("attention_dv", q, k, g, lse)
    _need_keys("attention_dv", q, k, mask)
    need_shape("attention_dv", "g", g, (*q.shape[:-1], *g.shape[-1:]))
    need_shape("attention_dv", "lse", lse, q.shape[:-1])
    return k.with_shape((*k.shape[:-1], g.shape[-1]))


@attention_dv.decompose
def _(emit: Emit, q: Value, k: Value, g: Value, lse: Value, *mask: Value, **how: Any) -> Value:
    _, p = _probabilities(emit, Scores(q, k, mask, **how), lse)
    return product(emit, p, g, -2, -2)


for _lead, _q, _k, _mask, _causal in (
    ("", "3", "7", (), False),
    ("2, ", "3", "3", (), True),
    ("", "3", "4", ("bool[3, 4]",), True),
    ("", "3", "4", ("f32[3, 4]",), False),
    ("", "1", "0", (), False),
    ("batch, ", "seq", "seq", (), True),
):
    _how = {"scale": 0.5, "causal": _causal}
    _row, _rows, _keys = f"f32[{_lead}{_q}]", f"f32[{_lead}{_q}, 5]", f"f32[{_lead}{_k}, 5]"
    _values, _out = f"f32[{_lead}{_k}, 4]", f"f32[{_lead}{_q}, 4]"
    attention_lse.sample(_rows, _keys, *_mask, **_how)
    for _op in (attention_dq, attention_dk):
        _op.sample(_rows, _keys, _values, _out, _row, _row, *_mask, **_how)
    attention_dv.sample(_rows, _keys, _out, _row, *_mask, **_how)
