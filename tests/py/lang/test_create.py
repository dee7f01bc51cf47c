"""Arrays from nothing: against NumPy, inside and outside a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import axec as axe
from axec.lang.tracing import trace

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
Run = Callable[..., Any]


def check(run: Run, fn: Callable[[], Any], expected: np.ndarray[Any, Any]) -> None:
    """fn() is `expected` at once and as an op of a program."""
    traced = trace(lambda x: (fn(), x), [axe.spec(())])
    for found in (np.asarray(fn()), run(traced, np.float32(0))[0]):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_constant_arrays(run: Run) -> None:
    check(run, lambda: axe.zeros((2, 3)), np.zeros((2, 3), np.float32))
    check(run, lambda: axe.empty(2), np.zeros(2, np.float32))
    check(run, lambda: axe.ones((), dtype=axe.int32), np.ones((), np.int32))
    check(run, lambda: axe.full((2,), 7), np.full(2, 7, np.int64))
    check(run, lambda: axe.full((2,), 1.5), np.full(2, 1.5, np.float32))
    check(run, lambda: axe.full((2,), 1.5, dtype="float64"), np.full(2, 1.5))
    check(run, lambda: axe.full((1, 2), True), np.full((1, 2), True))
    x = np.ones((2, 3), np.float64)
    check(run, lambda: axe.zeros_like(x), np.zeros_like(x))
    check(run, lambda: axe.ones_like(x, dtype=axe.int32), np.ones_like(x, np.int32))
    check(run, lambda: axe.full_like(x, 4), np.full_like(x, 4))


@QUICK
@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(-3, 3).filter(bool))
def test_arange(run: Run, start: int, stop: int, step: int) -> None:
    check(run, lambda: axe.arange(start, stop, step), np.arange(start, stop, step))


def test_arange_of_floats(run: Run) -> None:
    check(run, lambda: axe.arange(0, 1, 0.25), np.arange(0, 1, 0.25, dtype=np.float32))
    check(run, lambda: axe.arange(3, dtype=axe.float32), np.arange(3, dtype=np.float32))
    check(run, lambda: axe.arange(1.0, 3.0), np.arange(1, 3, dtype=np.float32))


@pytest.mark.parametrize("num", [0, 1, 2, 5])
@pytest.mark.parametrize("endpoint", [True, False])
def test_linspace(num: int, endpoint: bool) -> None:
    found = np.asarray(axe.linspace(-1, 3, num, endpoint=endpoint))
    np.testing.assert_allclose(found, np.linspace(-1, 3, num, endpoint), rtol=1e-6)


@pytest.mark.parametrize("k", [-2, 0, 1])
def test_triangles(run: Run, k: int) -> None:
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    check(run, lambda: axe.tril(x, k=k), np.tril(x, k))
    check(run, lambda: axe.triu(x, k=k), np.triu(x, k))
    check(run, lambda: axe.eye(3, 4, k=k), np.eye(3, 4, k, dtype=np.float32))
    check(run, lambda: axe.eye(3, dtype=axe.bool), np.eye(3, dtype=bool))


def test_asarray() -> None:
    assert axe.asarray([[1, 2], [3, 4]]).dtype is axe.int64
    assert axe.asarray([1.5]).dtype is axe.float32
    assert axe.asarray([True]).dtype is axe.bool
    assert axe.asarray(np.ones(2)).dtype is axe.float64
    assert axe.asarray([1, 2], dtype=axe.uint8).tolist() == [1, 2]
    assert axe.asarray(2.5, dtype=axe.int32).item() == 2
    pair = axe.asarray([axe.ones(2), axe.zeros(2)])
    assert pair.shape == (2, 2)


@pytest.mark.parametrize("value", [[[1], [2, 3]], ["a"], "abc", None, {"a": 1}, object()])
def test_asarray_of_something_else(value: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        axe.asarray(value)
    assert caught.value.code == "argument-type"


def test_named_dims(run: Run) -> None:
    batch = axe.dim("batch", 1, 8)

    def fn(x: Any) -> Any:
        n = x.shape[0]
        return (
            axe.zeros((n, 2)),
            axe.arange(n),
            axe.arange(n, 2 * n, dtype=axe.float32),
            axe.eye(n),
            x * n,
            axe.full((batch,), 2),
        )

    x = np.ones(5, np.float32)
    zeros, ramp, second, eye, scaled, twos = run(trace(fn, [axe.spec((batch,))]), x)
    np.testing.assert_array_equal(zeros, np.zeros((5, 2)))
    np.testing.assert_array_equal(ramp, np.arange(5))
    np.testing.assert_array_equal(second, np.arange(5, 10, dtype=np.float32))
    np.testing.assert_array_equal(eye, np.eye(5))
    np.testing.assert_array_equal(scaled, x * 5)
    np.testing.assert_array_equal(twos, np.full(5, 2))


def test_dims_that_nobody_knows() -> None:
    batch, other = axe.dim("batch", 1, 8), axe.dim("other", 1, 8)
    with pytest.raises(axe.AxecError, match="no size outside a trace"):
        axe.zeros((batch,))
    with pytest.raises(axe.AxecError, match="no input of `<lambda>` has the dim of `other`"):
        trace(lambda x: axe.zeros((other,)), [axe.spec((batch,))])
    with pytest.raises(axe.AxecError, match="`batch - 2` can be negative"):
        trace(lambda x: axe.zeros((x.shape[0] - 2,)), [axe.spec((batch,))])


@pytest.mark.parametrize(
    "fn",
    [
        lambda: axe.arange(0, 5, 0),
        lambda: axe.linspace(0, 1, -1),
        lambda: axe.linspace(0, 1, 3, dtype=axe.int32),
        lambda: axe.tril(axe.ones(3)),
        lambda: axe.zeros((-1,)),
        lambda: axe.zeros(2.5),
    ],
)
def test_bad_calls(fn: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        fn()
    assert caught.value.location.file.endswith("test_create.py")


def test_empty_like(both: Any) -> None:
    assert both(lambda v: axe.empty_like(v, dtype=axe.int32), np.ones((2, 3))).dtype == np.int32
