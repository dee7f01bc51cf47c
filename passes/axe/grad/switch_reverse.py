"""Reverse mode through branches: the way back is a branch too.

%y = control.switch(%i, %x) {branches = [@f, @g]}
=>
%y, %saved = control.switch(%i, %x) {branches = [@f.ahead, @g.ahead]}
%gx = control.switch(%i, %saved, %x, %gy) {branches = [@f.back, @g.back]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axec.dialects import control, types
from axec.dialects.axe.arrange import broadcast
from axec.dialects.axe.constants import constant
from axec.dialects.emit import IrEmit
from axec.dialects.types import TensorType
from axec.passes.axe.grad.control_reverse import moving, or_zero, placed, useful
from axec.passes.axe.grad.halves import Halves
from axec.passes.axe.grad.reverse import CONTROL, Cotangents, Record, Tape
from axec.passes.axe.walk import Value, copied, groups, results_of


def _switch(tape: Tape, op: Any, operands: list[Value]) -> Sequence[Value]:
    wrt, outs = moving(tape, op, operands)
    seeds = [j for j in useful(tape, op) if j in outs]
    return _Branches(tape, op, operands, wrt, seeds).ahead(tape) if seeds else copied(op, operands)


class _Branches:
    """A switch that is differentiated: there and back."""

    def __init__(
        self, tape: Tape, op: Any, operands: list[Value], given: list[int], seeds: list[int]
    ) -> None:
        self.op, self.operands, self.given, self.seeds = op, operands, given, seeds
        self.functions = tape.functions
        self.names = control.Switch.of(op).branches
        wrt, every = [i - 1 for i in given], range(len(operands) - 1)
        self.halves = [Halves(tape.functions, name, wrt, seeds, every) for name in self.names]
        self.slots = _Slots([[v.type for v in h.saved] for h in self.halves])
        self.key = (*self.names, *wrt, -1, *seeds)

    def ahead(self, tape: Tape) -> Sequence[Value]:
        """The switch that saves; its results. The way back is noted."""
        kinds = [v.type for v in self.operands[1:]]

        def branch(name: str, half: Halves) -> str:
            def body(*xs: Value) -> list[Value]:
                results, saved = half.ahead(xs)
                return results + self.slots.filled(IrEmit(self.op.location), saved)

            return self.functions.add(f"{name}.ahead", kinds, body, self.key)

        found = self._made(tuple(map(branch, self.names, self.halves)), self.operands)
        count = len(self.op.results)
        results, saved = found[:count], found[count:]

        def pull(e: IrEmit, wanted: Sequence[bool], g: Cotangents) -> Cotangents:
            return self.back(saved, [or_zero(e, g[j], results[j]) for j in self.seeds])

        tape.active.update(results[j] for j in self.seeds)
        tape.records.append(Record(self.op.location, self.operands, results, pull))
        return results

    def back(self, saved: list[Value], seeds: list[Value]) -> Cotangents:
        """The switch that goes back; the cotangents of all operands."""
        used = sorted({i for h in self.halves for i in h.used})
        parts = [saved, [self.operands[1 + i] for i in used], seeds]
        whole = [v for p in parts for v in p]

        def branch(name: str, half: Halves) -> str:
            def body(*xs: Value) -> list[Value]:
                places, own, g = groups(xs, [len(p) for p in parts])
                own = [x for i, x in zip(used, own, strict=True) if i in half.used]
                kept = self.slots.read(places, [v.type for v in half.saved])
                return half.back(kept, own, g, half.cotangents)

            return self.functions.add(f"{name}.back", [v.type for v in whole], body, self.key)

        names = tuple(map(branch, self.names, self.halves))
        found = self._made(names, [self.operands[0], *whole])
        zero = [all(z) for z in zip(*(h.zero for h in self.halves), strict=True)]
        return placed(zip(self.given, found, strict=True), zero, len(self.operands))

    def _made(self, branches: tuple[str, ...], operands: Sequence[Value]) -> list[Value]:
        outs = results_of(self.functions, branches[0])
        return list(control.Switch(branches).create(operands, outs, self.op.location).results)


class _Slots:
    """Where branches put what they save: as many places of a type as one branch needs."""

    def __init__(self, lists: Sequence[Sequence[Any]]) -> None:
        self.types: list[Any] = []
        for kinds in lists:
            for t in dict.fromkeys(kinds):
                missing = kinds.count(t) - self.types.count(t)
                self.types += [t] * missing

    def filled(self, e: IrEmit, values: Sequence[Value]) -> list[Value]:
        """One value per place, zeros where there is none."""
        waiting = list(values)
        whole = []
        for t in self.types:
            own = next((v for v in waiting if v.type == t), None)
            if own is not None:
                waiting.remove(own)
            whole.append(_zeros(e, types.of(t)) if own is None else own)
        return whole

    def read(self, places: Sequence[Value], kinds: Sequence[Any]) -> list[Value]:
        """The values that `filled` put there."""
        waiting = list(places)
        own_values = []
        for t in kinds:
            own = next(v for v in waiting if v.type == t)
            waiting.remove(own)
            own_values.append(own)
        return own_values


def _zeros(e: IrEmit, t: TensorType) -> Value:
    number = e(constant, value=np.zeros((), t.dtype.numpy))
    return e(broadcast, number, shape=t.shape, axes=()) if t.rank else number


CONTROL["control.switch"] = _switch
