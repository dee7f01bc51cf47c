"""Derivatives of decompositions, in products and triangular solutions, which have derivatives
themselves. Sources: Giles, An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation (2008); Murray, arXiv 1602.07527 (cholesky).
"""

from __future__ import annotations

from typing import Any

from axec.dialects import dtypes
from axec.dialects.axe import linalg as ops
from axec.dialects.axe.arrange import broadcast, pad, slice_
from axec.dialects.axe.attention import product
from axec.dialects.axe.build import fill, scalar, swapped, triangle
from axec.dialects.axe.constants import iota
from axec.dialects.axe.elementwise import add, cast, compare, mul, neg, sub
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.rules import Tangents, Value, jvp, total, vjp


def _dot(e: IrEmit, x: Value, y: Value) -> Value:
    """x y"""
    return product(e, x, y, -1, -2)


def _dot_left(e: IrEmit, x: Value, y: Value) -> Value:
    """x^T y"""
    return product(e, x, y, -2, -2)


def _dot_right(e: IrEmit, x: Value, y: Value) -> Value:
    """x y^T"""
    return product(e, x, y, -1, -1)


def _solve(e: IrEmit, a: Value, b: Value, **how: Any) -> Value:
    return e(ops.triangular_solve, a, b, **how)


def _solve_right(e: IrEmit, b: Value, a: Value, *, transpose: bool = False, **how: Any) -> Value:
    """The x with x a = b, or x a^T = b."""
    solution = _solve(e, a, swapped(e, b), transpose=not transpose, **how)
    return swapped(e, solution)


def _strict(e: IrEmit, x: Value) -> Value:
    return triangle(e, x, lower=True, diagonal=False)


# ---- triangular_solve, solve: linear in b --------------------------------------------------------


@vjp(ops.triangular_solve, 1)
def _(
    e: IrEmit, g: Value, x: Value, a: Value, b: Value, *, lower: bool, transpose: bool, unit: bool
) -> Value:
    return _solve(e, a, g, lower=lower, transpose=not transpose, unit=unit)


@vjp(ops.triangular_solve, 0)
def _(
    e: IrEmit, g: Value, x: Value, a: Value, b: Value, *, lower: bool, transpose: bool, unit: bool
) -> Value:
    back = _solve(e, a, g, lower=lower, transpose=not transpose, unit=unit)
    return triangle(e, _of_matrix(e, back, x, transpose), lower=lower, diagonal=not unit)


@jvp(ops.triangular_solve)
def _(
    e: IrEmit, ts: Tangents, x: Value, a: Value, b: Value, *, lower: bool, transpose: bool,
    unit: bool,
) -> Value:  # fmt: skip
    da, db = ts
    part = None if da is None else triangle(e, da, lower=lower, diagonal=not unit)
    side = _right_side(e, part, db, x, transpose)
    return _solve(e, a, side, lower=lower, transpose=transpose, unit=unit)


@vjp(ops.solve, 1)
def _(e: IrEmit, g: Value, x: Value, a: Value, b: Value, *, transpose: bool) -> Value:
    return e(ops.solve, a, g, transpose=not transpose)


@vjp(ops.solve, 0)
def _(e: IrEmit, g: Value, x: Value, a: Value, b: Value, *, transpose: bool) -> Value:
    return _of_matrix(e, e(ops.solve, a, g, transpose=not transpose), x, transpose)


@jvp(ops.solve)
def _(e: IrEmit, ts: Tangents, x: Value, a: Value, b: Value, *, transpose: bool) -> Value:
    da, db = ts
    return e(ops.solve, a, _right_side(e, da, db, x, transpose), transpose=transpose)


def _of_matrix(e: IrEmit, back: Value, x: Value, transpose: bool) -> Value:
    """The cotangent of a from that of b: - back x^T, or its transpose."""
    return e(neg, _dot_right(e, *((x, back) if transpose else (back, x))))


def _right_side(
    e: IrEmit, da: Value | None, db: Value | None, x: Value, transpose: bool
) -> Value | None:
    """db - da x"""
    if da is None:
        return db
    moved = e(neg, (_dot_left if transpose else _dot)(e, da, x))
    return total(e, [db, moved])


# ---- cholesky ------------------------------------------------------------------------------------


def _half(e: IrEmit, x: Value) -> Value:
    """The lower triangle of x, its diagonal halved."""
    both = e(add, triangle(e, x, lower=True), _strict(e, x))
    return e(mul, both, fill(e, 0.5, x))


@vjp(ops.cholesky)
def _(e: IrEmit, g: Value, y: Value, x: Value) -> Value:
    inner = _half(e, _dot_left(e, y, g))
    inner = e(mul, e(add, inner, swapped(e, inner)), fill(e, 0.5, inner))
    found = _solve(e, y, inner, lower=True, transpose=True)
    found = _solve_right(e, found, y, lower=True)
    # The lower triangle stands for both.
    return e(add, triangle(e, found, lower=True), _strict(e, found))


@jvp(ops.cholesky)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value) -> Value:
    (t,) = ts
    symmetric = e(add, triangle(e, t, lower=True), swapped(e, _strict(e, t)))
    inner = _solve_right(e, _solve(e, y, symmetric, lower=True), y, lower=True, transpose=True)
    return _dot(e, y, _half(e, inner))


# ---- lu: with F = L^-1 P dx U^-1, dL = L strict(F) and dU = upper(F) U ---------------------------


def _parts(e: IrEmit, y: Value, x: Value) -> tuple[Value, Value, Value, Value]:
    """L and U in one matrix, L, U, and P."""
    both, order = ops.factors(e, x)
    shape, rank = e.type(x).shape, e.type(x).rank
    row, column = (e(iota, shape=shape, dtype=dtypes.i64, axis=a) for a in (rank - 2, rank - 1))
    one = e(cast, e(compare, row, column, direction="eq"), dtype=e.type(x).dtype)
    lower, upper = e(add, _strict(e, both), one), triangle(e, both, lower=False)
    source = e(broadcast, order, shape=shape, axes=tuple(range(rank - 1)))
    moved = e(cast, e(compare, source, column, direction="eq"), dtype=e.type(x).dtype)
    return both, lower, upper, moved


@vjp(ops.lu)
def _(e: IrEmit, g: Value, y: Value, x: Value) -> Value:
    both, lower, upper, moved = _parts(e, y, x)
    g = _without_last_row(e, g)
    of_lower = _strict(e, _dot_left(e, lower, _strict(e, g)))
    of_upper = triangle(e, _dot_right(e, triangle(e, g, lower=False), upper), lower=False)
    found = _solve(e, both, e(add, of_lower, of_upper), lower=True, transpose=True, unit=True)
    return _dot_left(e, moved, _solve_right(e, found, both, lower=False, transpose=True))


@jvp(ops.lu)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value) -> Value:
    both, lower, upper, moved = _parts(e, y, x)
    f = _solve(e, both, _dot(e, moved, ts[0]), lower=True, unit=True)
    f = _solve_right(e, f, both, lower=False)
    found = e(
        add,
        _dot(e, lower, _strict(e, f)),
        _dot(e, triangle(e, f, lower=False), upper),
    )
    low = (0,) * e.type(x).rank
    return e(pad, found, scalar(e, 0, found), low=low, high=(*low[:-2], 1, 0))


def _without_last_row(e: IrEmit, g: Value) -> Value:
    *lead, _, n = e.type(g).shape
    stop = (*lead, n, n)
    return e(slice_, g, start=(0,) * len(stop), stop=stop, step=(1,) * len(stop))


# ---- householder: with X = dx R^-1 and C = Q^T X, dQ = X - Q C + Q (strict(C) - strict(C)^T) -----


@jvp(ops.householder)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value) -> Value:
    moved = _solve_right(e, ts[0], _dot_left(e, y, x), lower=False)
    inner = _dot_left(e, y, moved)
    below = _strict(e, inner)
    turned = e(sub, e(sub, below, swapped(e, below)), inner)
    return e(add, moved, _dot(e, y, turned))


@vjp(ops.householder)
def _(e: IrEmit, g: Value, y: Value, x: Value) -> Value:
    inner = _dot_left(e, y, g)
    turned = e(sub, _strict(e, e(sub, inner, swapped(e, inner))), inner)
    moved = e(add, g, _dot(e, y, turned))
    return _solve_right(e, moved, _dot_left(e, y, x), lower=False, transpose=True)
