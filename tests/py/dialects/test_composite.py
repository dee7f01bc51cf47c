"""Composites against SciPy and the formulas of their sources."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from scipy.stats import norm

from axec.dialects import dtypes
from axec.dialects.axe import attention, composite, reduce
from axec.dialects.dtypes import DType
from axec.dialects.emit import EvalEmit

Examples = Callable[..., list[tuple[list[np.ndarray], dict[str, Any]]]]
run = EvalEmit()


def _close(found: np.ndarray, expected: Any, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-14)


def test_softmax_against_scipy(examples: Examples) -> None:
    for (x,), a in examples(composite.softmax):
        if x.size:  # SciPy takes no empty axis
            _close(run(composite.softmax, x, **a), scipy.special.softmax(x, **a))
            _close(run(composite.log_softmax, x, **a), scipy.special.log_softmax(x, **a))


def test_softmax_does_not_overflow() -> None:
    x = np.array([[1e4, 1e4 + 1, -1e4], [-1e30, -1e30, -1e30]])
    _close(run(composite.softmax, x, axis=1), scipy.special.softmax(x, axis=1))
    _close(run(composite.log_softmax, x, axis=1), scipy.special.log_softmax(x, axis=1))
    half = np.array([6e4, -6e4], np.float16)
    np.testing.assert_array_equal(
        run(composite.softmax, half, axis=0), np.array([1, 0], np.float16)
    )


def test_gelu_and_silu() -> None:
    x = np.linspace(-6, 6, 401)
    _close(run(composite.gelu, x), x * norm.cdf(x), rtol=1e-7)
    tanh = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    np.testing.assert_allclose(run(composite.gelu, x, approximate=True), tanh, atol=1e-15)
    _close(run(composite.silu, x), x * scipy.special.expit(x))
    assert run(composite.gelu, np.float32([-40.0]), approximate=True) == 0
    np.testing.assert_array_equal(run(composite.relu, np.array([-2, 0, 3])), [0, 0, 3])


def test_norms(examples: Examples) -> None:
    for (x, scale, bias), a in examples(composite.layer_norm):
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        expected = (x - mean) / np.sqrt(var + a["eps"]) * scale + bias
        _close(run(composite.layer_norm, x, scale, bias, **a), expected, rtol=1e-11)
        rms = np.sqrt((x * x).mean(-1, keepdims=True) + a["eps"])
        _close(run(composite.rms_norm, x, scale, **a), x / rms * scale, rtol=1e-11)


def test_layer_norm_is_two_pass() -> None:
    x = (np.arange(8, dtype=np.float32) + np.float32(1e5)).reshape(1, 8)  # E[x^2] - E[x]^2 fails
    one, zero = np.ones(8, np.float32), np.zeros(8, np.float32)
    found = run(composite.layer_norm, x, one, zero, eps=0.0)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(found, (wide - wide.mean()) / wide.std(), rtol=1e-5)


def test_avg_pool_counts(examples: Examples) -> None:
    x = np.arange(1.0, 5.0)
    how = {"size": (3,), "stride": (2,), "padding": ((1, 1),)}
    _close(run(composite.avg_pool, x, **how), [1.5, 3])
    _close(run(composite.avg_pool, x, **how, count_include_pad=True), [1, 3])
    for (x,), a in examples(composite.avg_pool):
        fold = {k: a[k] for k in ("size", "stride", "padding")} | {"kind": "sum"}
        fold["dilation"] = (1,) * len(a["size"])  # `window` has its own oracle
        every, some = math.prod(a["size"]), run(reduce.window, np.ones_like(x), **fold)
        number = every if a["count_include_pad"] else some
        _close(run(composite.avg_pool, x, **a), run(reduce.window, x, **fold) / number)


def _naive_attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, *mask: np.ndarray, scale: float, causal: bool
) -> np.ndarray:
    scores = scale * np.einsum("...id,...jd->...ij", q, k)
    for m in mask:
        scores = np.where(m, scores, -np.inf) if m.dtype == np.bool_ else scores + m
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    dead = np.isneginf(scores).all(-1, keepdims=True)
    shares = scipy.special.softmax(np.where(dead, 0, scores), axis=-1) if scores.size else scores
    return np.einsum("...ij,...je->...ie", np.where(dead, 0, shares), v)


def test_attention_against_einsum(examples: Examples) -> None:
    for operands, a in examples(attention.attention):
        _close(run(attention.attention, *operands, **a), _naive_attention(*operands, **a))


@pytest.mark.parametrize("dtype", [dtypes.f32, dtypes.bf16, dtypes.f16])
def test_attention_to_nothing_is_zero(dtype: DType) -> None:
    q, k, v = (np.ones((2, 3), dtype.numpy) for _ in range(3))
    mask = np.array([[False, False], [True, False]])
    expected = np.array([[0, 0, 0], [1, 1, 1]], dtype.numpy)
    found = run(attention.attention, q, k, v, mask, scale=1.0)
    np.testing.assert_array_equal(found, expected)
    added = np.where(mask, 0, -np.inf).astype(dtype.numpy)
    np.testing.assert_array_equal(run(attention.attention, q, k, v, added, scale=1.0), expected)


def test_attention_with_large_scores() -> None:
    q = np.full((1, 2), 300.0, np.float16)  # the scores exceed the range of f16
    v = np.array([[1.0], [3.0]], np.float16)
    found = run(attention.attention, q, np.repeat(q, 2, 0), v, scale=1.0)
    np.testing.assert_array_equal(found, np.array([[2.0]], np.float16))
