"""Reverse mode through loops: the way back of a scan is a scan too.

    %c, %ys = control.scan(%init, %xs, %w) {body = @b}
    =>
    %c, %ys, %saved = control.scan(%init, %xs, %w) {body = @b.ahead}
    %ginit, %gw, %gxs = control.scan(%gc, 0, %saved, %xs, %gys, %w) {body = @b.back, reverse = true}

@b.ahead also gives, per round, what the way back needs (halves.py); @b.back carries the cotangent
of the carry and adds up those of the consts (sums.py). A while has no reverse mode: how often it
ran, and so how much to save, is not known when the program starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axec.diag import AxecError
from axec.dialects import control, types
from axec.dialects.axe.build import fill, narrow, widen
from axec.dialects.emit import IrEmit
from axec.dialects.locations import location_of
from axec.passes.axe.depend import of_op, of_round, rounds_needed, smooth
from axec.passes.axe.grad import sums
from axec.passes.axe.grad.halves import Halves
from axec.passes.axe.grad.reverse import CONTROL, Cotangents, Record, Tape
from axec.passes.axe.grad.rules import total
from axec.passes.axe.walk import Value, copied, groups, results_of

# Op -> why it has no reverse mode.
NO_REVERSE = {"control.while": "how often it runs is not known before"}


def moving(tape: Tape, op: Any, operands: Sequence[Value]) -> tuple[list[int], list[int]]:
    """The operands that are differentiated, and the results that depend on them."""
    wrt = [i for i, v in enumerate(operands) if v in tape.active]
    reach = of_op(tape.functions, op, smooth)
    return wrt, [j for j, places in enumerate(reach) if not places.isdisjoint(wrt)]


def useful(tape: Tape, op: Any) -> list[int]:
    """The results that a seed depends on."""
    read = tape.useful()
    return [j for j, r in enumerate(op.results) if r in read]


def _while(tape: Tape, op: Any, operands: list[Value]) -> Sequence[Value]:
    _, outs = moving(tape, op, operands)
    if not set(outs).isdisjoint(useful(tape, op)):
        raise AxecError(
            "grad-while",
            "reverse mode cannot go through a while_loop, or a fori_loop with a traced bound: "
            f"{NO_REVERSE[op.name]}",
            location=location_of(op),
            hint="use axe.scan, or axe.fori_loop with bounds that are ints or dims; "
            "forward mode (axe.jvp, axe.jacfwd) goes through",
        )
    return copied(op, operands)


def or_zero(e: IrEmit, g: Value | None, like: Value) -> Value:
    return fill(e, 0, like) if g is None else g


def placed(pairs: Any, zero: Sequence[bool], count: int) -> list[Value | None]:
    """Cotangents at their operands."""
    cotangents: list[Value | None] = [None] * count
    for (i, g), nothing in zip(pairs, zero, strict=True):
        cotangents[i] = None if nothing else g
    return cotangents


def _scan(tape: Tape, op: Any, operands: list[Value]) -> Sequence[Value]:
    way = _Way.of(tape, op, operands)
    return copied(op, operands) if way is None else way.ahead(tape)


class _Way:
    """A scan that is differentiated: there and back."""

    @staticmethod
    def of(tape: Tape, op: Any, operands: list[Value]) -> _Way | None:
        """None where no cotangent comes through."""
        loop = control.Scan.of(op)
        wrt, outs = moving(tape, op, operands)
        rounds = of_round(tape.functions, loop.body, smooth)
        needed = rounds_needed(rounds, loop.carries, useful(tape, op))
        seeds = [j for j in needed if j in outs]
        return _Way(tape, op, operands, loop, wrt, seeds) if seeds else None

    def __init__(
        self, tape: Tape, op: Any, operands: list[Value], loop: control.Scan, given: list[int],
        seeds: list[int],
    ) -> None:  # fmt: skip
        self.op, self.operands, self.loop, self.seeds = op, operands, loop, seeds
        self.functions = tape.functions
        places = loop.split(range(len(operands)))
        self.carries = [k for k in seeds if k < loop.carries]
        self.rows, self.consts = ([i for i in part if i in given] for part in places[1:])
        self.wrt = [*self.carries, *self.rows, *self.consts]
        fixed = [1 + i for i in places[2]]
        kept = [0, *(1 + i for i in places[1]), *fixed]
        wrt = [1 + i for i in self.wrt]
        self.halves = Halves(tape.functions, loop.body, wrt, seeds, kept, fixed)
        self.key = (*wrt, -1, *seeds)

    def ahead(self, tape: Tape) -> Sequence[Value]:
        """The scan that saves; its results. The way back is noted."""
        loop, count = self.loop, len(self.op.results)

        def body(*xs: Value) -> list[Value]:
            results, saved = self.halves.ahead(xs)
            return results + saved

        kinds = [a.type for a in self.functions.block(loop.body).arguments]
        name = self.functions.add(f"{loop.body}.ahead", kinds, body, self.key)
        saving = control.Scan(name, loop.carries, loop.xs, loop.length, loop.reverse)
        outs = results_of(self.functions, name)
        found = list(saving.create(self.operands, outs, self.op.location).results)
        results, saved = found[:count], found[count:]

        def pull(e: IrEmit, wanted: Sequence[bool], g: Cotangents) -> Cotangents:
            return self.back(e, results, saved, g)

        tape.active.update(results[j] for j in self.seeds)
        tape.records.append(Record(self.op.location, self.operands, results, pull))
        return results

    def back(
        self, e: IrEmit, results: Sequence[Value], saved: Sequence[Value], g: Cotangents
    ) -> Cotangents:
        """The scan that goes back; the cotangents of all operands."""
        halves, count = self.halves, len(self.carries)
        before, of_rows, of_consts = groups(
            halves.cotangents, [count, len(self.rows), len(self.consts)]
        )
        of_sums = sums.split(of_consts, halves.same)
        added = [i for i, one in enumerate(of_sums) if one.inside]
        stacked = list(dict.fromkeys(v for one in of_sums for t in one.terms for v in t.values))
        made = self._scan_back(e, results, saved, g, (before, of_sums, of_rows, stacked))
        before, totals, of_rows, stacks = groups(
            made, [count, len(added), len(of_rows), len(stacked)]
        )
        where, inside = (
            dict(zip(stacked, stacks, strict=True)),
            dict(zip(added, totals, strict=True)),
        )
        of_consts = []
        for k, (i, one) in enumerate(zip(self.consts, of_sums, strict=True)):
            parts = [t.after(e, [where[v] for v in t.values]) for t in one.terms]
            whole = total(e, [inside.get(k), *(widen(e, p) for p in parts)])
            of_consts.append(narrow(e, whole, types.of(self.operands[i]).dtype))
        pairs = zip(self.wrt, (*before, *of_rows, *of_consts), strict=True)
        return placed(pairs, halves.zero, len(self.operands))

    def _scan_back(
        self, e: IrEmit, results: Sequence[Value], saved: Sequence[Value], g: Cotangents,
        targets: tuple[list[Value], list[sums.Sum], list[Value], list[Value]],
    ) -> list[Value]:  # fmt: skip
        """Carries: cotangents of the carry, sums; ys: cotangents of xs, what is collected."""
        halves, count = self.halves, len(self.carries)
        before, of_sums, of_rows, stacked = targets
        added = [
            (s, self.operands[i]) for s, i in zip(of_sums, self.consts, strict=True) if s.inside
        ]
        so_far = [fill(e, 0, widen(e, v)) for _, v in added]
        seeds = [or_zero(e, g[j], results[j]) for j in self.seeds]
        rows, consts = self._read()
        parts = [seeds[:count], so_far, list(saved), rows, seeds[count:], consts]
        inner = [v for one, _ in added for v in one.inside]

        def body(i: Value, *values: Value) -> list[Value]:
            gc, sums_, own, x, gy, k = groups(values, [len(p) for p in parts])
            given = [i, *x, *k] if 0 in halves.used else [*x, *k]
            outs = halves.back(own, given, [*gc, *gy], [*before, *inner, *of_rows, *stacked])
            gc, terms, ys = groups(outs, [count, len(inner), len(of_rows) + len(stacked)])
            to, rest = IrEmit(self.op.location), iter(terms)
            grown = [
                total(to, [s, *(widen(to, next(rest)) for _ in one.inside)])
                for s, (one, _) in zip(sums_, added, strict=True)
            ]
            return [*gc, *grown, *ys]

        return self._made([v for p in parts for v in p], count + len(added), len(consts), body)

    def _read(self) -> tuple[list[Value], list[Value]]:
        """The xs and consts that the way back reads."""
        first = self.loop.carries + self.loop.xs
        used = [i - 1 for i in self.halves.used if i]  # 0 is the position
        rows, consts = [i for i in used if i < first], [i for i in used if i >= first]
        return [self.operands[i] for i in rows], [self.operands[i] for i in consts]

    def _made(
        self, operands: list[Value], carries: int, consts: int, body: Callable[..., list[Value]]
    ) -> list[Value]:
        """The results of a scan that goes the other way."""
        loop, xs = self.loop, len(operands) - carries - consts
        kinds = control.arguments_of(operands, carries, xs)
        name = self.functions.add(f"{loop.body}.back", kinds, body, self.key)
        way = control.Scan(name, carries, xs, loop.length, not loop.reverse)
        outs = results_of(self.functions, name)
        return list(way.create(operands, outs, self.op.location).results)


CONTROL["control.while"] = _while
CONTROL["control.scan"] = _scan
