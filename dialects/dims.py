"""Named dimensions: a size is an int or a `DimExpr`, a polynomial with integer coefficients.

Grammar of the text form (canonical: equal expressions print equally, so `==` is text equality):

    expr := ['-'] term (('+' | '-') term)*      term := factor ('*' factor)*
    factor := INT | NAME | '(' expr ')' | 'floordiv(' expr ',' INT ')'

A `floordiv` that does not divide evenly stays an atom of the polynomial.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Monomial = tuple["Atom", ...]  # sorted factors; () is the constant term
Ranges = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class FloorDiv:
    """`floor(value / by)`, by > 0."""

    value: DimExpr
    by: int

    def __str__(self) -> str:
        return f"floordiv({self.value}, {self.by})"


Atom = str | FloorDiv


@dataclass(frozen=True, slots=True)
class DimExpr:
    """A polynomial over named dims. Build with `dim`, arithmetic, or `parse`; ints stay ints."""

    terms: tuple[tuple[Monomial, int], ...]  # sorted, no zero coefficient

    def __add__(self, other: Size) -> Size:
        return _sum([self, other])

    def __sub__(self, other: Size) -> Size:
        return _sum([self, -1 * other])

    def __rsub__(self, other: int) -> Size:
        return _sum([other, -1 * self])

    def __neg__(self) -> Size:
        return -1 * self

    def __mul__(self, other: Size) -> Size:
        found: dict[Monomial, int] = {}
        for m1, c1 in self.terms:
            for m2, c2 in _terms(other):
                key = tuple(sorted(m1 + m2, key=str))
                found[key] = found.get(key, 0) + c1 * c2
        return _make(found)

    def __floordiv__(self, by: int) -> Size:
        if by == 1:
            return self
        whole = {m: c // by for m, c in self.terms if c % by == 0}
        rest = _make({m: c for m, c in self.terms if c % by})
        if isinstance(rest, int):
            return _sum([_make(whole), rest // by])
        return _sum([_make(whole), _make({(FloorDiv(rest, by),): 1})])

    __radd__ = __add__
    __rmul__ = __mul__

    def __str__(self) -> str:
        text = ""
        for monomial, c in self.terms:
            factors = [str(a) for a in monomial]
            if abs(c) != 1 or not factors:
                factors.insert(0, str(abs(c)))
            joint = (" - " if c < 0 else " + ") if text else ("-" if c < 0 else "")
            text += joint + "*".join(factors)
        return text

    __repr__ = __str__


Size = int | DimExpr


def dim(name: str) -> DimExpr:
    """The named dim itself as an expression."""
    return DimExpr((((name,), 1),))


def parse(text: str) -> Size:
    """Read the text form; raises ValueError on anything else."""
    return _parse(text)


def names(size: Size) -> set[str]:
    """The named dims that an expression depends on."""
    found: set[str] = set()
    for monomial, _ in _terms(size):
        for atom in monomial:
            found |= {atom} if isinstance(atom, str) else names(atom.value)
    return found


def evaluate(size: Size, values: Mapping[str, int]) -> int:
    """The int that an expression stands for, given every named dim. KeyError names a missing one."""
    if isinstance(size, int):
        return size
    total = 0
    for monomial, c in size.terms:
        for atom in monomial:
            c *= values[atom] if isinstance(atom, str) else evaluate(atom.value, values) // atom.by
        total += c
    return total


def substitute(size: Size, new: Mapping[str, Size]) -> Size:
    """Replace named dims by expressions; names that are absent from `new` stay."""
    if isinstance(size, int):
        return size
    total: Size = 0
    for monomial, c in size.terms:
        term: Size = c
        for atom in monomial:
            if isinstance(atom, str):
                term = term * new.get(atom, dim(atom))
            else:
                term = term * (substitute(atom.value, new) // atom.by)
        total = total + term
    return total


def bounds(size: Size, ranges: Ranges) -> tuple[int, int]:
    """Smallest and largest value that interval arithmetic allows over the dims' ranges."""
    low = high = 0
    for monomial, c in _terms(size):
        ends = [_atom_bounds(a, ranges) for a in monomial]
        corners = [c]
        for lo, hi in ends:
            corners = [x * y for x in corners for y in (lo, hi)]
        low, high = low + min(corners), high + max(corners)
    return low, high


def product(sizes: Iterable[Size]) -> Size:
    """The number of elements of a shape."""
    total: Size = 1
    for s in sizes:
        total = total * s
    return total


def ceildiv(size: Size, by: int) -> Size:
    """`ceil(size / by)`."""
    return (size + (by - 1)) // by


def _atom_bounds(atom: Atom, ranges: Ranges) -> tuple[int, int]:
    if isinstance(atom, str):
        return ranges[atom]
    lo, hi = bounds(atom.value, ranges)
    return lo // atom.by, hi // atom.by


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    return size.terms if isinstance(size, DimExpr) else ((((), size),) if size else ())


def _sum(parts: Iterable[Size]) -> Size:
    found: dict[Monomial, int] = {}
    for part in parts:
        for m, c in _terms(part):
            found[m] = found.get(m, 0) + c
    return _make(found)


def _make(found: Mapping[Monomial, int]) -> Size:
    kept = {m: c for m, c in found.items() if c}
    if not kept or set(kept) == {()}:
        return kept.get((), 0)
    # Highest degree first, the constant last: reads like a textbook polynomial.
    return DimExpr(tuple(sorted(kept.items(), key=lambda t: (-len(t[0]), [str(a) for a in t[0]]))))


_TOKEN = re.compile(r"\s*(?:(\d+)|([A-Za-z_]\w*)|(.))")


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> Size:
    tokens = [next(t for t in m if t) for m in _TOKEN.findall(text.strip())]
    at = 0

    def peek() -> str:
        return tokens[at] if at < len(tokens) else ""

    def take(want: str | None = None) -> str:
        nonlocal at
        if at >= len(tokens) or (want is not None and tokens[at] != want):
            raise ValueError(f"not a dim expression: {text!r}")
        at += 1
        return tokens[at - 1]

    def factor() -> Size:
        token = take()
        if token.isdigit():
            return int(token)
        if token == "(":
            inner = expr()
            take(")")
            return inner
        if token == "floordiv":
            take("(")
            value = expr()
            take(",")
            by = int(take())
            take(")")
            return value // by
        if not token.isidentifier():
            raise ValueError(f"not a dim expression: {text!r}")
        return dim(token)

    def term() -> Size:
        value = factor()
        while peek() == "*":
            take()
            value = value * factor()
        return value

    def expr() -> Size:
        sign = -1 if peek() == "-" and take() else 1
        value = sign * term()
        while peek() in ("+", "-"):
            sign = 1 if take() == "+" else -1
            value = value + sign * term()
        return value

    value = expr()
    if at != len(tokens):
        raise ValueError(f"not a dim expression: {text!r}")
    return value
