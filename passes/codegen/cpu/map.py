"""Template `map`: every result element is computed from operand elements, in one walk.

A range of units is a range of elements in row-major order. Where all axes join, the kernel is one
loop over lanes; otherwise rows (the innermost run of axes) are walked one by one, and their first
and last may be partial.
"""

from __future__ import annotations

from collections.abc import Sequence

from axec.dialects import dims
from axec.dialects.types import Shape
from axec.passes.codegen.cpu import memory
from axec.passes.codegen.cpu.body import Body
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.loops import Step, Values, lanes_loop, over_rows, weight
from axec.passes.codegen.cpu.nodes import Affine, Index, Node
from axec.passes.codegen.cpu.rearrange import split
from axec.passes.codegen.cpu.space import Run, positions, runs
from axec.passes.codegen.llvm import Value
from axec.passes.kernel import templates


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
    step, pointers = _stores(f, values, indices)
    size = walk.shape[-1] if walk.shape else 1
    whole = isinstance(size, int) and size % f.emission.lanes == 0
    cost = weight(values)

    def along_row(first: Value, last: Value) -> None:
        lanes_loop(f.emission, lane, first, last, step, weight=cost, whole=whole)

    over_rows(f, walk, groups, row, [*values, *pointers], along_row)


def _running(shape: Shape) -> list[Run]:
    """All axes as one run."""
    axes = tuple([a for a, n in enumerate(shape) if n != 1])
    return [Run(axes, dims.product(shape))] if axes else []


def _runs(body: Body, shape: Shape) -> list[Run]:
    """The runs that the accesses allow."""
    return runs(body, shape, lambda ev, index: [ev.at(r, index) for r in body.results])


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
