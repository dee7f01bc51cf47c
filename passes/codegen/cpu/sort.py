"""argsort, as a merge sort of positions from the bottom up, one line per unit.

    for every unit (a line along the last axis):
        order = 0, 1, 2, ...
        for width = 1, 2, 4, ... below the size: merge neighbouring runs of that width
        for every position: apply the ops after the sort to order[position], store

The order stands in scratch, twice per line: a pass reads the one and writes the other. A merge has
no branches: both candidates are read, a select takes one.
"""

from __future__ import annotations

from axec.passes.codegen.cpu import memory
from axec.passes.codegen.cpu.body import Def
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.pointwise import compare
from axec.passes.codegen.cpu.rearrange import split
from axec.passes.codegen.llvm import Builder, Value, constant
from axec.passes.codegen.llvm.types import I64, PTR
from axec.passes.kernel import templates


def emit(f: Frame, op: Def, walk: templates.Columns) -> None:
    """Write the loops of a kernel that holds an argsort."""
    _Sort(f, op, walk).emit()


class _Sort:
    """The code of one kernel. Variables: the unit, a position, the two positions to compare, the
    sorted position."""

    def __init__(self, f: Frame, op: Def, walk: templates.Columns) -> None:
        self.f, self.descending, self.dtype = f, op["descending"], op.operands[0].type.dtype
        graph, ev = f.graph, f.evaluator
        self.size = op.shape[-1]
        self.unit, self.run, self.row = (graph.variable() for _ in range(3))
        self.left, self.right, self.total = (graph.variable() for _ in range(3))
        line = split(graph, graph.of_node(self.unit), [*walk.others, walk.blocks])[:-1]
        keys = [(*line, graph.of_node(v)) for v in (self.left, self.right)]
        self.keys = [ev.at(op.operands[0], at) for at in keys]
        at = (*line, graph.of_node(self.row))
        ev.given[op, at] = self.total
        self.outputs = [ev.output(i) for i in range(len(f.body.results))]
        self.values = [ev.at(r, at) for r in f.body.results]
        self.places = [graph.address(o, graph.offset(o, at)) for o in self.outputs]
        self.nodes = [*self.keys, *self.values, *self.places]
        self.scratch = graph.slot(len(f.body.inputs) + len(f.body.results), PTR)

    def emit(self) -> None:
        f, e, b = self.f, self.f.emission, self.f.b
        e.emit([*self.nodes, self.scratch])
        size = f.size(self.size)
        with e.loop(self.unit, f.lo, f.hi, name="unit") as loop:
            e.emit(self.nodes)
            order = b.at(e.value(self.scratch), I64, b.mul(loop.index, b.mul(size, 2)))
            with b.for_(0, size, name="i") as fill:
                b.store(fill.index, b.at(order, I64, fill.index))
            with e.scope(), b.loop(carried=[order, b.at(order, I64, size), constant(I64, 1)]) as go:
                source, target, width = go.carried
                go.break_if(b.cmp("ge", width, size), source)
                self._pass(source, target, width, size)
                go.yield_(target, source, b.shl(width, 1))
            self._results(go.results[0], size)

    def _pass(self, source: Value, target: Value, width: Value, size: Value) -> None:
        """Merge all pairs of neighbouring runs."""
        e, b = self.f.emission, self.f.b
        with e.loop(self.run, 0, size, b.shl(width, 1), name="run") as loop:
            middle = b.min(b.add(loop.index, width), size)
            end = b.min(b.add(middle, width), size)
            with e.loop(self.row, loop.index, end, carried=[loop.index, middle]) as merge:
                i, j = merge.carried
                # Beyond its end a run is read at its last position; the choice ignores it.
                ends = (b.min(i, b.sub(middle, 1)), b.min(j, b.sub(end, 1)))
                left, right = (b.load(I64, b.at(source, I64, at)) for at in ends)
                e.bind(self.left, left)
                e.bind(self.right, right)
                e.emit(self.nodes)
                first = _before(b, e.value(self.keys[1]), e.value(self.keys[0]), self)
                is_right = b.and_(b.cmp("lt", j, end), b.or_(b.cmp("ge", i, middle), first))
                b.store(b.select(is_right, right, left), b.at(target, I64, merge.index))
                step = b.convert(is_right, I64)
                merge.yield_(b.add(i, b.sub(constant(I64, 1), step)), b.add(j, step))

    def _results(self, order: Value, size: Value) -> None:
        """Store what is made of the sorted positions."""
        e, b = self.f.emission, self.f.b
        with e.loop(self.row, 0, size, name="row") as loop:
            e.bind(self.total, b.load(I64, b.at(order, I64, loop.index)))
            e.emit([*self.values, *self.places])
            for buffer, value, place in zip(self.outputs, self.values, self.places, strict=True):
                memory.store(e, buffer.dtype, e.value(place), e.value(value))


def _before(b: Builder, x: Value, y: Value, sort: _Sort) -> Value:
    """Does x come before y? Not where they are equal. NaN is larger than every number."""
    found = compare(b, "gt" if sort.descending else "lt", x, y, sort.dtype)
    if not sort.dtype.is_float:
        return found
    large, small = (x, y) if sort.descending else (y, x)
    nan = b.and_(b.cmp("unordered", large, large), b.cmp("ordered", small, small))
    return b.or_(found, nan)
