"""Template `map`: every result element is computed from operand elements, in one walk.

A range of units is a range of elements in row-major order. Where all axes join, the kernel is one
loop over lanes; otherwise rows (the innermost run of axes) are walked one by one, and their first
and last may be partial.
"""

from __future__ import annotations

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.passes.codegen.cpu import turned
from axec.passes.codegen.cpu.body import Body
from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.loops import lanes_loop, over_rows, stores, weight
from axec.passes.codegen.cpu.nodes import Affine
from axec.passes.codegen.cpu.rearrange import split
from axec.passes.codegen.cpu.space import Run, positions, runs
from axec.passes.codegen.llvm import Value
from axec.passes.kernel import templates

_LONG = (
    40  # instructions per vector from which on two of them go side by side, from twice as many four
)


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
    if len(groups) > 1 and any(turned.is_turned(n, row) for n in reachable(values)):
        turned.emit(f, walk, groups)
        return
    f.choose_lanes(values, inner.extent)
    cost = weight(values)
    f.emission.lanes *= _side_by_side(cost, inner.extent, f.emission.lanes)
    step, pointers = stores(f, values, indices)
    size = walk.shape[-1] if walk.shape else 1
    whole = isinstance(size, int) and size % f.emission.lanes == 0
    roots = [*values, *pointers]

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
