"""The copies of a repeated stretch: what they share, what differs, and how they become calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects import control, types
from axec.dialects.functions import define, signature
from axec.mlir import ir
from axec.passes.axe.roll.cut import LIGHT, Borders
from axec.passes.axe.roll.line import Back, Line, Value
from axec.passes.axe.walk import copied


@dataclass(slots=True)
class Copies:
    """`count` copies of `period` ops, from place `start` of a line on. By op of one copy and number
    of the operand, `given` has the values that it reads from outside, one per copy."""

    line: Line
    start: int
    period: int
    count: int
    given: dict[tuple[int, int], list[Value]]
    same: set[int]  # ops that depend on nothing that differs: one of them serves all copies
    results: list[int]  # ops that others read

    @property
    def stop(self) -> int:
        return self.start + self.period * self.count

    @staticmethod
    def of(line: Line, start: int, period: int, count: int) -> Copies | None:
        """None where the copies do not read in the same way what they make themselves."""
        given: dict[tuple[int, int], list[Value]] = {}
        same: set[int] = set()
        starts = [start + j * period for j in range(count)]
        for at in range(period):
            alike = True
            own, backs = _own(line, start, at), line.backs[start + at]
            if any(line.backs[s + at] != backs and _own(line, s, at) != own for s in starts):
                return None
            for k, value in enumerate(line.operands[start + at]):
                if (back := own[k]) is not None:
                    alike &= at - back[0] in same
                elif value not in line.closed:
                    values = given[at, k] = [line.operands[s + at][k] for s in starts]
                    alike &= all(v == value for v in values)
            if alike:
                same.add(at)
        results = [
            at for at in range(period)
            if at not in same and any(u >= s + period for s in starts for u in line.users[s + at])
        ]  # fmt: skip
        return Copies(line, start, period, count, given, same, results)

    def stuck(self, borders: Borders) -> set[int]:
        """The copies at whose borders a value crosses that some kernel would have held."""
        found = set()
        varying = [at for at, values in self.given.items() if any(v != values[0] for v in values)]
        for j in range(self.count):
            start = self.start + j * self.period
            end = start + self.period
            backs = [(start + at, self.line.backs[start + at][k]) for at, k in varying]
            ins = {at - back[0] for at, back in backs if back is not None}
            outs = [start + at for at in self.results]
            outs = [m for m in outs if any(u >= end for u in self.line.users[m])]
            free = all(borders.is_free(m, start) for m in ins)
            if not (free and all(borders.is_free(m, end) for m in outs)):
                found.add(j)
        return found

    def roll(self, module: Any, name: str) -> None:
        """Replace the copies by calls of one new function."""
        body = _Body(self)
        with ir.InsertionPoint(module.body):
            body.emit(name)
        ops, period = self.line.ops, self.period
        starts = [self.start + j * period for j in range(self.count)]
        calls = []
        for j, start in enumerate(starts):
            where = ops[start].location
            with ir.InsertionPoint.after(ops[start + period - 1]):
                operands = [values[j] for values in body.arguments]
                calls.append(control.Call(name).create(operands, body.kinds, where).results)
        for start, made in zip(starts, calls, strict=True):
            olds = [r for at in self.results for r in ops[start + at].results]
            for old, new in zip(olds, made, strict=True):
                old.replace_all_uses_with(new)
            for at in self.same if start != self.start else ():
                pairs = zip(ops[start + at].results, ops[self.start + at].results, strict=True)
                for old, new in pairs:
                    old.replace_all_uses_with(new)
        for place in reversed(range(self.start, self.start + self.count * period)):
            if place - self.start not in self.same:
                ops[place].erase()


def _own(line: Line, start: int, at: int) -> list[Back | None]:
    """Where the operands of an op come from, as far as the same copy makes them."""
    return [b if b is not None and b[0] <= at else None for b in line.backs[start + at]]


class _Body:
    """The function that the copies share, made from the first one."""

    def __init__(self, copies: Copies) -> None:
        self.copies = copies
        self.arguments: list[list[Value]] = []  # by argument: the value in each copy
        self.kinds: list[types.TensorType] = []  # of the results
        self._known: dict[Any, Value] = {}  # by value, or by the values of the copies

    def emit(self, name: str) -> None:
        """The function, at the insertion point."""
        made = define(name, [], self._ops, private=True)
        _, self.kinds = signature(made)

    def _ops(self) -> list[Value]:
        """The ops that differ from copy to copy; what the function returns."""
        copies, line = self.copies, self.copies.line
        self._block = ir.InsertionPoint.current.block
        for at in range(copies.period):
            if at in copies.same:
                continue
            op = line.ops[copies.start + at]
            operands = [
                self._varying(copies.given[at, k]) if (at, k) in copies.given else self._one(v)
                for k, v in enumerate(line.operands[copies.start + at])
            ]
            self._known.update(zip(op.results, copied(op, operands), strict=True))
        ops = [line.ops[copies.start + at] for at in copies.results]
        return [self._known[r] for op in ops for r in op.results]

    def _varying(self, values: list[Value]) -> Value:
        if all(v == values[0] for v in values):
            return self._one(values[0])
        key = tuple(values)
        if key not in self._known:
            self._known[key] = self._argument(values)
        return self._known[key]

    def _one(self, value: Value) -> Value:
        """A value that is the same in all copies, or an op of the function makes it: light ops are
        repeated there."""
        if value not in self._known:
            op = value.owner if isinstance(value, ir.OpResult) else None
            if op is not None and (op.name in LIGHT or value in self.copies.line.closed):
                made = copied(op, [self._one(v) for v in op.operands])
                self._known.update(zip(op.results, made, strict=True))
            else:
                self._known[value] = self._argument([value] * self.copies.count)
        return self._known[value]

    def _argument(self, values: list[Value]) -> Value:
        self.arguments.append(values)
        return self._block.add_argument(values[0].type, ir.Location.unknown())
