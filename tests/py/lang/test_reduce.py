"""Reductions against NumPy, over every choice of axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import axec as axe
from axec.lang.tracing import trace

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
Both = Callable[..., Any]
Run = Callable[..., Any]
NAMES = ["sum", "prod", "max", "min", "mean", "var", "std", "any", "all", "count_nonzero"]
# Small whole numbers: sums and products are exact in any order.
WHOLE = st.integers(-2, 2).map(float)


@st.composite
def cases(draw: Any) -> tuple[Any, Any, bool]:
    x = draw(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=3), elements=WHOLE))
    axes = st.integers(-x.ndim, x.ndim - 1)
    several = st.lists(axes, unique_by=lambda a: a % x.ndim, max_size=x.ndim).map(tuple)
    return x, draw(st.one_of(st.none(), axes, several)), draw(st.booleans())


@QUICK
@given(cases(), st.sampled_from(NAMES))
def test_reductions(both: Both, case: tuple[Any, Any, bool], name: str) -> None:
    x, axis, keepdims = case
    found = both(lambda v: getattr(axe, name)(v, axis=axis, keepdims=keepdims), x)
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@QUICK
@given(cases(), st.sampled_from(["argmax", "argmin"]))
def test_arg_reductions(both: Both, case: tuple[Any, Any, bool], name: str) -> None:
    x, axis, keepdims = case
    axis = axis if isinstance(axis, int) else None
    found = both(lambda v: getattr(v, name)(axis=axis, keepdims=keepdims), x)
    np.testing.assert_array_equal(found, getattr(np, name)(x, axis=axis, keepdims=keepdims))
    assert found.dtype == np.int64


@pytest.mark.parametrize("name", ["sum", "prod"])
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "int64"])
def test_integers_add_up_in_int64(both: Both, name: str, dtype: str) -> None:
    x = np.full(3, 100, dtype)
    found = both(getattr(axe, name), x)
    assert found.dtype == np.int64
    assert found == getattr(np, name)(x.astype(np.int64))


def test_dtype_of_a_sum(both: Both) -> None:
    x = np.full(3, 0.5, np.float32)
    assert both(lambda v: v.sum(dtype=axe.float64), x).dtype == np.float64
    assert both(lambda v: axe.sum(v, dtype=axe.int32), x) == 0


@pytest.mark.parametrize("correction", [0, 1, 0.5])
def test_correction(both: Both, correction: float) -> None:
    x = np.array([[1, 2, 4], [0, 5, 9]], np.float32)
    found = both(lambda v: axe.var(v, axis=1, correction=correction), x)
    np.testing.assert_allclose(found, x.var(1, ddof=correction), rtol=1e-6)


def test_means_of_narrow_floats_do_not_overflow(both: Both) -> None:
    x = np.full(4, 60000, np.float16)
    assert both(axe.mean, x) == 60000
    assert both(axe.mean, x).dtype == np.float16


@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_means_of_integers_are_an_error(name: str) -> None:
    with pytest.raises(axe.AxecError) as caught:
        getattr(axe, name)(np.arange(3))
    assert caught.value.code == "dtype-unsupported"
    assert "astype(axe.float32)" in caught.value.hint


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_empty(name: str) -> None:
    with pytest.raises(axe.AxecError, match="empty axis"):
        getattr(axe, name)(np.zeros((0, 3)), axis=0)
    assert getattr(axe, name)(np.zeros((0, 3)), axis=1).shape == (0,)


def test_a_dim_that_can_be_empty() -> None:
    spec = axe.spec((axe.dim("n", 0, 4),))
    with pytest.raises(axe.AxecError) as caught:
        trace(axe.max, [spec])
    assert caught.value.hint == "declare the dim with a lower bound of 1"
    trace(axe.sum, [spec])


@pytest.mark.parametrize("name", ["mean", "var", "std", "sum"])
@pytest.mark.parametrize("size", [2, 5])
def test_named_axis(run: Run, name: str, size: int) -> None:
    x = np.random.default_rng(0).standard_normal((size, 3)).astype(np.float32)
    traced = trace(lambda v: getattr(axe, name)(v, axis=0), [axe.spec((axe.dim("n", 2, 9), 3))])
    np.testing.assert_allclose(run(traced, x)[0], getattr(x, name)(0), rtol=1e-5)


def test_named_axis_with_correction(run: Run) -> None:
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    spec = axe.spec((axe.dim("n", 2, 9), 3))
    traced = trace(lambda v: v.var(axis=0, correction=1), [spec])
    np.testing.assert_allclose(run(traced, x)[0], x.var(0, ddof=1), rtol=1e-5)
