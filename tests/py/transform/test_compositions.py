"""Transformations in any order and depth, on random programs: against differences and loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import axec as axe

Fn = Callable[[Any], Any]

# Smooth functions from [3] to [3].
STEPS: dict[str, Fn] = {
    "sin": axe.sin,
    "tanh": lambda x: axe.tanh(x) * 2,
    "softmax": axe.nn.softmax,
    "gelu": axe.nn.gelu,
    "norm": lambda x: axe.nn.layer_norm(x, eps=0.5),
    "product": lambda x: x * axe.flip(x, axis=0),
    "matrix": lambda x: axe.asarray(np.arange(9.0).reshape(3, 3) / 9 - 0.4) @ x,
    "cumulate": lambda x: axe.tril(axe.ones((3, 3), dtype=axe.float64)) @ x / 2,
    "logsumexp": lambda x: x - axe.log(axe.exp(x).sum()),
    "quotient": lambda x: x / (1 + x * x),
    "prod": lambda x: x + axe.prod(x),
    "take": lambda x: axe.take(x, axe.asarray([2, 0, 0]), axis=0) - x,
    "concat": lambda x: axe.concat([x[1:], x[:1] ** 3]),
    "power": lambda x: (x * x + 1) ** 0.7,
}
programs = st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4)
points = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).uniform(-1.5, 1.5, (4, 3))
)


def chain(names: list[str]) -> Fn:
    def run(x: Any) -> Any:
        for name in names:
            x = STEPS[name](x)
        return x

    return run


def difference(f: Fn, x: Any, t: Any, step: float = 1e-5) -> Any:
    ends = [np.asarray(f(axe.asarray(x + s * t))) for s in (step, -step)]
    return (ends[0] - ends[1]) / (2 * step)


close = np.testing.assert_allclose
settled = settings(max_examples=25, deadline=None, derandomize=True)


@settled
@given(programs, points)
def test_jacobians_agree(names: list[str], x: Any) -> None:
    f = chain(names)
    forward, reverse = (np.asarray(jac(f)(x[0])) for jac in (axe.jacfwd, axe.jacrev))
    close(forward, reverse, 1e-9, 1e-9)
    close(forward @ x[1], difference(f, x[0], x[1]), 1e-4, 1e-6)


@settled
@given(programs, points)
def test_hessian(names: list[str], x: Any) -> None:
    """Symmetric, the same in three orders of modes, and the change of the gradient."""
    f = chain(names)

    def loss(v: Any) -> Any:
        return (f(v) * axe.asarray(x[1])).sum()

    found = np.asarray(axe.hessian(loss)(x[0]))
    close(found, found.T, 1e-8, 1e-9)
    for outer, inner in ((axe.jacrev, axe.jacfwd), (axe.jacrev, axe.jacrev)):
        close(np.asarray(outer(inner(loss))(x[0])), found, 1e-8, 1e-9)
    close(found @ x[2], difference(axe.grad(loss), x[0], x[2]), 1e-4, 1e-5)


@settled
@given(programs, points)
def test_vmap_commutes(names: list[str], x: Any) -> None:
    """With grad, jvp and itself: a batch at once is one after the other."""
    f = chain(names)
    grad = axe.grad(lambda v: f(v).max())
    close(axe.vmap(grad)(x), np.stack([np.asarray(grad(v)) for v in x]), 1e-10, 1e-10)

    def along(v: Any, t: Any) -> Any:
        return axe.jvp(f, (v,), (t,))[1]

    expected = [np.asarray(along(v, x[0])) for v in x]
    close(axe.vmap(along, (0, None))(x, x[0]), np.stack(expected), 1e-10, 1e-10)
    moved = axe.jvp(axe.vmap(f), (x,), (np.broadcast_to(x[0], x.shape).copy(),))[1]
    close(moved, np.stack(expected), 1e-10, 1e-10)
    pairs = axe.vmap(axe.vmap(lambda a, b: f(a * b), (None, 0)), (0, None))(x[:2], x)
    close(pairs[1, 2], f(axe.asarray(x[1] * x[2])), 1e-10, 1e-10)
