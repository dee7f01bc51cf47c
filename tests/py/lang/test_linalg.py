"""axe.linalg against numpy.linalg, eager, traced and compiled; what bad matrices give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.lang.arrays import linalg

Both = Callable[..., Any]
RNG = np.random.default_rng(11)
SIZES = [1, 2, 3, 7, 16, 33, 70]  # within a vector, within a panel, across panels
BATCHES: list[tuple[int, ...]] = [(), (1,), (2, 3), (0,)]


def matrices(*shape: int, dtype: str = "float64") -> Any:
    return RNG.standard_normal(shape).astype(dtype)


def definite(n: int, *batch: int) -> Any:
    x = matrices(*batch, n, n)
    return x @ np.swapaxes(x, -1, -2) + n * np.eye(n)


def check(
    both: Both, fn: Callable[..., Any], wanted: Any, *arrays: Any, rtol: float = 1e-9
) -> None:
    """Eager, traced and compiled give what NumPy gives."""
    scale = max(1.0, *(float(np.max(np.abs(w), initial=0)) for w in axe.tree.leaves(wanted)))
    for found in (both(fn, *arrays), axe.jit(fn)(*arrays)):
        for a, b in zip(axe.tree.leaves(found), axe.tree.leaves(wanted), strict=True):
            np.testing.assert_allclose(np.asarray(a), b, rtol, rtol * scale)


@pytest.mark.parametrize("n", SIZES)
def test_decompositions(both: Both, n: int) -> None:
    x, spd, b = matrices(2, n, n), definite(n, 2), matrices(2, n, 5)

    def all_of(x: Any, spd: Any, b: Any) -> Any:
        lower = linalg.cholesky(spd)
        return {
            "cholesky": lower,
            "det": linalg.det(x * 0.3),
            "inv": linalg.inv(spd),
            "qr": tuple(linalg.qr(x)),
            "slogdet": tuple(linalg.slogdet(x)),
            "solve": linalg.solve(x, b),
            "vector": linalg.solve(x, b[0, :, 0]),
            "lower": linalg.solve_triangular(lower, b, lower=True),
            "upper": linalg.solve_triangular(linalg.cholesky(spd, upper=True), b),
            "trans": linalg.solve_triangular(lower, b, lower=True, trans=True),
            "column": linalg.solve_triangular(lower, b[..., :1], lower=True),
            "back": linalg.solve_triangular(lower, b[..., :1], lower=True, trans=True),
        }

    lower = np.linalg.cholesky(spd)
    upper = np.swapaxes(lower, -1, -2)
    wanted = {
        "cholesky": lower,
        "det": np.linalg.det(x * 0.3),
        "inv": np.linalg.inv(spd),
        "qr": tuple(np.linalg.qr(x)),
        "slogdet": tuple(np.linalg.slogdet(x)),
        "solve": np.linalg.solve(x, b),
        "vector": np.linalg.solve(x, b[0, :, :1])[..., 0],
        "lower": np.linalg.solve(lower, b),
        "upper": np.linalg.solve(upper, b),
        "trans": np.linalg.solve(upper, b),
        "column": np.linalg.solve(lower, b[..., :1]),
        "back": np.linalg.solve(upper, b[..., :1]),
    }
    check(both, all_of, wanted, x, spd, b, rtol=1e-7)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (40, 7), (2, 4, 4), (3, 0), (0, 3, 2)])
@pytest.mark.parametrize("mode", ["reduced", "complete"])
def test_qr(both: Both, shape: tuple[int, ...], mode: str) -> None:
    x = matrices(*shape)
    fn = lambda v: tuple(linalg.qr(v, mode=mode))  # noqa: E731
    q, r = both(fn, x)
    wanted = np.linalg.qr(x, mode=mode)  # type: ignore[call-overload]
    assert [q.shape, r.shape] == [f.shape for f in wanted]
    one = np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], q.shape[-1], q.shape[-1]))
    for found in ((q, r), axe.jit(fn)(x)):
        q, r = map(np.asarray, found)
        np.testing.assert_allclose(q @ r, x, 1e-12, 1e-12)
        np.testing.assert_allclose(np.swapaxes(q, -1, -2) @ q, one, 1e-12, 1e-12)
        np.testing.assert_array_equal(r, np.triu(r))


def test_rows_are_exchanged(both: Both) -> None:
    """Pivots that are 0, or too small, are not divided by."""
    x = np.array([[1e-20, 1, 0], [1, 1, 0], [0, 0, 2]])
    check(both, linalg.inv, np.linalg.inv(x), x)
    check(both, linalg.det, np.linalg.det(x), x)
    permutations = np.stack([np.eye(4)[RNG.permutation(4)] for _ in range(9)])
    check(both, linalg.det, np.linalg.det(permutations), permutations)


@pytest.mark.parametrize("batch", BATCHES)
def test_leading_axes_broadcast(both: Both, batch: tuple[int, ...]) -> None:
    a, b = definite(3), matrices(*batch, 3, 2)
    check(both, linalg.solve, np.linalg.solve(a, b), a, b)
    many = definite(3, *batch)
    check(both, linalg.solve, np.linalg.solve(many, b[..., :1]), many, b[..., :1])


def test_named_sizes() -> None:
    n, batch = axe.dim("n", 1, 99), axe.dim("batch", 0, 9)
    fn = lambda a, b: (linalg.solve(a, b), linalg.trace(a), tuple(linalg.qr(a)))  # noqa: E731
    specs = [axe.spec((batch, n, n), axe.float64), axe.spec((batch, n, 2), axe.float64)]
    program = axe.compile(fn, *specs).load()
    for size, count in [(1, 1), (40, 2), (8, 0)]:
        a, b = definite(size, count), matrices(count, size, 2)
        x, diagonal, (q, r) = program(a, b)
        np.testing.assert_allclose(x, np.linalg.solve(a, b), 1e-9, 1e-9)
        np.testing.assert_allclose(diagonal, np.trace(a, axis1=-2, axis2=-1), 1e-12)
        np.testing.assert_allclose(np.asarray(q) @ np.asarray(r), a, 1e-9, 1e-9)


BAD = {
    "zeros": np.zeros((3, 3)),
    "rank 1": np.ones((3, 3)),
    "negative": -np.eye(3),
    "nan": np.full((3, 3), np.nan),
    "inf": np.full((3, 3), np.inf),
}


@pytest.mark.parametrize("x", BAD.values(), ids=BAD)
def test_no_decomposition(both: Both, x: Any) -> None:
    """One bad matrix in a batch: no error, and the others are as ever."""
    good = definite(3)
    fn = lambda v: (linalg.cholesky(v), linalg.inv(v), *linalg.slogdet(v), linalg.qr(v).Q)  # noqa: E731
    batch = np.stack([good, x, good])
    for found in (both(fn, batch), axe.jit(fn)(batch)):
        lower, inverse, sign, magnitude, _ = map(np.asarray, found)
        np.testing.assert_allclose(lower[2], np.linalg.cholesky(good))
        np.testing.assert_allclose(inverse[2], np.linalg.inv(good), 1e-9)
        assert np.isnan(lower[1][np.tril_indices(3)]).all()
        assert (lower[1][np.triu_indices(3, 1)] == 0).all()
        if np.isfinite(x).all() and np.linalg.matrix_rank(x) < 3:
            assert not np.isfinite(inverse[1]).all()
            assert (sign[1], magnitude[1]) == (0, -np.inf)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_narrow_floats(dtype: str) -> None:
    kind = getattr(axe, dtype)
    x = axe.astype(definite(4), kind)
    for fn in (linalg.cholesky, linalg.inv, linalg.det, lambda v: linalg.qr(v).R):
        wide = fn(axe.astype(x, axe.float64))
        for found in (fn(x), axe.jit(fn)(np.asarray(x))):
            assert axe.asarray(found).dtype is kind
            a, b = (np.asarray(axe.astype(axe.asarray(v), axe.float64)) for v in (found, wide))
            eps = float(axe.finfo(kind).eps)
            np.testing.assert_allclose(a, b, 16 * eps, 16 * eps * np.max(np.abs(b)))


def test_products_and_parts(both: Both) -> None:
    x, y, z = matrices(2, 3, 4), matrices(2, 3, 3), matrices(2, 3)
    for k in (-3, -2, 0, 1, 3, 4):
        check(both, lambda v, k=k: linalg.diagonal(v, offset=k), np.linalg.diagonal(x, offset=k), x)
        check(both, lambda v, k=k: linalg.trace(v, offset=k), np.linalg.trace(x, offset=k), x)
    for n in (-3, -1, 0, 1, 2, 7):
        wanted = np.linalg.matrix_power(y, n)
        check(both, lambda v, n=n: linalg.matrix_power(v, n), wanted, y, rtol=1e-7)
    check(both, linalg.outer, np.outer(z[0], z[1]), z[0], z[1])
    check(both, linalg.cross, np.cross(z[0], z), z[0], z)
    wanted = np.cross(y, y[::-1], axis=1)
    check(both, lambda a, b: linalg.cross(a, b, axis=1), wanted, y, y[::-1])
    check(both, linalg.vecdot, np.linalg.vecdot(z, z), z, z)
    assert int(linalg.trace(np.arange(9, dtype="i4").reshape(3, 3))) == 12
    assert linalg.trace(np.eye(2, dtype="i1")).dtype is axe.int64


INF = float("inf")


@pytest.mark.parametrize("ord", [0, 1, 2, 3, 0.5, -1, INF, -INF])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_vector_norms(both: Both, ord: float, axis: Any, keepdims: bool) -> None:
    x = matrices(2, 3, 4)
    how = {"ord": ord, "axis": axis, "keepdims": keepdims}
    wanted = np.linalg.vector_norm(x, **how)
    np.testing.assert_allclose(both(lambda v: linalg.vector_norm(v, **how), x), wanted, 1e-12)


@pytest.mark.parametrize("ord", ["fro", 1, -1, INF, -INF])
def test_matrix_norms(both: Both, ord: Any) -> None:
    x = matrices(2, 3, 4)
    for keepdims in (False, True):
        how = {"ord": ord, "keepdims": keepdims}
        wanted = np.linalg.matrix_norm(x, **how)
        np.testing.assert_allclose(both(lambda v, h=how: linalg.matrix_norm(v, **h), x), wanted)
        wanted = np.linalg.norm(x, ord, (0, 2), keepdims)
        found = both(lambda v, k=keepdims: linalg.norm(v, ord=ord, axis=(0, 2), keepdims=k), x)
        np.testing.assert_allclose(found, wanted)


def test_norm() -> None:
    x = matrices(3, 4)
    for ord, axis in [(None, None), (1, None), ("fro", None), (1, 0), (None, 1), (None, (0, 1))]:
        found = linalg.norm(x, ord=ord, axis=axis)
        np.testing.assert_allclose(np.asarray(found), np.linalg.norm(x, ord, axis))
    np.testing.assert_allclose(np.asarray(linalg.norm(x[0], ord=3)), np.linalg.norm(x[0], 3))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "cholesky": lambda x: linalg.cholesky(x @ x.mT + 3 * axe.eye(4, dtype=axe.float64)),
    "det": linalg.det,
    "inv": linalg.inv,
    "matrix_power": lambda x: linalg.matrix_power(x, -2),
    "norm": linalg.norm,
    "qr": lambda x: tuple(linalg.qr(x)),
    "tall qr": lambda x: tuple(linalg.qr(x[:, :2])),
    "wide qr": lambda x: tuple(linalg.qr(x[:2])),
    "slogdet": lambda x: linalg.slogdet(x).logabsdet,
    "solve": lambda x: linalg.solve(x, x[0]),
    "triangular": lambda x: linalg.solve_triangular(x, x[:, 1:], trans=True, unit_diagonal=True),
}


@pytest.mark.parametrize("fn", FUNCTIONS.values(), ids=FUNCTIONS)
def test_derivatives(fn: Callable[..., Any]) -> None:
    x = matrices(4, 4) + 3 * np.eye(4)[::-1]
    axe.testing.check_grads(fn, (x,), order=2)


def test_batches_are_one_kernel() -> None:
    xs = definite(5, 6)
    found = axe.vmap(linalg.cholesky)(xs)
    np.testing.assert_allclose(np.asarray(found), np.linalg.cholesky(xs))
    grads = axe.vmap(axe.grad(linalg.det))(xs)
    wanted = np.linalg.det(xs)[:, None, None] * np.linalg.inv(xs)
    np.testing.assert_allclose(np.asarray(grads), wanted, 1e-9, 1e-9)


REFUSED: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: linalg.solve(np.ones((2, 3)), np.ones(2)), "shape-mismatch", "square"),
    (lambda: linalg.solve(np.eye(3), np.ones(2)), "shape-mismatch", r"\(3, 3\) and \(2,\)"),
    (lambda: linalg.inv(np.ones(3)), "shape-mismatch", "needs matrices"),
    (lambda: linalg.inv(np.eye(3, dtype="i4")), "dtype-unsupported", "int32"),
    (lambda: linalg.cross(np.ones(2), np.ones(2)), "shape-mismatch", "3 elements"),
    (lambda: linalg.outer(np.ones((2, 2)), np.ones(2)), "shape-mismatch", "1-d"),
    (lambda: linalg.matrix_norm(np.eye(2), ord=2), "not-offered", "singular"),
    (lambda: linalg.matrix_norm(np.eye(2), ord=3), "bad-attribute", "fro"),
    (lambda: linalg.norm(np.ones(2), ord="fro"), "bad-attribute", "matrices"),
    (lambda: linalg.norm(np.ones((2, 2, 2)), ord=1), "axis-range", "vectors or matrices"),
    (lambda: linalg.qr(np.eye(2), mode="raw"), "bad-attribute", "reduced"),
    (lambda: linalg.matrix_power(np.eye(2), 0.5), "argument-type", "an int"),  # type: ignore[arg-type]
    *[
        (lambda f=f: getattr(linalg, f)(np.eye(2)), "not-offered", "not offered")
        for f in ("eigh", "eigvalsh", "svd", "svdvals", "pinv", "matrix_rank")
    ],
]  # fmt: skip


@pytest.mark.parametrize(("call", "code", "piece"), REFUSED)
def test_refused(call: Callable[[], Any], code: str, piece: str) -> None:
    with pytest.raises(axe.AxecError, match=piece) as e:
        call()
    assert e.value.code == code
