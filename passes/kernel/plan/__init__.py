"""Turn every function into a program over planned buffers (the exec dialect).

Inputs, weights and results are the caller's memory; everything else lies in one arena at offsets
that are expressions of the dims. A reshape is a view of the same bytes. Loops and branches are
regions that read and write the buffers around them, in the same arena.

    inline.py    functions -> one flow of steps over buffers (flow.py), loops and branches in place
    memory.py    groups of independent launches (group.py), offsets of all buffers (arena.py)
    write.py     the flow -> exec ops
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects.dims import Ranges, upper_ends
from axec.dialects.functions import functions, is_private, name_of
from axec.dialects.interpret import ranges_of
from axec.dialects.kernel import definitions
from axec.passes.base import Pass, register
from axec.passes.kernel.launches import Launches
from axec.passes.kernel.plan.flow import Flow
from axec.passes.kernel.plan.inline import flow_of
from axec.passes.kernel.plan.memory import PlanReport, plan_memory
from axec.passes.kernel.plan.write import Writer

__all__ = ["Plan", "PlanReport"]


@register
@dataclass(frozen=True)
class Plan(Pass):
    """Place every buffer and write public functions as exec.program, with the bodies they run.

    `grain`: fewest units of a launch that are worth a thread; 0: what a kernel's time says.
    `members`: the most launches of a group (group.py); 1: no groups. `growth`: percent by which
    groups may raise the arena."""

    name = "plan"
    grain: int = 0
    members: int = 64
    growth: int = 0

    def run(self, module: Any) -> list[PlanReport]:
        launches = Launches(definitions(module))
        named = {name_of(f): f for f in functions(module)}
        public = [f for f in named.values() if not is_private(f)]
        flows = [flow_of(f, launches, named) for f in public]
        reports = [
            self._program(f, flow, ranges_of(f)) for f, flow in zip(public, flows, strict=True)
        ]
        for function in named.values():
            function.erase()
        return reports

    def _program(self, function: Any, flow: Flow, ranges: Ranges) -> PlanReport:
        memory = plan_memory(flow, ranges, self.members, self.growth)
        Writer(function, flow, ranges, memory, self.grain).write()
        return memory.report(upper_ends(ranges))
