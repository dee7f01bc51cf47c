"""axe.grad, value_and_grad, vjp and jvp as users call them: inside a trace and outside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.diag import AxecError
from axec.dialects.interpret import interpret
from axec.lang.tracing import trace
from axec.passes.base import parse_pipeline, run_pipeline


def run(fn: Any, *arrays: Any, specs: Any = None) -> Any:
    """Trace a function, resolve and simplify it, and interpret what is left."""
    made = trace(fn, specs or [axe.spec(np.shape(a), np.asarray(a).dtype) for a in arrays])
    run_pipeline(made.module, parse_pipeline("transform,decompose,simplify"), verify_each=True)
    found = interpret(made.func, [*map(np.asarray, arrays), *made.weights.values()])
    return found[0] if len(found) == 1 else found


def ops(fn: Any, *specs: Any) -> list[str]:
    """The names of the ops that are left of a function."""
    made = trace(fn, specs)
    run_pipeline(made.module, parse_pipeline("transform,decompose,simplify"))
    block = made.func.operation.regions[0].blocks[0]
    return [o.operation.name.removeprefix("axe.") for o in block.operations]


X = np.arange(6, dtype=np.float32).reshape(2, 3) / 4


def test_grad_outside_a_trace() -> None:
    found = axe.grad(lambda x: (x * x).sum())(X)
    assert isinstance(found, axe.Tensor)
    np.testing.assert_array_equal(found, 2 * X)


def test_grad_of_a_python_number() -> None:
    assert float(axe.grad(lambda x: x**3)(2.0)) == 12


def test_grad_inside_a_trace() -> None:
    np.testing.assert_array_equal(run(axe.grad(lambda x: (x * x).sum()), X), 2 * X)


def test_grads_nest() -> None:
    f: Any = axe.sin
    for expected in (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin):
        f = axe.grad(f)
        np.testing.assert_allclose(f(0.7), expected(0.7), 1e-6)
        np.testing.assert_allclose(run(f, np.float32(0.7)), expected(0.7), 1e-6)


def test_pytrees_and_argnums() -> None:
    def loss(p: Any, x: Any, q: Any) -> Any:
        return (p["w"] * x).sum() * q[0] + p["b"]

    p = {"w": np.float32([1, 2]), "b": np.float32(3)}
    value, (gp, gq) = axe.value_and_grad(loss, (0, -1))(p, np.float32([3, 4]), [np.float32(2)])
    assert float(value) == 25
    np.testing.assert_array_equal(gp["w"], [6, 8])
    assert float(gp["b"]) == 1
    assert isinstance(gq, list)
    assert float(gq[0]) == 11


def test_has_aux() -> None:
    def loss(x: Any) -> Any:
        return x.sum(), {"rows": x.shape[0], "n": axe.asarray(3), "double": 2 * x}

    (value, aux), g = axe.value_and_grad(loss, has_aux=True)(X)
    assert float(value) == X.sum()
    np.testing.assert_array_equal(aux["double"], 2 * X)
    assert int(aux["n"]) == 3
    np.testing.assert_array_equal(g, np.ones_like(X))
    g, aux = axe.grad(loss, has_aux=True)(X)
    np.testing.assert_array_equal(g, np.ones_like(X))


def test_what_the_function_closes_over() -> None:
    """Values of the outer trace, and arrays that become weights."""
    table = np.arange(40, dtype=np.float32)

    def step(x: Any, y: Any) -> Any:
        return axe.grad(lambda v: (v * y * axe.asarray(table)).sum())(x) + x

    x, y = np.ones(40, np.float32), np.full(40, 3, np.float32)
    np.testing.assert_array_equal(run(step, x, y), 3 * table + 1)


def test_a_closed_over_value_varies_in_the_outer_grad() -> None:
    """d/dy of d/dx (x y^2) = 2 y."""
    f = axe.grad(lambda y: axe.grad(lambda x: x * y * y)(y))
    assert float(f(3.0)) == 6


def test_keywords_and_static_arguments() -> None:
    def f(x: Any, power: int, *, scale: Any, name: str) -> Any:
        assert (power, name) == (3, "s")
        return scale * x**power

    assert float(axe.grad(f)(2.0, 3, scale=np.float32(5), name="s")) == 60


def test_stop_gradient() -> None:
    assert float(axe.grad(lambda x: x * axe.stop_gradient(x))(3.0)) == 3
    found = axe.stop_gradient({"x": X})
    np.testing.assert_array_equal(found["x"], X)
    assert "stop_gradient" not in ops(lambda x: axe.stop_gradient(x) + 1, axe.spec((3,)))


def test_unused_arguments_have_zero_gradients() -> None:
    found = axe.grad(lambda x, y: x.sum(), (0, 1))(X, X)
    np.testing.assert_array_equal(found[1], np.zeros_like(X))


def test_integer_arguments_may_be_there() -> None:
    def loss(w: Any, tokens: Any) -> Any:
        return axe.take(w, tokens, axis=0).sum()

    w, tokens = np.ones((5, 2), np.float32), np.array([1, 1, 4])
    expected = [[0, 0], [2, 2], [0, 0], [0, 0], [1, 1]]
    np.testing.assert_array_equal(axe.grad(loss)(w, tokens), expected)


def test_named_dims() -> None:
    batch = axe.dim("batch", 1, 8)

    def step(x: Any, w: Any) -> Any:
        return axe.grad(lambda w: axe.nn.softmax(x @ w).mean(axis=0)[0])(w)

    x, w = np.float32(np.eye(4)[:3]), np.float32(np.arange(8).reshape(4, 2) / 8)
    found = run(step, x, w, specs=[axe.spec((batch, 4)), axe.spec((4, 2))])
    np.testing.assert_allclose(found, axe.grad(lambda w: step_value(x, w))(w), 1e-6)


def step_value(x: Any, w: Any) -> Any:
    return axe.nn.softmax(axe.asarray(x) @ w).mean(axis=0)[0]


def test_vjp() -> None:
    y, pull = axe.vjp(lambda x, z: {"y": x * z}, X, 2 * X)
    np.testing.assert_array_equal(y["y"], 2 * X * X)
    gx, gz = pull({"y": np.ones_like(X)})
    np.testing.assert_array_equal(gx, 2 * X)
    np.testing.assert_array_equal(gz, X)
    y, pull, aux = axe.vjp(lambda x: (x * x, x.shape[0] * axe.ones(2)), X, has_aux=True)
    np.testing.assert_array_equal(aux, [2, 2])
    np.testing.assert_array_equal(pull(np.ones_like(X))[0], 2 * X)


def test_vjp_inside_a_trace_computes_the_value_once() -> None:
    def f(x: Any) -> Any:
        y, pull = axe.vjp(axe.tanh, x)
        return y, pull(y)[0]

    assert ops(f, axe.spec((3,))).count("tanh") == 1


def test_jvp() -> None:
    y, t = axe.jvp(lambda x, z: (x * z, axe.argmax(x)), (X, 2 * X), (np.ones_like(X), X))
    np.testing.assert_array_equal(y[0], 2 * X * X)
    np.testing.assert_array_equal(t[0], 2 * X + X * X)
    assert int(t[1]) == 0
    assert float(axe.jvp(axe.sin, (0.0,), (2.0,))[1]) == 2
    y, t, aux = axe.jvp(lambda x: (x, 2 * x), (X,), (X,), has_aux=True)
    np.testing.assert_array_equal(aux, 2 * X)


def test_forward_over_reverse() -> None:
    """A Hessian-vector product."""
    found = axe.jvp(axe.grad(lambda x: (x**3).sum()), (X,), (np.ones_like(X),))[1]
    np.testing.assert_allclose(found, 6 * X, 1e-6)


def test_a_long_chain() -> None:
    """No recursion: 50,000 ops."""

    def chain(x: Any) -> Any:
        for _ in range(25_000):
            x = -(x * 1.0001)
        return x

    made = trace(axe.grad(chain), [axe.spec(())])
    run_pipeline(made.module, parse_pipeline("transform"))
    block = made.func.operation.regions[0].blocks[0]
    assert len(block.operations) > 100_000
    (found,) = interpret(made.func, [np.float32(1)])
    np.testing.assert_allclose(found, 1.0001**25_000, 1e-2)


@pytest.mark.parametrize("size", [(2, 2), (3, 2), (1, 4), (7, 9)])
def test_windows_side_by_side_repeat_the_cotangent(size: tuple[int, int]) -> None:
    """Every element gets its window's cotangent; what lies behind the last window gets none."""
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 9))
    high, wide = (n // k for n, k in zip(x.shape[2:], size, strict=True))
    w = np.random.default_rng(1).standard_normal((2, 3, high, wide))

    def pull(x: Any, w: Any) -> Any:
        return axe.grad(lambda x: (axe.nn.avg_pool(x, size) * w).sum())(x)

    wanted = np.zeros_like(x)
    inside = wanted[:, :, : high * size[0], : wide * size[1]]
    inside[...] = np.kron(w, np.ones(size)) / np.prod(size)
    np.testing.assert_allclose(run(pull, x, w), wanted, rtol=1e-6)
    assert "window" not in ops(pull, axe.spec(x.shape), axe.spec(w.shape))


@pytest.mark.parametrize(
    ("fn", "args", "code", "hint"),
    [
        (lambda: axe.grad(axe.sum)(np.arange(3)), (), "grad-dtype", "astype"),
        (lambda: axe.grad(axe.sin)(X), (), "grad-scalar", ".sum()"),
        (lambda: axe.grad(lambda x: (x.sum(), x))(X), (), "grad-scalar", "has_aux"),
        (lambda: axe.grad(lambda x: x.sum(), has_aux=True)(X), (), "grad-scalar", "return loss"),
        (lambda: axe.grad(lambda x: axe.argmax(x))(X), (), "grad-scalar", "vjp"),
        (lambda: axe.grad(axe.sum, 1)(X), (), "argument-name", "count from 0"),
        (lambda: axe.vjp(axe.sin, X)[1](X[:1]), (), "shape-mismatch", "belongs"),
        (lambda: axe.vjp(axe.sin, X)[1]([X]), (), "tree-structure", None),
        (lambda: axe.jvp(axe.sin, (X,), (X, X)), (), "tree-structure", None),
        (lambda: axe.jvp(axe.sin, (np.arange(2),), (np.arange(2),)), (), "grad-dtype", "astype"),
        (lambda: axe.grad(lambda: axe.asarray(1.0))(), (), "argument-name", None),
    ],
)
def test_misuse(fn: Any, args: Any, code: str, hint: str | None) -> None:
    with pytest.raises(AxecError) as e:
        fn(*args)
    assert e.value.code == code
    assert hint is None or hint in str(e.value.hint)
    assert str(e.value.location).startswith("tests/py/transform/test_grad.py")
