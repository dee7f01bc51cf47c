"""Initialisers: moments, bounds and structure; equal seeds give equal arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import axec as axe

init = axe.nn.init
SHAPE = (300, 50, 2, 2)  # fan_in 200, fan_out 1200

# call(seed), standard deviation, largest absolute value (None: no bound)
RANDOM: dict[str, tuple[Any, float, float | None]] = {
    "uniform": (lambda s: init.uniform(s, SHAPE, -3, 3), math.sqrt(3), 3),
    "normal": (lambda s: init.normal(s, SHAPE, 0, 0.5), 0.5, None),
    "truncated_normal": (lambda s: init.truncated_normal(s, SHAPE), 0.8796, 2),
    "xavier_uniform": (lambda s: init.xavier_uniform(s, SHAPE), math.sqrt(2 / 1400), 0.06547),
    "xavier_normal": (lambda s: init.xavier_normal(s, SHAPE, 2), 2 * math.sqrt(2 / 1400), None),
    "kaiming_uniform": (lambda s: init.kaiming_uniform(s, SHAPE), 0.1, math.sqrt(0.03)),
    "kaiming_uniform, torch": (
        lambda s: init.kaiming_uniform(s, SHAPE, math.sqrt(5)), math.sqrt(1 / 600), 200**-0.5,
    ),
    "kaiming_normal": (
        lambda s: init.kaiming_normal(s, SHAPE, mode="fan_out", nonlinearity="relu"),
        math.sqrt(2 / 1200), None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RANDOM)
def test_moments(name: str) -> None:
    make, std, bound = RANDOM[name]
    found = make(0)
    assert found.dtype == np.float32
    assert found.shape == SHAPE
    assert abs(found.mean()) < 0.01 * std + 0.005 * std
    assert abs(found.std() / std - 1) < 0.01
    if bound is not None:
        assert 0.99 * bound < abs(found).max() <= bound * (1 + 1e-6)
    np.testing.assert_array_equal(found, make(0))
    np.testing.assert_array_equal(found, make(np.random.default_rng(0)))
    assert not np.array_equal(found, make(1))


def test_constants() -> None:
    np.testing.assert_array_equal(init.zeros((2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(init.ones((2,)), [1, 1])
    np.testing.assert_array_equal(init.constant(0.5, (2,)), [0.5, 0.5])
    np.testing.assert_array_equal(init.eye((2, 3)), np.eye(2, 3))
    np.testing.assert_array_equal(init.diag([1, 2]), [[1, 0], [0, 2]])
    assert init.zeros((2,), dtype="float64").dtype == np.float64


def test_sparse() -> None:
    w = init.sparse(0, (50, 400), 0.33, std=2.0)
    assert ((w == 0).sum(0) == 17).all()
    assert abs(w[w != 0].std() - 2) < 0.05
    assert len({tuple(column) for column in (w == 0).T}) > 390


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 3, 2, 2)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    w = init.orthogonal(0, shape, gain=2, dtype="float64").reshape(shape[0], -1)
    small = min(w.shape)
    product = w @ w.T if w.shape[0] == small else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(small), atol=1e-12)


def test_gains() -> None:
    assert init.gain("relu") == math.sqrt(2)
    assert init.gain("tanh") == 5 / 3
    assert init.gain("leaky_relu", 0.5) == math.sqrt(2 / 1.25)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: init.eye((2,)),
        lambda: init.diag([[1]]),
        lambda: init.sparse(0, (2, 2), 1.5),
        lambda: init.orthogonal(0, (3,)[:0]),
        lambda: init.xavier_normal(0, (3,)),
        lambda: init.kaiming_normal(0, (3, 3), mode="fan"),
        lambda: init.gain("rleu"),
        lambda: init.truncated_normal(0, (3,), 0, 1, 7, 9),
    ],
)
def test_bad_calls(wrong: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        wrong()
    assert caught.value.code == "bad-attribute"
