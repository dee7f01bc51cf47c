"""Where the values of a function lie while it is taken into a flow, and which of them may lie
elsewhere: in a place that was made for them, or over an operand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axec.dialects import types
from axec.dialects.types import TensorType
from axec.passes.kernel.plan.flow import Buffer, Copy, Place, Step


class Frame:
    """A function that is being taken in: where its values lie, and its steps so far."""

    def __init__(self, function: Any, arguments: Sequence[Place], depth: int) -> None:
        block = function.regions[0].blocks[0]
        self.depth = depth
        self.operations = [o.operation for o in block.operations]
        self.now = 0  # the operation that is being taken in
        self.operands = [list(op.operands) for op in self.operations]
        self.last = {v: i for i, values in enumerate(self.operands) for v in values}
        self.yields = _yields(self.operations)
        self.env: dict[Any, Place] = {}
        self.values: dict[Buffer, list[Any]] = {}  # that lie in a buffer
        self.owned: set[Buffer] = set()  # nobody outside knows them
        self.carries: dict[Buffer, int] = {}  # likewise, from the begin on: number of the result
        self.steps: list[Step] = []
        for value, place in zip(block.arguments, arguments, strict=True):
            self.define(value, place)

    def define(self, value: Any, place: Place) -> None:
        self.env[value] = place
        self.values.setdefault(place.buffer, []).append(value)

    def results(self) -> list[Place]:
        return [self.env[v] for v in self.operands[-1]]

    def put(self, value: Any, source: Place, target: Place, where: Any) -> None:
        """Have a result in a place that was made for it: written there, else copied."""
        t = types.of(value)
        if self.owns(source, t):
            source.buffer.inside = target
            self.owned.discard(source.buffer)
        else:
            self.steps.append(Copy(t, source, target, where))

    def owns(self, place: Place, t: TensorType) -> bool:
        """Is the place a whole buffer that may lie anywhere?"""
        return place.buffer in self.owned and place.offset == 0 and place.buffer.nbytes == t.nbytes

    def taken(self, operand: int, result: Any) -> Buffer | None:
        """The buffer of an operand of the operation that is being taken in, if a result may lie
        there: all of it is that operand's, and nothing reads it later."""
        operands = self.operands[self.now]
        place = self.env[operands[operand]]
        if place.buffer not in self.owned and place.buffer not in self.carries:
            return None
        t = types.of(operands[operand])
        carried = place.buffer in self.carries and place.buffer.nbytes == t.nbytes
        if types.of(result).nbytes != t.nbytes or not (self.owns(place, t) or carried):
            return None
        if sum(self.env[v].buffer is place.buffer for v in operands) > 1:
            return None
        if any(self.last.get(v, 0) > self.now for v in self.values[place.buffer]):
            return None
        if carried and not self.yields.get(result, set()) <= {self.carries[place.buffer]}:
            return None
        return place.buffer


def _yields(operations: Sequence[Any]) -> dict[Any, set[int]]:
    """Which results of a function are a value, or a view of it."""
    found: dict[Any, set[int]] = {}
    for number, value in enumerate(operations[-1].operands):
        found.setdefault(value, set()).add(number)
    for op in reversed(operations[:-1]):
        if op.name == "axe.reshape":
            viewed = found.setdefault(op.operands[0], set())
            viewed |= found.get(op.results[0], set())
    return found
