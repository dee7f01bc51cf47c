"""cumulate, the folding op whose every step is a result: one accumulator per line along the axis.

    for every unit (columns, and one index of each other axis):
        accumulators = start
        for every position along the axis: add the elements, apply the ops after it, store

Along the last axis a line is a scalar loop; along others the lanes are columns. The order of each
fold is that of the axis.
"""

from __future__ import annotations

from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.nodes import Affine
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.cpu.lanes.fold import Reduction
from axec.passes.codegen.cpu.lanes.loops import Values, lanes_loop, weight
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.kernel import templates


def emit(f: Frame, op: Def, walk: templates.Columns) -> None:
    """Write the loops of a kernel that holds a cumulate."""
    _Cumulate(f, op, walk).emit()


class _Cumulate:
    """The code of one kernel. Variables: the unit, a position along the axis, a lane, the fold up
    to the position."""

    def __init__(self, f: Frame, op: Def, walk: templates.Columns) -> None:
        self.f, self.walk = f, walk
        graph, ev = f.graph, f.evaluator
        self.size, self.last = op.shape[walk.axis], op.shape[-1]
        self.fold = Reduction(op["kind"], op.type.dtype)
        self.columns = walk.axis != len(op.shape) - 1
        self.unit, self.row, self.lane = (graph.variable() for _ in range(3))
        index = split(graph, graph.of_node(self.unit), [*walk.others, walk.blocks])[:-1]
        index.insert(walk.axis, graph.of_node(self.row))
        if self.columns:
            index.append(graph.of_node(self.lane) + Affine(step=1))
        at = tuple(index)
        self.element = ev.at(op.operands[0], at)
        self.total = graph.variable(register_type(op.type.dtype), varying=self.columns)
        ev.given[op, at] = self.total
        self.outputs, self.values, self.places = ev.results(at)

    def emit(self) -> None:
        f, e, b = self.f, self.f.emission, self.f.b
        nodes = [self.element, *self.values, *self.places]
        if self.columns:
            f.choose_lanes(nodes, self.last)
        e.emit(nodes)
        with e.loop(self.unit, f.lo, f.hi, name="unit") as loop:
            e.emit(nodes)
            if not self.columns:
                self._line(())
                return
            block = b.urem(loop.index, f.size(self.walk.blocks))
            first = b.mul(block, self.walk.block)
            last = b.min(b.add(first, self.walk.block), f.size(self.last))
            cost = weight([self.element, *self.values])
            lanes_loop(e, self.lane, first, last, self._line, weight=cost)

    def _line(self, _: Values) -> Values:
        """The results along the axis, of one line or of as many as there are lanes."""
        e, nodes = self.f.emission, [self.element, *self.values, *self.places]
        e.emit(nodes)
        start = self.fold.start(e.lanes)
        with e.loop(self.row, 0, self.f.size(self.size), carried=start, name="row") as loop:
            e.emit(nodes)
            found = self.fold.add(e.b, loop.carried, [e.vector(self.element)])
            e.bind(self.total, self.fold.finish(e.b, found))
            e.emit(nodes)
            for buffer, value, place in zip(self.outputs, self.values, self.places, strict=True):
                memory.store(e, buffer.dtype, e.value(place), e.vector(value))
            loop.yield_(*found)
        return ()
