"""Chains, clipping, accumulation, and picking parameters by path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe

optim, nn = axe.optim, axe.nn
RNG = np.random.default_rng(5)
GRADS = {"a": RNG.standard_normal((3, 2), np.float32), "b": {"c": np.float32([3, -4])}}
PARAMS = axe.tree.map(np.ones_like, GRADS)


def norm(tree: Any) -> float:
    return float(np.sqrt(sum((np.asarray(a) ** 2).sum() for a in axe.tree.leaves(tree))))


def run(tx: Any, *grads: Any, params: Any = PARAMS) -> list[Any]:
    """The updates for one gradient after another."""
    state, found = tx.init(params), []
    for g in grads:
        updates, state = tx.update(g, state, params)
        found.append(axe.tree.map(np.asarray, updates))
    return found


def same(found: Any, expected: Any, **how: Any) -> None:
    assert axe.tree.structure(found) == axe.tree.structure(expected)
    for a, b in zip(axe.tree.leaves(found), axe.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 1e-6, **how})


def test_chains_go_in_order() -> None:
    (found,) = run(optim.chain(optim.clip(1.0), optim.scale(10.0)), GRADS)
    same(found, axe.tree.map(lambda g: 10 * np.clip(g, -1, 1), GRADS))


def test_apply_updates() -> None:
    same(optim.apply_updates(PARAMS, GRADS), axe.tree.map(lambda g: 1 + g, GRADS))
    some = optim.apply_updates(PARAMS, {"a": GRADS["a"], "b": None})
    same(some, {"a": 1 + GRADS["a"], "b": {"c": np.ones(2)}})
    half = optim.apply_updates({"a": np.ones(2, np.float16)}, {"a": np.ones(2, np.float32)})
    assert half["a"].dtype == axe.float16
    with pytest.raises(axe.AxecError, match="update of `x`, but no parameter"):
        optim.apply_updates({"a": GRADS["a"]}, {"x": GRADS["a"]})


def test_clip_by_global_norm() -> None:
    assert float(optim.global_norm(GRADS)) == pytest.approx(norm(GRADS), rel=1e-6)
    (found,) = run(optim.clip_by_global_norm(2.0), GRADS)
    same(found, axe.tree.map(lambda g: g * (2 / norm(GRADS)), GRADS), rtol=1e-5)
    (untouched,) = run(optim.clip_by_global_norm(100.0), GRADS)
    same(untouched, GRADS, rtol=0)
    zeros = axe.tree.map(np.zeros_like, GRADS)
    same(run(optim.clip_by_global_norm(1.0), zeros)[0], zeros)


def test_clip_layer_by_layer() -> None:
    (found,) = run(optim.clip_by_norm(2.5), GRADS)
    same(found["b"], {"c": np.float32([1.5, -2])}, rtol=1e-5)
    assert norm(found["a"]) == pytest.approx(min(norm(GRADS["a"]), 2.5), rel=1e-5)


def test_accumulated_gradients_are_their_mean() -> None:
    grads = [axe.tree.map(lambda g, k=k: g * k, GRADS) for k in (1, 2, 6, 1, 1, 1, 5)]
    tx = optim.accumulate(optim.sgd(0.1, momentum=0.5), 3)
    zeros = axe.tree.map(np.zeros_like, GRADS)
    found = run(tx, *grads)
    first = axe.tree.map(lambda g: -0.3 * g, GRADS)
    second = axe.tree.map(lambda g: -0.1 * (1.5 + 1) * g, GRADS)
    for k, (updates, expected) in enumerate(
        zip(found, [zeros, zeros, first, zeros, zeros, second, zeros], strict=True)
    ):
        same(updates, expected, rtol=1e-5, err_msg=str(k))


def test_a_rate_in_the_state() -> None:
    tx = optim.adjustable(optim.adamw, 0.1)
    state = tx.init(PARAMS)
    first, state = tx.update(GRADS, state, PARAMS)
    same(axe.tree.map(np.asarray, first), run(optim.adamw(0.1), GRADS)[0])
    state["rate"] = np.float32(0.05)
    second, state = tx.update(GRADS, state, PARAMS)
    wanted = axe.tree.map(lambda u: u / 2, run(optim.adamw(0.1), GRADS, GRADS)[1])
    same(axe.tree.map(np.asarray, second), wanted)
    assert float(state["rate"]) == np.float32(0.05)


def test_masked_and_scaled_parts() -> None:
    (found,) = run(optim.masked(optim.scale(3.0), "b.*"), GRADS)
    same(found, {"a": GRADS["a"], "b": {"c": 3 * GRADS["b"]["c"]}})
    (found,) = run(optim.masked(optim.sgd(1.0, weight_decay=1.0), "a"), GRADS)
    same(found, {"a": -GRADS["a"] - 1, "b": GRADS["b"]})
    (found,) = run(optim.scale_by_path({"*": 2.0, "b.c": 0.5}), GRADS)
    same(found, {"a": 2 * GRADS["a"], "b": GRADS["b"]})


def test_frozen_parameters_have_no_state_and_no_update() -> None:
    tx = optim.freeze(optim.adamw(0.1), "b.*")
    state = tx.init(PARAMS)
    assert axe.tree.paths(state) == ["0.count", "0.m.a", "0.v.a"]
    updates, _ = tx.update(GRADS, state, PARAMS)
    assert axe.tree.paths(updates) == ["a"]
    moved = optim.apply_updates(PARAMS, updates)
    np.testing.assert_array_equal(moved["b"]["c"], PARAMS["b"]["c"])
    assert not np.array_equal(moved["a"], PARAMS["a"])


MODEL = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 3))


def step_manifest(tx: Any) -> Any:
    """What the artifact of a training step says."""
    params = MODEL.init(0)
    state = tx.init(params)

    def step(params: Any, state: Any, x: Any, y: Any) -> Any:
        def loss(p: Any) -> Any:
            return nn.cross_entropy(MODEL(p, x), y)

        value, grads = axe.value_and_grad(loss)(params)
        updates, state = tx.update(grads, state, params)
        return value, optim.apply_updates(params, updates), state

    specs = axe.spec((8, 16)), axe.spec((8,), axe.int32)
    artifact = axe.compile(step, axe.spec_like(params), axe.spec_like(state), *specs)
    return artifact.manifest["entries"]["step"]


def products(entry: Any) -> int:
    return sum(k["calls"] for k in entry["kernels"] if k["template"] == "gemm")


def test_frozen_gradients_are_absent_from_the_compiled_step() -> None:
    """Three layers: three products forward, three for weights, two for what comes before. Without
    the first two layers' weights none is left of the last but its own."""
    full = step_manifest(optim.adam(1e-3))
    frozen = step_manifest(optim.freeze(optim.adam(1e-3), "0.*", "2.*"))
    assert products(full) == 8
    assert products(frozen) == 4
    assert frozen["flops"] < 0.6 * full["flops"]
    names = [i["name"] for i in frozen["inputs"] if i["name"].startswith("state")]
    assert [n.removeprefix("state.0.") for n in names] == [
        "count", "m.4.bias", "m.4.weight", "v.4.bias", "v.4.weight",
    ]  # fmt: skip


BAD = {
    "pattern": ("argument-name", lambda: run(optim.freeze(optim.sgd(1), "x.*"), GRADS), "x"),
    "subtree": ("argument-name", lambda: run(optim.freeze(optim.sgd(1), "b"), GRADS), "'b.*'"),
    "typo": ("argument-name", lambda: run(optim.masked(optim.sgd(1), "b.cc"), GRADS), "'b.c'"),
    "norm": ("bad-attribute", lambda: optim.clip_by_norm(0), ""),
    "accumulate": ("bad-attribute", lambda: optim.accumulate(optim.sgd(1), 0), ""),
    "no arrays": ("argument-type", lambda: optim.global_norm({}), ""),
}


@pytest.mark.parametrize("name", BAD)
def test_errors(name: str) -> None:
    code, wrong, text = BAD[name]
    with pytest.raises(axe.AxecError) as caught:
        wrong()
    assert caught.value.code == code
    assert text in f"{caught.value.message} {caught.value.hint}"
