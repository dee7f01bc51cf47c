"""Functional layers and activations: values against NumPy in float64, gradients against
differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe

nn = axe.nn
RNG = np.random.default_rng(1)


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape)


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "identity": (nn.identity, lambda x: x),
    "relu": (nn.relu, lambda x: np.maximum(x, 0)),
    "leaky_relu": (nn.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x)),
    "leaky_relu, 0.2": (lambda x: nn.leaky_relu(x, 0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
    "elu": (nn.elu, lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    "elu, 2": (lambda x: nn.elu(x, 2), lambda x: np.where(x > 0, x, 2 * np.exp(x) - 2)),
    "softplus": (nn.softplus, lambda x: np.log(1 + np.exp(x))),
    "softplus, 3": (lambda x: nn.softplus(x, 3), lambda x: np.log(1 + np.exp(3 * x)) / 3),
    "hardsigmoid": (nn.hardsigmoid, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    "hardswish": (nn.hardswish, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    fn, expected = ACTIVATIONS[name]
    x = normal(4, 5) * 3
    close(fn(x), expected(x))
    axe.testing.check_grads(fn, [x], order=1)


def test_activations_far_out() -> None:
    far = np.array([-1e4, -100, 100, 1e4], np.float32)
    for fn, expected in ((nn.softplus, [0, 0, 100, 1e4]), (nn.elu, [-1, -1, 100, 1e4])):
        np.testing.assert_allclose(fn(far), expected, atol=1e-40)
        slopes = axe.grad(lambda x, fn=fn: fn(x).sum())(far)
        np.testing.assert_allclose(slopes, [0, 0, 1, 1], atol=1e-40)
    assert float(axe.grad(nn.softplus)(0.0)) == 0.5


def test_linear() -> None:
    x, w, b = normal(2, 3, 4), normal(5, 4), normal(5)
    close(nn.linear(x, w, b), x @ w.T + b)
    close(nn.linear(x, w), x @ w.T)
    axe.testing.check_grads(nn.linear, [x, w, b], order=1)


def conv(x: Any, w: Any, stride: int = 1, padding: int = 0, dilation: int = 1) -> Any:
    """One group, one padding, position by position."""
    x = np.pad(x, [(0, 0), (0, 0), *[(padding, padding)] * (x.ndim - 2)])
    span = [dilation * (k - 1) + 1 for k in w.shape[2:]]
    places = [range(0, n - s + 1, stride) for n, s in zip(x.shape[2:], span, strict=True)]
    out = np.empty((x.shape[0], w.shape[0], *map(len, places)))
    for at in np.ndindex(out.shape[2:]):
        window = tuple(
            slice(p[i], p[i] + s, dilation) for p, i, s in zip(places, at, span, strict=True)
        )
        part = x[(slice(None), slice(None), *window)]
        out[(slice(None), slice(None), *at)] = np.tensordot(
            part, w, (range(1, x.ndim), range(1, x.ndim))
        )
    return out


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2)])
def test_convolutions(stride: int, padding: int, dilation: int) -> None:
    how = {"stride": stride, "padding": padding, "dilation": dilation}
    x, w, b = normal(2, 3, 7), normal(4, 3, 3), normal(4)
    close(nn.conv1d(x, w, b, **how), conv(x, w, **how) + b[:, None])
    axe.testing.check_grads(lambda *a: nn.conv1d(*a, **how), [x, w, b], order=1)
    x, w = normal(1, 2, 5, 6), normal(4, 2, 2, 3)
    close(nn.conv2d(x, w, b, **how), conv(x, w, **how) + b[:, None, None])
    close(nn.conv2d(x, w, **how), conv(x, w, **how))


@pytest.mark.parametrize(
    "how",
    [{}, {"stride": 2}, {"stride": (2, 1), "padding": (1, 0), "output_padding": (1, 0)}],
)
def test_conv_transpose(how: dict[str, Any]) -> None:
    """<conv_transpose(y), x> = <y, conv(x)> for every x: that is what a transpose is."""
    w, y = normal(3, 2, 3, 2), normal(2, 3, 4, 3)
    found = np.asarray(nn.conv_transpose2d(y, w, **how))
    x = normal(*found.shape)
    forward = {k: v for k, v in how.items() if k != "output_padding"}
    close((found * x).sum(), (y * np.asarray(nn.conv2d(x, w, **forward))).sum())
    axe.testing.check_grads(lambda *a: nn.conv_transpose2d(*a, **how), [y, w, normal(2)], order=1)


def test_grouped_conv_transpose() -> None:
    y, w = normal(1, 4, 3, 3), normal(4, 1, 2, 2)
    found = nn.conv_transpose2d(y, w, groups=2)
    for g in range(2):
        half = slice(2 * g, 2 * g + 2)
        close(found[:, g : g + 1], nn.conv_transpose2d(y[:, half], w[half]))


@pytest.mark.parametrize("size", [2, 3, (4, 1), 5])
def test_adaptive_avg_pool(size: Any) -> None:
    x = normal(2, 3, 8, 6)
    rows, columns = size if isinstance(size, tuple) else (size, size)
    found = np.asarray(nn.adaptive_avg_pool2d(x, size))
    assert found.shape == (2, 3, rows, columns)
    for i in range(rows):
        for j in range(columns):
            part = x[
                ...,
                i * 8 // rows : -(-(i + 1) * 8 // rows),
                j * 6 // columns : -(-(j + 1) * 6 // columns),
            ]
            np.testing.assert_allclose(found[..., i, j], part.mean((-1, -2)), rtol=1e-5)


def test_one_hot() -> None:
    found = nn.one_hot(np.array([[2, 0], [1, 7]], np.uint8), 3)
    assert found.dtype == axe.float32
    np.testing.assert_array_equal(found, [[[0, 0, 1], [1, 0, 0]], [[0, 1, 0], [0, 0, 0]]])
    assert nn.one_hot(np.arange(2), 300, dtype=axe.bool).dtype == axe.bool
    assert float(nn.one_hot(np.array([200], np.uint8), 300)[0, 200]) == 1


def test_embedding() -> None:
    table, at = normal(5, 3), np.array([[0, 4], [2, 2]], np.int32)
    np.testing.assert_array_equal(nn.embedding(at, table), table[at])
    np.testing.assert_array_equal(nn.embedding(at, table, padding_idx=2), table[at])
    axe.testing.check_grads(lambda t: nn.embedding(at, t), [table], order=1)
    gradient = axe.grad(lambda t: nn.embedding(at, t, padding_idx=2).sum())(table)
    np.testing.assert_array_equal(gradient, np.array([1, 0, 0, 0, 1])[:, None] * np.ones(3))


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (2, 3, 4, 2)])
def test_batch_norm(shape: tuple[int, ...]) -> None:
    x, mean, var, w, b = normal(*shape), normal(3), normal(3) ** 2, normal(3), normal(3)
    axes = (0, *range(2, len(shape)))

    def along(v: Any) -> Any:
        return v.reshape(3, *(1,) * (len(shape) - 2))

    y, new_mean, new_var = nn.batch_norm(x, mean, var, w, b)
    close(y, (x - along(mean)) / np.sqrt(along(var) + 1e-5) * along(w) + along(b))
    np.testing.assert_array_equal(new_mean, mean)
    np.testing.assert_array_equal(new_var, var)
    y, new_mean, new_var = nn.batch_norm(x, mean, var, w, b, train=True, momentum=0.3)
    own = x.mean(axes), x.var(axes)
    close(y, (x - along(own[0])) / np.sqrt(along(own[1]) + 1e-5) * along(w) + along(b))
    close(new_mean, 0.7 * mean + 0.3 * own[0])
    close(new_var, 0.7 * var + 0.3 * x.var(axes, ddof=1))
    axe.testing.check_grads(
        lambda v, s, t: nn.batch_norm(v, mean, var, s, t, train=True)[0], [x, w, b], order=1
    )


def test_batch_norm_of_a_dim_is_the_same() -> None:
    """The number of examples is known at run time alone."""
    x, zeros, ones = normal(6, 3).astype("f"), np.zeros(3, "f"), np.ones(3, "f")
    specs = axe.spec((axe.dim("batch", 2, 8), 3)), axe.spec((3,)), axe.spec((3,))
    program = axe.compile(lambda a, m, v: nn.batch_norm(a, m, v, train=True), *specs).load()
    expected = nn.batch_norm(x, zeros, ones, train=True)
    for found, wanted in zip(program(x, zeros, ones), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_group_norm() -> None:
    x, w, b = normal(2, 6, 3, 2), normal(6), normal(6)
    parts = x.reshape(2, 3, -1)
    d = parts - parts.mean(-1, keepdims=True)
    expected = (d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-5)).reshape(x.shape)
    close(nn.group_norm(x, 3), expected)
    close(nn.group_norm(x, 3, w, b), expected * w[:, None, None] + b[:, None, None])
    axe.testing.check_grads(lambda v, s, t: nn.group_norm(v, 2, s, t), [x, w, b], order=1)


def test_rotary() -> None:
    """Pairs turn like complex numbers; products see the distance of positions alone."""
    x, positions = normal(2, 5, 6), np.array([0, 1, 2, 7, 30])
    angles = positions[:, None] * 10000.0 ** (-np.arange(0, 6, 2) / 6)
    turned = (x[..., :3] + 1j * x[..., 3:]) * np.exp(1j * angles)
    found = nn.rotary(x, positions)
    np.testing.assert_allclose(found, np.concatenate([turned.real, turned.imag], -1), atol=1e-5)
    q, k = normal(1, 6), normal(1, 6)
    products = [
        float((nn.rotary(q, np.array([i + 2])) * nn.rotary(k, np.array([i]))).sum())
        for i in (0, 5, 100)
    ]
    np.testing.assert_allclose(products, products[0], rtol=1e-4)


BAD = {
    "linear": lambda x: nn.linear(x, axe.ones((4, 5))),
    "conv2d without batch": lambda x: nn.conv2d(axe.ones((1, 4, 4)), axe.ones((1, 1, 2, 2))),
    "conv_transpose2d": lambda x: nn.conv_transpose2d(
        axe.ones((1, 2, 4, 4)), axe.ones((1, 1, 2, 2))
    ),
    "negative padding": lambda x: nn.conv_transpose2d(
        axe.ones((1, 1, 4, 4)), axe.ones((1, 1, 2, 2)), padding=-1
    ),
    "group_norm": lambda x: nn.group_norm(x, 2),
    "batch_norm of a vector": lambda x: nn.batch_norm(x[0], x[0], x[0]),
    "batch_norm statistics": lambda x: nn.batch_norm(x, x[:, 0], x[0]),
    "batch_norm of one example": lambda x: nn.batch_norm(x[:1], x[0], x[0], train=True),
    "embedding by floats": lambda x: nn.embedding(x, x),
    "one_hot of floats": lambda x: nn.one_hot(x, 3),
    "rotary of odd depth": lambda x: nn.rotary(x, np.arange(2)),
    "adaptive pool": lambda x: nn.adaptive_avg_pool2d(x, 0),
    "activation of ints": lambda x: nn.elu(x.astype(axe.int32)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_calls(name: str) -> None:
    with pytest.raises(axe.AxecError) as caught:
        BAD[name](axe.ones((2, 3)))
    assert caught.value.location.file.endswith("test_functional.py")
