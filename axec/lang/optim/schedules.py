"""Learning rates over time: functions of a step, an int32 scalar from 0, that give a float32
scalar. They run inside the program: `axe.optim.adam(schedules.cosine(3e-4, 1000))`.

Values are those of torch.optim.lr_scheduler after as many `.step()` calls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from axec.lang.arrays import static
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.elementwise import clip, cos, floor, maximum, where
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.optim.base import Rate, Schedule, Tree, at

__all__ = [
    "Plateau", "constant", "cosine", "exponential", "join", "linear", "multistep", "one_cycle",
    "plateau", "step", "warm_up",
]  # fmt: skip


def _steps(count: Any) -> Tensor:
    return as_tensor(count).astype("float32")


def _need(name: str, value: int) -> int:
    count = static.integer(name, value)
    if count < 1:
        raise error("bad-attribute", f"{name} must be 1 or more, got {value}")
    return count


def constant(value: float) -> Schedule:
    """The same at every step."""
    return lambda count: _steps(count) * 0 + value


def linear(start: float, end: float, steps: int) -> Schedule:
    """From start to end in `steps` steps, then end."""
    n = _need("steps", steps)
    return lambda count: start + (end - start) * clip(_steps(count) / n, 0.0, 1.0)


def step(start: float, every: int, gamma: float = 0.1) -> Schedule:
    """start * gamma ** (count // every)."""
    n = _need("every", every)
    return lambda count: start * gamma ** floor(_steps(count) / n)


def multistep(start: float, milestones: Sequence[int], gamma: float = 0.1) -> Schedule:
    """start, times gamma for each milestone that was reached."""
    marks = static.integers("milestones", milestones)

    def rate(count: Any) -> Tensor:
        rate_now = _steps(count) * 0 + start
        for mark in marks:
            rate_now = where(as_tensor(count) >= mark, rate_now * gamma, rate_now)
        return rate_now

    return rate


def exponential(start: float, gamma: float) -> Schedule:
    """start * gamma ** count."""
    return lambda count: start * gamma ** _steps(count)


def cosine(start: float, steps: int, end: float = 0.0) -> Schedule:
    """From start to end along half a cosine in `steps` steps, then end. Source: arXiv 1608.03983,
    equation 5."""
    n = _need("steps", steps)
    return lambda count: _cosine(start, end, clip(_steps(count) / n, 0.0, 1.0))


def _cosine(start: float, end: float, part: Tensor) -> Tensor:
    return end + (start - end) / 2 * (1 + cos(part * math.pi))


def one_cycle(
    peak: float,
    steps: int,
    *,
    rise: float = 0.3,
    start_divisor: float = 25.0,
    end_divisor: float = 1e4,
) -> Schedule:
    """peak / start_divisor up to the peak in the first `rise` of the steps, then down to the start
    / end_divisor, each along half a cosine. Source: arXiv 1708.07120."""
    n = _need("steps", steps)
    top, start = rise * n - 1, peak / start_divisor
    if not 0 < top < n - 1:
        raise error("bad-attribute", f"one_cycle: {rise} of {n} steps leave no way up or down")

    def rate(count: Any) -> Tensor:
        now = _steps(count)
        up = _cosine(start, peak, now / top)
        down = _cosine(peak, start / end_divisor, clip((now - top) / (n - 1 - top), 0.0, 1.0))
        return where(now <= top, up, down)

    return rate


def warm_up(rate: Rate, steps: int, start: float = 0.0) -> Schedule:
    """`rate` times a factor that goes from `start` to 1 in `steps` steps."""
    factor = linear(start, 1.0, steps)
    return lambda count: factor(count) * at(rate, as_tensor(count))


def join(schedules: Sequence[Rate], boundaries: Sequence[int]) -> Schedule:
    """One schedule after another: each counts from its boundary."""
    marks = static.integers("boundaries", boundaries)
    if len(schedules) != len(marks) + 1 or list(marks) != sorted(marks):
        raise error(
            "bad-attribute",
            f"join: {len(schedules)} schedules need {len(schedules) - 1} rising boundaries, got "
            f"{list(marks)}",
        )

    def rate(count: Any) -> Tensor:
        now = as_tensor(count)
        rate_now: Tensor = _steps(now) * 0 + at(schedules[0], now)
        for mark, schedule in zip(marks, schedules[1:], strict=True):
            rate_now = where(now >= mark, at(schedule, maximum(now - mark, 0)), rate_now)
        return rate_now

    return rate


class Plateau(NamedTuple):
    """`init()` gives the state, `update(state, metric)` the next; `state["scale"]` is the factor
    for the learning rate."""

    init: Any
    update: Any


def plateau(
    factor: float = 0.1,
    *,
    patience: int = 10,
    threshold: float = 1e-4,
    cooldown: int = 0,
    least: float = 0.0,
    mode: str = "min",
) -> Plateau:
    """A factor that falls when a metric has not become better, by the relative `threshold`, for
    more than `patience` updates in a row; after a fall `cooldown` updates do not count. State:
    best, scale (float32); bad, rest (int32)."""
    if mode not in ("min", "max"):
        raise error("bad-attribute", f"mode must be 'min' or 'max', got {mode!r}")
    way = 1.0 if mode == "min" else -1.0

    def init() -> Tree:
        return {
            "best": np.float32(way * np.inf),
            "scale": np.float32(1),
            "bad": np.int32(0),
            "rest": np.int32(0),
        }

    def update(state: Tree, metric: Any) -> Tree:
        now, best = _steps(metric), as_tensor(state["best"])
        bar = best * (1 - way * threshold)
        better = (now < bar) if mode == "min" else (now > bar)
        resting = as_tensor(state["rest"]) > 0
        bad = where(better | resting, 0, state["bad"] + 1)
        fall = bad > patience
        rest = where(resting, state["rest"] - 1, state["rest"])
        return {
            "best": where(better, now, best),
            "scale": where(fall, maximum(state["scale"] * factor, least), state["scale"]),
            "bad": where(fall, 0, bad),
            "rest": where(fall, cooldown, rest),
        }

    return Plateau(init, update)
