"""Functions of neural networks, under the names that torch and jax.nn use.

Each is one op, which stays whole until the fuser has decided; its formula and source stand with the
op in dialects/axe/composite.py.
"""

from __future__ import annotations

import math

from axec.dialects import dtypes
from axec.dialects.axe import composite as ops
from axec.dialects.axe.rules import show
from axec.dialects.types import Shape
from axec.lang import core, create, static
from axec.lang.contract import avg_pool, conv, max_pool
from axec.lang.core import ArrayLike, apply, as_tensor, cast, need_float, promote
from axec.lang.elementwise import sigmoid, tanh
from axec.lang.errors import error
from axec.lang.tensor import Tensor

__all__ = [
    "avg_pool",
    "conv",
    "gelu",
    "layer_norm",
    "log_softmax",
    "max_pool",
    "relu",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "softmax",
    "tanh",
]


def relu(x: ArrayLike, /) -> Tensor:
    """max(x, 0); NaN stays NaN."""
    return apply(ops.relu, as_tensor(x))


def silu(x: ArrayLike, /) -> Tensor:
    """x * sigmoid(x), also called swish."""
    return apply(ops.silu, as_tensor(x))


def gelu(x: ArrayLike, /, *, approximate: bool = False) -> Tensor:
    """x * Phi(x) with the normal distribution Phi, exact (erf) or `approximate` (tanh).
    Source: arXiv 1606.08415."""
    return apply(ops.gelu, as_tensor(x), approximate=static.flag("approximate", approximate))


def softmax(x: ArrayLike, /, *, axis: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along an axis, without overflow."""
    t = need_float("softmax", as_tensor(x))
    return apply(ops.softmax, t, axis=static.axis("softmax", axis, t.ndim))


def log_softmax(x: ArrayLike, /, *, axis: int = -1) -> Tensor:
    """log(softmax(x)) along an axis, without loss of precision."""
    t = need_float("log_softmax", as_tensor(x))
    return apply(ops.log_softmax, t, axis=static.axis("log_softmax", axis, t.ndim))


def layer_norm(
    x: ArrayLike,
    /,
    scale: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * scale + bias over the last axis; x [..., D], scale and bias
    [D] (1 and 0 when left out). Source: arXiv 1607.06450."""
    t = need_float("layer_norm", as_tensor(x))
    weight, shift = _last("layer_norm", t, scale, 1), _last("layer_norm", t, bias, 0)
    return apply(
        ops.layer_norm, *promote("layer_norm", t, weight, shift), eps=static.real("eps", eps)
    )


def rms_norm(x: ArrayLike, /, scale: ArrayLike | None = None, *, eps: float = 1e-5) -> Tensor:
    """x / sqrt(mean(x**2) + eps) * scale over the last axis; x [..., D], scale [D] (1 when left
    out). Source: arXiv 1910.07467."""
    t = need_float("rms_norm", as_tensor(x))
    weight = _last("rms_norm", t, scale, 1)
    return apply(ops.rms_norm, *promote("rms_norm", t, weight), eps=static.real("eps", eps))


def _last(name: str, x: Tensor, weight: ArrayLike | None, default: float) -> Tensor:
    """A vector along the last axis of x."""
    if x.ndim == 0:
        raise error("axis-range", f"{name}: needs an axis, this array has shape ()")
    if weight is None:
        return create.full(x.type.shape[-1:], default, dtype=x.dtype)
    found = as_tensor(weight)
    if found.type.shape != x.type.shape[-1:]:
        raise error(
            "shape-mismatch",
            f"{name}: x {show(x.type.shape)} needs weights of shape {show(x.type.shape[-1:])}, "
            f"got {show(found.type.shape)}",
        )
    return found


def scaled_dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    /,
    mask: ArrayLike | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """softmax(query @ key.mT * scale + mask) @ value. Source: arXiv 1706.03762, equation 1.

    query [..., S, D], key and value [..., T, D]; leading axes (batch, heads) broadcast. `mask`
    broadcasts to [..., S, T]: bool (True = attend) or added. `causal` lets position s see t <= s.
    `scale` is 1/sqrt(D) by default.
    """
    name = "scaled_dot_product_attention"
    q, k, v = promote(name, query, key, value)
    need_float(name, q)
    lead = _leading(name, q.type.shape, k.type.shape, v.type.shape)
    q, k, v = (core.stretch(t, (*lead, *t.type.shape[-2:])) for t in (q, k, v))
    masks = [] if mask is None else [_mask(name, as_tensor(mask), q, k)]
    depth = q.type.shape[-1]
    if scale is None:
        if not isinstance(depth, int):
            raise error(
                "dim-value", f"{name}: 1/sqrt({depth}) needs a number", hint="give `scale=`"
            )
        scale = 1 / math.sqrt(depth)
    return apply(
        ops.attention,
        q,
        k,
        v,
        *masks,
        causal=static.flag("causal", causal),
        scale=static.real("scale", scale),
    )


def _leading(name: str, q: Shape, k: Shape, v: Shape) -> Shape:
    """The common leading axes of operands that fit each other."""
    if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise error(
            "shape-mismatch",
            f"{name}: query {show(q)}, key {show(k)} and value {show(v)} must be [..., S, D], "
            "[..., T, D] and [..., T, E]",
            hint="query and key agree in their last size, key and value in their second-last",
        )
    lead = core.common_shape(name, q[:-2], k[:-2])
    return core.common_shape(name, lead, v[:-2])


def _mask(name: str, mask: Tensor, q: Tensor, k: Tensor) -> Tensor:
    shape = (*q.type.shape[:-1], k.type.shape[-2])
    if mask.dtype is not dtypes.bool_:
        mask = cast(promote(name, q, mask)[1], q.dtype)
    if core.common_shape(name, mask.type.shape, shape) != shape:
        raise error(
            "shape-mismatch",
            f"{name}: a mask of shape {show(mask.type.shape)} does not broadcast to {show(shape)}",
        )
    return core.stretch(mask, shape)
