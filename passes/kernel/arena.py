"""Offsets in one arena for buffers whose sizes are polynomials over the dims.

A size is rounded up to a polynomial with non-negative coefficients that are multiples of ALIGN: its
envelope. Dims are never negative, so one envelope is at most another wherever its coefficients are.
That is enough to prove that two buffers stay apart for every size of the dims. The price: up to
ALIGN - 1 bytes per monomial, and per element where a row is no multiple of ALIGN (40*batch takes
64*batch).
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from axec.dialects import dims
from axec.dialects.dims import DimExpr, FloorDiv, Monomial, Ranges, Size

ALIGN = 64

Envelope = tuple[int, ...]  # a coefficient per monomial of the basis


@dataclass(frozen=True, slots=True)
class Item:
    """A buffer to place: its size and the first and last step that uses it."""

    nbytes: Size
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Placement:
    """An offset per item (same order), and the size of the arena that holds them."""

    offsets: list[Size]
    total: Size


def place(items: Sequence[Item], ranges: Ranges) -> Placement:
    """Offsets, multiples of ALIGN, such that items in use at the same time never overlap."""
    bounds = [_bound(i.nbytes, ranges) for i in items]
    basis = sorted({m for b in bounds for m in b} | {()}, key=lambda m: (len(m), m))
    sizes = [tuple(_round_up(b.get(m, 0)) for m in basis) for b in bounds]
    scale = [_value(m, ranges) for m in basis]
    order = sorted(range(len(items)), key=lambda i: (-_dot(sizes[i], scale), items[i].first, i))
    offsets = _greedy(items, sizes, order, scale)
    ends = [tuple(map(operator.add, o, s)) for o, s in zip(offsets, sizes, strict=True)]
    total = _join(ends, len(basis))
    return Placement([_expression(o, basis) for o in offsets], _expression(total, basis))


def _greedy(
    items: Sequence[Item], sizes: Sequence[Envelope], order: Sequence[int], scale: Sequence[int]
) -> list[Envelope]:
    """The largest first, each at the lowest offset where it stays apart from those that are in use
    at the same time: 0, the end of one of them, or, where sizes cannot be compared, behind all."""
    zero = (0,) * len(scale)
    offsets = [zero] * len(items)
    placed: list[int] = []
    for i in order:
        first, last = items[i].first, items[i].last
        others = [
            (offsets[j], tuple(map(operator.add, offsets[j], sizes[j])))
            for j in placed
            if items[j].first <= last and first <= items[j].last
        ]
        candidates = sorted({zero, *(end for _, end in others)}, key=lambda c: _dot(c, scale))
        candidates.append(_join((end for _, end in others), len(scale)))
        offsets[i] = next(c for c in candidates if _fits(c, sizes[i], others))
        placed.append(i)
    return offsets


def _fits(start: Envelope, size: Envelope, others: Sequence[tuple[Envelope, Envelope]]) -> bool:
    end = tuple(map(operator.add, start, size))
    return all(_at_most(end, low) or _at_most(high, start) for low, high in others)


def _at_most(a: Envelope, b: Envelope) -> bool:
    return all(map(operator.le, a, b))


def _join(envelopes: Iterable[Envelope], length: int) -> Envelope:
    """The smallest envelope that is at least as large as each."""
    return tuple(map(max, *envelopes, (0,) * length, (0,) * length))


def _dot(envelope: Envelope, scale: Sequence[int]) -> int:
    return sum(map(operator.mul, envelope, scale))


def _round_up(n: int) -> int:
    return -(-n // ALIGN) * ALIGN


def _expression(envelope: Envelope, basis: Sequence[Monomial]) -> Size:
    total: Size = 0
    for coefficient, monomial in zip(envelope, basis, strict=True):
        if coefficient:
            total = total + (DimExpr(((monomial, coefficient),)) if monomial else coefficient)
    return total


def _value(monomial: Monomial, ranges: Ranges) -> int:
    """A monomial at the upper ends of the ranges."""
    found = 1
    for name in monomial:
        found *= ranges[str(name)][1]
    return found


# ---- from sizes to envelopes ---------------------------------------------------------------------

_Bound = dict[Monomial, Fraction]


def _bound(size: Size, ranges: Ranges) -> dict[Monomial, int]:
    """A polynomial over names, with coefficients >= 0, that is never smaller than `size`."""
    return {m: ceil(c) for m, c in _exact_bound(size, ranges).items()}


def _exact_bound(size: Size, ranges: Ranges) -> _Bound:
    if isinstance(size, int):
        return {(): Fraction(size)}
    total: _Bound = {}
    for monomial, coefficient in size.terms:
        for m, c in _bound_term(monomial, coefficient, ranges).items():
            total[m] = total.get(m, Fraction(0)) + c
    return total


def _bound_term(monomial: Monomial, coefficient: int, ranges: Ranges) -> _Bound:
    if coefficient < 0:  # the least that its factors can be
        most = dims.bounds(DimExpr(((monomial, coefficient),)), ranges)[1]
        return {(): Fraction(max(most, 0))}
    found: _Bound = {(): Fraction(coefficient)}
    for atom in monomial:
        factor = {(atom,): Fraction(1)} if isinstance(atom, str) else _bound_floor(atom, ranges)
        product: _Bound = {}
        for m1, c1 in found.items():
            for m2, c2 in factor.items():
                key = tuple(sorted(m1 + m2, key=str))
                product[key] = product.get(key, Fraction(0)) + c1 * c2
        found = product
    return found


def _bound_floor(atom: FloorDiv, ranges: Ranges) -> _Bound:
    """floor(value / by) <= value / by."""
    return {m: c / atom.by for m, c in _exact_bound(atom.value, ranges).items()}
