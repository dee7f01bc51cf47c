"""Decompositions of matrices: ops on the last two axes, one matrix of the batch at a time.

They take f32 and f64; what is written with them (axec/lang/arrays/linalg.py) computes f16 and bf16
in f32.
A matrix that has no decomposition gives NaN or infinity and never an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.axe.arrange import reshape, slice_
from axec.dialects.axe.build import Value, count
from axec.dialects.axe.constants import iota
from axec.dialects.axe.elementwise import add, cast, mul
from axec.dialects.axe.indexing import take
from axec.dialects.axe.rules import need_shape, same_dtype, show
from axec.dialects.axe.sequence import argsort
from axec.dialects.emit import Emit
from axec.dialects.opdef import Array, ShapeError, composite, core
from axec.dialects.types import TensorType

_DTYPES = (dtypes.f32, dtypes.f64)


def _need_matrix(op: str, x: TensorType) -> None:
    """The operand is a batch of matrices of f32 or f64."""
    if x.dtype not in _DTYPES:
        raise ShapeError("dtype-unsupported", f"{op}: needs f32 or f64, got {x.dtype}")
    if x.rank < 2:
        message = f"{op}: needs matrices [..., M, N], got {show(x.shape)}"
        raise ShapeError("shape-mismatch", message)


def _need_square(op: str, x: TensorType) -> None:
    _need_matrix(op, x)
    if x.shape[-1] != x.shape[-2]:
        message = f"{op}: needs square matrices [..., N, N], got {show(x.shape)}"
        raise ShapeError("shape-mismatch", message)


def _matrices(*xs: Array) -> Iterator[tuple[Array, ...]]:
    """The matrices of arrays with equal leading axes, as views."""
    for at in np.ndindex(*xs[0].shape[:-2]):
        yield tuple(x[at] for x in xs)


@core("matrix")
def cholesky(x: TensorType) -> TensorType:
    """The lower triangular L with x = L L^T, for symmetric positive definite x [..., N, N], of
    which the lower triangle is read; zeros above the diagonal. A matrix that is not positive
    definite (or has an infinite element) gives NaN in all of the lower triangle."""
    _need_square("cholesky", x)
    return x


@cholesky.reference
def _(x: Array) -> Array:
    found = np.zeros_like(x)
    for source, target in _matrices(x, found):
        with contextlib.suppress(np.linalg.LinAlgError):
            target[:] = np.linalg.cholesky(source)
        pivots = np.diagonal(target)
        if not ((pivots > 0) & (pivots < np.inf)).all():
            target[np.tril_indices(len(target))] = np.nan
    return found


@cholesky.place
def _(xs: list[Array]) -> list[Array]:
    return [x @ np.swapaxes(x, -1, -2) + 2 * np.eye(x.shape[-1], dtype=x.dtype) for x in xs]


@core("matrix")
def triangular_solve(
    a: TensorType, b: TensorType, *, lower: bool, transpose: bool = False, unit: bool = False
) -> TensorType:
    """The x with a x = b, or a^T x = b (`transpose`), for a [..., N, N] of which only the `lower`
    or the upper triangle is read (`unit`: not the diagonal either, which counts as ones), and
    b [..., N, K] with the same leading axes. A zero on the diagonal gives infinity or NaN."""
    _need_square("triangular_solve", a)
    _need_matrix("triangular_solve", b)
    same_dtype("triangular_solve", a, b)
    need_shape("triangular_solve", "the right side", b, (*a.shape[:-1], b.shape[-1]))
    return b


@triangular_solve.reference
def _(a: Array, b: Array, *, lower: bool, transpose: bool, unit: bool) -> Array:
    n = a.shape[-1]
    a = np.swapaxes(a, -1, -2) if transpose else a
    x = b.copy()
    steps = range(n) if lower != transpose else range(n - 1, -1, -1)
    for i in steps:
        solved = slice(0, i) if lower != transpose else slice(i + 1, n)
        x[..., i, :] -= np.einsum("...k,...kj->...j", a[..., i, solved], x[..., solved, :])
        if not unit:
            x[..., i, :] /= a[..., i, i, None]
    return x


@triangular_solve.place
def _(xs: list[Array]) -> list[Array]:
    a, b = xs
    n = a.shape[-1]
    return [a / a.dtype.type(n or 1) + np.eye(n, dtype=a.dtype), b]


@core("matrix")
def lu(x: TensorType) -> TensorType:
    """P x = L U with rows exchanged for the largest pivots, for x [..., N, N]. The result
    [..., N + 1, N] holds U and, below its diagonal, L without its diagonal of ones; its last row is
    the permutation: row i of P x is row result[..., N, i] of x (whole numbers, exact far beyond any
    size of a matrix). Where all candidates for a pivot are 0, U has that 0 on its diagonal, and
    what is below it stays. Source: Golub and Van Loan, Matrix Computations, algorithm 3.4.1."""
    _need_square("lu", x)
    n = x.shape[-1]
    return x.with_shape((*x.shape[:-2], n + 1, n))


@lu.reference
def _(x: Array) -> Array:
    n = x.shape[-1]
    order = np.broadcast_to(np.arange(n, dtype=x.dtype), (*x.shape[:-2], 1, n))
    found = np.concatenate((x, order), -2)
    for (m,) in _matrices(found):
        a, perm = m[:n], m[n]
        for k in range(n):
            best = k + _largest(np.abs(a[k:, k]))
            a[[k, best]], perm[[k, best]] = a[[best, k]], perm[[best, k]]
            if a[k, k] != 0:
                a[k + 1 :, k] /= a[k, k]
                a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return found


def _largest(values: Array) -> int:
    """The first of the largest; NaN is none."""
    return int(np.argmax(np.where(np.isnan(values), -1, values)))


@lu.place
def _pivoted(xs: list[Array]) -> list[Array]:
    return [x + 8 * np.eye(x.shape[-1], dtype=x.dtype)[::-1] for x in xs]


@core("matrix")
def householder(x: TensorType) -> TensorType:
    """The factor Q of x = Q R, with orthonormal columns, for x [..., M, N] with M >= N, by
    reflections; the signs are those of LAPACK. R is Q^T x, of which all below the diagonal is
    rounding. Source: Golub and Van Loan, Matrix Computations, algorithms 5.1.1 and 5.2.1."""
    _need_matrix("householder", x)
    gap = x.shape[-2] - x.shape[-1]
    if isinstance(gap, int) and gap < 0:
        message = f"householder: {show(x.shape)} has more columns than rows"
        raise ShapeError("shape-mismatch", message)
    return x


@householder.reference
def _(x: Array) -> Array:
    found = np.empty_like(x)
    for source, target in _matrices(x, found):
        target[:] = np.linalg.qr(source)[0]
    return found


@composite
def solve(a: TensorType, b: TensorType, *, transpose: bool = False) -> TensorType:
    """The x with a x = b, or a^T x = b (`transpose`), for a [..., N, N] and b [..., N, K] with the
    same leading axes, by `lu`. A singular a gives infinity or NaN."""
    _need_square("solve", a)
    _need_matrix("solve", b)
    same_dtype("solve", a, b)
    need_shape("solve", "the right side", b, (*a.shape[:-1], b.shape[-1]))
    return b


@solve.decompose
def _(emit: Emit, a: Value, b: Value, *, transpose: bool) -> Value:
    both, order = factors(emit, a)
    how = {"transpose": transpose}
    if not transpose:
        y = emit(triangular_solve, both, _rows(emit, b, order), lower=True, unit=True, **how)
        return emit(triangular_solve, both, y, lower=False, **how)
    y = emit(triangular_solve, both, b, lower=False, **how)
    y = emit(triangular_solve, both, y, lower=True, unit=True, **how)
    return _rows(emit, y, emit(argsort, order, descending=False))


@solve.place
def _(xs: list[Array]) -> list[Array]:
    return [*_pivoted(xs[:1]), *xs[1:]]


def factors(emit: Emit, x: Value) -> tuple[Value, Value]:
    """The parts of lu(x): L and U in one matrix, and the permutation [..., N] as i64."""
    *lead, n, _ = emit.type(x).shape
    found = emit(lu, x)
    start, stop, step = (0,) * len(lead), tuple(lead), (1,) * (len(lead) + 2)
    both = emit(slice_, found, start=(*start, 0, 0), stop=(*stop, n, n), step=step)
    last = emit(slice_, found, start=(*start, n, 0), stop=(*stop, n + 1, n), step=step)
    order = emit(reshape, last, shape=(*lead, n))
    return both, emit(cast, order, dtype=dtypes.i64)


def _rows(emit: Emit, x: Value, order: Value) -> Value:
    """The rows of x [..., N, K] in an order [..., N] of each matrix's own."""
    *lead, n, k = emit.type(x).shape
    batch = dims.product(lead)
    flat = emit(reshape, order, shape=(batch, n))
    number = emit(iota, shape=(batch, n), dtype=dtypes.i64, axis=0)
    flat = emit(add, flat, emit(mul, number, count(emit, n, number)))
    rows = emit(reshape, x, shape=(batch * n, k))
    found = emit(take, rows, emit(reshape, flat, shape=(batch * n,)), axis=0)
    return emit(reshape, found, shape=(*lead, n, k))


for _transpose in (False, True):
    solve.sample("f32[5, 5]", "f32[5, 3]", transpose=_transpose)
    solve.sample("f32[2, 3, 3]", "f32[2, 3, 1]", transpose=_transpose)
    solve.sample("f32[batch, n, n]", "f32[batch, n, 2]", transpose=_transpose)
solve.sample("f32[0, 0]", "f32[0, 3]")
cholesky.sample("f32[5, 5]")
cholesky.sample("f32[2, 3, 3]")
cholesky.sample("f32[19, 19]")
cholesky.sample("f32[1, 1]")
cholesky.sample("f32[3, 0, 0]")
cholesky.sample("f32[batch, 4, 4]")
cholesky.sample("f32[n, n]")
for _lower in (False, True):
    for _transpose in (False, True):
        triangular_solve.sample("f32[5, 5]", "f32[5, 3]", lower=_lower, transpose=_transpose)
        triangular_solve.sample(
            "f32[2, 3, 3]", "f32[2, 3, 1]", lower=_lower, transpose=_transpose, unit=_transpose
        )
    triangular_solve.sample("f32[19, 19]", "f32[19, 21]", lower=_lower)
triangular_solve.sample("f32[0, 0]", "f32[0, 3]", lower=True)
triangular_solve.sample("f32[1, 1]", "f32[1, 1]", lower=True)
triangular_solve.sample("f32[batch, n, n]", "f32[batch, n, k]", lower=False, unit=True)
lu.sample("f32[5, 5]")
lu.sample("f32[2, 3, 3]")
lu.sample("f32[19, 19]")
lu.sample("f32[1, 1]")
lu.sample("f32[2, 0, 0]")
lu.sample("f32[batch, n, n]")
householder.sample("f32[5, 5]")
householder.sample("f32[2, 5, 3]")
householder.sample("f32[23, 17]")
householder.sample("f32[1, 1]")
householder.sample("f32[3, 0]")
householder.sample("f32[batch, 4, 2]")
householder.sample("f32[n, n]")
