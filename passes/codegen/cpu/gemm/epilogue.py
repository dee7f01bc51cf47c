"""What becomes of the sums: the ops after the product, applied while they are in the first cache.

The sums of a piece of a row stand in memory; they are read as vectors, go through the ops (bias,
activation, residual, scale, cast) and are stored as the kernel's results.
"""

from __future__ import annotations

from collections.abc import Sequence

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import ZERO, Affine, Index, Node
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.graph.space import positions, runs
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.cpu.lanes.loops import Values, lanes_loop, weight
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.codegen.llvm import Value


class Epilogue:
    """The ops after `root`, the product of a kernel's body, as nodes at a position of its result.

    sums: the dtype of the sums, which are rounded to that of `root` first. starts: first axes of
    the parts of a position; each part is the row-major number of its axes, the last one the column,
    along which there are vectors. columns: how many there are."""

    def __init__(
        self, f: Frame, root: Def, sums: DType, starts: Sequence[int], columns: Size
    ) -> None:
        graph, ev = f.graph, f.evaluator
        self._f = f
        self._columns = columns
        self._parts = [graph.variable() for _ in starts]
        under = 0
        for part in self._parts:
            under |= part.vars
        self._sum = graph.variable(register_type(sums), varying=True, under=under)
        index = self._index(root, starts)
        ev.given[root, index] = self._rounded(root, sums)
        self._outputs = [ev.output(i) for i in range(len(f.body.results))]
        self._values = [ev.at(r, index) for r in f.body.results]
        place = self._place(root, starts)
        self._places = [graph.address(o, place) for o in self._outputs]
        self._roots = [*self._values, *self._places]
        f.choose_lanes(self._values, columns)
        f.emission.emit(self._roots)

    def _rounded(self, root: Def, sums: DType) -> Node:
        dtype = root.type.dtype
        if dtype is sums:
            return self._sum
        data = ("cast", sums, dtype, None)
        return self._f.graph.node("op", register_type(dtype), (self._sum,), data)

    def _place(self, root: Def, starts: Sequence[int]) -> Affine:
        """The element number of a position: results have the shape of the product."""
        found, stride = ZERO, dims.product(())
        ends = [*starts[1:], len(root.shape)]
        for part, start, end in reversed(list(zip(self._parts, starts, ends, strict=True))):
            number = Affine(0, ((part, 1),), step=int(part is self._parts[-1]))
            found += self._f.graph.scale(number, stride)
            stride = stride * dims.product(root.shape[start:end])
        return found

    def _index(self, root: Def, starts: Sequence[int]) -> Index:
        body, graph = self._f.body, self._f.graph

        def pull(ev: Evaluator, index: Index) -> None:
            ev.given[root, index] = ev.graph.variable(self._sum.type, varying=True)
            for result in body.results:
                ev.at(result, index)

        groups = runs(body, root.shape, pull, split=starts)
        at: list[Affine] = []
        ends = [*starts[1:], len(root.shape)]
        for part, start, end in zip(self._parts, starts, ends, strict=True):
            number = Affine(0, ((part, 1),), step=int(part is self._parts[-1]))
            inside = [g.extent for g in groups if start <= g.axes[0] < end]
            at += split(graph, number, inside)
        return positions(len(root.shape), groups, at)

    def row(
        self, sums: Value, parts: Sequence[Value], column: Value, end: Value, step: int = 1
    ) -> None:
        """Turn the sums of columns [column, end) of one row, whose first stands at `sums`, into
        results. parts: the position, without the column. step: `column`, and `end` unless it is
        the last of all columns, are multiples of it."""
        b, e = self._f.b, self._f.emission
        origin = b.at(sums, self._sum.type, b.neg(column))  # where column 0 would stand
        last = self._parts[-1]
        with e.scope():
            for variable, value in zip(self._parts, parts, strict=False):
                e.bind(variable, value)
            e.emit(self._roots)

            def vector(_: Values) -> Values:
                self._read(b.at(origin, self._sum.type, e.value(last)))
                self._store()
                return ()

            count, lanes = self._columns, e.lanes
            whole = step % lanes == 0 and dims.is_multiple(count, lanes)
            lanes_loop(e, last, column, end, vector, weight=weight(self._values), whole=whole)

    def _read(self, place: Value) -> None:
        e, type_ = self._f.emission, self._f.emission.type(self._sum.type)
        tail, b = e.tail, e.b
        found = b.load(type_, place) if tail is None else b.masked_load(type_, place, tail)
        e.bind(self._sum, found)

    def _store(self) -> None:
        e = self._f.emission
        e.emit(self._roots)
        for output, place, value in zip(self._outputs, self._places, self._values, strict=True):
            memory.store(e, output.dtype, e.value(place), e.vector(value))
