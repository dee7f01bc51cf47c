"""Running folds, sorting and searching, against NumPy; machine code against the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axec as axe

Both = Callable[..., Any]
RNG = np.random.default_rng(3)
SHAPES: list[tuple[tuple[int, ...], int]] = [
    ((7,), 0), ((1,), 0), ((0,), 0), ((3, 0), 1), ((0, 3), 1), ((5, 17), 0), ((5, 17), -1),
    ((2, 3, 33), 1), ((2, 130, 3), 1),
]  # fmt: skip
DTYPES = ["float32", "float64", "float16", "int32", "int64", "int8", "uint8"]


def array(shape: tuple[int, ...], dtype: str) -> Any:
    if dtype.startswith("f"):
        x = RNG.normal(size=shape).astype(dtype)
        x.ravel()[::3] = np.round(x.ravel()[::3])  # some are equal
        return x
    info = np.iinfo(dtype)
    return RNG.integers(max(info.min, -3), 4, shape).astype(dtype)


def check(both: Both, fn: Callable[[Any], Any], x: Any, wanted: Any, **tolerance: float) -> None:
    """Eager, traced and compiled give what NumPy gives."""
    np.testing.assert_allclose(both(fn, x), wanted, **tolerance)
    np.testing.assert_allclose(np.asarray(axe.jit(fn)(x)), wanted, **tolerance)


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
def test_running_folds(both: Both, shape: tuple[int, ...], axis: int, dtype: str) -> None:
    x = array(shape, dtype)
    wide = dtype if dtype == "float32" else "int64"

    def all_of(v: Any) -> Any:
        return {
            "sum": axe.cumulative_sum(v, axis=axis),
            "prod": axe.cumulative_prod(v, axis=axis),
            "max": axe.cummax(v, axis=axis),
            "min": axe.cummin(v, axis=axis),
        }

    eager, fast = both(all_of, x), axe.jit(all_of)(x)
    wanted = {
        "sum": np.cumsum(x, axis, wide),
        "prod": np.cumprod(x, axis, wide),
        "max": np.maximum.accumulate(x, axis),
        "min": np.minimum.accumulate(x, axis),
    }
    for name, one in wanted.items():
        np.testing.assert_array_equal(eager[name], one, err_msg=name)
        np.testing.assert_array_equal(fast[name], one, err_msg=name)


def test_initial_and_dtype(both: Both) -> None:
    x = np.array([[1, 2], [3, 4]], np.int8)
    found = both(lambda v: axe.cumulative_sum(v, axis=1, include_initial=True), x)
    np.testing.assert_array_equal(found, [[0, 1, 3], [0, 3, 7]])
    found = both(lambda v: axe.cumulative_prod(v, axis=0, include_initial=True, dtype="int32"), x)
    np.testing.assert_array_equal(found, [[1, 1], [1, 2], [3, 8]])
    assert found.dtype == np.int32


def test_nan_stays(both: Both) -> None:
    x = np.array([1, 3, np.nan, 7], np.float32)
    check(both, axe.cummax, x, [1, 3, np.nan, np.nan])
    check(both, axe.cummin, x, [1, 1, np.nan, np.nan])


def test_folds_fuse(both: Both) -> None:
    x = RNG.normal(size=(40, 70)).astype(np.float32)

    def fn(v: Any) -> Any:
        return axe.exp(-axe.cumulative_sum(axe.abs(v) * 0.1, axis=0)) + v

    wanted = np.exp(-np.cumsum(np.abs(x) * np.float32(0.1), 0)) + x
    check(both, fn, x, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_diff(both: Both, n: int) -> None:
    x = RNG.integers(0, 99, (4, 6))
    np.testing.assert_array_equal(both(lambda v: axe.diff(v, n=n), x), np.diff(x, n=n))
    found = both(lambda v: axe.diff(v, axis=0, n=n, prepend=v[:1], append=v[:2]), x)
    np.testing.assert_array_equal(found, np.diff(x, n, 0, x[:1], x[:2]))


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sort(both: Both, shape: tuple[int, ...], axis: int, dtype: str) -> None:
    x = array(shape, dtype)
    up = np.argsort(x, axis, stable=True)

    def all_of(v: Any) -> Any:
        down = axe.argsort(v, axis=axis, descending=True)
        return axe.argsort(v, axis=axis), axe.sort(v, axis=axis), down

    for found in (both(all_of, x), axe.jit(all_of)(x)):
        order, values, down = map(np.asarray, found)
        np.testing.assert_array_equal(order, up)
        np.testing.assert_array_equal(values, np.sort(x, axis))
        falling = np.take_along_axis(x, down, axis).astype(np.float64)
        steps = np.diff(falling, axis=axis)
        assert np.all(steps <= 0)
        assert np.all((steps < 0) | (np.diff(down, axis=axis) > 0)), "not stable"


def test_sort_of_nan_and_zeros(both: Both) -> None:
    x = np.array([np.nan, 1, -0.0, np.inf, 0.0, np.nan, -np.inf], np.float32)
    check(both, axe.argsort, x, [6, 2, 4, 1, 3, 0, 5])
    check(both, lambda v: axe.argsort(v, descending=True), x, [0, 5, 3, 1, 2, 4, 6])
    flags = np.array([True, False, True, False])
    check(both, axe.argsort, flags, [1, 3, 0, 2])


def test_long_lines(both: Both) -> None:
    x = RNG.normal(size=(2, 5000)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(axe.jit(axe.sort)(x)), np.sort(x))


def test_sort_of_named_dims() -> None:
    program = axe.compile(lambda v: axe.sort(v), axe.spec((2, axe.dim("n", 0, 40)))).load()
    for n in (0, 1, 2, 31, 40):
        x = RNG.normal(size=(2, n)).astype(np.float32)
        np.testing.assert_array_equal(program(x), np.sort(x))


def test_top_k(both: Both) -> None:
    x = RNG.integers(0, 9, (3, 8)).astype(np.float32)
    values, indices = both(lambda v: tuple(axe.top_k(v, 3)), x)
    np.testing.assert_array_equal(values, -np.sort(-x)[:, :3])
    np.testing.assert_array_equal(indices, np.argsort(-x, stable=True)[:, :3])
    values, _ = both(lambda v: tuple(axe.top_k(v, 2, axis=0)), x)
    np.testing.assert_array_equal(values, -np.sort(-x, 0)[:2])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_take_along_axis(both: Both, axis: int) -> None:
    x = RNG.normal(size=(3, 4, 5)).astype(np.float32)
    shape = list(x.shape)
    shape[axis] = 7
    indices = RNG.integers(-x.shape[axis], x.shape[axis], shape)
    wanted = np.take_along_axis(x, indices, axis)
    np.testing.assert_array_equal(
        both(lambda v, i: axe.take_along_axis(v, i, axis=axis), x, indices), wanted
    )
    found = axe.jit(lambda v, i: axe.take_along_axis(v, i, axis=axis))(x, indices)
    np.testing.assert_array_equal(found, wanted)


def test_take_along_axis_clamps_and_broadcasts(both: Both) -> None:
    x = np.array([[1, 2, 3], [4, 5, 6]])
    found = both(axe.take_along_axis, x, np.array([[-99, 99, -1]]))
    np.testing.assert_array_equal(found, [[1, 3, 3], [4, 6, 6]])


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(both: Both, side: Any) -> None:
    table = np.array([1, 2, 2, 5, np.inf, np.nan], np.float32)
    values = np.array([[0, 2, 3], [np.inf, np.nan, 99]], np.float32)
    wanted = np.searchsorted(table, values, side)
    np.testing.assert_array_equal(
        both(lambda t, v: axe.searchsorted(t, v, side=side), table, values), wanted
    )
    mixed, order = table[[3, 0, 4, 1, 2, 5]], np.array([1, 3, 4, 0, 2, 5])
    found = both(lambda t, v, o: axe.searchsorted(t, v, side=side, sorter=o), mixed, values, order)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: axe.cumulative_sum(np.ones((2, 3))), r"which axis of \(2, 3\)"),
        (lambda: axe.sort(3.0), "no axis -1"),
        (lambda: axe.top_k(np.ones(3), 4), "4 of 3 elements"),
        (lambda: axe.take_along_axis(np.ones(3), np.ones(3)), "needs int32 or int64 positions"),
        (lambda: axe.take_along_axis(np.ones(3), np.ones((3, 1), int)), "of 1 axes"),
        (lambda: axe.searchsorted(np.ones((2, 2)), 1.0), "is not 1-d"),
        (lambda: axe.jit(axe.nonzero)(np.ones(3)), "size of its result depends on values"),
        (lambda: axe.jit(axe.unique_all)(np.ones(3)), "size of its result depends on values"),
    ],
)
def test_misuse(call: Any, match: str) -> None:
    with pytest.raises(axe.AxecError, match=match):
        call()


@pytest.mark.parametrize("invert", [False, True])
def test_isin(both: Both, invert: bool) -> None:
    x, test = array((4, 5), "int32"), np.array([[0, 2], [-1, 9]], "i4")
    wanted = np.isin(x, test, invert=invert)
    check(both, lambda v: axe.isin(v, test, invert=invert), x, wanted)
    check(both, lambda v: axe.isin(v, test[:0], invert=invert), x, wanted & False | invert)


def test_sizes_that_depend_on_values() -> None:
    """Of known arrays, as NumPy has them; each NaN is a value of its own."""
    x = np.array([[2.0, np.nan, 0.0], [0.0, 2.0, np.nan]], "f4")
    for found, wanted in zip(axe.nonzero(x), np.nonzero(x), strict=True):
        np.testing.assert_array_equal(np.asarray(found), wanted)
    every = axe.unique_all(x)
    np.testing.assert_array_equal(np.asarray(every.values), [0, 2, np.nan, np.nan])
    np.testing.assert_array_equal(np.asarray(every.values)[np.asarray(every.inverse_indices)], x)
    np.testing.assert_array_equal(x.ravel()[np.asarray(every.indices)], np.asarray(every.values))
    assert np.asarray(every.counts).tolist() == [2, 2, 1, 1]
    assert [t.dtype for t in every] == [axe.float32, axe.int64, axe.int64, axe.int64]
    assert axe.unique_inverse(x).inverse_indices.shape == x.shape
    assert np.asarray(axe.unique_counts(x[0]).counts).tolist() == [1, 1, 1]


def test_running_products_have_derivatives_at_zeros() -> None:
    for row, order in [([2.0, 0, 3, 4], 2), ([0.0, 1, 2, 0], 1), ([1.0, 2, 3, 4], 2)]:
        axe.testing.check_grads(axe.cumulative_prod, (np.array(row),), order=order)
