"""Reverse mode: a function's ops are applied again and noted on a tape; then cotangents go back
along it. Only what depends on the inputs in question and reaches a seed is differentiated."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from axec.dialects import fn
from axec.dialects.axe.build import fill
from axec.dialects.axe.elementwise import add
from axec.dialects.emit import IrEmit
from axec.dialects.opdef import OpDef
from axec.passes.axe.depend import reaching, smooth
from axec.passes.axe.grad.rules import EXPAND, VJP, VJP_OF_ALL
from axec.passes.axe.walk import (
    Functions,
    Numbers,
    Value,
    Walk,
    applied,
    copied,
    distinct,
    is_float,
)

Cotangents = Sequence[Value | None]


def vjp(
    functions: Functions, block: Any, arguments: Sequence[Value], seeds: Mapping[int, Value],
    wrt: Sequence[int],
) -> list[Value]:  # fmt: skip
    """Apply a function at the insertion point; its results, then the cotangent of each argument in
    `wrt`, given cotangents (`seeds`) of some results."""
    tape = Tape(functions)
    tape.useful = functools.cache(lambda: reaching(functions, block, seeds, smooth))
    arguments = distinct(tape, arguments, wrt)
    tape.active.update(arguments[i] for i in wrt)
    results = tape.block(block, arguments)
    back = Back(tape.loc)
    for i, g in seeds.items():
        back.give(results[i], g)
    for record in reversed(tape.records):
        back.through(record, tape.active)
    return results + [back.taken(arguments[i]) for i in wrt]


@dataclass(slots=True)
class Record:
    """An op that was applied: `pull(e, wanted, cotangents of the results)` gives the cotangents of
    the operands, None for zero."""

    loc: Any
    operands: Sequence[Value]
    results: Sequence[Value]
    pull: Callable[[IrEmit, Sequence[bool], Cotangents], Cotangents]


# Branches and loops: `(tape, operation, operands) -> results`, which it notes.
CONTROL: dict[str, Callable[[Tape, Any, list[Value]], Sequence[Value]]] = {}


class Tape(Walk):
    """Applies ops and notes those that cotangents go through."""

    def __init__(self, functions: Functions) -> None:
        super().__init__(functions)
        self.records: list[Record] = []
        self.active: set[Value] = set()  # depends on the inputs
        # The values of the function that a seed depends on: asked for by branches and loops alone.
        self.useful: Callable[[], set[Value]] = set

    def operation(self, operation: Any, operands: list[Value]) -> Sequence[Value]:
        if self.active.isdisjoint(operands):
            return copied(operation, operands)
        if operation.name == "fn.custom":
            return self.custom(operation, operands)
        if operation.name in CONTROL:
            return CONTROL[operation.name](self, operation, operands)
        return applied(self, operation, operands)

    def __call__(self, op: OpDef, *operands: Value, **given: Any) -> Any:
        """Apply an op; one without rules in terms of ops that have them."""
        if self.active.isdisjoint(operands):
            return super().__call__(op, *operands, **given)
        given = op.with_defaults(given)
        steps = EXPAND[op](self, *operands, **given) if op in EXPAND else None
        if steps is not None:
            return steps
        if op.expand is not None and op not in VJP and op not in VJP_OF_ALL:
            return op.expand(self, *operands, **given)
        y = super().__call__(op, *operands, **given)
        if is_float(y):
            self._note(op, operands, y, given)
        return y

    def _note(self, op: OpDef, operands: Sequence[Value], y: Value, given: dict[str, Any]) -> None:
        if op in VJP_OF_ALL:
            rule = VJP_OF_ALL[op]

            def pull(e: IrEmit, wanted: Sequence[bool], g: Cotangents) -> Cotangents:
                found: Cotangents = rule(e, wanted, g[0], y, *operands, **given)
                return found

        else:
            rules = VJP[op]
            if not any(v in self.active for i, v in enumerate(operands) if i in rules):
                return

            def pull(e: IrEmit, wanted: Sequence[bool], g: Cotangents) -> Cotangents:
                return [
                    rules[i](e, g[0], y, *operands, **given) if want and i in rules else None
                    for i, want in enumerate(wanted)
                ]

        self.active.add(y)
        self.records.append(Record(self.loc, operands, (y,), pull))

    def custom(self, operation: Any, operands: list[Value]) -> Sequence[Value]:
        """A function with derivatives of the user's own: its `backward` on the tape."""
        results: Sequence[Value]
        pull: Callable[..., Cotangents]
        if "forward" in operation.attributes:
            results, pull = self._forward(operation, operands)
        else:
            results, pull = self._transposed(operation, operands)
        self.active.update(filter(is_float, results))
        self.records.append(Record(operation.location, operands, results, pull))
        return results

    def _forward(self, operation: Any, operands: list[Value]) -> tuple[Any, Any]:
        functions = self.functions
        both = Walk(functions).block(functions.block(fn.callee(operation, "forward")), operands)
        count = len(operation.results)
        results, residuals = both[:count], both[count:]
        backward = functions.block(fn.callee(operation, "backward"))

        def pull(e: IrEmit, wanted: Sequence[bool], g: Cotangents) -> Cotangents:
            given = _filled(e, results, g)
            cotangents = iter(Walk(functions).block(backward, [*residuals, *given]))
            return [next(cotangents) if is_float(v) else None for v in operands]

        return results, pull

    def _transposed(self, operation: Any, operands: list[Value]) -> tuple[Any, Any]:
        """From a jvp rule, which is linear in the tangents: the transpose is its derivative with
        respect to them, at any tangents."""
        functions = self.functions
        results = Walk(functions).block(functions.block(fn.callee(operation)), operands)
        push = functions.block(fn.callee(operation, "jvp"))

        def pull(e: IrEmit, wanted: Sequence[bool], g: Cotangents) -> Cotangents:
            zeros = [fill(e, 0, v) for v in operands if is_float(v)]
            places = range(len(operands), len(operands) + len(zeros))
            seeds = dict(enumerate(_filled(e, results, g), len(results)))
            found = vjp(functions, push, [*operands, *zeros], seeds, places)[-len(zeros) :]
            cotangents = iter(found)
            return [next(cotangents) if is_float(v) else None for v in operands]

        return results, pull


def _filled(e: IrEmit, results: Sequence[Value], g: Cotangents) -> list[Value]:
    """A cotangent for every result that is floating point, zeros where there was none."""
    pairs = zip(results, g, strict=True)
    return [fill(e, 0, y) if c is None else c for y, c in pairs if is_float(y)]


class Back(Numbers):
    """Emits the way back; holds the cotangents that values have received."""

    def __init__(self, loc: Any) -> None:
        super().__init__(loc)
        self.cotangents: dict[Value, Value] = {}

    def give(self, value: Value, g: Value) -> None:
        """One more cotangent of a value."""
        before = self.cotangents.get(value)
        self.cotangents[value] = g if before is None else self(add, before, g)

    def taken(self, value: Value) -> Value:
        """The cotangent of a value; zero where nothing depends on it."""
        known = self.cotangents.get(value)
        return fill(self, 0, value) if known is None else known

    def through(self, record: Record, active: set[Value]) -> None:
        """Take the cotangents of an op's results to its operands."""
        seeds = [self.cotangents.get(y) for y in record.results]
        if all(g is None for g in seeds):
            return
        self.loc = record.loc
        wanted = [v in active for v in record.operands]
        cotangents = record.pull(self, wanted, seeds)
        for value, want, g in zip(record.operands, wanted, cotangents, strict=True):
            if want and g is not None:
                self.give(value, g)
