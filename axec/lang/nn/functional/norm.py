"""Normalisations. Statistics of f16 and bf16 are taken in f32."""

from __future__ import annotations

from axec.dialects import dims, dtypes
from axec.dialects.axe import composite as ops
from axec.dialects.axe.rules import show
from axec.lang.arrays import core, create, static
from axec.lang.arrays.arrange import reshape
from axec.lang.arrays.core import ArrayLike, as_tensor, need_float, promote
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.elementwise import rsqrt
from axec.lang.arrays.reduce import mean
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.sizes import divide

__all__ = ["batch_norm", "group_norm", "layer_norm", "rms_norm"]


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
    scale = as_tensor(weight)
    if scale.type.shape != x.type.shape[-1:]:
        raise error(
            "shape-mismatch",
            f"{name}: x {show(x.type.shape)} needs weights of shape {show(x.type.shape[-1:])}, "
            f"got {show(scale.type.shape)}",
        )
    return scale


def batch_norm(
    x: ArrayLike,
    running_mean: ArrayLike,
    running_var: ArrayLike,
    /,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    train: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    """(y, new running mean, new running variance) of x [N, C, spatial...], channel by channel:
    y = (x - mean) / sqrt(var + eps) * weight + bias; everything else is [C].

    With `train`, mean and var are those of x, and the running ones move by `momentum` towards them
    (the variance without bias, n / (n - 1) of it); otherwise y is made with the running ones, which
    come back as they are. Source: arXiv 1502.03167, algorithms 1 and 2.
    """
    t = _channelled("batch_norm", x)
    wide = cast(t, dtypes.f32) if t.dtype.size == 2 else t
    old_mean, old_var = (_channels("batch_norm", t, v) for v in (running_mean, running_var))
    if static.flag("train", train):
        axes = (0, *range(2, t.ndim))
        centre = mean(wide, axis=axes)
        apart = wide - _along(centre, t)
        spread = mean(apart * apart, axis=axes)
        rate = static.real("momentum", momentum)
        unbiased = spread * _bessel(wide, axes)
        new = old_mean + rate * (centre - old_mean), old_var + rate * (unbiased - old_var)
    else:
        apart, spread, new = wide - _along(old_mean, t), old_var, (old_mean, old_var)
    scale = rsqrt(spread + static.real("eps", eps))
    if weight is not None:
        scale = scale * _channels("batch_norm", t, weight)
    y = apart * _along(scale, t)
    if bias is not None:
        y = y + _along(_channels("batch_norm", t, bias), t)
    return cast(y, t.dtype), *new


def _bessel(x: Tensor, axes: tuple[int, ...]) -> float | Tensor:
    """n / (n - 1) for the number of elements along the axes."""
    n = dims.product(x.shape[a] for a in axes)
    if not isinstance(n, int):
        count = core.scalar(n, x.dtype)
        return count / (count - 1)
    if n < 2:
        raise error(
            "shape-mismatch",
            f"batch_norm: x {show(x.type.shape)} has one value per channel, which has no variance",
            hint="train on more than one example at a time",
        )
    return n / (n - 1)


def group_norm(
    x: ArrayLike,
    num_groups: int,
    /,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> Tensor:
    """x [N, C, spatial...] normalised over each of `num_groups` groups of channels, then
    * weight + bias, both [C]. Source: arXiv 1803.08494."""
    t = _channelled("group_norm", x)
    groups = static.integer("num_groups", num_groups)
    if groups < 1 or divide(t.type.shape[1], groups) is None:
        raise error(
            "bad-attribute",
            f"group_norm: {t.type.shape[1]} channels are no multiple of {groups} groups",
        )
    parts = reshape(t, (t.type.shape[0], groups, -1))
    y = reshape(layer_norm(parts, eps=eps), t.type.shape)
    if weight is not None:
        y = y * _along(_channels("group_norm", t, weight), t)
    return y if bias is None else y + _along(_channels("group_norm", t, bias), t)


def _channelled(name: str, x: ArrayLike) -> Tensor:
    t = need_float(name, as_tensor(x))
    if t.ndim < 2:
        raise error(
            "axis-range", f"{name}: x is [N, C, spatial...], this array is {show(t.type.shape)}"
        )
    return t


def _channels(name: str, x: Tensor, value: ArrayLike) -> Tensor:
    """A vector with one element per channel of x."""
    numbers = as_tensor(value)
    if numbers.type.shape != x.type.shape[1:2]:
        raise error(
            "shape-mismatch",
            f"{name}: x {show(x.type.shape)} needs vectors of shape {show(x.type.shape[1:2])}, "
            f"got {show(numbers.type.shape)}",
        )
    return numbers


def _along(vector: Tensor, x: Tensor) -> Tensor:
    """A vector of channels as it broadcasts to x."""
    return reshape(vector, (vector.type.shape[0], *(1,) * (x.ndim - 2)))
