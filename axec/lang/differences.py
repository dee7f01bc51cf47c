"""Derivatives as differences of values: what rules are held to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def central_difference(
    f: Callable[..., Sequence[Any]], xs: Sequence[Any], ts: Sequence[Any], step: float = 1e-6
) -> list[Any]:
    """The directional derivative of f, a function of arrays with several results, at xs along ts
    (None: no change): (f(x + step t) - f(x - step t)) / (2 step)."""
    with np.errstate(all="ignore"):
        sides = [
            f(*(x if t is None else np.asarray(x + s * t) for x, t in zip(xs, ts, strict=True)))
            for s in (step, -step)
        ]
        return [(a - b) / (2 * step) for a, b in zip(*sides, strict=True)]
