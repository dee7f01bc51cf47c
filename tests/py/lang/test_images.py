"""resize, conv_transpose and convolutions over three axes, against definitions and SciPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

import axec as axe

Both = Callable[..., Any]
RNG = np.random.default_rng(5)


def floats(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(3, 5), (9, 4), (1, 1), (5, 7)])
def test_nearest(both: Both, shape: tuple[int, int]) -> None:
    x = RNG.integers(0, 99, (2, 5, 7))
    rows, columns = (
        np.minimum(((np.arange(m) + 0.5) * n / m).astype(int), n - 1)
        for n, m in zip(x.shape[1:], shape, strict=True)
    )
    wanted = x[:, rows][:, :, columns]
    np.testing.assert_array_equal(both(lambda v: axe.resize(v, shape, method="nearest"), x), wanted)


@pytest.mark.parametrize("shape", [(3, 5), (9, 4), (1, 1), (10, 14)])
def test_linear(both: Both, shape: tuple[int, int]) -> None:
    x = floats(2, 5, 7)
    grid = [
        np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
        for n, m in zip(x.shape[1:], shape, strict=True)
    ]
    points = np.meshgrid(*grid, indexing="ij")
    wanted = [scipy.ndimage.map_coordinates(one.astype("f8"), points, order=1) for one in x]
    found = both(lambda v: axe.resize(v, shape), x)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    fast = axe.jit(lambda v: axe.resize(v, shape))(x)
    np.testing.assert_allclose(fast, wanted, rtol=1e-5, atol=1e-6)


def _scattered(
    x: Any, w: Any, stride: int, padding: int, more: int, apart: int, groups: int
) -> Any:
    """The definition: every element of x adds its multiple of the window to the result."""
    n, channels, *space = x.shape
    out, size = w.shape[1] * groups, w.shape[2:]
    full = [(a - 1) * stride + apart * (k - 1) + 1 + more for a, k in zip(space, size, strict=True)]
    found = np.zeros((n, out, *full))
    for b, c in itertools.product(range(n), range(channels)):
        group = c // (channels // groups)
        for at in np.ndindex(*space):
            for k in np.ndindex(*size):
                place = tuple(p * stride + j * apart for p, j in zip(at, k, strict=True))
                rows = slice(group * w.shape[1], (group + 1) * w.shape[1])
                found[(b, rows, *place)] += x[(b, c, *at)] * w[(c, slice(None), *k)]
    # A window that hangs over cuts as much as padding would add.
    inner = tuple(slice(padding, s - padding) for s in full)
    return found[(slice(None), slice(None), *inner)]


OPTIONS = [
    (1, 0, 0, 1, 1), (2, 0, 0, 1, 1), (2, 1, 1, 1, 1), (3, 1, 0, 2, 2), (1, 2, 0, 1, 2),
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("rank", [1, 2])
def test_conv_transpose(both: Both, options: tuple[int, ...], rank: int) -> None:
    stride, padding, more, apart, groups = options
    x, w = floats(2, 4, *(5, 4)[:rank]), floats(4, 3, *(3, 2)[:rank])

    def fn(x: Any, w: Any) -> Any:
        return axe.conv_transpose(
            x, w, stride=stride, padding=padding, output_padding=more, dilation=apart, groups=groups
        )

    wanted = _scattered(x.astype("f8"), w, *options)
    np.testing.assert_allclose(both(fn, x, w), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(axe.jit(fn)(x, w), wanted, rtol=1e-4, atol=1e-5)


def test_conv_over_three_axes(both: Both) -> None:
    x, w = floats(2, 3, 5, 6, 7), floats(4, 3, 2, 3, 2)
    wanted = np.stack(
        [
            [
                sum(
                    scipy.signal.correlate(np.pad(one[c], 1), filters[c], "valid") for c in range(3)
                )
                for filters in w.astype("f8")
            ]
            for one in x.astype("f8")
        ]
    )[:, :, ::2, ::2, ::2]

    def fn(x: Any, w: Any) -> Any:
        return axe.conv(x, w, stride=2, padding=1)

    np.testing.assert_allclose(both(fn, x, w), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(axe.jit(fn)(x, w), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: axe.resize(floats(3), 0), "does not fit"),
        (lambda: axe.resize(floats(3), 2, method="cubic"), "not 'cubic'"),
        (lambda: axe.resize(np.arange(3), 2), "needs floating point, got int64"),
        (
            lambda: axe.conv_transpose(floats(1, 3, 4), floats(2, 3, 2)),
            r"\(1, 3, 4\) and \(2, 3, 2",
        ),
    ],
)
def test_misuse(call: Any, match: str) -> None:
    with pytest.raises(axe.AxecError, match=match):
        call()
