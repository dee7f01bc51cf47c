"""Folds: the accumulators of sum, prod, max and min, in lanes and across lanes.

The order of a fold is part of the program: `lanes * copies` accumulators take turns, then a fixed
tree joins them. So a sum has the same bits whatever the number of threads, and an error that grows
with the length divided by the number of accumulators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axec.dialects.axe.reduce import identity
from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu.emission import Emission
from axec.passes.codegen.cpu.nodes import Node
from axec.passes.codegen.cpu.pointwise import larger, smaller
from axec.passes.codegen.cpu.registers import register_type, rounded
from axec.passes.codegen.llvm import Builder, Value, constant, vec

_COMBINE: dict[str, Callable[[Builder, Value, Value, DType], Value]] = {
    "sum": lambda b, x, y, dtype: b.add(x, y),
    "prod": lambda b, x, y, dtype: b.mul(x, y),
    "max": lambda b, x, y, dtype: larger(b, y, x, dtype),
    "min": lambda b, x, y, dtype: smaller(b, y, x, dtype),
}


@dataclass(frozen=True, slots=True)
class Fold:
    """One reduction of elements of a dtype (f16 and bf16 are folded in f32, rounded at the end)."""

    kind: str
    dtype: DType

    def start(self, lanes: int = 1) -> Value:
        """The value that a fold of nothing has."""
        number = identity(self.kind, self.dtype)[()]
        element = register_type(self.dtype)
        return constant(vec(element, lanes), float(number) if element.is_float else int(number))

    def combine(self, b: Builder, x: Value, y: Value) -> Value:
        """The fold of an accumulator and a further value."""
        return _COMBINE[self.kind](b, x, y, self.dtype)

    def join(self, b: Builder, accumulators: Sequence[Value]) -> Value:
        """One value from several accumulators: neighbours first."""
        found = list(accumulators)
        while len(found) > 1:
            found = [self.combine(b, x, y) for x, y in zip(found[::2], found[1::2], strict=True)]
        return found[0]

    def across(self, b: Builder, x: Value) -> Value:
        """The fold of all lanes."""
        return b.reduce(x, lambda one, other: self.combine(b, one, other))

    def finish(self, b: Builder, x: Value) -> Value:
        """The result from the accumulated value."""
        return rounded(b, self.dtype, x)


def step(
    e: Emission, folds: Sequence[Fold], elements: Sequence[Node], acc: Sequence[Value]
) -> list[Value]:
    """Fold one vector of elements into each accumulator; lanes outside of the tail stay."""
    found = []
    for fold, node, old in zip(folds, elements, acc, strict=True):
        new = fold.combine(e.b, old, e.vector(node))
        found.append(new if e.tail is None else e.b.select(e.tail, new, old))
    return found
