"""Template `map`: every result element is computed from operand elements, in one walk.

A range of units is a range of elements in row-major order. Where all axes join, the kernel is one
loop over lanes; otherwise rows (the innermost run of axes) are walked one by one, and their first
and last may be partial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.graph.body import Body, Def
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import Affine, Index, Node
from axec.passes.codegen.cpu.graph.rearrange import clamped, split
from axec.passes.codegen.cpu.graph.space import Run, positions, runs
from axec.passes.codegen.cpu.lanes.loops import lanes_loop, over_rows, stores, weight
from axec.passes.codegen.cpu.lanes.pipeline import pipeline, pipelined_loop
from axec.passes.codegen.cpu.map import interleaved, parted, turned
from axec.passes.codegen.llvm import I64, PTR, VOID, Value, constant
from axec.passes.kernel import in_place, templates
from axec.runtime.abi import ALIGNMENT

_LONG = (
    40  # instructions per vector from which on two of them go side by side, from twice as many four
)


_BEYOND_CACHES = 1 << 26  # bytes

#: From an index of the walk to that of the result that is written there.
_Where = Callable[[Evaluator, Index], Index]


def emit(f: Frame) -> None:
    """Write the loops of a map kernel. Where it may write a window in place, the code looks whether
    the result lies on the operand (passes/kernel/in_place.py)."""
    window = in_place.window(f.define)
    if window is None:
        _emit(f, f.body.results, templates.map_loop(f.define), lambda ev, index: index)
        return
    e, inputs = f.emission, len(f.body.inputs)
    both = [f.graph.slot(number, PTR) for number in (window.operand, inputs)]
    e.emit(both)
    operand, result = map(e.value, both)
    with f.b.if_else(f.b.cmp("eq", operand, result)) as way:
        with way.then(), e.scope():
            _emit_window(f)
        with way.else_(), e.scope():
            _emit(f, f.body.results, templates.map_loop(f.define), lambda ev, index: index)


def _emit_window(f: Frame) -> None:
    (result,) = f.body.results
    x, update, *starts = result.operands

    def shifted(ev: Evaluator, index: Index) -> Index:
        found = list(index)
        for a, start in enumerate(starts):
            if x.shape[a] != update.shape[a]:
                first = clamped(ev.graph, ev.at(start, ()), x.shape[a] - update.shape[a])
                found[a] = index[a] + first
        return tuple(found)

    walk = templates.Loop(update.shape, templates.MAP_BLOCK, flat=False)
    _emit(f, [update], walk, shifted)


def _emit(f: Frame, written: Sequence[Def], walk: templates.Loop, where: _Where) -> None:
    shape = written[0].shape
    if 0 in shape:
        return
    moved = written is not f.body.results
    if not (moved or walk.flat) and parted.emit(f, walk):
        return
    groups = _running(shape) if walk.flat else _runs(f.body, written, where)
    if not moved and interleaved.fits(groups, shape) and interleaved.emit(f, walk):
        return
    row, lane = f.graph.variable(), f.graph.variable()
    *outer, inner = groups or [Run((), 1)]
    at = split(f.graph, f.graph.of_node(row), [run.extent for run in outer])
    if groups:
        at = [*at, Affine(0, ((lane, 1),), 1)]
    # The results of a flat walk may differ in their axes.
    indices = [
        positions(len(r.shape), _running(r.shape) if walk.flat else groups, at) for r in written
    ]
    values = [f.evaluator.at(r, i) for r, i in zip(written, indices, strict=True)]
    if not moved and len(groups) > 1 and any(turned.is_turned(n, row) for n in reachable(values)):
        turned.emit(f, walk, groups)
        return
    indices = [where(f.evaluator, index) for index in indices]
    places = [f.graph.offset(f.evaluator.output(n), i) for n, i in enumerate(indices)]
    f.choose_lanes(values, inner.extent)
    if any(p.step > 1 or not p.regular for p in places):  # a window whose elements lie apart
        f.emission.lanes = 1
    else:
        f.emission.lanes *= _side_by_side(weight(values), inner.extent, f.emission.lanes)
    _loops(f, walk, groups, (row, lane), values, indices)


def _loops(
    f: Frame,
    walk: templates.Loop,
    groups: Sequence[Run],
    variables: tuple[Node, Node],
    values: Sequence[Node],
    indices: Sequence[Index],
) -> None:
    """The loops over rows and lanes, `variables`, that compute the values and store them."""
    row, lane = variables
    size = walk.shape[-1] if walk.shape else 1
    whole = dims.is_multiple(size, f.emission.lanes)
    plan = pipeline(values) if f.emission.lanes > 1 else None

    def loops(around: bool) -> None:
        step, pointers = stores(f, values, indices, around)

        def along_row(first: Value, last: Value) -> None:
            if plan:
                pipelined_loop(f.emission, lane, first, last, step, plan=plan, whole=whole)
            else:
                lanes_loop(f.emission, lane, first, last, step, weight=weight(values), whole=whole)

        over_rows(f, walk, groups, row, [*values, *pointers], along_row)

    if not (walk.flat and _is_beyond_caches(f.body)):
        loops(around=False)
        return
    with f.b.if_else(_aligned(f)) as way:
        with way.then(), f.emission.scope():
            loops(around=True)
            f.b.intrinsic("x86.sse.sfence", [], VOID, [])
        with way.else_(), f.emission.scope():
            loops(around=False)


def _aligned(f: Frame) -> Value:
    """Do all results begin where a vector may be written around the caches?"""
    b, bits = f.b, constant(I64, 0)
    for number in range(len(f.body.results)):
        bits = b.or_(bits, b.ptrtoint(f.emission.value(f.evaluator.output(number).base), I64))
    return b.cmp("eq", b.and_(bits, ALIGNMENT - 1), 0)


def _is_beyond_caches(body: Body) -> bool:
    """Does a kernel move so much that its results have left the caches before they are read? They
    are written around them then: a line need not be read before it is written."""
    tensors = [*body.inputs, *body.results]
    size = sum([dims.product(d.shape) * d.type.dtype.size for d in tensors], start=dims.product([]))
    return isinstance(size, int) and size >= _BEYOND_CACHES


def _side_by_side(cost: int, extent: Size, lanes: int) -> int:
    """How many vectors each operation works on. A CPU looks some hundred instructions ahead: where
    one vector takes as many, the next one's must stand between them, or it waits for results."""
    factor = 1 + (cost >= _LONG) + 2 * (cost >= 2 * _LONG)
    while isinstance(extent, int) and factor > 1 and 2 * factor * lanes > extent:
        factor //= 2
    return factor


def _running(shape: Shape) -> list[Run]:
    """All axes as one run."""
    axes = tuple([a for a, n in enumerate(shape) if n != 1])
    return [Run(axes, dims.product(shape))] if axes else []


def _runs(body: Body, written: Sequence[Def], where: _Where) -> list[Run]:
    """The runs that the accesses allow."""

    def pull(ev: Evaluator, index: Index) -> None:
        for number, value in enumerate(written):
            ev.at(value, index)
            ev.graph.load(ev.output(number), where(ev, index))  # as it will be written

    return runs(body, written[0].shape, pull)
