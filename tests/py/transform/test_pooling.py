"""Gradients of maximum pooling: every maximum of a window gets an equal share of its cotangent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe
from axec import nn

Array = np.ndarray[Any, Any]


def _shares(x: Array, w: Array, how: dict[str, Any]) -> Array:
    """The cotangent of x [N, C, H, W] where w is that of the result."""
    size, stride, padding, dilation = (how[k] for k in ("size", "stride", "padding", "dilation"))
    padded = np.pad(x, ((0, 0), (0, 0), *padding), constant_values=-np.inf)
    found = np.zeros_like(padded)
    for at in np.ndindex(w.shape[2:]):
        rows, columns = (
            p * s + d * np.arange(k) for p, k, s, d in zip(at, size, stride, dilation, strict=True)
        )
        window = np.s_[:, :, rows[:, None], columns]
        highest = padded[window] == padded[window].max((2, 3), keepdims=True)
        found[window] += highest / highest.sum((2, 3), keepdims=True) * w[:, :, *at, None, None]
    (top, _), (left, _) = padding
    return found[:, :, top : top + x.shape[2], left : left + x.shape[3]]


def _how(rng: np.random.Generator) -> dict[str, Any]:
    size = tuple(int(n) for n in rng.integers(1, 4, 2))
    return {
        "size": size,
        "stride": tuple(int(n) for n in rng.integers(1, 5, 2)),
        "padding": tuple((int(rng.integers(k)), int(rng.integers(k))) for k in size),
        "dilation": tuple(int(n) for n in rng.integers(1, 3, 2)),
    }


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_any_windows(seed: int, named: bool) -> None:
    """Sizes, strides, padding and dilation of each axis; small integers, so that many are equal.
    Behind a convolution channels lie last."""
    rng = np.random.default_rng(seed)
    how, channels = _how(rng), int(rng.integers(1, 20))
    options = {k: v for k, v in how.items() if k != "size"}

    def pooled(x: Any) -> Any:
        return nn.max_pool(nn.conv2d(x, filters), how["size"], **options)

    def pull(x: Any, w: Any) -> Any:
        return axe.grad(lambda x: (pooled(x) * w).sum())(x)

    x = rng.integers(-3, 4, (2, channels, *rng.integers(7, 12, 2))).astype(np.float32)
    filters = np.eye(channels, dtype=np.float32)[:, :, None, None]
    w = rng.standard_normal(np.asarray(pooled(x)).shape).astype(np.float32)
    batch = axe.dim("batch", 1, 4) if named else 2
    specs = [axe.spec((batch, *a.shape[1:])) for a in (x, w)]
    found = axe.compile(pull, *specs).load()(x, w)
    np.testing.assert_allclose(found, _shares(x, w, how), rtol=1e-5, atol=1e-5, err_msg=str(how))


def test_images_of_any_size() -> None:
    height = axe.dim("height", 5, 20)
    how = {"size": (3, 2), "stride": (2, 1), "padding": ((1, 1), (0, 1)), "dilation": (1, 1)}
    options = {k: v for k, v in how.items() if k != "size"}

    def pull(x: Any) -> Any:
        return axe.grad(lambda x: nn.max_pool(x, how["size"], **options).sum())(x)

    program = axe.compile(pull, axe.spec((1, 2, height, 6))).load()
    for n in (5, 8, 19):
        x = np.random.default_rng(n).integers(-2, 3, (1, 2, n, 6)).astype(np.float32)
        w = np.ones((1, 2, (n - 1) // 2 + 1, 6), np.float32)
        np.testing.assert_allclose(program(x), _shares(x, w, how), rtol=1e-5)
