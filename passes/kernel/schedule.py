"""Choose the order of the calls so that less memory is in use at once."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from axec.dialects import dims
from axec.dialects.kernel import definitions, functions
from axec.mlir import ir
from axec.passes.base import Pass, register
from axec.passes.kernel.liveness import Flow, flow_of, peak, upper_ends


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
        kernels = definitions(module)
        return [_schedule(f, flow_of(f, kernels)) for f in functions(module)]


def _schedule(function: Any, flow: Flow) -> ScheduleReport:
    ends = upper_ends(function)
    nbytes = [dims.evaluate(b.nbytes, ends) if b.home == "arena" else 0 for b in flow.buffers]
    given = range(len(flow.steps))
    found = greedy(flow, nbytes)
    before, after = peak(flow, given, nbytes), peak(flow, found, nbytes)
    if after >= before:
        return ScheduleReport(before, before)
    _move(function, [flow.steps[s].op for s in found])
    return ScheduleReport(before, after)


def greedy(flow: Flow, nbytes: Sequence[int]) -> list[int]:
    """List scheduling: of the calls whose inputs are there, the one that leaves the fewest bytes in
    use; of equal ones, the first in the program."""
    readers: list[list[int]] = [[] for _ in flow.buffers]
    makers = {b: s for s, step in enumerate(flow.steps) for b in step.writes}
    for s, step in enumerate(flow.steps):
        for b in step.reads:
            readers[b].append(s)
    left = [len(r) for r in readers]
    missing = [sum(b in makers for b in step.reads) for step in flow.steps]

    def growth(s: int) -> int:
        """Bytes in use after step s, minus those before it."""
        step = flow.steps[s]
        made = sum(nbytes[b] for b in step.writes if readers[b])
        return made - sum(nbytes[b] for b in step.reads if left[b] == 1)

    done: set[int] = set()
    order: list[int] = []
    ready = [(growth(s), s) for s, count in enumerate(missing) if count == 0]
    heapq.heapify(ready)
    while ready:
        _, s = heapq.heappop(ready)
        if s in done:
            continue  # entered again with a smaller growth
        done.add(s)
        order.append(s)
        changed = {r for b in flow.steps[s].writes for r in readers[b]}
        for r in changed:
            missing[r] -= sum(b in flow.steps[s].writes for b in flow.steps[r].reads)
        for b in flow.steps[s].reads:
            left[b] -= 1
            if left[b] == 1:
                changed.update(readers[b])
        for r in sorted(changed - done):
            if missing[r] == 0:
                heapq.heappush(ready, (growth(r), r))
    return order


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
