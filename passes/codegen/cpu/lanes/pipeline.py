"""Software pipelines: a long body in stages, each of which works on another vector.

    for i = lo, lo + lanes, ... until the last stage has seen all vectors before hi:
        stage 2 of the vector at i - 2 lanes, stage 1 of that at i - lanes, stage 0 of that at i

One vector of a long body is a chain of operations that wait for each other, longer than a CPU looks
ahead. The stages of one iteration do not depend on each other, so that it finds work in all of
them. What a stage computes for a later one is carried from iteration to iteration; what is merely
read is read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from axec.passes.codegen.cpu import math
from axec.passes.codegen.cpu.frame import reachable
from axec.passes.codegen.cpu.graph.emission import Emission
from axec.passes.codegen.cpu.graph.nodes import Node
from axec.passes.codegen.cpu.lanes.loops import Step
from axec.passes.codegen.llvm import Value, zero

_EACH = 30  # cycles of a chain that make up a stage
_FEWEST = 3  # stages that pay
#: Cycles until an operation's result is there, until that of a gather, and of an elementary
#: function per instruction.
_LATENCY, _ANYWHERE, _PER_INSTRUCTION = 4, 20, 2.2
_COMPUTED = {"op", "convert", "select", "gather"}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """stages: the nodes that each computes, inputs first; carried: behind every stage but the last,
    the nodes of it and of earlier ones that later ones need."""

    stages: Sequence[Sequence[Node]]
    carried: Sequence[Sequence[Node]]


def pipeline(roots: Sequence[Node]) -> Pipeline | None:
    """Stages for a body with these results; None where they would not pay."""
    needs: dict[Node, set[Node]] = {}  # of computed nodes, not looking through them
    for n in sorted(reachable(roots), key=lambda n: n.id):
        needs[n] = {c for i in n.inputs for c in ([i] if _is_computed(i) else needs[i])}
    nodes = [n for n in needs if _is_computed(n)]
    ready: dict[Node, float] = {}
    for n in nodes:
        ready[n] = max([ready[i] for i in needs[n]], default=0) + _latency(n)
    if round(max(ready.values(), default=0) / _EACH) < _FEWEST:
        return None
    numbers = {n: int((ready[n] - _latency(n) / 2) / _EACH) for n in nodes}
    stages = [[n for n in nodes if numbers[n] == s] for s in sorted(set(numbers.values()))]
    stage = {n: s for s, those in enumerate(stages) for n in those}
    last = dict.fromkeys(nodes, 0)
    for n in nodes:
        for i in needs[n]:
            last[i] = max(last[i], stage[n])
    for root in roots:
        for i in [root] if _is_computed(root) else needs[root]:
            last[i] = len(stages) - 1
    return Pipeline(
        stages,
        [[n for n in nodes if stage[n] <= s < last[n]] for s in range(len(stages) - 1)],
    )


def _is_computed(node: Node) -> bool:
    """Is a node one that a stage computes? Masks are cheap, and to carry them is not."""
    return node.varying and node.kind in _COMPUTED and node.type.bits > 1


def _latency(node: Node) -> float:
    if node.kind == "op" and node.data[0] in math.FUNCTIONS:
        return _PER_INSTRUCTION * math.weight(node.data[0])
    return _ANYWHERE if node.kind == "gather" else _LATENCY


def pipelined_loop(
    e: Emission, variable: Node, lo: Value, hi: Value, step: Step, *, plan: Pipeline, whole: bool
) -> None:
    """Compute `plan` for `variable` = lo, lo + lanes, ... below hi; `step` stores the results.

    whole: hi - lo is known to be a multiple of the lanes."""
    b, last = e.b, len(plan.stages) - 1
    starts = [zero(e.type(n.type)) for nodes in plan.carried for n in nodes]
    end = b.select(b.cmp("gt", hi, lo), b.add(hi, last * e.lanes), lo)
    with e.loop(variable, lo, end, e.lanes, starts, name="j") as loop:
        values = iter(loop.carried)
        given = [[], *[[(n, next(values)) for n in nodes] for nodes in plan.carried]]
        found: list[Value] = []
        ready: list[tuple[Node, Value]] = []
        for s in range(last, -1, -1):
            at = b.sub(loop.index, s * e.lanes)
            with _vector(e, variable, at, lo, hi, whole):
                for node, value in given[s]:
                    e.bind(node, value)
                e.emit(plan.stages[s])
                if s == last:
                    ready = [(n, e.value(n)) for n in [*plan.stages[s], *[n for n, _ in given[s]]]]
                else:
                    found = [*[e.value(n) for n in plan.carried[s]], *found]
        # The results are stored behind all stages: until the first are there, it is jumped over.
        at = b.sub(loop.index, last * e.lanes)
        with b.if_(b.cmp("ge", at, lo)), _vector(e, variable, at, lo, hi, whole):
            for node, value in ready:
                e.bind(node, value)
            step(())
        loop.yield_(*found)


@contextmanager
def _vector(
    e: Emission, variable: Node, at: Value, lo: Value, hi: Value, whole: bool
) -> Iterator[None]:
    """The vector at `at`; where there is none, before lo and from hi on, one that may be read."""
    b = e.b
    with e.scope():
        inside = b.max(at, lo)
        e.bind(variable, b.min(inside, b.sub(hi, e.lanes if whole else 1)))
        e.tail = None if whole else e.first_lanes(b.sub(hi, inside))
        yield
        e.tail = None
