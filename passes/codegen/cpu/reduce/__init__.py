"""Template `reduce`: one folding op over any axes or windows, with pointwise ops before and after.

    for every unit: for the results in it, a few `points` at a time:
        accumulators of the points = start
        for every position along the folded axes: add the points' elements
        join, apply the ops after the fold, store

strategy.py says which results make up the points and where the lanes run.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from axec.dialects.dims import Size
from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.nodes import ZERO, Affine, Mask, Node
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.cpu.lanes.fold import across, add_lanes, join
from axec.passes.codegen.cpu.lanes.loops import (
    Values,
    lanes_loop,
    over_rows,
    strided_loop,
    turns,
    weight,
)
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.codegen.cpu.reduce import choose, cumulate, scatter, sort
from axec.passes.codegen.cpu.reduce.contraction import contraction_of
from axec.passes.codegen.cpu.reduce.strategy import inner_runs, plan, space_of
from axec.passes.codegen.cpu.reduce.streamed import Streamed
from axec.passes.codegen.llvm import Value, constant
from axec.passes.codegen.llvm.types import I64
from axec.passes.kernel import templates

#: Ops that are walked in columns.
_ALONG_AN_AXIS = {
    "argsort": sort.emit,
    "cumulate": cumulate.emit,
    "scatter": scatter.emit,
    "top": choose.emit,
}
_WIDE = 4  # vectors side by side from which on rows are asked for
_AHEAD = 12  # rows


def emit(f: Frame) -> None:
    """Write the loops of a reduce kernel."""
    op = next(d for d in f.body.ops if d.op and d.op.group == "contract")
    if 0 in op.shape:
        return
    walk = templates.reduce_walk(f.define)
    if isinstance(walk, templates.Columns):
        _ALONG_AN_AXIS[op.name](f, op, walk)
    else:
        ReduceKernel(f, op, walk).emit()


def _is_row(node: Node) -> bool:
    """A vector of neighbours in memory."""
    return node.kind == "load_lanes" and node.data[1] == 1


@dataclass(frozen=True, slots=True)
class _Point:
    """One result (or vector of results) as nodes. elements: what to fold, per position that is
    written out; total: stands for the folded value; values and places: of each output; mask: the
    lanes that exist."""

    elements: list[list[Node]]
    total: Node
    values: list[Node]
    places: list[Node]
    mask: Mask

    @property
    def before(self) -> list[Node]:
        """What is needed before and during the fold."""
        return [*[n for element in self.elements for n in element], *self.places, *self.mask]


class ReduceKernel:
    """The code of one reduce kernel. Variables, outermost first: the unit (or the row of a range of
    results), the runs that a unit covers, the folded runs."""

    def __init__(self, f: Frame, op: Def, walk: templates.Loop | templates.Strips) -> None:
        self.f, self.op, self.walk = f, op, walk
        self.c = contraction_of(op)
        self.space = space_of(f.body, op, self.c, self.walk)
        self.plan = plan(f, op, self.c, self.space, self.walk)
        self.inner = inner_runs(self.space, self.walk)
        variable = f.graph.variable
        self.unit, self.end = variable(), variable()
        # Addresses are summed in the order of variables, the innermost loop's last.
        runs = [self.inner, self.space.depth]
        made = [[variable() for _ in r] for r in (reversed(runs) if self.plan.streamed else runs)]
        self.along, self.depth = reversed(made) if self.plan.streamed else made
        shape = (range(n) for n in (self.plan.rows, self.plan.lines, self.plan.vectors))
        self.points = [self._point(*offsets) for offsets in itertools.product(*shape)]
        self.ahead = self._ahead()
        self.roots = [*self.ahead, *[n for point in self.points for n in point.before]]
        self.streamed = Streamed(self) if self.plan.streamed else None

    # Nodes.

    def _point(self, row: int, line: int, vector: int) -> _Point:
        ev = self.f.evaluator
        at = [*self._outer(row), *self._inner(line, vector)]
        mask: Mask = ()
        if self.plan.along == "results" and not self._whole():
            mask = (ev.graph.exists(at[-1], self.end),)
        elements = []
        rank, folded = self.space.rank, len(self.c.depth)
        for k in self._taps():
            index = self.space.index(at, k, folded)
            elements.append(self.c.elements(ev, index[:rank], index[rank:], mask))
        result = self.space.index(at, [ZERO] * len(self.depth), folded)[:rank]
        type_ = register_type(self.op.type.dtype)
        total = ev.graph.variable(type_, varying=self.plan.along == "results")
        ev.given[self.op, result] = total
        _, values, places = ev.results(result, mask)
        return _Point(elements, total, values, places, mask)

    def _outer(self, row: int) -> list[Affine]:
        """Positions along the runs before those that a unit covers."""
        graph, walk = self.f.graph, self.walk
        before = self.space.results[: len(self.space.results) - len(self.inner)]
        unit = graph.of_node(self.unit)
        if not isinstance(walk, templates.Strips):
            return split(graph, unit, [run.extent for run in before])
        if not before or before[-1].axes[0] != walk.axis:  # the strip's axis has size 1
            return split(graph, unit, [run.extent for run in before])
        *at, strip = split(graph, unit, [*[run.extent for run in before[:-1]], walk.strips])
        size = walk.shape[walk.axis]
        return [*at, self._clamped(strip * self.plan.rows, row, size, self.plan.rows)]

    def _inner(self, line: int, vector: int) -> list[Affine]:
        """Positions along the runs that a unit covers."""
        graph = self.f.graph
        at = [graph.of_node(v) for v in self.along]
        if len(at) > 1:
            at[-2] = self._clamped(at[-2], line, self.inner[-2].extent, self.plan.lines)
        if at and self.plan.along == "results":
            at[-1] += Affine(vector * self.f.emission.lanes, step=1)
        return at

    def _clamped(self, first: Affine, offset: int, size: Size, count: int) -> Affine:
        """first + offset, or the last position where that is beyond it: a group of `count` at the
        end of an axis computes its last result several times."""
        graph = self.f.graph
        position = first + offset
        if not offset or (isinstance(size, int) and size % count == 0):
            return position
        last = graph.index(graph.size(size) + -1)
        return graph.of_node(graph.node("min", I64, (graph.index(position), last)))

    def _taps(self) -> list[list[Affine]]:
        """Positions along the folded runs that one step handles."""
        graph = self.f.graph
        at = [graph.of_node(v) for v in self.depth]
        if self.plan.unrolled and at:
            extent = self.space.depth[-1].extent
            assert isinstance(extent, int)
            return [[*at[:-1], Affine(i)] for i in range(extent)]
        if self.plan.streamed:
            return [[*at[:-1], at[-1] + i] for i in range(self.plan.streamed)]
        if self.plan.along == "depth" and at:
            at[-1] += Affine(step=1)
        return [at]

    def _whole(self) -> bool:
        """No vector is partial: neither at the end of a row nor, where a row has several units,
        between two of them."""
        each = self.plan.vectors * self.f.emission.lanes
        size, block = self.walk.shape[-1], 0
        if isinstance(self.walk, templates.Strips):
            size = self.inner[-1].extent
        elif self.walk.blocks != 1:
            block = self.walk.block
        return isinstance(size, int) and size % each == 0 and block % each == 0

    def _ahead(self) -> list[Node]:
        """Addresses of what the points read some rows further on. Of columns every row lies in
        another page, where a CPU does not read ahead of its own accord."""
        if self.plan.along != "results" or self.plan.unrolled or len(self.points) < _WIDE:
            return []
        graph, ev, found = self.f.graph, self.f.evaluator, []
        *outer, inner = [graph.of_node(v) for v in self.depth]
        rank, folded = self.space.rank, len(self.c.depth)
        for vector in range(self.plan.vectors):
            at = [*self._outer(0), *self._inner(0, vector)]
            index = self.space.index(at, [*outer, inner + _AHEAD], folded)
            found += self.c.elements(ev, index[:rank], index[rank:], ())
        rows = [n for n in reachable(found) if _is_row(n) and n.vars & self.depth[-1].vars]
        return [n.inputs[0] for n in sorted(rows, key=lambda n: n.id)]

    # Loops.

    def emit(self) -> None:
        f, walk = self.f, self.walk
        if isinstance(walk, templates.Strips):
            with f.emission.loop(self.unit, f.lo, f.hi, name="unit"):
                self._cover(0)
        else:
            over_rows(f, walk, self.space.results, self.unit, self.roots, self._results)

    def _cover(self, level: int) -> None:
        """Loops over the runs that a unit covers, from `level` inwards."""
        e = self.f.emission
        e.emit(self.roots)
        extents = [self.f.size(run.extent) for run in self.inner] or [constant(I64, 1)]
        last = len(extents) - 1
        if level == last:
            self._results(constant(I64, 0), extents[last])
            return
        stride = self.plan.lines if level == last - 1 else 1
        with e.loop(self.along[level], 0, extents[level], stride, name="line"):
            self._cover(level + 1)

    def _results(self, first: Value, last: Value) -> None:
        """The results [first, last) of the innermost run."""
        e, plan_ = self.f.emission, self.plan
        with e.scope():
            e.bind(self.end, last)
            if not self.along:
                self._block()
                return
            if self.streamed:
                self.streamed.results(first, last)
                return
            stride = plan_.vectors * e.lanes if plan_.along == "results" else 1
            strided_loop(e, self.along[-1], first, last, self._step_of_block, (), stride)

    def _step_of_block(self, _: Values) -> Values:
        self._block()
        return ()

    def _block(self) -> None:
        """Compute and store the points."""
        e, fold, plan_ = self.f.emission, self.c.fold, self.plan
        start = fold.start(e.lanes)
        parts, count = len(start), len(self.points)
        found = self._fold(0, start * count * plan_.copies)
        for i, point in enumerate(self.points):
            turns_ = [found[at : at + parts] for at in range(i * parts, len(found), count * parts)]
            total = join(fold, e.b, turns_)
            if plan_.along == "depth":
                total = across(fold, e.b, total)
            e.bind(point.total, fold.finish(e.b, total))
        for point in self.points:
            self.store(point)

    def store(self, point: _Point) -> None:
        """Compute the results of a point whose total is known, and store them."""
        e = self.f.emission
        e.emit(point.values)
        e.tail = e.vector(point.mask[0]) if point.mask else None
        get = e.vector if self.plan.along == "results" else e.value
        for i, (value, place) in enumerate(zip(point.values, point.places, strict=True)):
            memory.store(e, self.f.evaluator.output(i).dtype, e.value(place), get(value))
        e.tail = None

    def _fold(self, level: int, carried: Values) -> Values:
        """Loops over the folded runs, from `level` inwards."""
        f, e, plan_ = self.f, self.f.emission, self.plan
        e.emit(self.roots)
        loops = len(self.depth) - plan_.unrolled if self.depth else 0
        if level == loops:
            return self._add(carried)
        variable, end = self.depth[level], f.size(self.space.depth[level].extent)
        if level < loops - 1:
            with e.loop(variable, 0, end, carried=carried, name="k") as loop:
                loop.yield_(*self._fold(level + 1, loop.carried))
            return loop.results
        zero, add, copies = constant(I64, 0), self._add, plan_.copies
        if plan_.along == "depth":
            cost = weight([n for point in self.points for n in point.elements[0]])
            return lanes_loop(
                e, variable, zero, end, add, weight=cost, carried=carried, copies=copies
            )
        if copies == 1:
            return strided_loop(e, variable, zero, end, add, carried, 1)
        return turns(
            e, variable, zero, end, add, copies=copies, stride=1, carried=carried, rest=add
        )

    def _add(self, carried: Values) -> Values:
        """Add the elements at one position to the points' accumulators."""
        e, fold = self.f.emission, self.c.fold
        e.emit(self.roots)
        parts = len(carried) // len(self.points)
        for place in self.ahead:
            e.b.prefetch(e.value(place))
        found = list(carried)
        for tap in range(len(self.points[0].elements)):
            for i, point in enumerate(self.points):
                at = slice(i * parts, (i + 1) * parts)
                found[at] = add_lanes(e, fold, found[at], point.elements[tap])
        return found
