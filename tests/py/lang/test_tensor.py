"""The array class: what it is, NumPy around it, what a traced one refuses."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.lang.tracing import trace

Both = Callable[..., Any]


def test_eager_arrays_and_numpy() -> None:
    x = axe.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((2, 3), 2, 6, 2, axe.float32)
    np.testing.assert_array_equal(np.asarray(x), x.value)
    assert np.asarray(x, np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(x), x.value)
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (x[1, 2].item(), float(x[0, 1]), int(x[1, 0])) == (5.0, 1.0, 3)
    assert bool(x[0, 1])
    assert [10, 20, 30][axe.asarray(1)] == 20
    assert repr(x) == ("axe.asarray([[0., 1., 2.],\n             [3., 4., 5.]], dtype=axe.float32)")


def test_copies() -> None:
    x = axe.ones(2, dtype=axe.bfloat16)
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert y.dtype is axe.bfloat16
        assert y.tolist() == [1, 1]


def test_numpy_functions_on_eager_arrays() -> None:
    x = axe.asarray([1.0, 4.0])
    np.testing.assert_array_equal(np.sqrt(x), [1, 2])
    np.testing.assert_array_equal(np.concatenate([x, x]), [1, 4, 1, 4])
    assert np.add.reduce(x) == 5
    assert math.sqrt(x[1]) == 2


OPERATIONS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    lambda a, b: a // b,
    lambda a, b: a % b,
    lambda a, b: a**b,
    lambda a, b: a @ b,
    lambda a, b: a < b,
    lambda a, b: a == b,
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operators_with_numpy_on_either_side(both: Both, operation: Any) -> None:
    x, y = np.array([4.0, 9.0], np.float32), np.array([2.0, 3.0], np.float32)
    for fn in (lambda v: operation(v, y), lambda v: operation(y, v)):
        eager = fn(axe.asarray(x))
        assert isinstance(eager, axe.Tensor)
        np.testing.assert_allclose(both(fn, x), fn(x))
    scalar = np.float32(2)
    np.testing.assert_allclose(both(lambda v: scalar * v - scalar, x), scalar * x - scalar)


def test_bit_operators_and_signs(both: Both) -> None:
    x = np.array([5, -6], np.int32)
    np.testing.assert_array_equal(
        both(lambda v: [~v & 3, 1 | v, v ^ v, -v, +v, abs(v)], x)[5], abs(x)
    )
    mask = np.array([True, False])
    np.testing.assert_array_equal(both(lambda v: ~v | mask, mask), [True, True])


def refuse(fn: Callable[[Any], Any]) -> axe.AxecError:
    with pytest.raises(axe.AxecError) as caught:
        trace(fn, [axe.spec((3,))], name="fn")
    assert caught.value.location.file.endswith("test_tensor.py")
    return caught.value


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: bool(x[0]),
        lambda x: x if x[0] > 0 else -x,
        lambda x: x[0] > 0 and x,
        lambda x: float(x[0]),
        lambda x: int(x[0]),
        lambda x: math.exp(x[0]),
        lambda x: x[0].item(),
        lambda x: x.tolist(),
        lambda x: list(range(x[0].astype(axe.int32))),
        lambda x: np.array(x),
        lambda x: max(x[0], x[1]),
    ],
)
def test_python_needs_a_value(fn: Any) -> None:
    error = refuse(fn)
    assert error.code == "traced-value"
    assert error.hint


@pytest.mark.parametrize(
    ("fn", "hint"),
    [
        (lambda x: np.exp(x), "write `axe.exp(x)`"),
        (lambda x: np.concatenate([x, x]), "write `axe.concat([x, x])`"),
        (lambda x: np.sum(x), "write `axe.sum(x)`"),
        (lambda x: np.where(x > 0, x, 0), "write `axe.where(x > 0, x, 0)`"),
        (lambda x: np.linalg.svd(x), None),
        (lambda x: np.add.reduce(x), "write `axe.sum(x)`"),
        (lambda x: np.add.at(x, 0, 1), None),
    ],
)
def test_numpy_functions_are_refused(fn: Any, hint: str | None) -> None:
    error = refuse(fn)
    assert (error.code, error.hint) == ("numpy-function", hint)


def test_assignment_is_refused() -> None:
    def fn(x: Any) -> Any:
        x[1:] = 0
        return x

    error = refuse(fn)
    assert error.code == "tensor-immutable"
    assert error.hint == "make a new array: `x = x.at[1:].set(value)`"
    with pytest.raises(axe.AxecError, match="value semantics"):
        axe.zeros(3)[0] = 1  # type: ignore[index]


def test_augmented_assignment_makes_a_new_array() -> None:
    x = axe.ones(2)
    y = x
    y += 1
    assert (x.tolist(), y.tolist()) == ([1, 1], [2, 2])


def test_eager_arrays_that_have_no_single_value() -> None:
    for use in (bool, int, float, lambda v: v.item()):
        with pytest.raises(axe.AxecError) as caught:
            use(axe.ones(2))
        assert caught.value.code == "argument-type"
    with pytest.raises(axe.AxecError):
        [0, 1][axe.ones(())]
    with pytest.raises(axe.AxecError):
        len(axe.ones(()))
    with pytest.raises(TypeError):
        hash(axe.ones(2))


@pytest.mark.parametrize("value", [None, "x", [1.0], (1.0,), {}, object()])
def test_what_is_no_array(value: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        axe.ones(2) + value
    assert caught.value.code == "argument-type"


def test_unknown_numpy_dtype() -> None:
    with pytest.raises(axe.AxecError) as caught:
        axe.ones(2) * np.ones(2, np.complex64)
    assert caught.value.code == "unsupported-dtype"
