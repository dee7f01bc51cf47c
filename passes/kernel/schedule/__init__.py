"""Choose the order of the calls so that less memory is in use at once."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from axec.dialects import dims
from axec.dialects.dims import upper_ends
from axec.dialects.functions import functions
from axec.dialects.interpret import ranges_of
from axec.dialects.kernel import definitions
from axec.mlir import ir
from axec.passes.base import Pass, register
from axec.passes.kernel.launches import Launches
from axec.passes.kernel.schedule.liveness import Flow, flow_of, peak


@dataclass(frozen=True, slots=True)
class ScheduleReport:
    """Most bytes in use at once, before and after, at the upper ends of the dims' ranges."""

    before: int
    after: int


@register
@dataclass(frozen=True)
class Schedule(Pass):
    """Order kernel calls for low peak memory; the program's own order where nothing is gained."""

    name = "schedule"

    def run(self, module: Any) -> list[ScheduleReport]:
        launches = Launches(definitions(module))
        largest: dict[str, int] = {}  # bodies of loops and branches have the dims of their callers
        for ends in map(_ends, functions(module)):
            largest |= {name: max(end, largest.get(name, 0)) for name, end in ends.items()}
        return [_schedule(f, flow_of(f, launches), largest | _ends(f)) for f in functions(module)]


def _ends(function: Any) -> dict[str, int]:
    return upper_ends(ranges_of(function))


def _schedule(function: Any, flow: Flow, ends: Mapping[str, int]) -> ScheduleReport:
    nbytes = [dims.evaluate(b.nbytes, ends) if b.home == "arena" else 0 for b in flow.buffers]
    given, found = list(range(len(flow.steps))), greedy(flow, nbytes)
    before = peak(flow, given, nbytes)
    after = before if found == given else peak(flow, found, nbytes)
    if after >= before:
        return ScheduleReport(before, before)
    _move(function, [flow.steps[s].op for s in found])
    return ScheduleReport(before, after)


def greedy(flow: Flow, nbytes: Sequence[int]) -> list[int]:
    """List scheduling: of the calls whose inputs are there, the one that leaves the fewest bytes in
    use; of equal ones, the first in the program. `nbytes`: by buffer."""
    state = _Progress(flow, nbytes)
    ready = [(state.growth(s), s) for s, count in enumerate(state.missing) if count == 0]
    heapq.heapify(ready)
    done: dict[int, None] = {}
    while ready:
        _, s = heapq.heappop(ready)
        if s in done:
            continue  # it was entered again with a smaller growth
        done[s] = None
        for r in sorted(state.run(s) - done.keys()):
            if state.missing[r] == 0:
                heapq.heappush(ready, (state.growth(r), r))
    return list(done)


class _Progress:
    """Which inputs steps still wait for, and who still reads each buffer."""

    def __init__(self, flow: Flow, nbytes: Sequence[int]) -> None:
        self.steps = flow.steps
        self.nbytes = nbytes
        self.readers: list[list[int]] = [[] for _ in flow.buffers]
        made = {b for step in flow.steps for b in step.writes}
        for s, step in enumerate(flow.steps):
            for b in step.reads:
                self.readers[b].append(s)
        self.left = [len(r) for r in self.readers]  # readers that have not run
        self.missing = [sum(b in made for b in step.reads) for step in flow.steps]

    def growth(self, s: int) -> int:
        """Bytes in use after step s, minus those before it."""
        step = self.steps[s]
        made = sum(self.nbytes[b] for b in step.writes if self.readers[b])
        return made - sum(self.nbytes[b] for b in step.reads if self.left[b] == 1)

    def run(self, s: int) -> set[int]:
        """Step s has run: the steps that are ready, or cheaper, because of it."""
        changed: set[int] = set()
        for b in self.steps[s].writes:
            for r in self.readers[b]:
                self.missing[r] -= 1
                changed.add(r)
        for b in self.steps[s].reads:
            self.left[b] -= 1
            if self.left[b] == 1:
                changed.update(self.readers[b])
        return changed


def _move(function: Any, calls: list[Any]) -> None:
    """Put calls into the given order; reshapes follow what they view."""
    block = function.regions[0].blocks[0]
    *inner, terminator = (o.operation for o in block.operations)
    for call in calls:
        call.move_before(terminator)
    # Every view goes right behind the maker of its operand; views of views come in order.
    for view in (op for op in inner if op.name == "axe.reshape"):
        source = view.operands[0]
        if isinstance(source, ir.OpResult):
            view.move_after(source.owner)
        elif view != block.operations[0].operation:
            view.move_before(block.operations[0])
