"""Random functions in the user's words, traced, compiled and run: what the artifact computes is
what the same calls give outside of a trace.

A function is a list of small numbers; each picks a call for the values that exist so far, so that
every list is a valid function and shorter lists are simpler ones. test_random_programs.py has the
ops of the dialect, at shapes of any rank.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import axec as axe

Array = np.ndarray[Any, Any]
Step = Callable[[Any, Any, int], Any]  # two values made before, a number -> a value

WIDTH = 6  # every value is [n, WIDTH] or [n, 1] with a named dim n
RNG = np.random.default_rng(0)
WEIGHT = RNG.standard_normal((WIDTH, WIDTH)).astype(np.float32)
BIAS = RNG.standard_normal(WIDTH).astype(np.float32)
TABLE = RNG.standard_normal((9, WIDTH)).astype(np.float32)


def _rows(x: Any) -> Any:
    # An odd factor: sums are often 1 exactly, and truncation must not turn on the last bit.
    return axe.astype(axe.clip(axe.sum(x, axis=1) * 2.71 + 0.17, 0.0, 8.0), axe.int32)


def _heads(x: Any, y: Any, k: int) -> Any:
    q, v = (axe.reshape(axe.broadcast_to(t, (t.shape[0], WIDTH)), (-1, 2, 3)) for t in (x, y))
    return axe.reshape(axe.nn.softmax(q @ v.mT) @ v, (-1, WIDTH))


def _attend(x: Any, y: Any, k: int) -> Any:
    q, v = (axe.reshape(axe.broadcast_to(t, (t.shape[0], WIDTH)), (-1, 2, 3)) for t in (x, y))
    heads = [axe.permute_dims(t, (1, 0, 2)) for t in (q, q + v, v)]
    found = axe.nn.scaled_dot_product_attention(*heads, causal=bool(k % 2))
    return axe.reshape(axe.permute_dims(found, (1, 0, 2)), (-1, WIDTH))


STEPS: Sequence[Step] = (
    lambda x, y, k: x + y,
    lambda x, y, k: x - y * 0.5,
    lambda x, y, k: axe.tanh(x * y),
    lambda x, y, k: axe.maximum(x, y),
    lambda x, y, k: axe.where(x > 0.25, x, axe.exp(-axe.abs(y))),
    lambda x, y, k: axe.nn.gelu(x) + BIAS[:1],
    lambda x, y, k: axe.nn.sigmoid(x) - y,
    lambda x, y, k: axe.sum(x, axis=1, keepdims=True) * 0.2,
    lambda x, y, k: axe.max(x, axis=1, keepdims=True),
    lambda x, y, k: axe.tanh(axe.sum(x, axis=0, keepdims=True) * 0.1) + y,
    lambda x, y, k: axe.nn.softmax(x + BIAS, axis=1),
    lambda x, y, k: axe.nn.layer_norm(x + BIAS, BIAS + 2.0, BIAS),
    lambda x, y, k: axe.tanh(axe.broadcast_to(x, (x.shape[0], WIDTH)) @ WEIGHT + BIAS),
    lambda x, y, k: axe.concat([(x + BIAS)[:, k % WIDTH :], (y + BIAS)[:, : k % WIDTH]], axis=1),
    lambda x, y, k: axe.pad((x * BIAS)[:, 1:-1], ((0, 0), (1, 1))) + y,
    lambda x, y, k: axe.flip(x, axis=1) + y,
    lambda x, y, k: axe.sqrt(axe.abs(x) + 0.5) / (axe.abs(y) + 1.0),
    lambda x, y, k: axe.take(TABLE, _rows(x), axis=0),
    lambda x, y, k: axe.reshape((x * BIAS).T, (-1, WIDTH)) + y,
    _heads,
    _attend,
)  # fmt: skip


def program(steps: Sequence[tuple[int, int, int]]) -> Callable[[Any, Any], Any]:
    def run(x: Any, y: Any) -> Any:
        values = [x, y]
        for op, left, right in steps:
            a, b = values[-1 - left % len(values)], values[-1 - right % len(values)]
            values.append(STEPS[op % len(STEPS)](a, b, right))
        return values[-1], axe.sum(values[-2], axis=1)

    return run


STEP = st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 3), st.integers(0, 5))


def found(*steps: tuple[int, int, int]) -> Any:
    """A program that was wrong once."""
    return example(steps=list(steps), n=2, target="x86-64-v3", seed=0)


# A third group read the first one's result through a view.
@found((0, 0, 1), (19, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 3))
# A row group without reductions handed out results of two shapes.
@found((7, 1, 0), (17, 0, 0), (5, 2, 0), (17, 0, 0), (1, 2, 3), (0, 0, 1), (0, 1, 3))
# concat with an operand of no columns.
@found((13, 0, 0))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(STEP, min_size=1, max_size=12),
    n=st.sampled_from([1, 2, 7, 16, 33]),
    target=st.sampled_from(["x86-64-v3", "native"]),
    seed=st.integers(0, 9),
)
def test_artifact_equals_reference(
    steps: list[tuple[int, int, int]], n: int, target: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, WIDTH)).astype(np.float32)
    y = rng.standard_normal((n, 1)).astype(np.float32)
    fn = program(steps)
    dim = axe.dim("n", 1, 64)
    loaded = axe.compile(fn, axe.spec((dim, WIDTH)), axe.spec((dim, 1)), target=target).load()
    wanted = fn(axe.asarray(x), axe.asarray(y))
    for threads in {1, min(2, len(os.sched_getaffinity(0)))}:
        for got, want in zip(loaded(x, y, threads=threads), wanted, strict=True):
            np.testing.assert_allclose(got, np.asarray(want), rtol=3e-4, atol=3e-4)


def test_view_between_two_kernels() -> None:
    """A reshape of a result, which is no part of a kernel, keeps writer and reader apart."""

    def fn(x: Any) -> Any:
        e = axe.exp(x)
        return e * axe.reshape(axe.sum(e, axis=1), (0, 3))

    assert axe.compile(fn, axe.spec((0, 3))).load()(np.zeros((0, 3), np.float32)).shape == (0, 3)
