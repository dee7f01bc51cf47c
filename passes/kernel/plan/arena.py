"""Offsets in one arena for buffers whose sizes are polynomials over the dims.

Buffers are placed for the upper ends of the dims' ranges, greedily. Who came to lie below whom then
gives formulas for all other sizes: a buffer begins where the highest end of those below it is,
`max(end, end, ...)`. So buffers that are in use at the same time never overlap, whatever the dims
are, and at the upper ends the arena is as small as the placement found it.

Offsets are multiples of ALIGN. Where a coefficient is not (40*batch), an offset is rounded up when
the program runs, and every buffer carries ALIGN more bytes so that this never meets its neighbour.
"""

from __future__ import annotations

import bisect
import itertools
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from axec.dialects import dims
from axec.dialects.dims import DimExpr, Monomial, Ranges, Size
from axec.passes.kernel.plan.bounds import Coefficients, bound

ALIGN = 64
MAX_TERMS = 6  # ends in one `max`; beyond that they are replaced by a bound of all
MAX_CHARACTERS = 2048  # of a formula, likewise: readers bound their recursion

# Bytes as a polynomial over the rests of the dims (dim = lower end + rest, rest >= 0): one
# coefficient per monomial of a common basis, none negative. So a <= b wherever it holds for all
# coefficients.
Envelope = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A buffer to place: its size and the first and last step that uses it."""

    nbytes: Size
    first: int
    last: int


Bytes = tuple[Size, ...]  # the largest of these; one expression unless they cannot be compared


@dataclass(frozen=True, slots=True)
class Placement:
    """An offset per item (same order), and the size of the arena that holds them."""

    offsets: list[Bytes]
    total: Bytes


def show(size: Bytes) -> str:
    """The text that runtime/program.py reads."""
    text = str(size[0])
    for term in size[1:]:
        text = f"max({text}, {term})"
    return text


def place(items: Sequence[Item], ranges: Ranges) -> Placement:
    """Offsets, multiples of ALIGN, such that items in use at the same time never overlap."""
    bounds = [bound(i.nbytes, ranges) for i in items]
    aligned = all(c % ALIGN == 0 for b in bounds for m, c in b.items() if m)
    for b in bounds:
        b[()] = round_up(b.get((), 0)) + (0 if aligned else ALIGN)
    high = {name: end for name, (_, end) in ranges.items()}
    widest = [dims.evaluate(_polynomial(b), high) for b in bounds]
    at_most = _best(items, widest)
    if not any(m for b in bounds for m in b):
        return Placement([(o,) for o in at_most], (_end(at_most, widest),))
    space = _Space(bounds, ranges, aligned)
    offsets = _stack(_neighbours(items), at_most, space)
    ends = [_raised(o, s) for o, s in zip(offsets, space.sizes, strict=True)]
    total_terms = _largest(t for end in ends for t in end)
    return Placement([space.show(o) for o in offsets], space.show(total_terms))


# ---- placing numbers -----------------------------------------------------------------------------


def _best(items: Sequence[Item], sizes: Sequence[int]) -> list[int]:
    """Offsets for fixed sizes: the better of two greedy orders."""
    by_size = sorted(range(len(items)), key=lambda i: (-sizes[i], items[i].first, i))
    found = _greedy(items, sizes, by_size)
    if _end(found, sizes) <= most_alive(items, sizes):
        return found

    def area(i: int) -> int:
        return sizes[i] * (items[i].last - items[i].first + 1)

    by_area = sorted(by_size, key=lambda i: -area(i))
    return min(found, _greedy(items, sizes, by_area), key=lambda o: _end(o, sizes))


def _greedy(items: Sequence[Item], sizes: Sequence[int], order: Sequence[int]) -> list[int]:
    """One after another at the lowest offset where each stays apart from those that are placed and
    in use at the same time."""
    offsets = [0] * len(sizes)
    placed: list[tuple[int, int, int, int]] = []  # offset, end, first and last step; lowest first
    for i in order:
        first, last, size, at = items[i].first, items[i].last, sizes[i], 0
        for low, high, begins, ends in placed:
            if begins > last or ends < first:
                continue
            if at + size <= low:
                break
            if high > at:
                at = high
        offsets[i] = at
        bisect.insort(placed, (at, at + size, first, last))
    return offsets


def _neighbours(items: Sequence[Item]) -> list[list[int]]:
    """Which other items are in use at the same time, per item."""
    found: list[list[int]] = [[] for _ in items]
    open_: list[int] = []
    for i in sorted(range(len(items)), key=lambda i: items[i].first):
        open_ = [j for j in open_ if items[j].last >= items[i].first]
        for j in open_:
            found[i].append(j)
            found[j].append(i)
        open_.append(i)
    return found


def _end(offsets: Sequence[int], sizes: Sequence[int]) -> int:
    return max(map(operator.add, offsets, sizes), default=0)


def most_alive(items: Sequence[Item], sizes: Sequence[int]) -> int:
    """The largest sum of sizes that are in use at once: no placement needs less."""
    change: dict[int, int] = {}
    for item, size in zip(items, sizes, strict=True):
        change[item.first] = change.get(item.first, 0) + size
        change[item.last + 1] = change.get(item.last + 1, 0) - size
    alive = itertools.accumulate(change[t] for t in sorted(change))
    return max(alive, default=0)


# ---- from numbers to formulas --------------------------------------------------------------------


class _Space:
    """The common basis of all sizes."""

    def __init__(self, bounds: Sequence[Coefficients], ranges: Ranges, aligned: bool) -> None:
        self.ranges = ranges
        self.aligned = aligned
        to_rests = {n: dims.dim(n) + low for n, (low, _) in ranges.items()}
        shifted = [dims.substitute(_polynomial(b), to_rests) for b in bounds]
        found: list[Coefficients] = [
            dict(s.terms) if isinstance(s, DimExpr) else {(): s} for s in shifted
        ]
        monomials: set[Monomial] = {m for f in found for m in f} | {()}
        self.basis = sorted(monomials, key=lambda m: (len(m), m))
        self.sizes: list[Envelope] = [tuple(f.get(m, 0) for m in self.basis) for f in found]

    def show(self, terms: Sequence[Envelope]) -> Bytes:
        """Expressions over the dims themselves, in canonical order, rounded up to ALIGN."""
        to_dims = {n: dims.dim(n) - low for n, (low, _) in self.ranges.items()}
        found = []
        for term in terms:
            size = _polynomial(dict(zip(self.basis, term, strict=True)))
            size = dims.substitute(size, to_dims)
            found.append(size if self.aligned else (size + (ALIGN - 1)) // ALIGN * ALIGN)
        shown = tuple(sorted(found, key=str))
        if len(terms) > 1 and len(show(shown)) > MAX_CHARACTERS:
            return self.show([_bound_of_all(terms)])
        return shown


def _stack(
    neighbours: Sequence[Sequence[int]], at_most: Sequence[int], space: _Space
) -> list[tuple[Envelope, ...]]:
    """The offset of each item as the largest of some envelopes."""
    zero = (0,) * len(space.basis)
    offsets: dict[int, tuple[Envelope, ...]] = {}
    for i in sorted(range(len(at_most)), key=lambda i: (at_most[i], i)):
        ends = [
            end
            for j in neighbours[i]
            if j in offsets
            for end in _raised(offsets[j], space.sizes[j])
        ]
        offsets[i] = _largest(ends) or (zero,)
    return [offsets[i] for i in range(len(at_most))]


def _raised(terms: Iterable[Envelope], by: Envelope) -> list[Envelope]:
    return [tuple(map(operator.add, term, by)) for term in terms]


def _largest(terms: Iterable[Envelope]) -> tuple[Envelope, ...]:
    """Those that are not at most another one."""
    kept: list[Envelope] = []
    for term in sorted(set(terms), reverse=True):
        if not any(_at_most(term, k) for k in kept):
            kept = [k for k in kept if not _at_most(k, term)] + [term]
    return tuple(kept) if len(kept) <= MAX_TERMS else (_bound_of_all(kept),)


def _bound_of_all(terms: Sequence[Envelope]) -> Envelope:
    """One envelope that is at least as large as each."""
    return tuple(map(max, *terms))


def _at_most(a: Envelope, b: Envelope) -> bool:
    return all(map(operator.le, a, b))


def _polynomial(coefficients: Coefficients) -> Size:
    total: Size = 0
    for monomial, c in coefficients.items():
        if c:
            total = total + (DimExpr(((monomial, c),)) if monomial else c)
    return total


def raised(size: Bytes, by: Size) -> Bytes:
    """The size, and `by` more."""
    return tuple(term + by for term in size)


def round_up(n: int) -> int:
    """The next multiple of ALIGN."""
    return -(-n // ALIGN) * ALIGN
