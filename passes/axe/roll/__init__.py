"""Find ops that repeat, as layers do, and let one function stand for all copies.

    %1 = exp(%0)  %2 = dot_general(%1, %a)        func private @f.repeat(%x, %w) {
    %3 = exp(%2)  %4 = dot_general(%3, %b)          return dot_general(exp(%x), %w) }
    %5 = exp(%4)  %6 = dot_general(%5, %c)   ->   %2 = control.call(%0, %a) {callee = @f.repeat}
    return %6                                     %4 = control.call(%2, %b) {callee = @f.repeat}
                                                  %6 = control.call(%4, %c) {callee = @f.repeat}

The passes that follow look at the function once, until `unroll` puts its kernels in the place of
the calls.

    line.py     a function as a line of words
    period.py   where the line repeats itself
    cut.py      where a copy may begin: at the border between kernels
    copies.py   what copies share, and how they become calls
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from axec.dialects import control
from axec.dialects.functions import block_of, functions, is_private, name_of
from axec.mlir import ir
from axec.passes.axe.roll.copies import Copies
from axec.passes.axe.roll.cut import Borders
from axec.passes.axe.roll.line import Line
from axec.passes.axe.roll.period import longest
from axec.passes.base import Pass, register


@register
@dataclass(frozen=True)
class Roll(Pass):
    """Turn ops that repeat, as layers do, into calls of one function.

    Options: `copies`, the fewest that become calls; `least`, the fewest ops that are saved; `all`:
    also in functions whose results others compute with, where calls may keep kernels apart."""

    name = "roll"
    copies: int = 3
    least: int = 24
    all: bool = False

    def run(self, module: Any) -> list[Copies]:
        """Returns what became calls."""
        chosen = list(functions(module))
        if not self.all and any(map(is_private, chosen)):
            apart = _Apart(chosen)
            chosen = [f for f in chosen if apart.holds(f)]
        return [found for function in chosen for found in self._roll(module, function)]

    def _roll(self, module: Any, function: Any) -> list[Copies]:
        line = Line.of(block_of(function))
        found = list(self._search(line, Borders(line), 0, len(line.ops)))
        name = name_of(function)
        # From the last one on: what stands behind copies reads what they become.
        for number, copies in reversed(list(enumerate(found))):
            copies.roll(module, f"{name}.repeat{number or ''}")
        return found

    def _search(self, line: Line, borders: Borders, first: int, last: int) -> Iterator[Copies]:
        """All that a stretch of the line repeats, in order."""
        run = longest(line.words, first, last)
        if run is None or run.saved < self.least:
            return
        found = None
        for at in borders.rotations(run):
            found = found or self._fitted(line, borders, run.start + at, run.period, run.stop)
        start, stop = (run.start, run.stop) if found is None else (found.start, found.stop)
        yield from self._search(line, borders, first, start)
        if found is not None:
            yield found
        yield from self._search(line, borders, stop, last)

    def _fitted(
        self, line: Line, borders: Borders, start: int, period: int, stop: int
    ) -> Copies | None:
        """The copies, maybe without the first and the last one: what is around may be fused with
        these alone."""
        count = (stop - start) // period
        while count >= self.copies and (count - 1) * period >= self.least:
            found = Copies.of(line, start, period, count)
            stuck = set() if found is None else found.stuck(borders)
            if not stuck:
                return found
            if stuck - {0, count - 1}:
                return None
            start += period * (0 in stuck)
            count -= len(stuck)
        return None


class _Apart:
    """Which functions give results, and derivatives, that nobody computes with: their products need
    no epilogue from outside. An optimiser's update is one, which a border would keep apart from the
    products of the gradient."""

    def __init__(self, functions: list[Any]) -> None:
        self._applied: dict[str, list[tuple[Any, Any]]] = {}  # name -> (function, op of it)
        for function in functions:
            for view in block_of(function).operations:
                for name in _names(view.operation):
                    self._applied.setdefault(name, []).append((function, view.operation))

    def holds(self, function: Any) -> bool:
        if not is_private(function):
            return True
        applied = self._applied.get(name_of(function), [])
        return all(
            op.name in _HANDING_ON
            and all(u.owner.name == "func.return" for r in op.results for u in r.uses)
            and self.holds(caller)
            for caller, op in applied
        )


# Ops whose results are those of a function, or derivatives of it.
_HANDING_ON = frozenset({"fn.call", "fn.vjp", "fn.jvp", "fn.vmap"})


def _names(op: Any) -> Iterator[str]:
    """The functions that an op applies."""
    if op.name.startswith("fn."):
        symbols = [op.attributes[name] for name in op.attributes]
        yield from (a.value for a in symbols if isinstance(a, ir.FlatSymbolRefAttr))
    yield from control.bodies(op)
