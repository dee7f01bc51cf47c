"""Derivatives of the user's own: they are used, in every mode and nesting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.diag import AxecError
from axec.lang.tracing import trace
from axec.passes.base import parse_pipeline, run_pipeline

X = np.float32([0.5, -1, 2])


def clipped() -> Any:
    """x * y whose gradient is clipped to [-1, 1], and zero in the integer n."""

    @axe.custom_vjp
    def f(x: Any, y: Any, n: Any) -> Any:
        return {"out": x * y}

    def forward(x: Any, y: Any, n: Any) -> Any:
        return f(x, y, n), (x, y)

    def backward(kept: Any, g: Any) -> Any:
        x, y = kept
        return axe.clip(g["out"] * y, -1, 1), axe.clip(g["out"] * x, -1, 1), None

    f.defvjp(forward, backward)
    return f


def cube() -> Any:
    """x ** 3 whose tangent is (wrongly, so that it shows) 10 t x."""

    @axe.custom_jvp
    def f(x: Any) -> Any:
        return x**3

    @f.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (x,), (t,) = primals, tangents
        return f(x), 10 * t * x

    return f


def test_custom_vjp() -> None:
    f = clipped()
    n = np.int32(1)
    np.testing.assert_array_equal(f(X, X, n)["out"], X * X)
    value, (gx, gy) = axe.value_and_grad(lambda x, y: f(x, y, n)["out"].sum(), (0, 1))(X, 3 * X)
    np.testing.assert_allclose(value, (3 * X * X).sum())
    np.testing.assert_array_equal(gx, np.clip(3 * X, -1, 1))
    np.testing.assert_array_equal(gy, np.clip(X, -1, 1))


def test_custom_vjp_inside_vmap_and_the_other_way_round() -> None:
    f = clipped()
    n = np.int32(1)
    per_example = axe.vmap(axe.grad(lambda x, y: f(x, y, n)["out"]), (0, None))(X, np.float32(4))
    np.testing.assert_array_equal(per_example, [1, 1, 1])
    whole = axe.grad(lambda y: axe.vmap(lambda x: f(x, y, n)["out"])(X).sum())(np.float32(4))
    assert float(whole) == np.clip(X, -1, 1).sum()


def test_custom_jvp_in_all_modes() -> None:
    f = cube()
    assert float(f(2.0)) == 8
    assert float(axe.jvp(f, (2.0,), (3.0,))[1]) == 60
    assert float(axe.grad(f)(2.0)) == 20
    assert float(axe.grad(axe.grad(f))(2.0)) == 10
    np.testing.assert_array_equal(axe.vmap(axe.grad(f))(X), 10 * X)
    found = axe.grad(lambda x: axe.vmap(f)(x).sum())(X)
    np.testing.assert_array_equal(found, 10 * X)


def test_nothing_is_left_in_a_program() -> None:
    made = trace(lambda x: clipped()(x, x, axe.asarray(1))["out"] + cube()(x), [axe.spec((3,))])
    run_pipeline(made.module, parse_pipeline("transform,simplify"), verify_each=True)
    assert len(made.module.body.operations) == 1
    assert "fn." not in str(made.module)


def test_forward_mode_through_custom_vjp() -> None:
    f = clipped()
    with pytest.raises(AxecError) as e:
        axe.jvp(lambda x: f(x, x, np.int32(1))["out"], (X,), (X,))
    assert e.value.code == "grad-custom"
    assert "custom_jvp" in str(e.value.hint)
    assert str(e.value.location).startswith("tests/py/transform/test_custom.py")


def _with_rules(forward: Any, backward: Any) -> Any:
    f = axe.custom_vjp(lambda x: x * 2)
    f.defvjp(forward, backward)
    return axe.grad(lambda x: f(x).sum())(X)


def _with_rule(rule: Any) -> Any:
    f = axe.custom_jvp(lambda x: x * 2)
    f.defjvp(rule)
    return axe.grad(lambda x: f(x).sum())(X)


@pytest.mark.parametrize(
    ("call", "piece"),
    [
        (lambda: axe.grad(axe.custom_vjp(lambda x: x))(1.0), "no derivative yet"),
        (lambda: axe.grad(axe.custom_jvp(lambda x: x))(1.0), "no derivative yet"),
        (lambda: _with_rules(lambda x: x, lambda r, g: (g,)), "(result, residuals)"),
        (lambda: _with_rules(lambda x: (x[0], x), lambda r, g: (g,)), "f32[3]"),
        (lambda: _with_rules(lambda x: (x, x), lambda r, g: g), "a tuple of 1"),
        (lambda: _with_rules(lambda x: (x, x), lambda r, g: (g[0],)), "f32[3]"),
        (lambda: _with_rules(lambda x: (x, x), lambda r, g: ([g],)), "must give *"),
        (lambda: _with_rule(lambda p, t: p), "(result, tangent)"),
        (lambda: _with_rule(lambda p, t: (p[0], t)), "must give *"),
    ],
)
def test_misuse(call: Any, piece: str) -> None:
    with pytest.raises(AxecError) as e:
        call()
    assert e.value.code == "grad-custom"
    assert piece in e.value.message


def test_arrays_are_arguments() -> None:
    def f(x: Any, y: Any) -> Any:
        inner = axe.custom_jvp(lambda x: x * y)
        inner.defjvp(lambda p, t: (p[0], t[0]))
        return inner(x).sum()

    with pytest.raises(AxecError) as e:
        axe.grad(f)(X, X)
    assert "argument" in str(e.value.hint)
