"""Loops over lanes: whole vectors, and a masked rest where the extent is no multiple of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axec.dialects.dims import Size
from axec.passes.codegen.cpu import math
from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.graph.emission import Emission
from axec.passes.codegen.cpu.graph.nodes import Index, Node
from axec.passes.codegen.cpu.graph.space import Run
from axec.passes.codegen.cpu.lanes import memory
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
        rest = _masked(e, variable, hi, step)
        return turns(
            e, variable, lo, hi, step, copies=copies, stride=e.lanes, carried=carried, rest=rest
        )
    if whole or e.lanes == 1 or _multiple(lo, hi, e.lanes):
        return strided_loop(e, variable, lo, hi, step, carried, e.lanes)
    if weight > _LIGHT or (lo.const == 0 and hi.const is not None and hi.const < e.lanes):
        return strided_loop(e, variable, lo, hi, _masked(e, variable, hi, step), carried, e.lanes)
    middle = e.b.sub(hi, left := _rest(e, lo, hi, e.lanes))
    carried = strided_loop(e, variable, lo, middle, step, carried, e.lanes)
    if left.const:
        return _once(e, variable, middle, _masked(e, variable, hi, step), carried)
    with e.b.if_(e.b.cmp("gt", left, 0), list(carried)) as arm:
        arm.yield_(*_once(e, variable, middle, _masked(e, variable, hi, step), carried))
    return arm.results


def turns(
    e: Emission,
    variable: Node,
    lo: Value,
    hi: Value,
    step: Step,
    *,
    copies: int,
    stride: int,
    carried: Values,
    rest: Step,
) -> Values:
    """Do `step` with `variable` = lo, lo + stride, ... below hi, `copies` steps per iteration,
    which take turns in the carried values; what is left after whole iterations is done by `rest`,
    with the first of them."""
    each = len(carried) // copies
    middle = e.b.sub(hi, left := _rest(e, lo, hi, stride * copies))
    with e.loop(variable, lo, middle, stride * copies, carried) as loop:
        found: list[Value] = []
        for i in range(copies):
            with e.scope():
                e.bind(variable, e.b.add(loop.index, i * stride))
                found += step(loop.carried[i * each : (i + 1) * each])
        loop.yield_(*found)
    carried = loop.results
    if left.const == 0:
        return carried
    return (*strided_loop(e, variable, middle, hi, rest, carried[:each], stride), *carried[each:])


def _multiple(lo: Value, hi: Value, lanes: int) -> bool:
    return lo.const is not None and hi.const is not None and (hi.const - lo.const) % lanes == 0


def _rest(e: Emission, lo: Value, hi: Value, stride: int) -> Value:
    count = e.b.sub(hi, lo)
    if count.const is not None:
        return constant(I64, count.const % stride)
    return e.b.and_(count, stride - 1)


def _masked(e: Emission, variable: Node, hi: Value, step: Step) -> Step:
    if e.lanes == 1:
        return step

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


def strided_loop(
    e: Emission,
    variable: Node,
    lo: Value,
    hi: Value,
    step: Step,
    carried: Values,
    stride: int,
) -> Values:
    """Do `step` with `variable` = lo, lo + stride, ... below hi; one iteration needs no loop."""
    if lo.const is not None and hi.const is not None and hi.const - lo.const <= stride:
        return _once(e, variable, lo, step, carried) if hi.const > lo.const else carried
    with e.loop(variable, lo, hi, stride, carried, name="j") as loop:
        loop.yield_(*step(loop.carried))
    return loop.results


def weight(roots: Sequence[Node]) -> int:
    """About how many instructions the roots take per vector."""
    return sum(_weight(n) for n in reachable(roots) if n.varying)


def _weight(node: Node) -> int:
    is_function = node.kind == "op" and node.data[0] in math.FUNCTIONS
    return math.weight(node.data[0]) if is_function else 1


# ---- units ---------------------------------------------------------------------------------------


def over_rows(
    f: Frame,
    walk: templates.Loop,
    groups: Sequence[Run],
    row: Node,
    roots: Sequence[Node],
    body: Callable[[Value, Value], None],
) -> None:
    """Cover the elements that the units [lo, hi) stand for: `body(first, last)` is a range along
    the last of `groups`, at index `row` of the others, for which it may be partial."""
    first, last = first_element(f, walk, f.lo), first_element(f, walk, f.hi)
    f.emission.emit(roots)
    if len(groups) < 2:
        body(first, last)
        return
    b, zero, extent = f.b, constant(I64, 0), divisor(f, groups[-1].extent)
    by_rows = walk.shape[-1] == groups[-1].extent and walk.blocks == 1  # units are rows
    begin = f.lo if by_rows else b.udiv(first, extent)
    end = f.hi if by_rows else b.udiv(b.add(last, b.sub(extent, 1)), extent)
    with f.emission.loop(row, begin, end, name="row") as loop:
        f.emission.emit(roots)
        if by_rows:
            body(zero, extent)
        else:
            start = b.mul(loop.index, extent)
            body(b.max(b.sub(first, start), 0), b.min(b.sub(last, start), extent))


def divisor(f: Frame, size: Size) -> Value:
    """A size to divide positions by. Where it is 0 there are no positions, but the code that would
    find them runs."""
    return f.b.max(f.size(size), 1)


def first_element(f: Frame, walk: templates.Loop, unit: Value) -> Value:
    """The first element, in row-major order, of a unit."""
    if not walk.shape:
        return unit
    blocks = divisor(f, walk.blocks)
    line, block = f.b.udiv(unit, blocks), f.b.urem(unit, blocks)
    return f.b.add(f.b.mul(line, f.size(walk.shape[-1])), f.b.mul(block, walk.block))


# ---- results -------------------------------------------------------------------------------------


def stores(
    f: Frame, values: Sequence[Node], indices: Sequence[Index], around: bool = False
) -> tuple[Step, list[Node]]:
    """What one vector's step does: compute the results and store them (around: `memory.store`)."""
    outputs = [f.evaluator.output(i) for i in range(len(values))]
    places = [(o, f.graph.offset(o, i)) for o, i in zip(outputs, indices, strict=True)]
    pointers = [f.graph.address(o, offset) for o, offset in places]
    e = f.emission

    def step(_: Values) -> Values:
        e.emit([*values, *pointers])
        for output, pointer, node in zip(outputs, pointers, values, strict=True):
            memory.store(e, output.dtype, e.value(pointer), e.vector(node), around)
        return ()

    return step, pointers
