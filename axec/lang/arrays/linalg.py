"""Linear algebra on the last two axes: `axe.linalg.solve(a, b)`. The names are those of the linear
algebra extension of the array API standard 2024.12; the other axes are a batch.

float16 and bfloat16 are computed in float32. A matrix that has no decomposition (singular, not
positive definite) gives NaN or infinity, never an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from axec.dialects import dtypes
from axec.dialects.axe import linalg as ops
from axec.dialects.axe.constants import iota
from axec.dialects.axe.rules import show
from axec.dialects.dtypes import DType
from axec.lang.arrays import core, reduce, static
from axec.lang.arrays import elementwise as ew
from axec.lang.arrays.arrange import (
    broadcast_to,
    concat,
    expand_dims,
    matrix_transpose,
    moveaxis,
    permute_dims,
    reshape,
    squeeze,
    stack,
)
from axec.lang.arrays.contract import matmul, tensordot, vecdot
from axec.lang.arrays.core import ArrayLike, as_tensor, need_float
from axec.lang.arrays.create import eye, triu
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.static import Axes
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm",
    "matrix_power", "matrix_rank", "matrix_transpose", "norm", "outer", "pinv", "qr", "slogdet",
    "solve", "solve_triangular", "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip


class QR(NamedTuple):
    """Result of `qr`: x = Q R, Q with orthonormal columns, R upper triangular."""

    Q: Tensor
    R: Tensor


class Slogdet(NamedTuple):
    """Result of `slogdet`: the sign of the determinant (0 of a singular matrix), and the logarithm
    of its magnitude."""

    sign: Tensor
    logabsdet: Tensor


# ---- parts and products --------------------------------------------------------------------------


def diagonal(x: ArrayLike, /, *, offset: int = 0) -> Tensor:
    """The elements with column - row = offset, of the last two axes."""
    t, k = _matrices("diagonal", x), static.integer("offset", offset)
    *lead, rows, columns = t.type.shape
    if not isinstance(rows, int) or not isinstance(columns, int):
        return _masked_diagonal(t, k)
    count = max(min(rows + min(k, 0), columns - max(k, 0)), 0)
    if not count:
        return core.full((*lead, 0), 0, t.dtype)
    first = -k * columns if k < 0 else k
    flat = reshape(t, (*lead, rows * columns))
    return flat[..., first : first + (count - 1) * (columns + 1) + 1 : columns + 1]


def _masked_diagonal(x: Tensor, offset: int) -> Tensor:
    """Where sizes are named there is no step from one element to the next: a choice per row."""
    shape = x.type.shape
    if offset or shape[-1] != shape[-2]:
        raise error(
            "dim-undecided",
            f"diagonal: how long is diagonal {offset} of {show(shape)}?",
            hint="the main diagonal of square matrices has a size that is known",
        )
    row, column = (
        apply(iota, shape=shape, dtype=dtypes.i64, axis=a) for a in (x.ndim - 2, x.ndim - 1)
    )
    zero = core.full((), False if x.dtype is dtypes.bool_ else 0, x.dtype)
    chosen = ew.where(row == column, x, zero)
    fold = reduce.any if x.dtype is dtypes.bool_ else reduce.sum
    return cast(fold(chosen, axis=-1), x.dtype)


def trace(x: ArrayLike, /, *, offset: int = 0, dtype: object = None) -> Tensor:
    """The sum of a diagonal; integers add up in int64 unless `dtype` says otherwise."""
    return reduce.sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def outer(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """result[i, j] = x1[i] * x2[j], of two 1-d arrays."""
    x, y = core.promote("outer", x1, x2)
    if x.ndim != 1 or y.ndim != 1:
        both = f"{show(x.type.shape)} and {show(y.type.shape)}"
        raise error("shape-mismatch", f"outer: needs two 1-d arrays, got {both}")
    return expand_dims(x, axis=1) * y


def cross(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Tensor:
    """The vectors orthogonal to both, along an axis of size 3; the other axes broadcast."""
    x, y = core.match("cross", x1, x2)
    place = static.axis("cross", axis, x.ndim)
    sizes = [as_tensor(v).type.shape[axis] for v in (x1, x2)]
    if sizes != [3, 3]:
        both = f"{show(as_tensor(x1).type.shape)} and {show(as_tensor(x2).type.shape)}"
        raise error("shape-mismatch", f"cross: axis {axis} of {both} must have 3 elements")
    a, b = ([moveaxis(t, place, 0)[i] for i in range(3)] for t in (x, y))
    parts = [a[i - 2] * b[i - 1] - a[i - 1] * b[i - 2] for i in range(3)]
    return stack(parts, axis=place)


def matrix_power(x: ArrayLike, n: int, /) -> Tensor:
    """The product of n matrices x; of inverses, for n < 0; the identity for 0."""
    t, times = _square("matrix_power", x), static.integer("matrix_power: n", n)
    if times == 0:
        return broadcast_to(eye(t.type.shape[-1], dtype=t.dtype), t.type.shape)
    base = inv(t) if times < 0 else t
    found, times = None, abs(times)
    while times:  # base holds x ** 1, 2, 4, ...
        if times & 1:
            found = base if found is None else matmul(found, base)
        times >>= 1
        base = matmul(base, base) if times else base
    assert found is not None
    return found


# ---- norms ---------------------------------------------------------------------------------------


def vector_norm(
    x: ArrayLike, /, *, axis: Axes = None, keepdims: bool = False, ord: float = 2
) -> Tensor:
    """The norm of vectors along one axis, several, or all: (sum |x| ** ord) ** (1 / ord); the
    largest magnitude for inf, the smallest for -inf, the number of nonzeros for 0."""
    t = need_float("vector_norm", as_tensor(x))
    wide, where = _wide(t), {"axis": axis, "keepdims": keepdims}
    if ord == math.inf:
        found = reduce.max(ew.abs(wide), **where)  # type: ignore[arg-type]
    elif ord == -math.inf:
        found = reduce.min(ew.abs(wide), **where)  # type: ignore[arg-type]
    elif ord == 0:
        found = cast(reduce.count_nonzero(wide, **where), wide.dtype)  # type: ignore[arg-type]
    elif ord == 1:
        found = reduce.sum(ew.abs(wide), **where)  # type: ignore[arg-type]
    elif ord == 2:
        found = ew.sqrt(reduce.sum(wide * wide, **where))  # type: ignore[arg-type]
    else:
        power = static.real("vector_norm: ord", ord)
        found = reduce.sum(ew.abs(wide) ** power, **where) ** (1 / power)  # type: ignore[arg-type]
    return cast(found, t.dtype)


def matrix_norm(x: ArrayLike, /, *, keepdims: bool = False, ord: float | str = "fro") -> Tensor:
    """The norm of matrices: "fro" (the root of the sum of squares), 1 or -1 (the largest or the
    smallest sum of magnitudes of a column), inf or -inf (of a row). Those of singular values (2,
    -2, "nuc") are not offered, as `svd` is not."""
    t = _matrices("matrix_norm", x)
    if ord == "fro":
        return vector_norm(t, axis=(-2, -1), keepdims=keepdims)
    if ord in (2, -2, "nuc"):
        raise _missing(f"matrix_norm: ord {ord!r}", 'the Frobenius norm, "fro", bounds them')
    if ord not in (1, -1, math.inf, -math.inf):
        message = f'matrix_norm: ord is "fro", 1, -1, inf or -inf, not {ord!r}'
        raise error("bad-attribute", message)
    wide = _wide(need_float("matrix_norm", t))
    along, across = (-2, -1) if abs(float(ord)) == 1 else (-1, -2)
    sums = reduce.sum(ew.abs(wide), axis=along, keepdims=True)
    fold = reduce.max if float(ord) > 0 else reduce.min
    found = cast(fold(sums, axis=across, keepdims=True), t.dtype)
    return found if keepdims else squeeze(found, (-2, -1))


def norm(
    x: ArrayLike, /, *, ord: float | str | None = None, axis: Axes = None, keepdims: bool = False
) -> Tensor:
    """NumPy's norm: of all elements by default; with `ord`, of the vector or the matrix that x is;
    of vectors along one `axis`, of matrices along two."""
    t = as_tensor(x)
    if axis is None and (ord is None or t.ndim == 1):
        return vector_norm(t, keepdims=keepdims, ord=2 if ord is None else _order(ord))
    pair = static.axes("norm", (-2, -1) if axis is None else axis, t.ndim)
    if len(pair) == 1:
        return vector_norm(t, axis=pair, keepdims=keepdims, ord=2 if ord is None else _order(ord))
    if len(pair) != 2 or (axis is None and t.ndim != 2):
        message = f"norm: a norm is of vectors or matrices, got axes {pair} of {show(t.type.shape)}"
        raise error("axis-range", message)
    others = tuple(a for a in range(t.ndim) if a not in pair)
    last = permute_dims(t, (*others, *pair))
    found = matrix_norm(last, ord="fro" if ord is None else ord)
    return expand_dims(found, axis=tuple(sorted(pair))) if keepdims else found


def _order(ord: float | str) -> float:
    if isinstance(ord, str):
        raise error("bad-attribute", f"norm: {ord!r} is a norm of matrices")
    return ord


# ---- decompositions ------------------------------------------------------------------------------


def cholesky(x: ArrayLike, /, *, upper: bool = False) -> Tensor:
    """The lower triangular L with x = L L^T of symmetric positive definite matrices, or its
    transpose (`upper`). Of a matrix that is not symmetric the mean with its transpose counts; one
    that is not positive definite gives NaN."""
    t = _square("cholesky", x)
    wide = _wide(t)
    found = apply(ops.cholesky, (wide + matrix_transpose(wide)) * 0.5)
    found = matrix_transpose(found) if static.flag("upper", upper) else found
    return cast(found, t.dtype)


def qr(x: ArrayLike, /, *, mode: str = "reduced") -> QR:
    """x [..., M, N] as Q R by Householder reflections: Q [..., M, K], R [..., K, N], K the smaller
    of both, or M with mode "complete" (which has no derivative where M > N)."""
    t = _matrices("qr", x)
    static.word("qr: mode", mode, "reduced", "complete")
    wide = _wide(need_float("qr", t))
    *lead, rows, columns = wide.type.shape
    tall = wide
    if isinstance(rows, int) and isinstance(columns, int):
        if rows < columns:
            tall = wide[..., :rows]
        elif mode == "complete" and rows > columns:
            zeros = core.full((*lead, rows, rows - columns), 0, wide.dtype)
            tall = concat([wide, zeros], axis=-1)
    elif rows != columns:
        raise error(
            "dim-undecided",
            f"qr: are there more rows or more columns in {show(wide.type.shape)}?",
            hint="sizes other than the batch must be ints, or the matrices square",
        )
    q = apply(ops.householder, tall)
    return QR(cast(q, t.dtype), cast(triu(matmul(matrix_transpose(q), wide)), t.dtype))


def solve(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """The x with x1 x = x2, for x1 [..., N, N] and x2 [..., N, K] or [N]; leading axes broadcast.
    By LU with row exchanges; a singular x1 gives infinity or NaN."""
    return _solved("solve", x1, x2, lambda a, b: apply(ops.solve, a, b, transpose=False))


def solve_triangular(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    *,
    lower: bool = False,
    trans: bool = False,
    unit_diagonal: bool = False,
) -> Tensor:
    """The x with x1 x = x2, or x1^T x = x2 (`trans`), where only the `lower` or the upper triangle
    of x1 counts; with `unit_diagonal`, ones on its diagonal. Shapes as in `solve`."""
    how = {
        "lower": static.flag("lower", lower),
        "transpose": static.flag("trans", trans),
        "unit": static.flag("unit_diagonal", unit_diagonal),
    }
    return _solved(
        "solve_triangular", x1, x2, lambda a, b: apply(ops.triangular_solve, a, b, **how)
    )


def inv(x: ArrayLike, /) -> Tensor:
    """The inverse of matrices, by LU with row exchanges; infinity or NaN of singular ones. To solve
    equations, `solve` is faster and more accurate."""
    t = _square("inv", x)
    wide = _wide(t)
    one = broadcast_to(eye(t.type.shape[-1], dtype=wide.dtype), t.type.shape)
    return cast(apply(ops.solve, wide, one, transpose=False), t.dtype)


def det(x: ArrayLike, /) -> Tensor:
    """The determinant, by LU. Its derivative needs the inverse: NaN where x is singular."""
    t = _square("det", x)
    pivots, sign = _pivots(_wide(t))
    return cast(reduce.prod(pivots, axis=-1) * sign, t.dtype)


def slogdet(x: ArrayLike, /) -> Slogdet:
    """The sign and the logarithm of the magnitude of the determinant, by LU, for determinants that
    are too large or too small; 0 and -inf of singular matrices."""
    t = _square("slogdet", x)
    pivots, sign = _pivots(_wide(t))
    signs = reduce.prod(ew.sign(pivots), axis=-1) * sign
    magnitude = reduce.sum(ew.log(ew.abs(pivots)), axis=-1)
    return Slogdet(cast(signs, t.dtype), cast(magnitude, t.dtype))


def _pivots(x: Tensor) -> tuple[Tensor, Tensor]:
    """The diagonal of U, and 1 or -1 for an even or odd number of exchanges of rows: of pairs that
    stand the other way round."""
    n = x.type.shape[-1]
    found = apply(ops.lu, x)
    order = found[..., n, :]
    after = expand_dims(order, axis=-1) > expand_dims(order, axis=-2)
    turned = reduce.count_nonzero(triu(after, k=1), axis=(-2, -1))
    return diagonal(found[..., :n, :]), cast(1 - 2 * (turned % 2), x.dtype)


def _solved(
    name: str, x1: ArrayLike, x2: ArrayLike, rule: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """`rule` on matrices and right sides of equal leading axes; a 1-d right side is a column."""
    a, b = core.promote(name, x1, x2)
    dtype = _square(name, a).dtype
    columns = expand_dims(b, axis=-1) if b.ndim == 1 else b
    if columns.ndim < 2 or columns.type.shape[-2] != a.type.shape[-1]:
        both = f"{show(a.type.shape)} and {show(b.type.shape)}"
        raise error("shape-mismatch", f"{name}: matrices and right sides do not fit: {both}")
    lead = core.common_shape(name, a.type.shape[:-2], columns.type.shape[:-2])
    wide, side = (core.stretch(_wide(t), (*lead, *t.type.shape[-2:])) for t in (a, columns))
    found = cast(rule(wide, side), dtype)
    return squeeze(found, -1) if b.ndim == 1 else found


# ---- what is shared ------------------------------------------------------------------------------


def _matrices(name: str, x: ArrayLike) -> Tensor:
    t = as_tensor(x)
    if t.ndim < 2:
        raise error("shape-mismatch", f"{name}: needs matrices, got shape {show(t.type.shape)}")
    return t


def _square(name: str, x: ArrayLike) -> Tensor:
    t = _matrices(name, x)
    if t.type.shape[-1] != t.type.shape[-2]:
        message = f"{name}: needs square matrices, got shape {show(t.type.shape)}"
        raise error("shape-mismatch", message)
    return t if name == "matrix_power" else need_float(name, t)


_WIDE: dict[DType, DType] = {dtypes.f16: dtypes.f32, dtypes.bf16: dtypes.f32}


def _wide(x: Tensor) -> Tensor:
    return cast(x, _WIDE.get(x.dtype, x.dtype))


# ---- what the extension has and axec does not ----------------------------------------------------


def _missing(what: str, hint: str) -> Exception:
    message = f"{what}: eigenvalues and singular values are not offered"
    return error("not-offered", message, hint=hint)


def eigh(x: ArrayLike, /) -> NoReturn:
    """Not offered: there is no eigenvalue decomposition."""
    raise _missing("eigh", "solve with `axe.linalg.cholesky` or `axe.linalg.solve`")


def eigvalsh(x: ArrayLike, /) -> NoReturn:
    """Not offered: there is no eigenvalue decomposition."""
    raise _missing("eigvalsh", "the determinant is `axe.linalg.slogdet`")


def svd(x: ArrayLike, /, *, full_matrices: bool = True) -> NoReturn:
    """Not offered: there is no singular value decomposition."""
    raise _missing("svd", "an orthonormal basis is `axe.linalg.qr(x).Q`")


def svdvals(x: ArrayLike, /) -> NoReturn:
    """Not offered: there is no singular value decomposition."""
    raise _missing("svdvals", "an orthonormal basis is `axe.linalg.qr(x).Q`")


def pinv(x: ArrayLike, /, *, rtol: ArrayLike | None = None) -> NoReturn:
    """Not offered: there is no singular value decomposition."""
    raise _missing("pinv", "least squares by QR: `solve_triangular(R, Q.mT @ b)`")


def matrix_rank(x: ArrayLike, /, *, rtol: ArrayLike | None = None) -> NoReturn:
    """Not offered: there is no singular value decomposition."""
    raise _missing("matrix_rank", "the pivots of `axe.linalg.qr(x).R` tell about it")
