"""Loss scaling: torch.amp.GradScaler's rule, step by step, and runs in 16 bits beside float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import axec as axe
from axec import nn, optim

Array = np.ndarray[Any, Any]
START = {"w": np.array([1.0, -2.0], np.float32)}


def walk(tx: Any, grads: list[float]) -> tuple[list[float], list[Any]]:
    """Scales after each step with a gradient that is given unscaled; the parameters."""
    params, state = START, tx.init(START)
    scales, seen = [], []
    for g in grads:
        scaled = {"w": axe.asarray(np.full(2, g, np.float32)) * state["scale"]}
        updates, state = tx.update(scaled, state, params)
        params = optim.apply_updates(params, updates)
        scales.append(float(np.asarray(state["scale"])))
        seen.append((np.asarray(params["w"]).tolist(), int(np.asarray(state["good"]))))
    return scales, seen


def test_grows_shrinks_and_leaves_out() -> None:
    tx = optim.loss_scaling(optim.sgd(1.0), 8.0, growth=4.0, backoff=0.25, interval=2)
    inf = float("inf")
    scales, seen = walk(tx, [1.0, 1.0, inf, 2.0, float("nan"), 1.0, 0.0])
    assert scales == [8.0, 32.0, 8.0, 8.0, 2.0, 2.0, 8.0]
    assert [good for _, good in seen] == [1, 0, 0, 1, 0, 1, 0]
    assert [w[0] for w, _ in seen] == [0.0, -1.0, -1.0, -3.0, -3.0, -4.0, -4.0]


def test_a_static_scale_stays_and_leaves_out_too() -> None:
    scales, seen = walk(
        optim.loss_scaling(optim.sgd(1.0), 128.0, interval=None), [1.0, np.inf, 1.0]
    )
    assert scales == [128.0] * 3
    assert [w[0] for w, _ in seen] == [0.0, 0.0, -1.0]


def test_the_scale_stays_finite() -> None:
    tx = optim.loss_scaling(optim.sgd(1.0), 2.0**127, interval=1)
    assert walk(tx, [0.0, 0.0])[0] == [2.0**127] * 2


def test_overflow_leaves_every_part_of_the_state() -> None:
    tx = optim.loss_scaling(optim.chain(optim.clip_by_global_norm(1.0), optim.adamw(1e-2)), 4.0)
    state = tx.init(START)
    _, state = tx.update({"w": np.ones(2, np.float32)}, state, START)
    _, after = tx.update({"w": np.array([1.0, np.inf], np.float32)}, state, START)
    for a, b in zip(*map(axe.tree.leaves, (state["inner"], after["inner"])), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_value_and_grad_of_a_scaled_loss() -> None:
    tx = optim.loss_scaling(optim.sgd(1.0), 1024.0)
    state = tx.init(START)
    value, grads = tx.value_and_grad(lambda p: axe.sum(p["w"] ** 2), state)(START)
    assert float(np.asarray(value)) == 5.0
    assert np.asarray(grads["w"]).tolist() == [2048.0, -4096.0]
    (value, aux), _ = tx.value_and_grad(
        lambda p: (axe.sum(p["w"]), p["w"] + 1), state, has_aux=True
    )(START)
    assert float(np.asarray(value)) == -1.0
    assert np.asarray(aux).tolist() == [2.0, -1.0]


@pytest.mark.parametrize(
    "given", [{"scale": 0.0}, {"growth": 1.0}, {"backoff": 1.5}, {"interval": 0}]
)
def test_numbers_that_do_not_fit(given: dict[str, Any]) -> None:
    with pytest.raises(axe.AxecError) as e:
        optim.loss_scaling(optim.sgd(1.0), **given)
    assert e.value.code == "bad-attribute"


def train(policy: str, epochs: int) -> tuple[list[float], float]:
    """Losses of a compiled step on handwritten digits, and the accuracy on others at the end."""
    images, labels = load_digits(return_X_y=True)
    mixed = np.random.default_rng(0).permutation(len(images))
    x, y = (images[mixed] / 16).astype(np.float32), labels[mixed].astype(np.int64)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    tx = optim.loss_scaling(optim.adamw(3e-3), 2.0**24, interval=50)

    @axe.amp(policy=policy)
    def loss(params: Any, x: Any, y: Any) -> Any:
        return nn.cross_entropy(model(params, x), y)

    def step(params: Any, state: Any, x: Any, y: Any) -> Any:
        value, grads = tx.value_and_grad(lambda p: loss(p, x, y), state)(params)
        updates, state = tx.update(grads, state, params)
        return value, optim.apply_updates(params, updates), state

    params = model.init(0)
    state = tx.init(params)
    run, losses = axe.jit(step), []
    for start in range(0, epochs * 1344, 64):
        at = slice(start % 1344, start % 1344 + 64)
        value, params, state = run(params, state, x[at], y[at])
        losses.append(float(np.asarray(value)))
    scores = np.asarray(axe.jit(model)(params, x[1344:]))
    return losses, float((scores.argmax(1) == y[1344:]).mean())


def test_narrow_runs_end_where_float32_does() -> None:
    """The first scale overflows float16: its first steps are left out, the run recovers."""
    runs = {policy: train(policy, 8) for policy in ("float32", "bfloat16", "float16")}
    losses, accuracy = runs["float32"]
    assert accuracy > 0.96
    for policy in ("bfloat16", "float16"):
        narrow, found = runs[policy]
        assert found > accuracy - 0.01
        assert np.mean(narrow[-21:]) < 1.2 * np.mean(losses[-21:]) + 0.01
