"""Functions of neural networks against NumPy in float64."""

from __future__ import annotations

from collections.abc import Callable
from math import erf, pi, sqrt
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.lang.tracing import trace

Both = Callable[..., Any]
Run = Callable[..., Any]
RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape, dtype=np.float32)


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "relu": (axe.nn.relu, lambda x: np.maximum(x, 0)),
    "silu": (axe.nn.silu, lambda x: x / (1 + np.exp(-x))),
    "gelu": (axe.nn.gelu, lambda x: x / 2 * (1 + np.vectorize(erf)(x / sqrt(2)))),
    "gelu, tanh": (
        lambda x: axe.nn.gelu(x, approximate=True),
        lambda x: x / 2 * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))),
    ),
    "softmax": (axe.nn.softmax, softmax),
    "softmax, axis 0": (lambda x: axe.nn.softmax(x, axis=0), lambda x: softmax(x, 0)),
    "log_softmax": (lambda x: axe.nn.log_softmax(x, axis=-1), lambda x: np.log(softmax(x))),
    "sigmoid": (axe.nn.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "tanh": (axe.nn.tanh, np.tanh),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(both: Both, name: str) -> None:
    fn, expected = ACTIVATIONS[name]
    x = normal(4, 5) * 3
    np.testing.assert_allclose(both(fn, x), expected(x.astype(np.float64)), rtol=1e-5, atol=1e-6)


def test_common_names_are_in_both_places() -> None:
    both = {name for name in dir(axe.nn) if name[0] != "_"} & set(dir(axe))
    assert both >= {"conv", "gelu", "layer_norm", "max_pool", "relu", "sigmoid", "softmax"}
    for name in both:
        assert getattr(axe, name) is getattr(axe.nn, name)


def layer_norm(x: Any, scale: Any = 1, bias: Any = 0) -> Any:
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-5) * scale + bias


def test_norms(both: Both) -> None:
    x, scale, bias = normal(2, 3, 8), normal(8), normal(8)
    wide = x.astype(np.float64)
    found = both(axe.layer_norm, x, scale, bias)
    np.testing.assert_allclose(found, layer_norm(wide, scale, bias), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(both(axe.layer_norm, x), layer_norm(wide), rtol=1e-4, atol=1e-5)
    found = both(lambda v, b: axe.layer_norm(v, bias=b), x, bias)
    np.testing.assert_allclose(found, layer_norm(wide, 1, bias), rtol=1e-4, atol=1e-5)
    rms = wide / np.sqrt((wide * wide).mean(-1, keepdims=True) + 1e-6)
    found = both(lambda v, s: axe.rms_norm(v, s, eps=1e-6), x, scale)
    np.testing.assert_allclose(found, rms * scale, rtol=1e-4, atol=1e-5)
    found = both(lambda v: axe.rms_norm(v, eps=1e-6), x)
    np.testing.assert_allclose(found, rms, rtol=1e-4, atol=1e-5)


def attention(q: Any, k: Any, v: Any, mask: Any = True, scale: float | None = None) -> Any:
    scores = q.astype(np.float64) @ k.mT * (1 / sqrt(q.shape[-1]) if scale is None else scale)
    added = np.where(mask, 0, -np.inf) if np.asarray(mask).dtype == bool else mask
    return softmax(scores + added) @ v


ATTENTION = {
    "plain": ({}, None),
    "causal": ({"causal": True}, None),
    "scale": ({"scale": 0.25}, None),
    "bool mask": ({}, np.tril(np.ones((3, 3), bool))),
    "bool mask per batch": ({}, np.tril(np.ones((2, 1, 3, 3), bool))),
    "added mask": ({}, normal(3, 3)),
    "mask row": ({}, np.array([True, False, True])),
}


@pytest.mark.parametrize("name", ATTENTION)
def test_attention(both: Both, name: str) -> None:
    options, mask = ATTENTION[name]
    q, k, v = (normal(2, 4, 3, 8) for _ in range(3))
    masks = [] if mask is None else [mask]
    found = both(
        lambda a, b, c, *m: axe.scaled_dot_product_attention(a, b, c, *m, **options),
        q,
        k,
        v,
        *masks,
    )
    seen = np.tril(np.ones((3, 3), bool)) if name == "causal" else True if mask is None else mask
    expected = attention(q, k, v, seen, options.get("scale"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_attention_broadcasts_leading_axes(both: Both) -> None:
    q, k, v = normal(2, 4, 3, 8), normal(4, 5, 8), normal(1, 1, 5, 6)
    found = both(axe.scaled_dot_product_attention, q, k, v)
    np.testing.assert_allclose(found, attention(q, k, v), rtol=1e-4, atol=1e-5)


def test_named_dims(run: Run) -> None:
    b, s = axe.dim("batch", 1, 4), axe.dim("seq", 1, 8)

    def fn(x: Any) -> Any:
        return axe.nn.layer_norm(axe.nn.scaled_dot_product_attention(x, x, x, causal=True))

    x = normal(2, 5, 8)
    found = run(trace(fn, [axe.spec((b, s, 8))]), x)[0]
    expected = layer_norm(attention(x, x, x, np.tril(np.ones((5, 5), bool))))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: axe.nn.softmax(x, axis=2),
        lambda x: axe.nn.softmax(x.astype(axe.int32)),
        lambda x: axe.nn.layer_norm(x, axe.ones(4)),
        lambda x: axe.nn.layer_norm(x[0, 0]),
        lambda x: axe.nn.scaled_dot_product_attention(x, x, x[:1]),
        lambda x: axe.nn.scaled_dot_product_attention(x, x, x, axe.ones((4, 4), dtype=axe.bool)),
        lambda x: axe.nn.scaled_dot_product_attention(x, x, x, axe.ones((5, 2, 2), dtype=axe.bool)),
    ],
)
def test_bad_calls(fn: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        fn(axe.ones((2, 3)))
    assert caught.value.location.file.endswith("test_nn.py")
