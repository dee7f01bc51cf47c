"""Schedules: values at steps, inside a program and outside."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import axec as axe

optim, schedules = axe.optim, axe.optim.schedules


def half_cosine(a: float, b: float, part: float) -> float:
    return b + (a - b) * (1 + math.cos(math.pi * part)) / 2


def one_cycle(k: int) -> float:
    if k <= 2:
        return half_cosine(0.04, 1, k / 2)
    return half_cosine(1, 0.04 / 1e4, min((k - 2) / 7, 1))


SCHEDULES: dict[str, tuple[Any, Any]] = {
    "constant": (schedules.constant(0.3), lambda k: 0.3),
    "linear": (schedules.linear(1, 3, 4), lambda k: min(1 + k / 2, 3)),
    "step": (schedules.step(2, 3, 0.5), lambda k: 2 * 0.5 ** (k // 3)),
    "multistep": (schedules.multistep(1, [2, 5], 0.1), lambda k: 0.1 ** ((k >= 2) + (k >= 5))),
    "exponential": (schedules.exponential(2, 0.9), lambda k: 2 * 0.9**k),
    "cosine": (schedules.cosine(2, 8, 0.5), lambda k: half_cosine(2, 0.5, min(k / 8, 1))),
    "one cycle": (schedules.one_cycle(1, 10), one_cycle),
    "warm-up": (schedules.warm_up(0.5, 4), lambda k: 0.5 * min(k / 4, 1)),
    "warm-up of cosine": (
        schedules.warm_up(schedules.cosine(1, 10), 5, 0.2),
        lambda k: min(0.2 + 0.8 * k / 5, 1) * half_cosine(1, 0, min(k / 10, 1)),
    ),
    "join": (
        schedules.join([schedules.linear(0, 1, 3), 1.0, schedules.exponential(1, 0.5)], [3, 6]),
        lambda k: k / 3 if k < 3 else 1 if k < 6 else 0.5 ** (k - 6),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name: str) -> None:
    schedule, expected = SCHEDULES[name]
    program = axe.compile(lambda k: schedule(k), axe.spec((), axe.int32)).load()
    for k in range(14):
        for found in (schedule(np.int32(k)), program(np.int32(k))):
            assert found.dtype in (axe.float32, np.float32)
            np.testing.assert_allclose(found, expected(k), rtol=2e-6, atol=1e-7, err_msg=str(k))


def test_an_optimiser_counts_for_its_schedule() -> None:
    tx = optim.sgd(schedules.step(1.0, 2, 0.1))
    params = np.zeros(2, np.float32)
    state, sizes = tx.init(params), []
    for _ in range(5):
        updates, state = tx.update(np.ones(2, np.float32), state, params)
        sizes.append(float(updates[0]))
    np.testing.assert_allclose(sizes, [-1, -1, -0.1, -0.1, -0.01], rtol=1e-6)
    assert int(state[-1]["count"]) == 5


@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau(mode: str) -> None:
    tracker = optim.schedules.plateau(0.5, patience=1, cooldown=2, least=0.2, mode=mode)
    values = [5, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3]
    scales = [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2]
    update = axe.compile(
        lambda s, m: tracker.update(s, m), axe.spec_like(tracker.init()), axe.spec(())
    ).load()
    state, found = tracker.init(), []
    for metric in values if mode == "min" else [10 - v for v in values]:
        state = update(state, np.float32(metric))
        found.append(float(state["scale"]))
    assert found == pytest.approx(scales)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: schedules.step(1, 0),
        lambda: schedules.cosine(1, 0),
        lambda: schedules.one_cycle(1, 10, rise=1.0),
        lambda: schedules.join([1.0, 2.0], [5, 3]),
        lambda: schedules.plateau(mode="least"),
    ],
)
def test_errors(wrong: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        wrong()
    assert caught.value.code == "bad-attribute"
