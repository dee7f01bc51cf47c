"""Indices with arrays, read and written, against NumPy: eager, traced, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.lang.tracing import trace

Both = Callable[..., Any]
RNG = np.random.default_rng(5)
X = RNG.integers(-9, 9, (4, 5, 6)).astype("f4")

I = np.array([0, 3, -1, 0])  # noqa: E741
J = np.array([[2], [4]])
INDICES: dict[str, Any] = {
    "one array": np.s_[I],
    "behind": np.s_[:, J],
    "last": np.s_[..., I],
    "two": np.s_[I, J],
    "two apart": np.s_[I, :, J],
    "two behind": np.s_[:, I, J],
    "all": np.s_[I, J, J * 0],
    "with an int": np.s_[1, I],
    "int apart": np.s_[1, :, I],
    "with a slice": np.s_[1:3, I],
    "with steps": np.s_[I, ::2, 1::3],
    "backwards": np.s_[::-1, I],
    "with a new axis": np.s_[None, I, None, J],
    "steps alone": np.s_[::2, 1::2],
    "backwards alone": np.s_[..., ::-1],
    "new axis alone": np.s_[None, 1],
    "nothing": np.s_[np.zeros(0, "i8")],
    "nothing of two": np.s_[np.zeros(0, "i8"), np.zeros(0, "i8")],
}


def compiled(fn: Callable[..., Any], *arrays: Any) -> Any:
    return np.asarray(axe.jit(fn)(*arrays))


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_read(both: Both, index: Any) -> None:
    fn = lambda v: v[index] + 0  # noqa: E731
    np.testing.assert_array_equal(both(fn, X), X[index])
    np.testing.assert_array_equal(compiled(fn, X), X[index])
    np.testing.assert_array_equal(both(lambda v: v.at[index].get(), X), X[index])


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_write(both: Both, index: Any) -> None:
    new = RNG.integers(-9, 9, X[index].shape).astype("f4")
    everything: list[Any] = []
    for ufunc in (None, np.add, np.multiply, np.maximum, np.minimum):
        wanted = X.copy()
        if ufunc is None:
            wanted[index] = new  # NumPy too writes in order
        else:
            ufunc.at(wanted, index, new)
        everything.append(wanted)

    def fn(v: Any, u: Any) -> Any:
        place = v.at[index]
        return (place.set(u), place.add(u), place.mul(u), place.max(u), place.min(u))

    for found in (both(fn, X, new), axe.jit(fn)(X, new)):
        for a, b in zip(found, everything, strict=True):
            np.testing.assert_array_equal(np.asarray(a), b)


def test_positions_of_a_run(run: Any) -> None:
    """They count from the end when negative, and are then clamped: nothing is outside."""
    at, inside = np.array([-9, -1, 2, 77]), [0, -1, 2, 3]
    fn = lambda v, i: (v[i, i], v.at[i, i].set(1), axe.scatter(v, i, 2.0, kind="add"))  # noqa: E731
    added = X.copy()
    np.add.at(added, inside, 2)
    written, columns = X.copy(), [0, -1, 2, 4]
    written[inside, columns] = 1
    traced = trace(fn, [axe.spec(X.shape), axe.spec(at.shape, "int64")], name="fn")
    for found in (run(traced, X, at), axe.jit(fn)(X, at)):
        for a, b in zip(found, (X[inside, columns], written, added), strict=True):
            np.testing.assert_array_equal(np.asarray(a), b)


def test_the_last_wins_for_any_number_of_threads() -> None:
    x, at = np.zeros((9, 700), "f4"), RNG.integers(0, 9, 300)
    new = RNG.standard_normal((300, 700)).astype("f4")
    wanted = x.copy()
    wanted[at] = new
    program = axe.compile(
        lambda v, i, u: v.at[i].set(u), *(axe.spec(a.shape, a.dtype) for a in (x, at, new))
    ).load()
    for threads in (1, 2):
        np.testing.assert_array_equal(program(x, at, new, threads=threads), wanted)


DTYPES = ["float64", "float16", "int32", "int8", "uint8", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(both: Both, dtype: str) -> None:
    x = RNG.integers(0, 2, (5, 3)).astype(dtype)
    new = RNG.integers(0, 2, (4, 3)).astype(dtype)
    wanted = x.copy()
    wanted[I] = new
    fn = lambda v, u: v.at[I].set(u)  # noqa: E731
    np.testing.assert_array_equal(both(fn, x, new), wanted)
    np.testing.assert_array_equal(compiled(fn, x, new), wanted)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_along_an_axis(both: Both, axis: int) -> None:
    at = RNG.integers(0, X.shape[axis], (4, 5, 6))
    new = RNG.integers(-9, 9, at.shape).astype("f4")
    wanted = X.copy()
    np.put_along_axis(wanted, at, new, axis)
    fn = lambda v, i, u: axe.put_along_axis(v, i, u, axis=axis)  # noqa: E731
    np.testing.assert_array_equal(both(fn, X, at, new), wanted)
    np.testing.assert_array_equal(compiled(fn, X, at, new), wanted)
    taken = both(lambda v, i, u: axe.take_along_axis(fn(v, i, u), i, axis=axis), X, at, new)
    np.testing.assert_array_equal(taken, np.take_along_axis(wanted, at, axis))


def test_derivatives() -> None:
    x, new = X[..., 0].astype("f8"), RNG.standard_normal((4, 5))
    at = np.array([0, 3, 0, 2])
    for how in ("set", "add", "mul", "max", "min"):
        fn = lambda v, u, h=how: getattr(v.at[at], h)(u)  # noqa: E731
        axe.testing.check_grads(fn, (x, new), order=2)
    two = lambda v, u: v.at[at, at].mul(u) + v[at, at]  # noqa: E731
    axe.testing.check_grads(two, (x[:4, :4], new[:, 0]), order=2)


def test_products_with_zeros() -> None:
    """The derivative of a product at one place, where factors are 0."""
    x, at = np.array([2.0, 3.0]), np.array([0, 0, 1, 1])
    new = np.array([0.0, 5.0, 0.0, 0.0])
    grad = axe.grad(lambda v, u: axe.sum(v.at[at].mul(u)), argnums=(0, 1))
    of_x, of_new = map(np.asarray, grad(x, new))
    np.testing.assert_array_equal(of_x, [0, 0])
    np.testing.assert_array_equal(of_new, [10, 0, 0, 0])


def test_batches() -> None:
    xs, at = X[..., 0], RNG.integers(0, 5, (4, 3))
    found = axe.vmap(lambda v, i: v.at[i].set(1))(xs, at)
    wanted = xs.copy()
    np.put_along_axis(wanted, at, 1, 1)
    np.testing.assert_array_equal(np.asarray(found), wanted)


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: axe.zeros(3)[np.array([3]), ], "index-range"),
    (lambda: axe.zeros((3, 3))[[0], [-4]], "index-range"),
    (lambda: axe.zeros((3, 3))[[0, 1], [0, 1, 2]], "shape-mismatch"),
    (lambda: axe.zeros((3, 3)).at[[0, 1]].set(np.zeros(2, "f4")), "shape-mismatch"),
    (lambda: axe.zeros(3).at[[0.5]].set(1), "index-type"),
    (lambda: axe.scatter(axe.zeros(3), [0], 1.0, kind="sub"), "bad-attribute"),
    (lambda: axe.put_along_axis(axe.zeros((1, 3)), np.zeros((2, 1), "i8"), 1.0), "shape-mismatch"),
    (lambda: axe.zeros(3, dtype=axe.bool).at[[0]].add(True), "dtype-unsupported"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "code"), REFUSED)
def test_refused(call: Callable[[], Any], code: str) -> None:
    with pytest.raises(axe.AxecError) as e:
        call()
    assert e.value.code == code
