"""Reverse mode through calls: the way back is a call too.

%y = control.call(%x, %w) {callee = @f}
=>
%y, %saved = control.call(%x, %w) {callee = @f.ahead}
%gx, %gw = control.call(%saved, %x, %w, %gy) {callee = @f.back}

Calls that are differentiated alike share both functions (halves.py says what is saved).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axec.dialects import control
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.control_reverse import moving, or_zero, placed, useful
from axec.passes.axe.grad.halves import Halves
from axec.passes.axe.grad.reverse import CONTROL, Cotangents, Record, Tape
from axec.passes.axe.walk import Value, copied, groups, results_of


def _call(tape: Tape, op: Any, operands: list[Value]) -> Sequence[Value]:
    wrt, outs = moving(tape, op, operands)
    if set(outs).isdisjoint(useful(tape, op)):
        return copied(op, operands)
    # Zeros for results that are of no use: the last layer is differentiated as all others are.
    return _Halved(tape, op, operands, wrt, outs).ahead(tape)


class _Halved:
    """A call that is differentiated: there and back."""

    def __init__(
        self, tape: Tape, op: Any, operands: list[Value], given: list[int], seeds: list[int]
    ) -> None:
        self.op, self.operands, self.given, self.seeds = op, operands, given, seeds
        self.functions, self.name = tape.functions, control.Call.of(op).callee
        self.key = (self.name, *given, -1, *seeds)
        known = self.functions.known
        if self.key not in known:
            every = range(len(operands))
            known[self.key] = Halves(self.functions, self.name, given, seeds, every)
        self.half: Halves = known[self.key]

    def ahead(self, tape: Tape) -> Sequence[Value]:
        """The call that saves; its results. The way back is noted."""
        half = self.half
        more = [i for i, v in enumerate(half.saved) if v not in half.results]

        def body(*xs: Value) -> list[Value]:
            results, saved = half.ahead(xs)
            return results + [saved[i] for i in more]

        found = self._applied("ahead", body, self.operands)
        results = found[: len(half.results)]
        known = dict(zip(half.results, results, strict=True))
        known |= zip((half.saved[i] for i in more), found[len(results) :], strict=True)

        def pull(e: IrEmit, wanted: Sequence[bool], g: Cotangents) -> Cotangents:
            seeded = [or_zero(e, g[j], results[j]) for j in self.seeds]
            return self.back([known[v] for v in half.saved], seeded)

        tape.active.update(results[j] for j in self.seeds)
        tape.records.append(Record(self.op.location, self.operands, results, pull))
        return results

    def back(self, saved: list[Value], seeds: list[Value]) -> Cotangents:
        """The call that goes back; the cotangents of all operands."""
        half = self.half
        parts = [saved, [self.operands[i] for i in half.used], seeds]

        def body(*xs: Value) -> list[Value]:
            kept, used, g = groups(xs, [len(p) for p in parts])
            return half.back(kept, used, g, half.cotangents)

        found = self._applied("back", body, [v for p in parts for v in p])
        return placed(zip(self.given, found, strict=True), half.zero, len(self.operands))

    def _applied(
        self, way: str, body: Callable[..., list[Value]], values: Sequence[Value]
    ) -> list[Value]:
        kinds = [v.type for v in values]
        half = self.functions.add(f"{self.name}.{way}", kinds, body, self.key)
        outs = results_of(self.functions, half)
        return list(control.Call(half).create(values, outs, self.op.location).results)


CONTROL["control.call"] = _call
