"""Loops over lanes: whole vectors, and a masked rest where the extent is no multiple of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axec.passes.codegen.cpu import math
from axec.passes.codegen.cpu.emission import Emission
from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.nodes import Node
from axec.passes.codegen.llvm import I64, Value, constant
from axec.passes.kernel import templates

Values = Sequence[Value]
#: Emits one vector's worth of work: takes the carried values, returns them for the next vector.
Step = Callable[[Values], Values]

_LIGHT = 40  # instructions per vector up to which a second, masked copy of the body pays


def lanes_loop(
    e: Emission,
    variable: Node,
    lo: Value,
    hi: Value,
    step: Step,
    *,
    weight: int,
    carried: Values = (),
    whole: bool = False,
    copies: int = 1,
) -> Values:
    """Do `step` with `variable` = lo, lo + lanes, ... below hi.

    whole: hi - lo is known to be a multiple of the lanes. weight: instructions per step; a light
    body is written twice, for whole vectors and for the rest; a heavy one once, always masked.
    copies: steps per iteration over whole vectors, which take turns in the carried values (that
    many times the values of one step; the rest uses the first)."""
    if copies > 1:
        return _copied(e, variable, lo, hi, step, copies, carried)
    if whole or (lo.const is not None and hi.const is not None and _multiple(lo, hi, e.lanes)):
        return _loop(e, variable, lo, hi, step, carried)
    if weight > _LIGHT or (lo.const == 0 and hi.const is not None and hi.const < e.lanes):
        return _loop(e, variable, lo, hi, _masked(e, variable, hi, step), carried)
    middle = e.b.sub(hi, rest := _rest(e, lo, hi, e.lanes))
    carried = _loop(e, variable, lo, middle, step, carried)
    if rest.const:
        return _once(e, variable, middle, _masked(e, variable, hi, step), carried)
    with e.b.if_(e.b.cmp("gt", rest, 0), list(carried)) as arm:
        arm.yield_(*_once(e, variable, middle, _masked(e, variable, hi, step), carried))
    return arm.results


def _copied(
    e: Emission, variable: Node, lo: Value, hi: Value, step: Step, copies: int, carried: Values
) -> Values:
    each, stride = len(carried) // copies, e.lanes * copies
    middle = e.b.sub(hi, rest := _rest(e, lo, hi, stride))
    with e.loop(variable, lo, middle, stride, carried, name="j") as loop:
        found: list[Value] = []
        for i in range(copies):
            with e.scope():
                e.bind(variable, e.b.add(loop.index, i * e.lanes))
                found += step(loop.carried[i * each : (i + 1) * each])
        loop.yield_(*found)
    carried = loop.results
    if rest.const == 0:
        return carried
    masked = _masked(e, variable, hi, step)
    return (*_loop(e, variable, middle, hi, masked, carried[:each]), *carried[each:])


def _multiple(lo: Value, hi: Value, lanes: int) -> bool:
    assert lo.const is not None
    assert hi.const is not None
    return (hi.const - lo.const) % lanes == 0


def _rest(e: Emission, lo: Value, hi: Value, stride: int) -> Value:
    count = e.b.sub(hi, lo)
    if count.const is not None:
        return constant(I64, count.const % stride)
    return e.b.and_(count, stride - 1)


def _masked(e: Emission, variable: Node, hi: Value, step: Step) -> Step:
    def masked(carried: Values) -> Values:
        e.tail = e.b.tail_mask(e.b.sub(hi, e.value(variable)), e.lanes)
        found = step(carried)
        e.tail = None
        return found

    return masked


def _once(e: Emission, variable: Node, at: Value, step: Step, carried: Values) -> Values:
    with e.scope():
        e.bind(variable, at)
        return step(carried)


def _loop(e: Emission, variable: Node, lo: Value, hi: Value, step: Step, carried: Values) -> Values:
    if lo.const is not None and hi.const is not None and hi.const - lo.const <= e.lanes:
        return _once(e, variable, lo, step, carried) if hi.const > lo.const else carried
    with e.loop(variable, lo, hi, e.lanes, carried, name="j") as loop:
        loop.yield_(*step(loop.carried))
    return loop.results


def weight(roots: Sequence[Node]) -> int:
    """About how many instructions the roots take per vector."""
    return sum(_weight(n) for n in reachable(roots) if n.varying)


def _weight(node: Node) -> int:
    is_function = node.kind == "op" and node.data[0] in math.FUNCTIONS
    return math.weight(node.data[0]) if is_function else 1


# ---- units ---------------------------------------------------------------------------------------


def elements(f: Frame, walk: templates.Loop) -> tuple[Value, Value]:
    """The range of elements, in row-major order, that the units [lo, hi) stand for."""
    return _first_element(f, walk, f.lo), _first_element(f, walk, f.hi)


def _first_element(f: Frame, walk: templates.Loop, unit: Value) -> Value:
    blocks = f.b.max(f.size(walk.blocks), 1)  # without elements there are no units
    row, block = f.b.udiv(unit, blocks), f.b.urem(unit, blocks)
    return f.b.add(f.b.mul(row, f.size(walk.shape[-1])), f.b.mul(block, walk.block))
