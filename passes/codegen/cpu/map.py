"""Template `map`: every result element is computed from operand elements, in one walk.

A range of units is a range of elements in row-major order. Where all axes join, the kernel is one
loop over lanes; otherwise rows (the innermost run of axes) are walked one by one, and their first
and last may be partial.
"""

from __future__ import annotations

from collections.abc import Sequence

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.passes.codegen.cpu import memory
from axec.passes.codegen.cpu.body import Body
from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.loops import (
    Step,
    Values,
    divisor,
    first_element,
    lanes_loop,
    over_rows,
    weight,
)
from axec.passes.codegen.cpu.nodes import Affine, Index, Node
from axec.passes.codegen.cpu.rearrange import split
from axec.passes.codegen.cpu.space import Run, positions, runs
from axec.passes.codegen.llvm import Value
from axec.passes.kernel import templates

_LONG = (
    40  # instructions per vector from which on two of them go side by side, from twice as many four
)
_NEAR = 4  # lanes that far apart are read with vector loads
_ROWS = 64  # rows of a block: four cache lines of f32 per lane


def emit(f: Frame) -> None:
    """Write the loops of a map kernel."""
    body, shape = f.body, f.body.results[0].shape
    if 0 in shape:
        return
    walk = templates.map_loop(f.define)
    groups = _running(shape) if walk.flat else _runs(body, shape)
    row, lane = f.graph.variable(), f.graph.variable()
    *outer, inner = groups or [Run((), 1)]
    at = split(f.graph, f.graph.of_node(row), [run.extent for run in outer])
    if groups:
        at = [*at, Affine(0, ((lane, 1),), 1)]
    # The results of a flat walk may differ in their axes.
    indices = [
        positions(len(r.shape), _running(r.shape) if walk.flat else groups, at)
        for r in body.results
    ]
    values = [f.evaluator.at(r, i) for r, i in zip(body.results, indices, strict=True)]
    f.choose_lanes(values, inner.extent)
    cost = weight(values)
    f.emission.lanes *= _side_by_side(cost, inner.extent, f.emission.lanes)
    step, pointers = _stores(f, values, indices)
    size = walk.shape[-1] if walk.shape else 1
    whole = isinstance(size, int) and size % f.emission.lanes == 0
    roots = [*values, *pointers]
    if len(groups) > 1 and any(_is_turned(n, row) for n in reachable(values)):
        _blocks_of_rows(f, walk, inner.extent, row, lane, roots, step)
        return

    def along_row(first: Value, last: Value) -> None:
        lanes_loop(f.emission, lane, first, last, step, weight=cost, whole=whole)

    over_rows(f, walk, groups, row, roots, along_row)


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


def _runs(body: Body, shape: Shape) -> list[Run]:
    """The runs that the accesses allow."""
    return runs(body, shape, lambda ev, index: [ev.at(r, index) for r in body.results])


def _is_turned(node: Node, row: Node) -> bool:
    """An access whose lanes lie apart, and whose neighbours are those of other rows."""
    apart = node.kind == "gather" or (node.kind == "load_lanes" and abs(node.data[1]) > _NEAR)
    return apart and bool(node.vars & row.vars)


def _blocks_of_rows(
    f: Frame,
    walk: templates.Loop,
    extent: Size,
    row: Node,
    lane: Node,
    roots: Sequence[Node],
    step: Step,
) -> None:
    """Walk a block of rows vector by vector, so that what one row has fetched into the first cache
    serves the next rows."""
    e, b, size = f.emission, f.b, divisor(f, extent)
    first, last = first_element(f, walk, f.lo), first_element(f, walk, f.hi)
    e.emit(roots)
    end = b.udiv(b.add(last, b.sub(size, 1)), size)
    with b.for_(b.udiv(first, size), end, _ROWS, name="block") as block:
        rows_end = b.min(b.add(block.index, _ROWS), end)
        with e.loop(lane, 0, size, e.lanes, name="j") as columns:
            in_row = e.tail = e.first_lanes(b.sub(size, columns.index))
            e.emit(roots)
            with e.loop(row, block.index, rows_end, name="row") as rows:
                begin = b.add(b.mul(rows.index, size), columns.index)
                in_units = b.not_(e.first_lanes(b.sub(first, begin)))
                in_units = b.and_(in_units, e.first_lanes(b.sub(last, begin)))
                e.tail = b.and_(in_row, in_units)
                step(())
        e.tail = None


def _stores(f: Frame, values: Sequence[Node], indices: Sequence[Index]) -> tuple[Step, list[Node]]:
    """What one vector's step does: compute the results and store them."""
    outputs = [f.evaluator.output(i) for i in range(len(values))]
    places = [(o, f.graph.offset(o, i)) for o, i in zip(outputs, indices, strict=True)]
    pointers = [f.graph.address(o, offset) for o, offset in places]
    e = f.emission

    def step(_: Values) -> Values:
        e.emit([*values, *pointers])
        for output, pointer, node in zip(outputs, pointers, values, strict=True):
            memory.store(e, output.dtype, e.value(pointer), e.vector(node))
        return ()

    return step, pointers
