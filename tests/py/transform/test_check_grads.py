"""check_grads finds wrong derivatives, and nothing where they are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.diag import AxecError
from axec.dialects.axe import elementwise as ew
from axec.passes.axe.grad.rules import JVP, VJP

X = np.float32([[0.5, -1], [2, 0.25]])


def model(p: Any, n: Any) -> Any:
    y = axe.nn.gelu(axe.sin(p["x"]) @ p["w"])
    return axe.nn.softmax(y), n, (y * y).sum()


def test_right_derivatives_pass() -> None:
    axe.testing.check_grads(model, ({"x": X, "w": X.T}, np.int32(3)), order=2)


def test_narrow_results_have_wider_limits() -> None:
    axe.testing.check_grads(lambda x: axe.sin(x.astype(axe.float32)), (X,), order=1)


def test_a_planted_wrong_vjp(monkeypatch: pytest.MonkeyPatch) -> None:
    right = VJP[ew.sin][0]
    wrong = {0: lambda e, g, y, x: e(ew.mul, right(e, g, y, x), right(e, g, y, x))}
    monkeypatch.setitem(VJP, ew.sin, wrong)
    axe.testing.check_grads(axe.sin, (X,), order=1, modes=("fwd",))
    with pytest.raises(AxecError) as e:
        axe.testing.check_grads(axe.sin, (X,), order=1)
    assert e.value.code == "grad-check"
    assert e.value.message.startswith("vjp gives")


def test_a_planted_wrong_jvp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JVP, ew.sin, lambda e, ts, y, x: ts[0])
    axe.testing.check_grads(axe.sin, (X,), order=1, modes=("rev",))
    with pytest.raises(AxecError, match="jvp gives"):
        axe.testing.check_grads(axe.sin, (X,), order=1)


def test_a_wrong_second_derivative() -> None:
    """Right at first order: the rule's own derivative is what is wrong."""

    @axe.custom_jvp
    def cube(x: Any) -> Any:
        return x * x * x

    @cube.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (x,), (t,) = primals, tangents
        return cube(x), t * 3 * axe.stop_gradient(x * x)

    axe.testing.check_grads(cube, (X,), order=1)
    with pytest.raises(AxecError, match="grad-check"):
        axe.testing.check_grads(cube, (X,), order=2)


def test_a_wrong_custom_vjp() -> None:
    f = axe.custom_vjp(lambda x: axe.exp(x))
    f.defvjp(lambda x: (axe.exp(x), x), lambda x, g: (g * x,))
    with pytest.raises(AxecError, match="vjp gives"):
        axe.testing.check_grads(f, (X,), order=1, modes=("rev",))


@pytest.mark.parametrize(
    ("args", "given"),
    [((axe.sin, (np.arange(3),)), {}), ((axe.sin, (X,)), {"modes": ("both",)}), ((3, (X,)), {})],
)
def test_misuse(args: Any, given: Any) -> None:
    with pytest.raises(AxecError) as e:
        axe.testing.check_grads(*args, **given)
    assert e.value.code == "argument-type"
