"""Sizes as users handle them: `axe.dim`, arithmetic that carries ranges, shapes as arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from axec.dialects import dims
from axec.dialects.axe.rules import show
from axec.dialects.dims import DimExpr, Ranges, Size
from axec.dialects.types import Shape
from axec.lang.errors import error

__all__ = ["Dim", "dim"]


class Dim(DimExpr):
    """A size known only at run time: an expression over named dims, with the range of each.

    `+ - *` with ints and dims and `//` and `%` by an int give dims. `==` compares the expressions;
    `< <= > >=` are answered where the ranges decide them and are an AxecError where they do not.
    """

    __slots__ = ("ranges",)
    ranges: Ranges

    def __init__(self, expr: DimExpr, ranges: Ranges) -> None:
        super().__init__(expr.terms)
        object.__setattr__(self, "ranges", ranges)

    def _with(self, other: object, found: Size) -> Size:
        ranges = other.ranges if isinstance(other, Dim) else {}
        return carry(found, merge(self.ranges, ranges))

    def __add__(self, other: Size) -> Size:
        return self._with(other, super().__add__(other)) if _is_size(other) else NotImplemented

    def __sub__(self, other: Size) -> Size:
        return self._with(other, super().__sub__(other)) if _is_size(other) else NotImplemented

    def __rsub__(self, other: int) -> Size:
        return self._with(other, super().__rsub__(other)) if _is_size(other) else NotImplemented

    def __mul__(self, other: Size) -> Size:
        return self._with(other, super().__mul__(other)) if _is_size(other) else NotImplemented

    def __floordiv__(self, by: int) -> Size:
        if not isinstance(by, int) or by <= 0:
            raise error("dim-value", f"{self} // {by}: a dim is divided by a positive int")
        return self._with(by, super().__floordiv__(by))

    def __mod__(self, by: int) -> Size:
        return self - (self // by) * by

    __radd__ = __add__
    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DimExpr) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash((self.terms,))

    def __lt__(self, other: Size) -> bool:
        return self._decide(f"{self} < {other}", self - other + 1)

    def __le__(self, other: Size) -> bool:
        return self._decide(f"{self} <= {other}", self - other)

    def __gt__(self, other: Size) -> bool:
        return not self._decide(f"{self} > {other}", self - other)

    def __ge__(self, other: Size) -> bool:
        return not self._decide(f"{self} >= {other}", self - other + 1)

    def _decide(self, question: str, difference: Size) -> bool:
        """Whether `difference <= 0` for every size in range."""
        ranges = difference.ranges if isinstance(difference, Dim) else {}
        low, high = dims.bounds(difference, ranges)
        if high <= 0:
            return True
        if low > 0:
            return False
        raise error(
            "dim-undecided",
            f"`{question}` is true for some sizes and false for others: {show_ranges(ranges)}",
            hint="one program serves all sizes in the range: compare with its ends, "
            "or declare a narrower `axe.dim`",
        )

    def _no_value(self, use: str) -> NoReturn:
        raise error(
            "dim-value",
            f"{use} needs a number, and {self} is known only at run time",
            hint="declare the axis with an int in `axe.spec`, or work on the whole axis at once",
        )

    def __int__(self) -> int:
        self._no_value("int()")

    def __index__(self) -> int:
        self._no_value("Python")

    def __float__(self) -> float:
        self._no_value("float()")

    def __truediv__(self, other: object) -> NoReturn:
        self._no_value("true division")

    __rtruediv__ = __truediv__

    def __bool__(self) -> bool:
        return self > 0


def dim(name: str, lo: int, hi: int) -> Dim:
    """A named dim: one artifact serves every size lo..hi (both included) without compiling again.

    Axes that share a name have equal sizes in a call. Raises AxecError `dim-range` for an empty
    range and, where two meet, for two ranges under one name.
    """
    try:
        expr = dims.dim(name)
    except (ValueError, AttributeError):
        raise error("dim-range", f"a dim's name is an identifier, got {name!r}") from None
    if not (isinstance(lo, int) and isinstance(hi, int) and 0 <= lo <= hi):
        raise error(
            "dim-range",
            f"dim {name!r} has no size in {lo}..{hi}",
            hint=f'give the smallest and the largest size: `axe.dim("{name}", 1, 64)`',
        )
    return Dim(expr, {name: (lo, hi)})


def carry(size: Size, ranges: Ranges) -> Size:
    """The size with the ranges of the dims that it depends on; an int stays an int."""
    if isinstance(size, int):
        return size
    return Dim(size, {n: ranges[n] for n in sorted(dims.names(size)) if n in ranges})


def plain(size: Size) -> Size:
    """The size as types hold it: without ranges."""
    return DimExpr(size.terms) if isinstance(size, Dim) else size


def merge(a: Ranges, b: Ranges) -> Ranges:
    """The union of two tables of ranges. AxecError `dim-range` when one name has two ranges."""
    for name in a.keys() & b.keys():
        if a[name] != b[name]:
            raise error(
                "dim-range",
                f"dim {name!r} has two ranges: {_span(a[name])} and {_span(b[name])}",
                hint=f"create `{name}` once with axe.dim and use that object, "
                "or give the second dim another name",
            )
    return {**a, **b}


def as_size(value: Any, what: str = "a size") -> Size:
    """An int or dim expression from what a user passed (NumPy integers are ints)."""
    if type(value) is int:
        return value
    if isinstance(value, DimExpr):
        return plain(value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    raise error(
        "argument-type",
        f"{what} must be an int or an axe.dim, got {value!r}",
        hint=f'write `axe.dim("{value}", lo, hi)`' if isinstance(value, str) else None,
    )


def as_shape(value: Any) -> Shape:
    """A shape from an int, a dim, or a sequence of them; sizes are at least 0."""
    single = isinstance(value, (int, np.integer, DimExpr, str))
    if not single and not isinstance(value, (tuple, list, Sequence)):
        raise error("argument-type", f"a shape is a tuple of sizes, got {value!r}")
    shape = tuple([as_size(v) for v in ((value,) if single else value)])
    if any(isinstance(s, int) and s < 0 for s in shape):
        raise error("shape-mismatch", f"a shape cannot have a negative size: {show(shape)}")
    return shape


def ranges_of(values: Iterable[Any]) -> Ranges:
    """The ranges that the dims among some sizes bring along."""
    found: Ranges = {}
    for v in values:
        if isinstance(v, Dim):
            found = merge(found, v.ranges)
    return found


def at_least_zero(size: Size, ranges: Ranges) -> bool:
    """Whether the size is >= 0 for all dims in range, as far as interval arithmetic can tell."""
    if dims.bounds(size, ranges)[0] >= 0:
        return True
    without = _without_floor(size)
    return without is not None and at_least_zero(without, ranges)


def _without_floor(size: Size) -> Size | None:
    """`size` times n with one linear `c * floor(v / n)` replaced by what it is at least: c * v for
    negative c, c * (v - n + 1) for positive c. None when there is none to replace."""
    for monomial, c in _terms(size):
        if len(monomial) == 1 and isinstance(monomial[0], dims.FloorDiv):
            value, by = monomial[0].value, monomial[0].by
            rest = size - _monomial(monomial, c)
            return by * rest + c * (value - (by - 1 if c > 0 else 0))
    return None


def divide(total: Size, part: Size) -> Size | None:
    """total / part when `part` is one monomial that divides every term, otherwise None."""
    terms = _terms(part)
    if len(terms) != 1:
        return 1 if total == part != 0 else None
    factors, coefficient = Counter(terms[0][0]), terms[0][1]
    quotient: Size = 0
    for monomial, c in _terms(total):
        have = Counter(monomial)
        if c % coefficient or not factors <= have:
            return None
        left = sorted((have - factors).elements(), key=str)
        quotient = quotient + _monomial(tuple(left), c // coefficient)
    return quotient


def _terms(size: Size) -> tuple[tuple[dims.Monomial, int], ...]:
    if isinstance(size, int):
        return (((), size),) if size else ()
    return size.terms


def _monomial(atoms: dims.Monomial, coefficient: int) -> Size:
    return DimExpr(((atoms, coefficient),)) if atoms else coefficient


def show_ranges(ranges: Mapping[str, tuple[int, int]]) -> str:
    """`batch in 1..64, seq in 1..128`."""
    return ", ".join(f"{name} in {_span(r)}" for name, r in ranges.items())


def _span(r: tuple[int, int]) -> str:
    return f"{r[0]}..{r[1]}"


def _is_size(value: object) -> bool:
    return isinstance(value, (int, DimExpr)) and not isinstance(value, bool)
