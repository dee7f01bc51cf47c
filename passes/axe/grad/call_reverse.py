"""Reverse mode through calls: the way back is a call too.

%y = control.call(%x, %w) {callee = @f}
=>
%y, %saved = control.call(%x, %w) {callee = @f.ahead}
%gx, %gw = control.call(%saved, %x, %w, %gy) {callee = @f.back}

Calls that are differentiated alike share both functions (halves.py says what is saved).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axec.dialects import control
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.control_reverse import moving, or_zero, placed, useful
from axec.passes.axe.grad.halves import Halves
from axec.passes.axe.grad.reverse import CONTROL, Cotangents, Record, Tape
from axec.passes.axe.walk import Value, copied, groups, results_of


def _call(tape: Tape, op: Any, operands: list[Value]) -> Sequence[Value]:
    given, outs = moving(tape, op, operands)
    if set(outs).isdisjoint(useful(tape, op)):
        return copied(op, operands)
    seeds = outs  # zero for those that are of no use: the last layer is differentiated as all are
    functions, name = tape.functions, control.Call.of(op).callee
    key = (name, *given, -1, *seeds)
    if key not in functions.known:
        functions.known[key] = Halves(functions, name, given, seeds, range(len(operands)))
    half: Halves = functions.known[key]
    more = [i for i, v in enumerate(half.saved) if v not in half.results]

    def ahead(*xs: Value) -> list[Value]:
        results, saved = half.ahead(xs)
        return results + [saved[i] for i in more]

    def back(*xs: Value) -> list[Value]:
        saved, used, g = groups(xs, [len(half.saved), len(half.used), len(seeds)])
        return half.back(saved, used, g, half.cotangents)

    def applied(suffix: str, body: Any, values: Sequence[Value]) -> list[Value]:
        made = functions.add(f"{name}.{suffix}", [v.type for v in values], body, key)
        call = control.Call(made).create(values, results_of(functions, made), op.location)
        return list(call.results)

    found = applied("ahead", ahead, operands)
    results = found[: len(op.results)]
    known = dict(zip(half.results, results, strict=True))
    known |= zip((half.saved[i] for i in more), found[len(results) :], strict=True)
    saved = [known[v] for v in half.saved]

    def pull(e: IrEmit, wanted: Sequence[bool], g: Cotangents) -> Cotangents:
        seeded = [or_zero(e, g[j], results[j]) for j in seeds]
        cotangents = applied("back", back, [*saved, *(operands[i] for i in half.used), *seeded])
        return placed(zip(given, cotangents, strict=True), half.zero, len(operands))

    tape.active.update(results[j] for j in seeds)
    tape.records.append(Record(op.location, operands, results, pull))
    return results


CONTROL["control.call"] = _call
