"""Networks of convolutions whose results lie channels last: what they give, on any threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import axec as axe
from axec import driver, nn

Array = np.ndarray[Any, Any]
CHANNELS = 18
FINE = [p if p != "layout" else "layout{least=2 depth=1 rows=1}" for p in driver.PIPELINE]
FINE = [p if p != "plan" else "plan{grain=1}" for p in FINE]
RNG = np.random.default_rng(0)


def _weight(*shape: int) -> Array:
    scale = float(np.prod(shape[1:])) ** -0.5
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


FILTERS = [_weight(CHANNELS, CHANNELS, k, k) for k in (1, 3)]
GROUPED = _weight(CHANNELS, CHANNELS // 3, 3, 3)
DEPTHWISE = _weight(CHANNELS, 1, 3, 3)
BIAS = _weight(CHANNELS)
SCALE = _weight(CHANNELS, 1, 1)

# Every value is [n, CHANNELS, height, width].
STEPS: Sequence[Callable[[Any, Any], Any]] = (
    lambda x, y: nn.conv2d(x, FILTERS[0], BIAS),
    lambda x, y: nn.conv2d(x, FILTERS[1], padding=1),
    lambda x, y: nn.relu(nn.conv2d(x, FILTERS[1], BIAS, padding=1)),
    lambda x, y: nn.conv2d(x, GROUPED, padding=1, groups=3),
    lambda x, y: nn.relu(nn.conv2d(x, DEPTHWISE, BIAS, padding=1, groups=CHANNELS)),
    lambda x, y: x + y,
    lambda x, y: axe.where(x > y, x, y),  # no jump: either may be rounded
    lambda x, y: x * SCALE + 1.0,
    lambda x, y: nn.max_pool(x, 3, stride=1, padding=1),
    lambda x, y: x - axe.mean(x, axis=(2, 3), keepdims=True),
    lambda x, y: x / (1.0 + axe.max(axe.abs(x), axis=1, keepdims=True)),
    lambda x, y: axe.concat([x[:, :7], y[:, 7:]], axis=1),
    lambda x, y: axe.pad(x[:, :, 1:, :], ((0, 0), (0, 0), (1, 0), (0, 0))),
    lambda x, y: axe.flip(x, axis=2) + axe.cumulative_sum(y, axis=3) * 0.1,
    lambda x, y: axe.permute_dims(axe.permute_dims(x, (0, 1, 3, 2)) * 0.5, (0, 1, 3, 2)),
)


def network(steps: Sequence[tuple[int, int, int]]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        values = [x]
        for op, left, right in steps:
            a, b = values[-1 - left % len(values)], values[-1 - right % len(values)]
            values.append(STEPS[op % len(STEPS)](a, b))
        return values[-1], axe.sum(values[-1 - len(values) // 2], axis=(0, 2))

    return run


STEP = st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 2), st.integers(0, 3))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(STEP, min_size=1, max_size=8),
    n=st.sampled_from([1, 2, 3]),
    size=st.sampled_from([(4, 5), (1, 7), (9, 9)]),
    named=st.booleans(),
    target=st.sampled_from(["x86-64-v3", "native"]),
)
def test_networks(
    steps: list[tuple[int, int, int]], n: int, size: tuple[int, int], named: bool, target: str
) -> None:
    fn, x = network(steps), RNG.standard_normal((n, CHANNELS, *size)).astype(np.float32)
    batch: Any = axe.dim("n", 1, 4) if named else n
    spec = axe.spec((batch, CHANNELS, *size))
    loaded = axe.compile(fn, spec, target=target, passes=FINE).load()
    wanted = fn(axe.asarray(x))
    first = loaded(x, threads=1)
    for got, want in zip(first, wanted, strict=True):
        np.testing.assert_allclose(got, np.asarray(want), rtol=1e-3, atol=1e-3)
    again = loaded(x, threads=2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("target", ["x86-64-v3", "native"])
@pytest.mark.parametrize(("stride", "size"), [(1, (7, 7)), (2, (9, 6))])
def test_derivatives(target: str, stride: int, size: tuple[int, int]) -> None:
    """Filters are arguments, which are turned; those of derivatives are what a convolution gave."""

    shapes = [(20, 3, 3, 3), (32, 20, 3, 3), (32, 1, 3, 3), (16, 16, 3, 3)]

    def run(filters: Any, x: Any) -> Any:
        *plain, depthwise, grouped = filters

        def whole(ws: Any) -> Any:
            y = x
            for i, w in enumerate(ws[:2]):
                y = nn.relu(nn.conv2d(y, w, padding=1, stride=stride if i else 1))
            y = nn.relu(nn.conv2d(y, ws[2], padding=1, groups=32))
            return axe.mean(nn.conv2d(y, ws[3], groups=2, padding=1) ** 2)

        return axe.value_and_grad(whole)([*plain, depthwise, grouped])

    filters = [_weight(*shape) for shape in shapes]
    x = RNG.standard_normal((3, 3, *size)).astype(np.float32)
    specs = [axe.spec(shape) for shape in shapes], axe.spec(x.shape)
    fine = axe.compile(run, *specs, target=target, passes=FINE).load()
    plain = axe.compile(run, *specs, passes=[p for p in driver.PIPELINE if p != "layout"]).load()
    first = axe.tree.leaves(fine(filters, x, threads=1))
    for got, want in zip(first, axe.tree.leaves(plain(filters, x)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5)
    again = axe.tree.leaves(fine(filters, x, threads=2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
