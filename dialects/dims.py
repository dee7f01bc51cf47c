"""Named dimensions: a size is an int or a `DimExpr`, a polynomial with integer coefficients.

Grammar of the text form (canonical: equal expressions print equally, so `==` is text equality):

    expr := ['-'] term (('+' | '-') term)*      term := factor ('*' factor)*
    factor := INT | NAME | '(' expr ')' | 'floordiv(' expr ',' INT ')'

A `floordiv` that does not divide evenly stays an atom of the polynomial, in lowest terms.
"""

from __future__ import annotations

import functools
import math
import operator
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
        if isinstance(other, int) and other:
            return DimExpr(tuple([(m, c * other) for m, c in self.terms]))
        found: dict[Monomial, int] = {}
        for m1, c1 in self.terms:
            for m2, c2 in _terms(other):
                key = tuple(sorted(m1 + m2, key=str))
                found[key] = found.get(key, 0) + c1 * c2
        return _make(found)

    def __floordiv__(self, by: int) -> Size:
        return _floordiv(self, by)

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
    """The named dim itself as an expression. Raises ValueError for what is no identifier."""
    if not name.isidentifier() or name == "floordiv":
        raise ValueError(f"not a name for a dim: {name!r}")
    return DimExpr((((name,), 1),))


def parse(text: str) -> Size:
    """Read the text form; raises ValueError on anything else."""
    return _parse(text)


def parse_canonical(text: str) -> DimExpr:
    """Read a symbolic size as the compiler prints it; raises ValueError on any other spelling, so
    that equal sizes have equal texts in the IR."""
    size = parse(text)
    if isinstance(size, int) or str(size) != text:
        raise ValueError(f"{text!r} must be written {str(size)!r}")
    return size


def names(size: Size) -> set[str]:
    """The named dims that an expression depends on."""
    named: set[str] = set()
    for monomial, _ in _terms(size):
        for atom in monomial:
            named |= {atom} if isinstance(atom, str) else names(atom.value)
    return named


def evaluate(size: Size, values: Mapping[str, int]) -> int:
    """The int that an expression stands for, given every named dim; KeyError names a missing
    one."""
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


def upper_ends(ranges: Ranges) -> dict[str, int]:
    """Every name at the upper end of its range."""
    return {name: high for name, (_, high) in ranges.items()}


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
    number, named = 1, []
    for s in sizes:
        if isinstance(s, int):
            number *= s
        else:
            named.append(s)
    return number * _product(tuple(named)) if named else number


@functools.lru_cache(maxsize=4096)
def _product(sizes: tuple[DimExpr, ...]) -> Size:
    total: Size = 1
    for s in sizes:
        total = total * s
    return total


def ceildiv(size: Size, by: int) -> Size:
    """`ceil(size / by)`."""
    return (size + (by - 1)) // by


def is_multiple(size: Size, of: int) -> bool:
    """Is a size divisible by an integer, whatever the dims are?"""
    return all(c % of == 0 for _, c in _terms(size))


def _atom_bounds(atom: Atom, ranges: Ranges) -> tuple[int, int]:
    if isinstance(atom, str):
        return ranges[atom]
    lo, hi = bounds(atom.value, ranges)
    return lo // atom.by, hi // atom.by


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(size, DimExpr):
        return size.terms
    number = operator.index(size)  # TypeError for a float
    return (((), number),) if number else ()


def _sum(parts: Iterable[Size]) -> Size:
    terms: dict[Monomial, int] = {}
    for part in parts:
        for m, c in _terms(part):
            terms[m] = terms.get(m, 0) + c
    return _make(terms)


def _make(terms: Mapping[Monomial, int]) -> Size:
    kept = {m: c for m, c in terms.items() if c}
    if not kept or set(kept) == {()}:
        return kept.get((), 0)
    # Highest degree first, the constant last: reads like a textbook polynomial.
    return DimExpr(tuple(sorted(kept.items(), key=lambda t: (-len(t[0]), [str(a) for a in t[0]]))))


def _floordiv(value: DimExpr, by: int) -> Size:
    """`floor(value / by)` so that equal quotients become equal expressions: whole multiples come
    out, what stays has coefficients in (0, by) without a common factor, and quotients of quotients
    merge: floor((p + floor(v / b)) / by) = floor((p*b + v) / (b*by))."""
    if by <= 0:
        raise ValueError(f"floordiv by {by}: the divisor must be positive")
    whole = _make({m: c // by for m, c in value.terms})
    rest = {m: c % by for m, c in value.terms if c % by}
    if rest.keys() <= {()}:
        return whole
    common = math.gcd(by, *(c for m, c in rest.items() if m))
    left, by = _make({m: c // common for m, c in rest.items()}), by // common
    assert isinstance(left, DimExpr)
    match [m[0] for m, c in left.terms if c == 1 and len(m) == 1 and not isinstance(m[0], str)]:
        case [FloorDiv(inner, b) as quotient]:
            outside = left - _make({(quotient,): 1})
            return whole + (outside * b + inner) // (b * by)
        case _:
            return whole + _make({(FloorDiv(left, by),): 1})


_TOKEN = re.compile(r"\s*(\d+|[A-Za-z_]\w*|.)")


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> Size:
    parser = _Parser(text)
    value = parser.expr()
    parser.take("")
    return value


class _Parser:
    """Recursive descent over the grammar of the module docstring; "" is the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = [*_TOKEN.findall(text.strip()), ""]

    def take(self, *wanted: str) -> str:
        """The next token, which must be one of `wanted` if there are any."""
        token = self.tokens[0]
        if wanted and token not in wanted:
            raise ValueError(f"not a dim expression: {self.text!r}")
        return self.tokens.pop(0) if token else token

    def expr(self) -> Size:
        sign = -1 if self.tokens[0] == "-" and self.take() else 1
        value = sign * self.term()
        while self.tokens[0] in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            value = value + sign * self.term()
        return value

    def term(self) -> Size:
        value = self.factor()
        while self.tokens[0] == "*":
            self.take()
            value = value * self.factor()
        return value

    def factor(self) -> Size:
        token = self.take()
        if token == "(":
            inner = self.expr()
            self.take(")")
            return inner
        if token == "floordiv":
            return self.floordiv()
        return int(token) if token.isdecimal() else dim(token)

    def floordiv(self) -> Size:
        self.take("(")
        value = self.expr()
        self.take(",")
        by = self.take()
        self.take(")")
        if not by.isdecimal() or int(by) == 0:
            raise ValueError(f"not a dim expression: {self.text!r}")
        return value // int(by)
