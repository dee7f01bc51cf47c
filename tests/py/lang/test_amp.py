"""Mixed precision: which ops compute in which dtype, and what stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.lang.tracing import trace

Both = Callable[..., Any]
X = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
W = np.random.default_rng(1).standard_normal((7, 3)).astype(np.float32)


def ops(fn: Callable[..., Any], *specs: Any) -> list[tuple[str, str]]:
    """Names and result dtypes of the ops of a traced function."""
    traced = trace(fn, specs or [axe.spec(X.shape), axe.spec(W.shape)])
    made = [o.operation for o in traced.func.regions[0].blocks[0].operations]
    return [(o.name, str(o.results[0].type)) for o in made if o.results]


def rounded(x: Any, dtype: str) -> Any:
    return x.astype(axe.spec((), dtype).dtype.numpy).astype(np.float32)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_products_are_rounded_and_nothing_else(both: Both, dtype: str) -> None:
    fn = axe.amp(lambda x, w: axe.exp(x @ w) + 1.0, policy=dtype)
    found = both(fn, X, W)
    assert found.dtype == np.float32
    product = rounded(rounded(X, dtype) @ rounded(W, dtype), dtype)
    near = 2.0**-7 if dtype == "bfloat16" else 2.0**-10
    np.testing.assert_allclose(found, np.exp(product) + 1, rtol=4 * near)
    narrow = "bf16" if dtype == "bfloat16" else "f16"
    kinds = [(n, t) for n, t in ops(fn) if narrow in t]
    assert [n for n, _ in kinds] == ["axe.cast", "axe.cast", "axe.dot_general"]


def test_decorator_context_and_call_are_the_same() -> None:
    @axe.amp
    def plain(x: Any, w: Any) -> Any:
        """Its docstring stays."""
        return x @ w

    @axe.amp(policy="bfloat16")
    def called(x: Any, w: Any) -> Any:
        return x @ w

    def inside(x: Any, w: Any) -> Any:
        with axe.amp():
            return x @ w

    assert plain.__doc__ == "Its docstring stays."
    assert ops(plain) == ops(called) == ops(inside) == ops(axe.amp(lambda x, w: x @ w))
    assert ops(lambda x, w: x @ w) == [("axe.dot_general", "tensor<5x3xf32>")]


def test_the_inner_policy_holds_and_errors_end_it() -> None:
    def fn(x: Any, w: Any) -> Any:
        with axe.amp(policy="float32"):
            y = x @ w
        return y @ w.T

    products = [t for n, t in ops(axe.amp(fn, policy="float16")) if n == "axe.dot_general"]
    assert products == ["tensor<5x3xf32>", "tensor<5x7xf16>"]
    with pytest.raises(axe.AxecError), axe.amp():
        axe.matmul(X, X)
    assert (axe.asarray(X) @ W).dtype is axe.float32
    assert np.array_equal(np.asarray(axe.asarray(X) @ W), X @ W)


def test_a_table_of_ops() -> None:
    policy = axe.AmpPolicy("bfloat16", ops={"conv": "float32", "softmax": "float16"})

    def fn(x: Any, w: Any) -> Any:
        return axe.nn.softmax(axe.conv(x, w)) @ axe.ones((4, 2))

    by = dict(ops(axe.amp(fn, policy=policy), axe.spec((1, 2, 5)), axe.spec((3, 2, 2))))
    assert "xf32>" in by["axe.conv"]
    assert "xf16>" in by["axe.softmax"]
    assert "xbf16>" in by["axe.dot_general"]


def test_wider_for_an_op() -> None:
    """A function written in bfloat16, one op of which computes in float32."""
    policy = axe.AmpPolicy("bfloat16", ops={"exp": "float32"})
    spec = axe.spec((4,), axe.bfloat16)
    assert ops(axe.amp(axe.exp, policy=policy), spec) == [
        ("axe.cast", "tensor<4xf32>"), ("axe.exp", "tensor<4xf32>"), ("axe.cast", "tensor<4xbf16>")
    ]  # fmt: skip


def test_other_dtypes_are_left_alone() -> None:
    for dtype in (axe.float64, axe.int32):
        spec = axe.spec((3, 3), dtype)
        assert [n for n, _ in ops(axe.amp(axe.matmul), spec, spec)] == ["axe.dot_general"]


def test_gradients_are_products_of_the_same_kind() -> None:
    """As if every factor, and every cotangent that reaches a product, were rounded."""

    @axe.amp
    def loss(w: Any, x: Any) -> Any:
        return axe.sum((x @ w) ** 2)

    grads = np.asarray(axe.jit(axe.grad(loss))(W, X))
    assert grads.dtype == np.float32
    x, w = rounded(X, "bfloat16"), rounded(W, "bfloat16")
    g = rounded(2 * rounded(x @ w, "bfloat16"), "bfloat16")
    np.testing.assert_allclose(grads, x.T @ g, rtol=2**-7, atol=2**-6)
    assert np.array_equal(grads, rounded(grads, "bfloat16"))


def test_what_a_policy_cannot_be() -> None:
    with pytest.raises(axe.AxecError, match="not in int8") as e:
        axe.amp(policy="int8")
    assert e.value.code == "dtype-unsupported"
    with pytest.raises(axe.AxecError, match="no op 'sofmax'") as e:
        axe.amp(policy=axe.AmpPolicy(ops={"sofmax": "float32"}))
    assert (e.value.code, e.value.hint) == ("bad-attribute", "did you mean `softmax`?")


def test_bodies_of_loops_and_batches_are_in_the_scope() -> None:
    """What a transformation traces while the policy is in force follows it, and carried state
    keeps its dtype."""
    w = np.random.default_rng(2).standard_normal((7, 7)).astype(np.float32) / 3

    def looped(x: Any, w: Any) -> Any:
        return axe.scan(lambda h, _: (axe.tanh(h @ w), None), x, None, length=3)[0]

    def plain(x: Any, w: Any) -> Any:
        for _ in range(3):
            x = axe.tanh(x @ w)
        return x

    def batched(x: Any, w: Any) -> Any:
        return axe.vmap(plain, in_axes=(0, None))(x, w)

    wanted, *others = (np.asarray(axe.jit(axe.amp(f))(X, w)) for f in (plain, looped, batched))
    assert not np.array_equal(wanted, np.asarray(axe.jit(plain)(X, w)))
    for found in others:
        np.testing.assert_allclose(found, wanted, rtol=2**-7, atol=2**-7)
    grads = [
        np.asarray(axe.jit(axe.grad(lambda w, f=f: axe.sum(axe.amp(f)(X, w)) ** 2))(w))
        for f in (plain, looped)
    ]
    np.testing.assert_allclose(*grads, rtol=0.05, atol=0.02 * np.abs(grads[0]).max())
