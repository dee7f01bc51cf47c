"""axe.vmap, jacfwd, jacrev and hessian as users call them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.diag import AxecError
from axec.dialects.interpret import interpret
from axec.lang.tracing import trace
from axec.passes.base import parse_pipeline, run_pipeline

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 10
W = np.arange(20, dtype=np.float32).reshape(4, 5) / 7


def ops(fn: Any, *specs: Any) -> list[str]:
    made = trace(fn, specs)
    run_pipeline(made.module, parse_pipeline("transform,decompose,simplify"), verify_each=True)
    block = made.func.operation.regions[0].blocks[0]
    return [o.operation.name.removeprefix("axe.") for o in block.operations]


def test_a_batched_product_is_one_dot_general() -> None:
    specs = axe.spec((7, 3, 4)), axe.spec((7, 4, 5))
    assert ops(axe.vmap(axe.matmul), *specs) == ["dot_general", "func.return"]
    shared = ops(axe.vmap(axe.matmul, (0, None)), specs[0], axe.spec((4, 5)))
    assert shared == ["dot_general", "func.return"]


def test_axes_of_arguments_and_results() -> None:
    for axis in range(-3, 3):
        found = axe.vmap(lambda x: x @ x.T, axis, -1)(X)
        expected = [x @ x.T for x in np.moveaxis(X, axis, 0)]
        np.testing.assert_allclose(found, np.stack(expected, -1), 1e-6)


def test_pytrees_and_none() -> None:
    def f(p: Any, x: Any) -> Any:
        return {"y": x @ p["w"] + p["b"], "b": p["b"]}

    axes = ({"w": None, "b": 1}, 0), {"y": 1, "b": 0}
    b = np.arange(10, dtype=np.float32).reshape(5, 2)
    found = axe.vmap(f, *axes)({"w": W, "b": b}, X[:, 0])
    np.testing.assert_allclose(found["y"], (X[:, 0] @ W + b.T).T, 1e-6)
    np.testing.assert_array_equal(found["b"], b.T)


def test_a_result_that_does_not_vary() -> None:
    found = axe.vmap(lambda x, w: (x + 1, w * 2), (0, None), (0, None))(X, W)
    np.testing.assert_array_equal(found[1], 2 * W)
    spread = axe.vmap(lambda x, w: w * 2, (0, None))(X, W)
    np.testing.assert_array_equal(spread, [2 * W, 2 * W])


def test_keywords_numbers_and_closures() -> None:
    found = axe.vmap(lambda x, n, *, y: x * n + y.sum() + axe.asarray(W)[0, 1])(X, 3, y=2 * X)
    np.testing.assert_allclose(found, [3 * x + 2 * x.sum() + W[0, 1] for x in X], 1e-6)


def test_nested() -> None:
    """The outer product, by two vmaps."""
    f = axe.vmap(axe.vmap(lambda a, b: a * b, (None, 0)), (0, None))
    np.testing.assert_array_equal(f(X[0, 0], W[0]), np.outer(X[0, 0], W[0]))


def test_gradient_per_example_and_gradient_of_a_batch() -> None:
    def loss(w: Any, x: Any) -> Any:
        return axe.nn.softmax(axe.tanh(x @ w)).max()

    per_example = axe.vmap(axe.grad(loss), (None, 0))(W, X[:, 0])
    one_by_one = [np.asarray(axe.grad(loss)(W, x)) for x in X[:, 0]]
    np.testing.assert_allclose(per_example, np.stack(one_by_one), 1e-5, 1e-7)
    whole = axe.grad(lambda w: axe.vmap(loss, (None, 0))(w, X[:, 0]).sum())(W)
    np.testing.assert_allclose(whole, sum(one_by_one), 1e-5, 1e-7)


def test_named_batch() -> None:
    batch = axe.dim("batch", 1, 8)
    made = trace(axe.vmap(axe.grad(lambda x: (x**3).sum())), [axe.spec((batch, 4))])
    run_pipeline(made.module, parse_pipeline("transform,decompose,simplify"), verify_each=True)
    (found,) = interpret(made.func, [X[0]])
    np.testing.assert_allclose(found, 3 * X[0] ** 2, 1e-6)


def test_jacobians() -> None:
    def f(x: Any) -> Any:
        return axe.sin(x @ W), x.sum()

    expected = np.cos(X[0] @ W)[:, :, None, None] * np.einsum("ik,lj->ijkl", np.eye(3), W)
    for jac in (axe.jacfwd, axe.jacrev):
        first, second = jac(f)(X[0])
        np.testing.assert_allclose(first, expected, 1e-5, 1e-6)
        np.testing.assert_array_equal(second, np.ones((3, 4)))


def test_jacobian_of_pytrees_and_several_arguments() -> None:
    def f(p: Any, x: Any) -> Any:
        return {"y": p["a"] * x + p["b"]}, "note"

    p = {"a": np.float32(3), "b": np.float32([1, 2])}
    x = np.float32([5, 6])
    for jac in (axe.jacfwd, axe.jacrev):
        found, aux = jac(lambda p, x: (f(p, x)[0], 2 * x), (0, 1), has_aux=True)(p, x)
        by_p, by_x = found["y"]
        np.testing.assert_array_equal(by_p["a"], x)
        np.testing.assert_array_equal(by_p["b"], np.eye(2))
        np.testing.assert_array_equal(by_x, 3 * np.eye(2))
        np.testing.assert_array_equal(aux, 2 * x)


def test_hessian() -> None:
    x = np.float32([0.3, 0.7])
    found = axe.hessian(lambda x: x[0] ** 3 * x[1] + axe.sin(x[1]))(x)
    cross = 3 * x[0] ** 2
    np.testing.assert_allclose(found, [[6 * x[0] * x[1], cross], [cross, -np.sin(x[1])]], 1e-5)
    tree = axe.hessian(lambda p: p["a"] * p["a"] * p["b"])({"a": 2.0, "b": 5.0})
    assert (float(tree["a"]["a"]), float(tree["a"]["b"]), float(tree["b"]["b"])) == (10, 4, 0)


@pytest.mark.parametrize(
    ("call", "code", "hint"),
    [
        (lambda: axe.vmap(axe.sin, None)(X), "vmap-axis", "in_axes"),
        (lambda: axe.vmap(axe.sin, 3)(X), "vmap-axis", None),
        (lambda: axe.vmap(axe.sin, 0, 4)(X), "vmap-axis", None),
        (lambda: axe.vmap(axe.add, (0, 1))(X, X), "vmap-size", "None in in_axes"),
        (lambda: axe.vmap(axe.add, (0,))(X, X), "tree-structure", "one entry"),
        (lambda: axe.vmap(axe.sin, ({"a": 0},))(X), "tree-structure", "int or None"),
        (lambda: axe.vmap(axe.sin, 0, None)(X), "vmap-axis", "such as 0"),
        (lambda: axe.vmap(3), "argument-type", "function"),
        (lambda: axe.jacfwd(axe.sin)(np.arange(3)), "grad-dtype", "astype"),
        (lambda: axe.hessian(axe.sum, 2)(X), "argument-name", None),
    ],
)
def test_misuse(call: Any, code: str, hint: str | None) -> None:
    with pytest.raises(AxecError) as e:
        call()
    assert e.value.code == code
    assert hint is None or hint in str(e.value.hint)
    assert str(e.value.location).startswith("tests/py/transform/test_batch.py")


def test_a_jacobian_needs_known_sizes() -> None:
    with pytest.raises(AxecError) as e:
        trace(axe.jacrev(axe.sin), [axe.spec((axe.dim("batch", 1, 8),))])
    assert e.value.code == "dim-value"
