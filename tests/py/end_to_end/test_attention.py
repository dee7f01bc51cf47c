"""Attention from the user's function to the artifact: which kernels, what memory, what values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec import nn

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(5)


def normal(*shape: int) -> Array:
    return RNG.standard_normal(shape, np.float32)


def compiled(fn: Callable[..., Any], *specs: Any) -> tuple[Any, dict[str, Any]]:
    """The loaded function, and what the manifest says of it."""
    artifact = axe.compile(fn, *specs)
    (entry,) = artifact.manifest["entries"].values()
    return artifact.load(), entry


def templates(entry: dict[str, Any]) -> list[str]:
    return [kernel["template"] for kernel in entry["kernels"]]


def agree(fn: Callable[..., Any], *given: Array) -> dict[str, Any]:
    """Compiled as interpreted, with equal bits for one and two threads; the manifest's entry."""
    call, entry = compiled(fn, *axe.spec_like(list(given)))
    found, again = call(*given, threads=1), call(*given, threads=2)
    wanted = fn(*map(axe.asarray, given))
    for a, b, c in zip(*map(axe.tree.leaves, (found, again, wanted)), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
        np.testing.assert_allclose(a, np.asarray(c), rtol=2e-4, atol=2e-5)
    return entry


def block(x: Any, w: Any, out: Any) -> Any:
    """Four heads of causal self-attention over x [batch, seq, 32]."""
    batch, seq, width = x.shape
    qkv = axe.reshape(x @ w, (batch, seq, 3, 4, width // 4))
    q, k, v = (axe.permute_dims(qkv[:, :, i], (0, 2, 1, 3)) for i in range(3))
    mixed = nn.scaled_dot_product_attention(q, k, v, causal=True)
    return axe.reshape(axe.permute_dims(mixed, (0, 2, 1, 3)), x.shape) @ out


def test_heads_are_split_and_merged_by_strides() -> None:
    entry = agree(block, normal(2, 70, 32), normal(32, 96), normal(32, 32))
    assert templates(entry) == ["gemm", "attention", "gemm"]


def test_gradients_of_a_block() -> None:
    def step(x: Any, w: Any, out: Any) -> Any:
        return axe.value_and_grad(lambda *p: axe.sum(axe.tanh(block(x, *p))), (0, 1))(w, out)

    entry = agree(step, normal(3, 40, 32), 0.2 * normal(32, 96), 0.2 * normal(32, 32))
    assert templates(entry).count("attention") == 3  # forward, dq, dk with dv


def test_memory_grows_with_the_length_and_not_its_square() -> None:
    def train(q: Any, k: Any, v: Any) -> Any:
        def loss(*heads: Any) -> Any:
            return axe.sum(nn.scaled_dot_product_attention(*heads, causal=True))

        return axe.grad(loss, (0, 1, 2))(q, k, v)

    peaks = [compiled(train, *[axe.spec((4, n, 16))] * 3)[1]["peak_bytes"] for n in (1024, 2048)]
    assert peaks[1] <= 2 * peaks[0]
    assert peaks[1] < 4 * 2048 * 2048 * 4  # one array of scores


def test_sizes_by_name() -> None:
    batch, seq = axe.dim("batch", 1, 4), axe.dim("seq", 1, 200)
    call, entry = compiled(
        lambda q, k: nn.scaled_dot_product_attention(q, k, k, causal=True),
        *[axe.spec((batch, 2, seq, 8))] * 2,
    )
    assert templates(entry) == ["attention"]
    for b, s in ((1, 1), (3, 4), (2, 67), (1, 200)):
        q, k = normal(b, 2, s, 8), normal(b, 2, s, 8)
        wanted = nn.scaled_dot_product_attention(q, k, k, causal=True)
        np.testing.assert_allclose(call(q, k), np.asarray(wanted), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_shared_key_heads_are_not_repeated(kv_heads: int) -> None:
    model = nn.MultiHeadAttention(32, 4, kv_heads=kv_heads)
    params = model.init(0)
    entry = agree(lambda x: model(params, x, causal=True), normal(2, 33, 32))
    (moved,) = (k["bytes"] for k in entry["kernels"] if k["template"] == "attention")
    heads = 4 * 2 * 33 * 8  # bytes of one head of both sequences
    assert moved == heads * (4 + 4 + 2 * kv_heads)  # queries, results, keys and values


def test_a_step_of_decoding() -> None:
    """One query against a cache, of which a mask says how much is filled."""

    def decode(q: Any, k: Any, v: Any, length: Any) -> Any:
        seen = axe.arange(40) < length
        return nn.scaled_dot_product_attention(q, k, v, seen)

    cache = normal(1, 4, 40, 16), normal(1, 4, 40, 16)
    for length in (1, 17, 40):
        entry = agree(decode, normal(1, 4, 1, 16), *cache, np.asarray(length))
    assert templates(entry).count("attention") == 1


@pytest.mark.parametrize(("dtype", "depth"), [(axe.float64, 4), (axe.float32, 257)])
def test_what_the_template_does_not_take_is_decomposed(dtype: Any, depth: int) -> None:
    spec = axe.spec((2, 9, depth), dtype)
    _, entry = compiled(lambda q, k, v: nn.scaled_dot_product_attention(q, k, v), spec, spec, spec)
    assert "attention" not in templates(entry)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_numbers_and_their_gradients(dtype: str) -> None:
    """As of the same numbers in float32; the result, which gradients read, is rounded once."""
    of = axe.spec((), dtype).dtype.numpy
    q, k, v = (normal(2, 9, 4).astype(of) for _ in range(3))

    def loss(q: Any, k: Any, v: Any) -> Any:
        y = nn.scaled_dot_product_attention(q, k, v, causal=True)
        return axe.sum(y.astype(axe.float32) * np.cos(np.arange(4, dtype=np.float32))), y

    both = axe.jit(axe.value_and_grad(loss, (0, 1, 2), has_aux=True))
    (_, y), grads = both(q, k, v)
    (_, wide_y), wide = both(*[x.astype(np.float32) for x in (q, k, v)])
    near = 2.0**-7 if dtype == "bfloat16" else 2.0**-10
    for found, wanted in zip((y, *grads), (wide_y, *wide), strict=True):
        assert np.asarray(found).dtype == of
        np.testing.assert_allclose(
            np.asarray(found).astype(np.float32), wanted, rtol=near, atol=near
        )


def test_second_derivatives_and_tangents() -> None:
    q, k, v = (normal(5, 4) for _ in range(3))

    def loss(x: Any) -> Any:
        return axe.sum(nn.scaled_dot_product_attention(x, k, v, causal=True) ** 2)

    def curvature(x: Any, t: Any) -> Any:
        return axe.jvp(axe.grad(loss), (x,), (t,))

    agree(curvature, q, normal(5, 4))
    t, step = normal(5, 4).astype(np.float64), 1e-5
    wide = q.astype(np.float64)
    _, found = curvature(wide, t)
    change = (axe.grad(loss)(wide + step * t) - axe.grad(loss)(wide - step * t)) / (2 * step)
    np.testing.assert_allclose(np.asarray(found), np.asarray(change), rtol=1e-3, atol=1e-4)
