"""The phases of a row kernel: which reductions are folded in which walk over a row, and which
values are kept from one walk to a later one.

Values between reductions are computed again in every phase that wants them: cheap, because a row
stays in the first cache. Those that are dear (exp and the like) are kept in the output's row where
an output has their type, until the result replaces them there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from axec.dialects.types import Shape
from axec.passes.codegen.cpu import math
from axec.passes.codegen.cpu.graph.body import Body, Def

_DEAR = {*math.FUNCTIONS, "div", "sqrt", "rsqrt"}


@dataclass(slots=True)
class Phase:
    """One walk over a row: the reductions that it folds, and the tensors of the row's shape that it
    stores, each with the number of an output."""

    folds: list[Def]
    stores: list[tuple[Def, int]] = field(default_factory=list)

    @property
    def wanted(self) -> list[Def]:
        """Tensors of the row's shape that the phase evaluates."""
        return [d.operands[0] for d in self.folds] + [d for d, _ in self.stores]


def plan(body: Body, shape: Shape) -> list[Phase]:
    """The phases of a body whose reductions fold trailing axes of `shape`, in order."""
    level: dict[Def, int] = {}
    for d in body.ops:
        level[d] = max([level.get(x, 0) for x in d.operands], default=0) + (d.name == "reduce")
    reduces = [d for d in body.ops if d.name == "reduce"]
    count = max(level[d] for d in reduces)
    phases = [Phase([d for d in reduces if level[d] == i + 1]) for i in range(count)]
    full = [(d, i) for i, d in enumerate(body.results) if d.shape == shape]
    if full:
        phases.append(Phase([], full))
        _keep(body, phases, shape)
    return phases


def _keep(body: Body, phases: list[Phase], shape: Shape) -> None:
    """Let phases store dear values that later phases want, each into a free output."""
    last = phases[-1]
    free = dict(reversed([(i, d) for d, i in last.stores]))
    kept: dict[Def, int] = {}  # and the first phase that has it
    for d in reversed(body.ops):
        if d.name not in _DEAR or d.shape != shape:
            continue
        users = [p for p, phase in enumerate(phases) if d in _evaluated(phase, p, kept)]
        fitting = sorted(
            (i for i, result in free.items() if result.type == d.type),
            key=lambda i: free[i] is not d,
        )
        if len(users) < 2 or not fitting:
            continue
        kept[d] = users[0]
        phases[users[0]].stores.append((d, fitting[0]))
        if free.pop(fitting[0]) is d:  # it is a result itself: nothing is left to store
            last.stores.remove((d, fitting[0]))


def _evaluated(phase: Phase, number: int, kept: dict[Def, int]) -> Collection[Def]:
    """The tensors that a phase computes at the position of its loops."""
    found: set[Def] = set()
    stack = list(phase.wanted)
    while stack:
        d = stack.pop()
        if d in found or d.op is None or kept.get(d, number) < number:
            continue
        found.add(d)
        if d.op.group == "pointwise":
            stack += d.operands
    return found
