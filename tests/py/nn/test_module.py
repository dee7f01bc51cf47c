"""Modules: descriptions that make parameters, bind them in a call, and never change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe

nn = axe.nn


class Net(nn.Module):
    """Parts of every kind: plain, in a list, in a Sequential, with state, with randomness."""

    def __init__(self, depth: int = 2) -> None:
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.blocks = nn.ModuleList(nn.Linear(16, 16) for _ in range(depth))
        self.head = nn.Sequential(nn.ReLU(), nn.Dropout(0.2), axe.nn.tanh, nn.Linear(16, 3))
        self.depth = depth

    def forward(self, x: Any) -> Any:
        x = nn.avg_pool(self.bn(self.conv(x)), 2)
        x = axe.reshape(x, (x.shape[0], -1))
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


NET = Net()
X = np.random.default_rng(0).standard_normal((5, 1, 4, 4), np.float32)


def test_paths_are_those_of_a_state_dict() -> None:
    assert axe.tree.paths(NET.init(0)) == [
        "blocks.0.bias",
        "blocks.0.weight",
        "blocks.1.bias",
        "blocks.1.weight",
        "bn.bias",
        "bn.weight",
        "conv.bias",
        "conv.weight",
        "head.3.bias",
        "head.3.weight",
    ]
    assert axe.tree.paths(NET.init_state()) == ["bn.running_mean", "bn.running_var"]


def test_parameters_are_float32_arrays_and_a_function_of_the_seed() -> None:
    a, b, c = NET.init(7), NET.init(7), NET.init(8)
    for path, x, y in zip(axe.tree.paths(a), axe.tree.leaves(a), axe.tree.leaves(b), strict=True):
        assert isinstance(x, np.ndarray), path
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, y)
    assert not np.array_equal(a["conv"]["weight"], c["conv"]["weight"])
    assert not np.array_equal(a["blocks"]["0"]["weight"], a["blocks"]["1"]["weight"])


def test_a_change_of_one_part_leaves_the_others() -> None:
    deeper = Net(depth=3).init(7)
    deeper["blocks"].pop("2")
    for x, y in zip(axe.tree.leaves(deeper), axe.tree.leaves(NET.init(7)), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_call_is_what_its_parts_compute() -> None:
    p, s = NET.init(0), NET.init_state()
    y = nn.conv2d(X, p["conv"]["weight"], p["conv"]["bias"], padding=1)
    y = nn.batch_norm(y, s["bn"]["running_mean"], s["bn"]["running_var"])[0]
    y = nn.avg_pool(y, 2).reshape(5, 16)
    for block in p["blocks"].values():
        y = y + nn.linear(y, block["weight"], block["bias"])
    y = nn.linear(axe.tanh(nn.relu(y)), *(p["head"]["3"][k] for k in ("weight", "bias")))
    found, state = NET(p, X, state=s)
    np.testing.assert_array_equal(found, y)
    assert state == s


def test_state_comes_back_changed_and_the_given_one_stays() -> None:
    p, s = NET.init(0), NET.init_state()
    key = axe.random.key(0)
    _, new = NET(p, X, state=s, train=True, key=key)
    assert axe.tree.structure(new) == axe.tree.structure(s)
    assert np.asarray(new["bn"]["running_mean"]).any()
    assert not s["bn"]["running_mean"].any()
    y = nn.conv2d(X, p["conv"]["weight"], p["conv"]["bias"], padding=1)
    np.testing.assert_allclose(
        new["bn"]["running_mean"], 0.1 * np.asarray(y).mean((0, 2, 3)), rtol=1e-5, atol=1e-7
    )


def test_random_layers_draw_from_the_key() -> None:
    p, s = NET.init(0), NET.init_state()

    def run(seed: int) -> Any:
        return np.asarray(NET(p, X, state=s, train=True, key=axe.random.key(seed))[0])

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


def test_two_random_layers_draw_different_numbers() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            self.drop = nn.Dropout(0.5)

        def forward(self, x: Any) -> Any:
            return self.drop(x), self.drop(x)

    a, b = Two()({}, np.ones(64, "f"), train=True, key=axe.random.key(0))
    assert not np.array_equal(a, b)


def test_a_compiled_training_step() -> None:
    """Gradients over params, state as an aux, everything in one entry."""

    def step(p: Any, s: Any, x: Any, y: Any, seed: Any) -> Any:
        def loss(p: Any) -> Any:
            scores, state = NET(p, x, state=s, train=True, key=axe.random.key(seed))
            return nn.cross_entropy(scores, y), state

        (value, state), grads = axe.value_and_grad(loss, has_aux=True)(p)
        return {"loss": value, "state": state, "grads": grads}

    p, s, labels = NET.init(0), NET.init_state(), np.array([0, 1, 2, 0, 1])
    args = (p, s, X, labels, np.int64(3))
    program = axe.compile(step, *map(axe.spec_like, args)).load()
    found, expected = program(*args), step(*args)
    assert axe.tree.structure(found) == axe.tree.structure(expected)
    for a, b in zip(axe.tree.leaves(found), axe.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)


def test_own_parameters_and_state() -> None:
    class Counted(nn.Module):
        def parameters(self, rng: Any) -> Any:
            return {"scale": nn.init.ones((2,))}

        def buffers(self) -> Any:
            return {"calls": np.zeros((), np.int32)}

        def forward(self, x: Any) -> Any:
            self.put(calls=self.state["calls"] + 1)
            return x * self.params["scale"]

    model = nn.Sequential(Counted(), Counted())
    y, state = model(model.init(), np.ones(2, "f"), state=model.init_state())
    np.testing.assert_array_equal(y, [1, 1])
    assert [int(s["calls"]) for s in state.values()] == [1, 1]


def test_lists() -> None:
    items = nn.ModuleList([nn.ReLU(), nn.relu])
    assert len(items) == 2
    assert isinstance(items[0], nn.ReLU)
    assert isinstance(items[-1], nn.Lambda)


def test_replaced_parts() -> None:
    new = NET.replace("head.3", nn.Linear(16, 5)).replace("blocks.0", nn.relu)
    assert new(new.init(), X, state=new.init_state())[0].shape == (5, 5)
    assert NET(NET.init(), X, state=NET.init_state())[0].shape == (5, 3)
    old, now = NET.init(0), new.init(0)
    np.testing.assert_array_equal(old["blocks"]["1"]["weight"], now["blocks"]["1"]["weight"])
    assert "0" not in now["blocks"]


def test_repr_shows_the_description() -> None:
    text = repr(nn.Sequential(nn.Linear(2, 3), nn.LeakyReLU(negative_slope=0.2), nn.tanh))
    assert text == (
        "Sequential(0=Linear(in_features=2, out_features=3, bias=True), "
        "1=LeakyReLU(negative_slope=0.2), 2=Lambda(tanh))"
    )


def put_unknown() -> None:
    class Bad(nn.Module):
        def forward(self, x: Any) -> Any:
            self.put(mean=x)

    Bad()({}, X, state={"running_mean": X})


BAD = {
    "state missing": ("tree-structure", lambda: NET(NET.init(), X)),
    "parameter missing": ("tree-structure", lambda: nn.Linear(2, 3)({"wieght": X}, X)),
    "array for a dict": ("tree-structure", lambda: NET({"conv": X}, X)),
    "key missing": ("argument-type", lambda: nn.Dropout()({}, X, train=True)),
    "assignment": ("tensor-immutable", lambda: setattr(NET, "depth", 3)),
    "numbers outside a call": ("argument-type", lambda: NET.params),
    "a class in place of a module": ("argument-type", lambda: nn.Sequential(nn.ReLU)),
    "no such part": ("argument-name", lambda: NET.replace("blocks.7", nn.relu)),
    "no forward": ("argument-type", lambda: nn.Module()({}, X)),
    "unknown state": ("tree-structure", put_unknown),
}


@pytest.mark.parametrize("name", BAD)
def test_errors(name: str) -> None:
    code, wrong = BAD[name]
    with pytest.raises(axe.AxecError) as caught:
        wrong()
    assert caught.value.code == code
    assert caught.value.location.file.endswith("test_module.py")
