"""Dropout, as functions of an explicit key."""

from __future__ import annotations

from axec.dialects.axe.rules import show
from axec.dialects.dims import Size
from axec.lang.arrays import random, static
from axec.lang.arrays.core import ArrayLike, as_tensor, need_float
from axec.lang.arrays.elementwise import where
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error

__all__ = ["alpha_dropout", "dropout", "dropout2d"]


def dropout(x: ArrayLike, p: float = 0.5, /, *, key: ArrayLike) -> Tensor:
    """Each element 0 with probability p, otherwise x / (1 - p). Source: JMLR 15 (2014), 1929."""
    t = need_float("dropout", as_tensor(x))
    return _dropped(t, t.shape, p, key)


def dropout2d(x: ArrayLike, p: float = 0.5, /, *, key: ArrayLike) -> Tensor:
    """x [N, C, spatial...] with whole channels of an example dropped. Source: arXiv 1411.4280."""
    t = need_float("dropout2d", as_tensor(x))
    if t.ndim < 2:
        raise error("axis-range", f"dropout2d: x is [N, C, ...], this is {show(t.type.shape)}")
    return _dropped(t, (*t.shape[:2], *(1,) * (t.ndim - 2)), p, key)


def _dropped(x: Tensor, shape: tuple[Size, ...], p: float, key: ArrayLike) -> Tensor:
    rate = _probability(p)
    if rate in (0, 1):
        return x * (1 - rate)
    return where(random.bernoulli(key, 1 - rate, shape), x / (1 - rate), 0.0)


_SATURATION = -1.7580993408473766  # selu's value far to the left: -scale * alpha


def alpha_dropout(x: ArrayLike, p: float = 0.5, /, *, key: ArrayLike) -> Tensor:
    """Dropout to selu's saturation value, then scaled and shifted so that mean 0 and variance 1
    stay. Source: arXiv 1706.02515, section "Dropout"."""
    t = need_float("alpha_dropout", as_tensor(x))
    rate = _probability(p)
    if rate in (0, 1):
        return t * (1 - rate)
    keep = 1 - rate
    scale: float = (keep + _SATURATION**2 * keep * rate) ** -0.5
    kept = where(random.bernoulli(key, keep, t.shape), t, _SATURATION)
    shift: float = -scale * _SATURATION * rate
    return kept * scale + shift


def _probability(p: float) -> float:
    found = static.real("p", p)
    if not 0 <= found <= 1:
        raise error("bad-attribute", f"a probability is from 0 to 1, got {p}")
    return found
