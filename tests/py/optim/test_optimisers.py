"""Fifty compiled steps of each optimiser against its rule in NumPy, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import axec as axe

nn, optim = axe.nn, axe.optim
Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(4)
PARAMS = {"w": RNG.standard_normal((4, 3), np.float32), "b": RNG.standard_normal(3, np.float32)}
TARGET = {"w": 4 + RNG.standard_normal((4, 3), np.float32), "b": np.float32([-4, -5, 6])}
STEPS = 50


def gradient(p: Any, target: Any) -> Any:
    """Of a valley that is curved near its bottom, which is too far away to be reached."""
    d = p - target
    return d / (1 + d * d) ** 0.5


# Rules: given a parameter, they take a gradient after the other and yield the next value.

Rule = Callable[[Array, Any], Iterator[Array]]


def sgd(rate: float, momentum: float = 0, dampening: float = 0, nesterov: bool = False,
        decay: float = 0) -> Rule:  # fmt: skip
    def run(p: Array, grad: Any) -> Iterator[Array]:
        m = None
        while True:
            g = grad(p) + decay * p
            m = g if m is None else momentum * m + (1 - dampening) * g
            p = p - rate * (g + momentum * m if nesterov else m)
            yield p

    return run


def adam(rate: float, decay: float = 0, decoupled: float = 0, largest: bool = False,
         trust: bool = False, eps: float = 1e-8) -> Rule:  # fmt: skip
    def run(p: Array, grad: Any) -> Iterator[Array]:
        m, v, most, t = 0 * p, 0 * p, 0 * p, 0
        while True:
            g, t = grad(p) + decay * p, t + 1
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            most = np.maximum(most, v)
            size = (most if largest else v) / (1 - 0.999**t)
            u = m / (1 - 0.9**t) / (np.sqrt(size) + eps) + decoupled * p
            if trust:
                u = u * np.linalg.norm(p) / np.linalg.norm(u)
            p = p - rate * u
            yield p

    return run


def rmsprop(rate: float, momentum: float = 0, centered: bool = False) -> Rule:
    def run(p: Array, grad: Any) -> Iterator[Array]:
        v, mean, m = 0 * p, 0 * p, 0 * p
        while True:
            g = grad(p)
            v, mean = 0.99 * v + 0.01 * g * g, 0.99 * mean + 0.01 * g
            spread = v - mean * mean if centered else v
            m = momentum * m + g / (np.sqrt(spread) + 1e-8)
            p = p - rate * m
            yield p

    return run


def adagrad(rate: float, decay: float, initial: float) -> Rule:
    def run(p: Array, grad: Any) -> Iterator[Array]:
        total, t = initial + 0 * p, 0
        while True:
            g = grad(p)
            total = total + g * g
            p = p - rate / (1 + t * decay) * g / (np.sqrt(total) + 1e-10)
            t += 1
            yield p

    return run


def lion(rate: float, decay: float) -> Rule:
    def run(p: Array, grad: Any) -> Iterator[Array]:
        m = 0 * p
        while True:
            g = grad(p)
            u = np.sign(0.9 * m + 0.1 * g)
            m, p = 0.99 * m + 0.01 * g, p - rate * (u + decay * p)
            yield p

    return run


def adafactor(rate: float, decay: float) -> Rule:
    def rms(x: Array) -> Any:
        return np.sqrt((x * x).mean())

    def run(p: Array, grad: Any) -> Iterator[Array]:
        row, column, v, t, eps = 0.0, 0.0, 0.0, 0, 2.0**-23
        while True:
            g, t = grad(p), t + 1
            fresh, size = t**-0.8, min(rate, t**-0.5) * max(rms(p), 1e-3)
            if p.ndim > 1:
                row = row + fresh * ((g * g).mean(-1, keepdims=True) - row)
                column = column + fresh * ((g * g).mean(-2, keepdims=True) - column)
                spread = row * column / row.mean(-2, keepdims=True)
            else:
                spread = v = v + fresh * (g * g - v)
            u = g / np.sqrt(np.maximum(spread, eps * eps))
            p = p * (1 - rate * decay) - size * u / max(1.0, rms(u))
            yield p

    return run


OPTIMISERS: dict[str, tuple[Any, Rule]] = {
    "sgd": (optim.sgd(0.05), sgd(0.05)),
    "sgd, momentum": (optim.sgd(0.02, momentum=0.9), sgd(0.02, 0.9)),
    "sgd, nesterov": (
        optim.sgd(0.02, momentum=0.8, nesterov=True), sgd(0.02, 0.8, nesterov=True),
    ),
    "sgd, dampening, decay": (
        optim.sgd(0.05, momentum=0.8, dampening=0.5, weight_decay=0.1),
        sgd(0.05, 0.8, 0.5, False, 0.1),
    ),
    "adam": (optim.adam(0.05), adam(0.05)),
    "adam, decay": (optim.adam(0.05, weight_decay=0.1), adam(0.05, 0.1)),
    "adamw": (optim.adamw(0.05, weight_decay=0.1), adam(0.05, decoupled=0.1)),
    "amsgrad": (optim.amsgrad(0.05), adam(0.05, largest=True)),
    "rmsprop": (optim.rmsprop(0.02), rmsprop(0.02)),
    "rmsprop, momentum, centred": (
        optim.rmsprop(0.01, momentum=0.5, centered=True), rmsprop(0.01, 0.5, True),
    ),
    "adagrad": (optim.adagrad(0.3, decay=0.1, initial=0.2), adagrad(0.3, 0.1, 0.2)),
    "lamb": (optim.lamb(0.02, weight_decay=0.1), adam(0.02, 0, 0.1, trust=True, eps=1e-6)),
    "lion": (optim.lion(0.013, weight_decay=0.1), lion(0.013, 0.1)),
    "adafactor": (optim.adafactor(0.05, weight_decay=0.01), adafactor(0.05, 0.01)),
}  # fmt: skip


def step_of(tx: Any) -> Any:
    def step(params: Any, state: Any) -> Any:
        grads = axe.tree.map(gradient, params, TARGET)
        updates, state = tx.update(grads, state, params)
        return optim.apply_updates(params, updates), state

    return step


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers(name: str) -> None:
    tx, rule = OPTIMISERS[name]
    state = tx.init(PARAMS)
    program = axe.compile(step_of(tx), axe.spec_like(PARAMS), axe.spec_like(state)).load()
    params, rules = PARAMS, {}
    for key, p in PARAMS.items():
        wide = TARGET[key].astype(np.float64)
        rules[key] = rule(p.astype(np.float64), lambda q, wide=wide: gradient(q, wide))
    for _ in range(STEPS):
        params, state = program(params, state)
        expected = {key: next(values) for key, values in rules.items()}
    for key, wanted in expected.items():
        np.testing.assert_allclose(params[key], wanted, rtol=1e-5, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("name", ["adamw", "adafactor"])
def test_at_once_as_compiled(name: str) -> None:
    """Outside a trace a step gives the same; state keeps its structure, shapes and dtypes."""
    tx = OPTIMISERS[name][0]
    state = tx.init(PARAMS)
    moved, new = step_of(tx)(PARAMS, state)
    program = axe.compile(step_of(tx), axe.spec_like(PARAMS), axe.spec_like(state)).load()
    for a, b in zip(
        axe.tree.leaves([moved, new]), axe.tree.leaves(program(PARAMS, state)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert axe.spec_like(new) == axe.spec_like(state)


def test_zero_gradients_and_parameters_stay_finite() -> None:
    zeros = axe.tree.map(np.zeros_like, PARAMS)
    for name, (tx, _) in OPTIMISERS.items():
        updates, _ = tx.update(zeros, tx.init(zeros), zeros)
        for leaf in axe.tree.leaves(updates):
            np.testing.assert_array_equal(leaf, np.zeros_like(leaf), err_msg=name)


def test_few_kernels() -> None:
    """An update costs one kernel per parameter, with all of its state, and one for scalars."""
    for tx in (optim.adamw(1e-3), optim.sgd(0.1, momentum=0.9)):
        specs = axe.spec_like(PARAMS), axe.spec_like(tx.init(PARAMS)), axe.spec_like(PARAMS)

        def update(p: Any, s: Any, g: Any, tx: Any = tx) -> Any:
            updates, s = tx.update(g, s, p)
            return optim.apply_updates(p, updates), s

        manifest = axe.compile(lambda p, s, g, run=update: run(p, s, g), *specs).manifest
        (entry,) = manifest["entries"].values()
        assert sum(k["calls"] for k in entry["kernels"]) <= len(PARAMS) + 1, entry["kernels"]


def test_gradients_are_computed_and_applied_at_once() -> None:
    """A step has as many launches as its gradients alone; adamw one more, for what counts steps."""
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    params, batch = model.init(0), (axe.spec((5, 8)), axe.spec((5,), axe.int64))

    def loss_of(params: Any, x: Any, y: Any) -> Any:
        return axe.value_and_grad(lambda p: nn.cross_entropy(model(p, x), y))(params)

    def launches(fn: Any, *specs: Any) -> int:
        (entry,) = axe.compile(fn, *specs, *batch).manifest["entries"].values()
        return sum(kernel["calls"] for kernel in entry["kernels"])

    gradients = launches(loss_of, axe.spec_like(params))
    for tx, more in ((optim.sgd(0.1), 0), (optim.sgd(0.1, momentum=0.9), 0), (optim.adamw(), 1)):

        def step(params: Any, state: Any, x: Any, y: Any, tx: Any = tx) -> Any:
            loss, grads = loss_of(params, x, y)
            updates, state = tx.update(grads, state, params)
            return loss, optim.apply_updates(params, updates), state

        specs = axe.spec_like(params), axe.spec_like(tx.init(params))
        assert launches(lambda p, s, x, y, run=step: run(p, s, x, y), *specs) == gradients + more


def test_weight_decay_needs_the_parameters() -> None:
    tx = optim.adamw()
    with pytest.raises(axe.AxecError) as caught:
        tx.update(PARAMS, tx.init(PARAMS))
    assert caught.value.code == "argument-type"
    assert "tx.update(grads, state, params)" in caught.value.hint
