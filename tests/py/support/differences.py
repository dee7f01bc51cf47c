"""Gradients against central differences, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import axec as axe

Array = np.ndarray[Any, Any]


def check_gradients(fn: Callable[..., Any], *given: Any, step: float = 1e-6) -> None:
    """The gradients of a weighted sum over fn's result, with respect to every floating point
    argument, are what differences say. Weights tell elements apart that a plain sum would mix."""
    args = [np.asarray(a, np.float64) if np.asarray(a).dtype.kind == "f" else a for a in given]
    weights = np.cos(np.arange(np.asarray(fn(*args)).size)).reshape(np.shape(fn(*args)))

    def value(*arrays: Any) -> Any:
        return (fn(*arrays) * weights).sum()

    floats = [i for i, a in enumerate(args) if np.asarray(a).dtype.kind == "f"]
    found = axe.grad(value, floats)(*args)
    for i, gradient in zip(floats, found, strict=True):
        np.testing.assert_allclose(
            gradient, _differences(value, args, i, step), rtol=1e-5, atol=1e-7, err_msg=f"arg {i}"
        )


def _differences(value: Callable[..., Any], args: list[Any], i: int, step: float) -> Array:
    found = np.empty_like(args[i])
    for place in np.ndindex(found.shape):
        ends = []
        for sign in (1, -1):
            moved = args[i].copy()
            moved[place] += sign * step
            ends.append(float(value(*args[:i], moved, *args[i + 1 :])))
        found[place] = (ends[0] - ends[1]) / (2 * step)
    return found
