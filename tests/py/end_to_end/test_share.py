"""Kernels that are told their sizes give the bits of those that know them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import axec as axe
from axec import driver, nn
from axec.passes.codegen.cpu import image
from axec.passes.codegen.cpu.gemm.emit_channels import foreseen

Array = np.ndarray[Any, Any]
Layer = tuple[int, int, int, bool]  # outputs / 64, window, stride, whether the input is added
SHARED = [p if p != "layout" else "layout{rows=1}" for p in driver.PIPELINE]
SHARED = [p if p != "plan" else "plan{grain=1}" for p in SHARED]
APART = [p for p in SHARED if p != "share"]
RNG = np.random.default_rng(0)

LAYER = st.tuples(
    st.integers(1, 3), st.sampled_from([1, 3]), st.sampled_from([1, 1, 2]), st.booleans()
)


def _network(layers: Sequence[Layer]) -> Callable[[Any, Any, Any], Any]:
    def run(x: Any, filters: Any, biases: Any) -> Any:
        for (_, window, stride, added), w, b in zip(layers, filters, biases, strict=True):
            y = nn.relu(nn.conv2d(x, w, b, stride=stride, padding=window // 2))
            x = x + y if added and x.shape == y.shape else y
        return x, [axe.rsqrt(1.0 + b * b) for b in biases]

    return run


def _arguments(layers: Sequence[Layer], n: int, size: tuple[int, int]) -> Any:
    channels = [1, *[outputs for outputs, *_ in layers]]
    shapes = [
        (64 * m, 64 * c, window, window)
        for c, m, (_, window, *_) in zip(channels, channels[1:], layers, strict=False)
    ]
    filters = [_normal(*shape) / np.float32(np.prod(shape[1:])) ** 0.5 for shape in shapes]
    filters = [w.astype(np.float32) for w in filters]
    return _normal(n, 64, *size), filters, [_normal(shape[0]) for shape in shapes]


def _normal(*shape: int) -> Array:
    return RNG.standard_normal(shape, dtype=np.float32)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    layers=st.lists(LAYER, min_size=3, max_size=4),
    n=st.sampled_from([1, 2]),
    size=st.sampled_from([(9, 9), (5, 14), (13, 2)]),
    target=st.sampled_from(["x86-64-v3", "native"]),
)
def test_networks(layers: list[Layer], n: int, size: tuple[int, int], target: str) -> None:
    run, arguments = _network(layers), _arguments(layers, n, size)
    specs = axe.spec_like(arguments)
    shared, apart = (
        axe.compile(run, *specs, target=target, passes=passes).load() for passes in (SHARED, APART)
    )
    wanted = axe.tree.leaves(run(*axe.tree.map(axe.asarray, arguments)))
    first = axe.tree.leaves(shared(*arguments, threads=1))
    for got, want in zip(first, wanted, strict=True):
        np.testing.assert_allclose(got, np.asarray(want), rtol=1e-3, atol=1e-4)
    for other in (shared(*arguments, threads=2), apart(*arguments, threads=1)):
        assert all(np.array_equal(a, b) for a, b in zip(first, axe.tree.leaves(other), strict=True))


@pytest.mark.parametrize("channels", [(1, 1, 2, 5, 1), (3, 3, 1, 1, 2)])
def test_one_kernel_serves_all_sizes(channels: tuple[int, ...]) -> None:
    """But the first layer, whose input lies channels first, and the last, whose result does."""
    layers = [(c, 3, 1, False) for c in channels]
    specs = axe.spec_like(_arguments(layers, 1, (10, 10)))
    counts = [
        axe.compile(_network(layers), *specs, passes=passes).emit("kernel").count('"axe.conv"(')
        for passes in (SHARED, APART)
    ]
    assert counts[0] <= 3 < len(set(pairwise(channels))) <= counts[1]


def test_routines_are_begun_before_there_are_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those that the kernels call in the end."""
    found: list[str] = []

    def recorded(target: Any, ops: Any) -> list[str]:
        found.extend(foreseen(target, ops))
        return found

    monkeypatch.setattr(image, "foreseen", recorded)
    layers = [(outputs, 3, 1, False) for outputs in (1, 2, 1, 3, 2)]
    specs = axe.spec_like(_arguments(layers, 1, (24, 24)))
    code = axe.compile(_network(layers), *specs, passes=SHARED).emit("llvm")
    called = set(re.findall(r"call void @(axe_window_\w+)", code))
    assert called == set(found)
