"""Which results of an op or a function depend on which operands, through branches and loops.

Two answers: on any way (`links=every`), or on one that derivatives take (`links=smooth`), from
float to float. What depends on nothing in question needs no tangent, cotangent or batch axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from axec.dialects import control
from axec.dialects.axe import OPS
from axec.passes.axe.grad.rules import VJP, VJP_OF_ALL
from axec.passes.axe.walk import Functions, Value, is_float

Places = frozenset[int]
Links = Callable[[Any], list[Places]]  # op without bodies -> per result the operands it depends on


def every(op: Any) -> list[Places]:
    """All results depend on all operands."""
    return [frozenset(range(len(op.operands)))] * len(op.results)


def smooth(op: Any) -> list[Places]:
    """Results depend on the operands that derivatives go through."""
    declared = OPS.get(op.name)
    places: Iterable[int] = range(len(op.operands))
    if declared in VJP and declared not in VJP_OF_ALL:
        places = VJP[declared]
    floats = frozenset(i for i in places if i < len(op.operands) and is_float(op.operands[i]))
    return [floats if is_float(r) else frozenset() for r in op.results]


def of_function(functions: Functions, name: str, links: Links) -> list[Places]:
    """Per result of a function the arguments that it depends on."""
    key = (links, name)
    if key not in functions.known:
        block = functions.block(name)
        reach: dict[Value, Places] = {a: frozenset((i,)) for i, a in enumerate(block.arguments)}
        for view in block.operations:
            op = view.operation
            if op.name == "func.return":
                functions.known[key] = [reach[v] for v in op.operands]
                break
            before = [reach[v] for v in op.operands]
            for result, places in zip(op.results, of_op(functions, op, links), strict=True):
                reach[result] = frozenset().union(*(before[i] for i in places))
    found: list[Places] = functions.known[key]
    return found


def of_op(functions: Functions, op: Any, links: Links) -> list[Places]:
    """Per result of an op the operands that it depends on."""
    match op.name:
        case "control.call":
            return of_function(functions, control.Call.of(op).callee, links)
        case "control.switch":
            named = control.Switch.of(op).branches
            branches = [of_function(functions, b, links) for b in named]
            found = [frozenset().union(*rows) for rows in zip(*branches, strict=True)]
            return [_shifted(places, 1) | (links(op)[i] & {0}) for i, places in enumerate(found)]
        case "control.while":
            loop = control.While.of(op)
            step = of_function(functions, loop.body, links)
            test = of_function(functions, loop.condition, links)[0]
            return _around(step, [places | test for places in step], loop.carries)
        case "control.scan":
            scan = control.Scan.of(op)
            step = of_round(functions, scan.body, links)
            return _around(step, step, scan.carries)
    return links(op)


def of_round(functions: Functions, body: str, links: Links) -> list[Places]:
    """Per result of a scan's body the operands of the scan that it depends on."""
    return [_shifted(p, -1) for p in of_function(functions, body, links)]  # without the position


def _shifted(places: Places, by: int) -> Places:
    return frozenset(i + by for i in places if i + by >= 0)


def _around(step: Sequence[Places], results: Sequence[Places], carries: int) -> list[Places]:
    """The operands that a loop's results depend on after any number of rounds, given those of one
    round, where operand k is result k of the round before."""
    reach = [places | {k} for k, places in enumerate(step[:carries])]
    changed = True
    while changed:
        wider = [places.union(*(reach[k] for k in places if k < carries)) for places in reach]
        changed, reach = wider != reach, wider
    whole = [places.union(*(reach[k] for k in places if k < carries)) for places in results]
    return [places | {k} for k, places in enumerate(whole[:carries])] + whole[carries:]


def reaching(functions: Functions, block: Any, results: Iterable[int], links: Links) -> set[Value]:
    """The values of a block that some of its results depend on."""
    operations = [o.operation for o in block.operations]
    values: set[Value] = {operations[-1].operands[i] for i in results}
    for op in reversed(operations[:-1]):
        if values.isdisjoint(op.results):
            continue
        places = of_op(functions, op, links)
        for result, own in zip(op.results, places, strict=True):
            if result in values:
                values.update(op.operands[i] for i in own)
    return values


def rounds_needed(step: Sequence[Places], carries: int, results: Iterable[int]) -> list[int]:
    """The results of one round that matter for some results of the loop, in order; `step`: per
    result of a round the operands of the loop that it depends on."""
    waiting, needed = list(results), set()
    while waiting:
        i = waiting.pop()
        if i not in needed:
            needed.add(i)
            waiting += [k for k in step[i] if k < carries]
    return sorted(needed)
