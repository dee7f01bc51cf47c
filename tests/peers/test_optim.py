"""Fifty steps of optimisers and schedules against torch.optim, on one model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

import axec as axe

nn, optim, schedules = axe.nn, axe.optim, axe.optim.schedules
RNG = np.random.default_rng(2)
X = RNG.standard_normal((16, 6), np.float32)
Y = RNG.integers(0, 4, 16)
MODEL = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4))
STEPS = 50

OPTIMISERS: dict[str, tuple[Any, Any]] = {
    "sgd": (lambda p: torch.optim.SGD(p, 0.1), optim.sgd(0.1)),
    "sgd, momentum": (
        lambda p: torch.optim.SGD(p, 0.05, 0.9, dampening=0.3, weight_decay=0.01),
        optim.sgd(0.05, momentum=0.9, dampening=0.3, weight_decay=0.01),
    ),
    "sgd, nesterov": (
        lambda p: torch.optim.SGD(p, 0.05, 0.9, nesterov=True),
        optim.sgd(0.05, momentum=0.9, nesterov=True),
    ),
    "adam": (lambda p: torch.optim.Adam(p, 0.01), optim.adam(0.01)),
    "adam, decay": (
        lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1), optim.adam(0.01, weight_decay=0.1),
    ),
    "amsgrad": (lambda p: torch.optim.Adam(p, 0.01, amsgrad=True), optim.amsgrad(0.01)),
    "adamw": (
        lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1), optim.adamw(0.01, weight_decay=0.1),
    ),
    "rmsprop": (lambda p: torch.optim.RMSprop(p, 0.01), optim.rmsprop(0.01)),
    "rmsprop, momentum, centred": (
        lambda p: torch.optim.RMSprop(p, 0.005, momentum=0.5, centered=True, weight_decay=0.01),
        optim.rmsprop(0.005, momentum=0.5, centered=True, weight_decay=0.01),
    ),
    "adagrad": (
        lambda p: torch.optim.Adagrad(
            p, 0.1, lr_decay=0.1, initial_accumulator_value=0.1, weight_decay=0.01
        ),
        optim.adagrad(0.1, decay=0.1, initial=0.1, weight_decay=0.01),
    ),
    "adafactor": (
        lambda p: torch.optim.Adafactor(p, 0.02, weight_decay=0.01),
        optim.adafactor(0.02, weight_decay=0.01),
    ),
}  # fmt: skip


def reference(params: Any) -> Any:
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4))
    names = zip(axe.tree.paths(params), axe.tree.leaves(params), strict=True)
    model.load_state_dict({name: torch.tensor(leaf) for name, leaf in names})
    return model


def train(tx: Any, params: Any) -> Any:
    """STEPS compiled steps."""
    state = tx.init(params)

    def step(params: Any, state: Any) -> Any:
        grads = axe.grad(lambda p: nn.cross_entropy(MODEL(p, X), Y))(params)
        updates, state = tx.update(grads, state, params)
        return optim.apply_updates(params, updates), state

    program = axe.compile(step, axe.spec_like(params), axe.spec_like(state)).load()
    for _ in range(STEPS):
        params, state = program(params, state)
    return params


def compare(close: Any, found: Any, model: Any) -> None:
    wanted = model.state_dict()
    for path, leaf in zip(axe.tree.paths(found), axe.tree.leaves(found), strict=True):
        close(leaf, wanted[path], path)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers(close: Any, name: str) -> None:
    make, tx = OPTIMISERS[name]
    params = MODEL.init(0)
    model = reference(params)
    optimiser = make(model.parameters())
    for _ in range(STEPS):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(torch.tensor(X)), torch.tensor(Y)).backward()
        optimiser.step()
    compare(close, train(tx, params), model)


@pytest.mark.parametrize("most", [0.05, 10.0])
def test_clipping_and_a_schedule(close: Any, most: float) -> None:
    params = MODEL.init(0)
    model = reference(params)
    optimiser = torch.optim.SGD(model.parameters(), 0.2, 0.9)
    scheduler = lr_scheduler.CosineAnnealingLR(optimiser, 60, 0.01)
    for _ in range(STEPS):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(torch.tensor(X)), torch.tensor(Y)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), most)
        optimiser.step()
        scheduler.step()
    rate = schedules.cosine(0.2, 60, 0.01)
    tx = optim.chain(optim.clip_by_global_norm(most), optim.sgd(rate, momentum=0.9))
    compare(close, train(tx, params), model)


SCHEDULES: dict[str, tuple[Any, Any]] = {
    "step": (lambda o: lr_scheduler.StepLR(o, 7, 0.5), schedules.step(0.3, 7, 0.5)),
    "multistep": (
        lambda o: lr_scheduler.MultiStepLR(o, [5, 20], 0.1), schedules.multistep(0.3, [5, 20], 0.1),
    ),
    "exponential": (
        lambda o: lr_scheduler.ExponentialLR(o, 0.95), schedules.exponential(0.3, 0.95),
    ),
    "cosine": (
        lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, 0.01),
        schedules.cosine(0.3, STEPS, 0.01),
    ),
    "one cycle": (
        lambda o: lr_scheduler.OneCycleLR(o, 0.3, STEPS, cycle_momentum=False),
        schedules.one_cycle(0.3, STEPS),
    ),
    "warm-up": (
        lambda o: lr_scheduler.LinearLR(o, 0.25, 1.0, 10), schedules.warm_up(0.3, 10, 0.25),
    ),
    "join": (
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.1, 1.0, 9), lr_scheduler.ExponentialLR(o, 0.9)], [9]
        ),
        schedules.join([schedules.warm_up(0.3, 9, 0.1), schedules.exponential(0.3, 0.9)], [9]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name: str) -> None:
    make, ours = SCHEDULES[name]
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.3)
    scheduler = make(optimiser)
    for k in range(STEPS):
        # 1e-8: one cycle ends 4e-7 above zero, after a difference of numbers near 0.3.
        np.testing.assert_allclose(
            ours(np.int32(k)), optimiser.param_groups[0]["lr"], rtol=1e-5, atol=3e-8, err_msg=str(k)
        )
        optimiser.step()
        scheduler.step()


@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau(mode: str) -> None:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimiser, mode, 0.5, patience=2, cooldown=3, min_lr=0.1
    )
    tracker = schedules.plateau(0.5, patience=2, cooldown=3, least=0.1, mode=mode)
    state = tracker.init()
    for metric in np.round(RNG.uniform(1, 3, 60), 2).astype(np.float32):
        state = tracker.update(state, metric)
        scheduler.step(float(metric))
        assert float(state["scale"]) == pytest.approx(optimiser.param_groups[0]["lr"])
