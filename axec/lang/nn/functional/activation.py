"""Activations: pointwise functions, and softmax along an axis. Names and defaults are torch's."""

from __future__ import annotations

from axec.dialects.axe import composite as ops
from axec.lang.arrays import static
from axec.lang.arrays.core import ArrayLike, as_tensor, need_float
from axec.lang.arrays.dispatch import apply
from axec.lang.arrays.elementwise import clip, exp, expm1, log1p, maximum, minimum, where
from axec.lang.arrays.tensor import Tensor

__all__ = [
    "elu", "gelu", "hardsigmoid", "hardswish", "identity", "leaky_relu", "log_softmax", "relu",
    "silu", "softmax", "softplus",
]  # fmt: skip


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


def identity(x: ArrayLike, /) -> Tensor:
    """x itself."""
    return as_tensor(x)


def leaky_relu(x: ArrayLike, /, negative_slope: float = 0.01) -> Tensor:
    """x where x >= 0, otherwise negative_slope * x."""
    t = need_float("leaky_relu", as_tensor(x))
    return where(t >= 0, t, t * static.real("negative_slope", negative_slope))


def elu(x: ArrayLike, /, alpha: float = 1.0) -> Tensor:
    """x where x > 0, otherwise alpha * (exp(x) - 1). Source: arXiv 1511.07289."""
    t = need_float("elu", as_tensor(x))
    # The branch that is not taken stays finite, so that its derivative (times 0) is 0.
    return where(t > 0, t, expm1(minimum(t, 0)) * static.real("alpha", alpha))


def softplus(x: ArrayLike, /, beta: float = 1.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta, without overflow."""
    scale = static.real("beta", beta)
    t = need_float("softplus", as_tensor(x)) * scale
    return (maximum(t, 0) + log1p(exp(-abs(t)))) / scale


def hardsigmoid(x: ArrayLike, /) -> Tensor:
    """clip(x / 6 + 1/2, 0, 1). Source: arXiv 1905.02244."""
    t = need_float("hardsigmoid", as_tensor(x))
    return clip(t + 3, 0, 6) / 6


def hardswish(x: ArrayLike, /) -> Tensor:
    """x * hardsigmoid(x). Source: arXiv 1905.02244."""
    t = need_float("hardswish", as_tensor(x))
    return t * hardsigmoid(t)
