"""Values with operators, so that a rule reads as its formula: `g * (1 - y * y)`."""

from __future__ import annotations

from typing import Any

from axec.dialects.axe import elementwise as ew
from axec.dialects.axe.build import fill
from axec.dialects.emit import IrEmit
from axec.dialects.opdef import OpDef

Operand = "Num | float"


class Num:
    """A value and what emits ops on it; a Python number becomes a constant of the same type."""

    __slots__ = ("emit", "value")

    def __init__(self, emit: IrEmit, value: Any) -> None:
        self.emit = emit
        self.value = value

    def of(self, op: OpDef, *others: Num | float, **attrs: Any) -> Num:
        """An op on this value and others."""
        return Num(self.emit, self.emit(op, self.value, *map(self._like, others), **attrs))

    def _like(self, other: Num | float) -> Any:
        return other.value if isinstance(other, Num) else fill(self.emit, other, self.value)

    def _number(self, value: float) -> Num:
        return Num(self.emit, fill(self.emit, value, self.value))

    def __add__(self, other: Num | float) -> Num:
        return self.of(ew.add, other)

    def __sub__(self, other: Num | float) -> Num:
        return self.of(ew.sub, other)

    def __rsub__(self, other: float) -> Num:
        return self._number(other) - self

    def __mul__(self, other: Num | float) -> Num:
        return self.of(ew.mul, other)

    def __truediv__(self, other: Num | float) -> Num:
        return self.of(ew.div, other)

    def __pow__(self, other: Num) -> Num:
        return self.of(ew.pow_, other)

    def __neg__(self) -> Num:
        return self.of(ew.neg)

    def __gt__(self, other: Num | float) -> Num:
        return self.of(ew.compare, other, direction="gt")

    def __lt__(self, other: Num | float) -> Num:
        return self.of(ew.compare, other, direction="lt")

    def equals(self, other: Num | float) -> Num:
        return self.of(ew.compare, other, direction="eq")

    def __and__(self, other: Num) -> Num:
        return self.of(ew.and_, other)

    def where(self, condition: Num, otherwise: Num | float = 0.0) -> Num:
        """This value where the condition holds."""
        made = self.emit(ew.select, condition.value, self.value, self._like(otherwise))
        return Num(self.emit, made)
