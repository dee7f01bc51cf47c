"""Polynomials over dims with non-negative coefficients that bound any dim expression from above."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from axec.dialects import dims
from axec.dialects.dims import DimExpr, FloorDiv, Monomial, Ranges, Size

Coefficients = dict[Monomial, int]  # by product of names; () is the constant
_Exact = dict[Monomial, Fraction]


def bound(size: Size, ranges: Ranges) -> Coefficients:
    """A polynomial over names, no coefficient negative, that is never smaller than `size`."""
    if isinstance(size, int):
        return {(): size}
    return {m: ceil(c) for m, c in _bound(size, ranges).items()}


def _bound(size: Size, ranges: Ranges) -> _Exact:
    if isinstance(size, int):
        return {(): Fraction(size)}
    total: _Exact = {}
    for monomial, coefficient in size.terms:
        for m, c in _bound_term(monomial, coefficient, ranges).items():
            total[m] = total.get(m, Fraction(0)) + c
    return total


def _bound_term(monomial: Monomial, coefficient: int, ranges: Ranges) -> _Exact:
    if coefficient < 0:  # the least that its factors can be
        most = dims.bounds(DimExpr(((monomial, coefficient),)), ranges)[1]
        return {(): Fraction(max(most, 0))}
    found: _Exact = {(): Fraction(coefficient)}
    for atom in monomial:
        factor = {(atom,): Fraction(1)} if isinstance(atom, str) else _bound_floor(atom, ranges)
        product: _Exact = {}
        for m1, c1 in found.items():
            for m2, c2 in factor.items():
                key = tuple(sorted(m1 + m2, key=str))
                product[key] = product.get(key, Fraction(0)) + c1 * c2
        found = product
    return found


def _bound_floor(atom: FloorDiv, ranges: Ranges) -> _Exact:
    """floor(value / by) <= value / by."""
    return {m: c / atom.by for m, c in _bound(atom.value, ranges).items()}
