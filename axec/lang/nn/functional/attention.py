"""Attention, and rotary positions."""

from __future__ import annotations

import math

import numpy as np

from axec.dialects import dtypes
from axec.dialects.axe import attention as ops
from axec.dialects.axe.rules import show
from axec.dialects.types import Shape
from axec.lang.arrays import core, static
from axec.lang.arrays.arrange import concat, expand_dims, split
from axec.lang.arrays.core import ArrayLike, as_tensor, need_float, promote
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.elementwise import cos, sin
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error

__all__ = ["rotary", "scaled_dot_product_attention"]


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


def rotary(x: ArrayLike, positions: ArrayLike, /, *, base: float = 10000.0) -> Tensor:
    """x [..., S, D] turned by its positions [S] (or [..., S]): the pair (x[i], x[i + D/2]) by the
    angle position * base ** (-2 i / D). Source: arXiv 2104.09864; halves as in GPT-NeoX."""
    t = need_float("rotary", as_tensor(x))
    depth = t.type.shape[-1] if t.ndim > 1 else 1
    if not isinstance(depth, int) or depth % 2:
        raise error("shape-mismatch", f"rotary: x {show(t.type.shape)} must be [..., S, even D]")
    exponents = np.arange(0, depth, 2) / depth
    frequencies = (static.real("base", base) ** -exponents).astype(np.float32)
    angles = expand_dims(cast(as_tensor(positions), dtypes.f32), -1) * frequencies
    c, s = cast(cos(angles), t.dtype), cast(sin(angles), t.dtype)
    a, b = split(t, 2, axis=-1)
    return concat([a * c - b * s, b * c + a * s], axis=-1)
