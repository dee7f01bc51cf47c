"""What the NumPy references share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.opdef import Array

_NARROW = (dtypes.f16.numpy, dtypes.bf16.numpy)


def wide(fn: Callable[..., Any]) -> Callable[..., Array]:
    """Compute f16/bf16 in f32 and round once at the end, as the back ends do."""

    @functools.wraps(fn)
    def run(*xs: Array, **given: Any) -> Array:
        dtype = xs[0].dtype
        if dtype not in _NARROW:
            return np.asarray(fn(*xs, **given))
        found = np.asarray(fn(*(x.astype(np.float32) for x in xs), **given))
        return found.astype(dtype) if found.dtype == np.float32 else found

    return run


def windows(
    x: Array,
    fill: Any,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> Array:
    """All windows over the last len(size) axes of x, padded with `fill`, as a view of shape
    [leading..., positions..., size...]."""
    n = len(size)
    padded = np.pad(x, [(0, 0)] * (x.ndim - n) + list(padding), constant_values=fill)
    reach = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(padded, reach, tuple(range(x.ndim - n, x.ndim)))
    steps = tuple(slice(None, None, s) for s in (*stride, *dilation))
    return view[(slice(None),) * (x.ndim - n) + steps]
