"""Writing groups into the IR as kernel.fused ops."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from axec.mlir import ir
from axec.passes.kernel.fuse.graph import Graph, Node
from axec.passes.kernel.fuse.group import Group
from axec.passes.kernel.fuse.segments import Segment


def rewrite(segment: Segment, graph: Graph, groups: list[Group]) -> None:
    """Replace the ops of a stretch by its groups, producers first."""
    bodies = {g: g.body() for g in groups}
    inputs = {g: g.inputs(body) for g, body in bodies.items()}
    writer = _Writer(segment.inputs)
    with ir.InsertionPoint(segment.end):
        for step in ordered(graph, inputs):
            if isinstance(step, Group):
                writer.group(step, bodies[step], inputs[step])
            else:
                writer.view(step)
    for v in graph.returns:
        graph.nodes[v].op.results[0].replace_all_uses_with(writer.values[v])
    for node in reversed(graph.nodes):
        node.op.erase()


def own_results(block: Any, kept: int | None) -> None:
    """Make every result of a function a buffer of its own that an op of it writes: arguments, and
    what is returned already, are copied. `kept`: result k may be argument k + kept itself."""
    *_, terminator = (o.operation for o in block.operations)
    returned: set[Any] = set()
    for k, value in enumerate(terminator.operands):
        base = value
        while isinstance(base, ir.OpResult) and base.owner.name == "axe.reshape":
            base = base.owner.operands[0]
        if isinstance(base, ir.OpResult):
            where, again = base.owner.location, base in returned
        else:
            where, again = ir.Location.unknown(), base != value or base.arg_number - k != kept
        returned.add(base)
        if again:
            with ir.InsertionPoint(terminator):
                fused = _fused("map", [value], [value.type], where)
            with ir.InsertionPoint(fused.regions[0].blocks[0]):
                _yield(list(fused.regions[0].blocks[0].arguments), where)
            terminator.operands[k] = fused.results[0]


class _Writer:
    def __init__(self, inputs: Sequence[Any]) -> None:
        self.values: dict[int, Any] = {~k: v for k, v in enumerate(inputs)}

    def group(self, group: Group, nodes: Sequence[Node], inputs: Sequence[int]) -> None:
        results = [group.graph.nodes[e].op.results[0].type for e in group.exits]
        where = _location(nodes)
        fused = _fused(group.template, [self.values[v] for v in inputs], results, where)
        body = fused.regions[0].blocks[0]
        inner = dict(zip(inputs, body.arguments, strict=True))
        with ir.InsertionPoint(body):
            for node in nodes:
                inner[node.index] = _copy(node, inner)
            _yield([inner[e] for e in group.exits], where)
        self.values.update(zip(group.exits, fused.results, strict=True))

    def view(self, node: Node) -> None:
        self.values[node.index] = _copy(node, self.values)


def _fused(template: str, inputs: list[Any], results: list[Any], where: Any) -> Any:
    fused = ir.Operation.create(
        "kernel.fused",
        results=results,
        operands=inputs,
        attributes={"template": ir.StringAttr.get(template)},
        regions=1,
        loc=where,
        infer_type=False,
    )
    fused.regions[0].blocks.append(*[v.type for v in inputs], arg_locs=[where] * len(inputs))
    return fused


def _yield(values: list[Any], where: Any) -> None:
    ir.Operation.create("kernel.yield", operands=values, loc=where, infer_type=False)


def _copy(node: Node, values: dict[int, Any]) -> Any:
    made = node.op.clone()
    for k, v in enumerate(node.operands):
        made.operands[k] = values[v]
    return made.results[0]


def _location(nodes: Sequence[Node]) -> Any:
    """The place of the op that a kernel is about: what folds, else the last one."""
    return next((n for n in nodes if n.kind == "contract"), nodes[-1]).op.location


Inputs = Mapping[Group, Sequence[int]]  # what each group reads from outside


def ordered(graph: Graph, groups: Inputs) -> Iterator[Group | Node]:
    """Groups and views in an order in which producers come first, as near to the program's own
    order as that allows."""
    steps: dict[int, Group | Node] = {g.exit: g for g in groups}
    makers = {e: g.exit for g in groups for e in g.exits}
    for node in _views(graph, groups, makers):
        steps[node.index] = node
        makers[node.index] = node.index
    readers: dict[int, list[int]] = {at: [] for at in steps}
    missing: dict[int, int] = {}
    for at, step in steps.items():
        inputs = groups[step] if isinstance(step, Group) else step.operands
        waits = {makers[v] for v in inputs if v >= 0}
        missing[at] = len(waits)
        for maker in waits:
            readers[maker].append(at)
    ready = [at for at, count in missing.items() if count == 0]
    heapq.heapify(ready)
    done = 0
    while ready:
        at = heapq.heappop(ready)
        yield steps[at]
        done += 1
        for reader in readers[at]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heapq.heappush(ready, reader)
    assert done == len(steps), "groups wait for each other"


def _views(graph: Graph, groups: Inputs, makers: dict[int, int]) -> list[Node]:
    """Reshapes that stay in the function because a kernel or the function's end reads them."""
    found: dict[int, Node] = {}
    wanted = [*graph.returns, *(v for inputs in groups.values() for v in inputs)]
    while wanted:
        v = wanted.pop()
        if v >= 0 and v not in makers and v not in found:
            found[v] = graph.nodes[v]
            wanted.extend(found[v].operands)
    return list(found.values())
