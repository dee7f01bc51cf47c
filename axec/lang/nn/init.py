"""Initial values of parameters: NumPy arrays, float32 unless `dtype` says otherwise. `rng` is a
seed or a NumPy generator; equal seeds give equal arrays.

Weights are [out, in, window...]: fan_in is in * window, fan_out is out * window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from axec.lang.errors import did_you_mean, error
from axec.lang.spec import as_dtype, float32

__all__ = [
    "constant", "diag", "eye", "gain", "kaiming_normal", "kaiming_uniform", "normal", "ones",
    "orthogonal", "sparse", "truncated_normal", "uniform", "xavier_normal", "xavier_uniform",
    "zeros",
]  # fmt: skip

Array = np.ndarray[Any, Any]
Rng = int | np.random.Generator
Sizes = Sequence[int]


def zeros(shape: Sizes, *, dtype: Any = float32) -> Array:
    """All 0."""
    return np.zeros(shape, as_dtype(dtype).numpy)


def ones(shape: Sizes, *, dtype: Any = float32) -> Array:
    """All 1."""
    return np.ones(shape, as_dtype(dtype).numpy)


def constant(value: float, shape: Sizes, *, dtype: Any = float32) -> Array:
    """All `value`."""
    return np.full(shape, value, as_dtype(dtype).numpy)


def eye(shape: Sizes, *, dtype: Any = float32) -> Array:
    """A matrix with 1 on its diagonal."""
    rows, columns = _matrix("eye", shape)
    return np.eye(rows, columns, dtype=as_dtype(dtype).numpy)


def diag(values: Any, *, dtype: Any = float32) -> Array:
    """A square matrix with these values on its diagonal."""
    diagonal = np.asarray(values)
    if diagonal.ndim != 1:
        raise error("bad-attribute", f"diag: the values have one axis, got shape {diagonal.shape}")
    return np.diag(diagonal).astype(as_dtype(dtype).numpy)


def sparse(
    rng: Rng, shape: Sizes, sparsity: float, std: float = 0.01, *, dtype: Any = float32
) -> Array:
    """A normal matrix where of each column the part `sparsity`, rounded up, is 0. Source: Martens,
    ICML 2010, section 5."""
    rows, columns = _matrix("sparse", shape)
    if not 0 <= sparsity <= 1:
        raise error("bad-attribute", f"sparse: a part is from 0 to 1, got {sparsity}")
    source = np.random.default_rng(rng)
    weights = source.normal(0.0, std, (rows, columns))
    order = source.permuted(np.tile(np.arange(rows)[:, None], (1, columns)), axis=0)
    weights[order < math.ceil(sparsity * rows)] = 0
    return weights.astype(as_dtype(dtype).numpy)


def uniform(
    rng: Rng, shape: Sizes, low: float = 0.0, high: float = 1.0, *, dtype: Any = float32
) -> Array:
    """Uniform in [low, high)."""
    return np.random.default_rng(rng).uniform(low, high, shape).astype(as_dtype(dtype).numpy)


def normal(
    rng: Rng, shape: Sizes, mean: float = 0.0, std: float = 1.0, *, dtype: Any = float32
) -> Array:
    """Normal with this mean and standard deviation."""
    return np.random.default_rng(rng).normal(mean, std, shape).astype(as_dtype(dtype).numpy)


def truncated_normal(
    rng: Rng,
    shape: Sizes,
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    *,
    dtype: Any = float32,
) -> Array:
    """Normal, given that it is in [low, high] (drawn again where it is not)."""
    if not (std > 0 and low < high and low < mean + 4 * std and high > mean - 4 * std):
        raise error("bad-attribute", f"truncated_normal: [{low}, {high}] is too far from {mean}")
    source = np.random.default_rng(rng)
    draws = source.normal(mean, std, shape)
    while (outside := (draws < low) | (draws > high)).any():
        draws[outside] = source.normal(mean, std, np.count_nonzero(outside))
    return draws.astype(as_dtype(dtype).numpy)


def xavier_uniform(rng: Rng, shape: Sizes, gain: float = 1.0, *, dtype: Any = float32) -> Array:
    """Uniform with std = gain * sqrt(2 / (fan_in + fan_out)). Source: Glorot and Bengio,
    AISTATS 2010, equation 16."""
    bound = gain * math.sqrt(6 / sum(_fans(shape)))
    return uniform(rng, shape, -bound, bound, dtype=dtype)


def xavier_normal(rng: Rng, shape: Sizes, gain: float = 1.0, *, dtype: Any = float32) -> Array:
    """Normal with std = gain * sqrt(2 / (fan_in + fan_out)). Source: as xavier_uniform."""
    return normal(rng, shape, 0.0, gain * math.sqrt(2 / sum(_fans(shape))), dtype=dtype)


def kaiming_uniform(
    rng: Rng,
    shape: Sizes,
    a: float = 0.0,
    *,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    dtype: Any = float32,
) -> Array:
    """Uniform with std = gain(nonlinearity, a) / sqrt(fan). Source: arXiv 1502.01852, equation
    14."""
    bound = math.sqrt(3) * _kaiming(shape, a, mode, nonlinearity)
    return uniform(rng, shape, -bound, bound, dtype=dtype)


def kaiming_normal(
    rng: Rng,
    shape: Sizes,
    a: float = 0.0,
    *,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    dtype: Any = float32,
) -> Array:
    """Normal with std = gain(nonlinearity, a) / sqrt(fan). Source: as kaiming_uniform."""
    return normal(rng, shape, 0.0, _kaiming(shape, a, mode, nonlinearity), dtype=dtype)


def _kaiming(shape: Sizes, a: float, mode: str, nonlinearity: str) -> float:
    fans = dict(zip(("fan_in", "fan_out"), _fans(shape), strict=True))
    if mode not in fans:
        raise error("bad-attribute", f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return gain(nonlinearity, a) / math.sqrt(fans[mode])


def orthogonal(rng: Rng, shape: Sizes, gain: float = 1.0, *, dtype: Any = float32) -> Array:
    """A [out, in * window] matrix whose rows (or columns, if they are fewer) are orthogonal and of
    length `gain`, uniform among all such. Source: arXiv 1312.6120; Mezzadri, Notices of the AMS 54
    (2007), for the signs."""
    rows, columns = _matrix("orthogonal", (shape[0], math.prod(shape[1:])) if shape else shape)
    tall = np.random.default_rng(rng).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    basis = q if rows >= columns else q.T
    return (gain * basis).reshape(shape).astype(as_dtype(dtype).numpy)


_GAINS = {
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def gain(nonlinearity: str, a: float = 0.01) -> float:
    """What an activation makes of the standard deviation, inverted; `a` is leaky_relu's slope."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + a * a))
    if nonlinearity not in _GAINS:
        known = [*_GAINS, "leaky_relu"]
        raise error(
            "bad-attribute",
            f"there is no gain of {nonlinearity!r}",
            hint=did_you_mean(nonlinearity, known),
        )
    return _GAINS[nonlinearity]


def _fans(shape: Sizes) -> tuple[int, int]:
    if len(shape) < 2:
        raise error(
            "bad-attribute", f"a weight of shape {tuple(shape)} has no fan: it needs 2 axes"
        )
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def _matrix(name: str, shape: Sizes) -> tuple[int, int]:
    if len(shape) != 2:
        raise error("bad-attribute", f"{name}: a matrix has two sizes, got {tuple(shape)}")
    return shape[0], shape[1]
