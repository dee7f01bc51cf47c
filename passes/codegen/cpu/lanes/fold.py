"""Folds: accumulators in lanes, and how they join.

The order of a fold is part of the program: a fixed number of accumulators take turns, then a fixed
tree joins them. So a sum has the same bits whatever the number of threads, and an error that grows
with the length divided by the number of accumulators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from axec.dialects.axe.reduce import identity
from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu.graph.emission import Emission
from axec.passes.codegen.cpu.graph.nodes import Node
from axec.passes.codegen.cpu.graph.pointwise import larger, smaller
from axec.passes.codegen.cpu.lanes.registers import register_type, rounded
from axec.passes.codegen.llvm import I64, Builder, Type, Value, constant, vec

Values = Sequence[Value]


class Fold(Protocol):
    """One reduction. An accumulator is a list of values, all scalars or all vectors."""

    def start(self, lanes: int = 1) -> list[Value]:
        """The accumulator of nothing."""

    def add(self, b: Builder, acc: Values, elements: Values) -> list[Value]:
        """The accumulator with one more element, which may consist of several values."""

    def merge(self, b: Builder, acc: Values, other: Values) -> list[Value]:
        """The accumulator of both."""

    def finish(self, b: Builder, acc: Values) -> Value:
        """The result."""


_MERGE: dict[str, Callable[[Builder, Value, Value, DType], Value]] = {
    "sum": lambda b, x, y, dtype: b.add(x, y),
    "prod": lambda b, x, y, dtype: b.mul(x, y),
    "max": lambda b, x, y, dtype: larger(b, y, x, dtype),
    "min": lambda b, x, y, dtype: smaller(b, y, x, dtype),
}


@dataclass(frozen=True, slots=True)
class Reduction:
    """sum, prod, max or min of elements of a dtype; f16 and bf16 are folded in f32."""

    kind: str
    dtype: DType

    def start(self, lanes: int = 1) -> list[Value]:
        return [_number(register_type(self.dtype), lanes, identity(self.kind, self.dtype)[()])]

    def add(self, b: Builder, acc: Values, elements: Values) -> list[Value]:
        return [_MERGE[self.kind](b, acc[0], elements[0], self.dtype)]

    merge = add

    def finish(self, b: Builder, acc: Values) -> Value:
        return rounded(b, self.dtype, acc[0])


@dataclass(frozen=True, slots=True)
class Product:
    """Sum of products of two elements; floats are fused."""

    dtype: DType

    def start(self, lanes: int = 1) -> list[Value]:
        return [_number(register_type(self.dtype), lanes, 0)]

    def add(self, b: Builder, acc: Values, elements: Values) -> list[Value]:
        x, y = elements
        return [b.fma(x, y, acc[0]) if x.type.is_float else b.add(acc[0], b.mul(x, y))]

    def merge(self, b: Builder, acc: Values, other: Values) -> list[Value]:
        return [b.add(acc[0], other[0])]

    def finish(self, b: Builder, acc: Values) -> Value:
        return rounded(b, self.dtype, acc[0])


@dataclass(frozen=True, slots=True)
class Extreme:
    """Position of the max or min: the first of equals, the first NaN if there is one. An element is
    its value and its position, of the integer type `position`."""

    kind: str
    dtype: DType
    position: Type

    def start(self, lanes: int = 1) -> list[Value]:
        # Nothing is further out than the identity: where it stays, all are equal to it.
        worst = identity(self.kind, self.dtype)[()]
        return [
            _number(register_type(self.dtype), lanes, worst),
            _number(self.position, lanes, 0),
        ]

    def add(self, b: Builder, acc: Values, elements: Values) -> list[Value]:
        better = self._better(b, acc[0], elements[0])
        return [b.select(better, new, old) for new, old in zip(elements, acc, strict=True)]

    def merge(self, b: Builder, acc: Values, other: Values) -> list[Value]:
        same = b.cmp("eq", acc[0], other[0])
        if self.dtype.is_float:
            nan, other_nan = (b.cmp("unordered", x, x) for x in (acc[0], other[0]))
            same = b.or_(same, b.and_(nan, other_nan))
        earlier = b.and_(same, b.cmp("lt", other[1], acc[1]))
        better = b.or_(self._better(b, acc[0], other[0]), earlier)
        return [b.select(better, new, old) for new, old in zip(other, acc, strict=True)]

    def finish(self, b: Builder, acc: Values) -> Value:
        return b.convert(acc[1], I64)

    def _better(self, b: Builder, old: Value, new: Value) -> Value:
        """new is strictly further out, or the first NaN."""
        if not self.dtype.is_float:
            unsigned = "u" if self.dtype.kind in "ub" else ""
            return b.cmp(unsigned + ("gt" if self.kind == "max" else "lt"), new, old)
        beyond = b.not_(b.cmp("le" if self.kind == "max" else "ge", new, old))
        return b.and_(beyond, b.cmp("ordered", old, old))


def add_lanes(e: Emission, fold: Fold, acc: Values, elements: Sequence[Node]) -> list[Value]:
    """Add one vector of elements; lanes outside of the tail stay."""
    new = fold.add(e.b, acc, [e.vector(n) for n in elements])
    return (
        new if e.tail is None else [e.b.select(e.tail, n, o) for n, o in zip(new, acc, strict=True)]
    )


def join(fold: Fold, b: Builder, accumulators: Sequence[Values]) -> list[Value]:
    """One accumulator from several (a power of two): neighbours first."""
    found = [list(acc) for acc in accumulators]
    while len(found) > 1:
        found = [fold.merge(b, x, y) for x, y in zip(found[::2], found[1::2], strict=True)]
    return found[0]


def across(fold: Fold, b: Builder, acc: Values) -> list[Value]:
    """One scalar accumulator from the lanes of one: lane i with lane i + n/2."""
    found, lanes = list(acc), acc[0].type.lanes or 1
    while lanes > 1:
        lanes //= 2
        low, high = ([b.slice(x, start, lanes) for x in found] for start in (0, lanes))
        found = fold.merge(b, low, high)
    return found


def _number(element: Type, lanes: int, number: Any) -> Value:
    return constant(vec(element, lanes), float(number) if element.is_float else int(number))
