"""The cotangent of a convolution's input where it has strides: a convolution without zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe
from axec import nn


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("seed", range(14))
def test_pullback_is_the_transpose(seed: int, named: bool) -> None:
    """conv(x) . g = x . pull(g) for every x: small integers, so that both are exact."""
    rng = np.random.default_rng(seed)
    spatial = int(rng.integers(1, 4))
    size, stride, low, high = (
        tuple(int(n) for n in rng.integers(*ends, spatial))
        for ends in ((1, 6), (1, 5), (0, 3), (0, 3))
    )
    inputs, outputs = (int(n) for n in rng.integers(1, 20, 2))
    space = tuple(int(n) for n in rng.integers(6, 10, spatial))
    how: Any = {"stride": stride, "padding": tuple(zip(low, high, strict=True))}
    x = rng.integers(-3, 4, (2, inputs, *space)).astype(np.float32)
    w = rng.integers(-3, 4, (outputs, inputs, *size)).astype(np.float32)

    def pull(x: Any, w: Any, g: Any) -> Any:
        y = axe.conv(x, w, **how)
        return y, axe.grad(lambda x: (axe.conv(x, w, **how) * g).sum())(x)

    shape = np.asarray(axe.conv(x, w, **how)).shape
    g = rng.integers(-3, 4, shape).astype(np.float32)
    batch = axe.dim("batch", 1, 4) if named else 2
    specs = axe.spec((batch, *x.shape[1:])), axe.spec(w.shape), axe.spec((batch, *shape[1:]))
    y, back = axe.compile(pull, *specs).load()(x, w, g)
    assert back.shape == x.shape
    for other in (x, rng.integers(-3, 4, x.shape).astype(np.float32)):
        forward = np.asarray(axe.conv(other, w, **how))
        assert np.vdot(forward, g) == np.vdot(other, back), (size, how)
    np.testing.assert_array_equal(y, np.asarray(axe.conv(x, w, **how)))


def test_images_of_any_size() -> None:
    height = axe.dim("height", 3, 20)

    def up(x: Any, w: Any) -> Any:
        return nn.conv_transpose2d(x, w, stride=(2, 3), padding=1)

    w = np.random.default_rng(0).integers(-3, 4, (4, 5, 3, 4)).astype(np.float32)
    program = axe.compile(up, axe.spec((1, 4, height, 6)), axe.spec(w.shape)).load()
    for n in (3, 8, 19):
        x = np.random.default_rng(n).integers(-2, 3, (1, 4, n, 6)).astype(np.float32)
        known = axe.compile(up, axe.spec(x.shape), axe.spec(w.shape)).load()
        np.testing.assert_array_equal(program(x, w), known(x, w))


def test_products_of_zeros_are_not_made() -> None:
    """2x2 filters with stride 2 meet one element each: as many products as there are results times
    channels."""
    specs = axe.spec((1, 64, 32, 32)), axe.spec((64, 32, 2, 2))
    artifact = axe.compile(lambda x, w: nn.conv_transpose2d(x, w, stride=2), *specs)
    (entry,) = artifact.manifest["entries"].values()
    assert sum(k["flops"] for k in entry["kernels"]) == 2 * 64 * 64 * 32 * 64
