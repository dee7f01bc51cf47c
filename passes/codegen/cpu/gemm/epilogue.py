"""What becomes of the sums: the ops after the product, applied while they are in the first cache.

The sums of a rectangle stand in memory; row by row they are read as vectors, go through the ops
(bias, activation, residual, scale, cast) and are stored as the kernel's results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.passes.codegen.cpu import memory
from axec.passes.codegen.cpu.body import Def
from axec.passes.codegen.cpu.evaluate import Evaluator
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.loops import Values, lanes_loop, weight
from axec.passes.codegen.cpu.nodes import Affine, Index
from axec.passes.codegen.cpu.rearrange import split
from axec.passes.codegen.cpu.registers import register_type
from axec.passes.codegen.cpu.space import positions, runs
from axec.passes.codegen.llvm import Value
from axec.passes.kernel.product import Gemm

if TYPE_CHECKING:
    from axec.passes.codegen.cpu.gemm.setting import Matrix, Region


class Epilogue:
    """The ops after the product `dot` of a kernel's body, as nodes at a position of the result:
    `line` counts the rows of all batch elements."""

    def __init__(self, f: Frame, gemm: Gemm, dot: Def) -> None:
        graph, ev = f.graph, f.evaluator
        self._f = f
        self._m = f.size(gemm.m)
        self._line, self._column = graph.variable(), graph.variable()
        under = self._line.vars | self._column.vars
        self._sum = graph.variable(register_type(dot.type.dtype), varying=True, under=under)
        index = self._index(gemm, dot)
        ev.given[dot, index] = self._sum
        self._outputs = [ev.output(i) for i in range(len(f.body.results))]
        self._values = [ev.at(r, index) for r in f.body.results]
        self._places = [graph.address(o, graph.offset(o, index)) for o in self._outputs]
        self._roots = [*self._values, *self._places]
        f.choose_lanes(self._values, gemm.n)
        f.emission.emit(self._roots)

    def _index(self, gemm: Gemm, dot: Def) -> Index:
        body, graph, shape = self._f.body, self._f.graph, dot.shape

        def pull(ev: Evaluator, index: Index) -> None:
            ev.given[dot, index] = ev.graph.variable(self._sum.type, varying=True)
            for result in body.results:
                ev.at(result, index)

        lead = _first_column_axis(gemm, shape)
        groups = runs(body, shape, pull, split=[lead])
        rows = [g for g in groups if g.axes[0] < lead]
        columns = groups[len(rows) :]
        line, column = Affine(0, ((self._line, 1),)), Affine(0, ((self._column, 1),), step=1)
        at = split(graph, line, [g.extent for g in rows])
        at += split(graph, column, [g.extent for g in columns])
        return positions(len(shape), groups, at)

    def apply(self, sums: Matrix, batch: Value, r: Region) -> None:
        """Turn the sums of a region, which stand at `sums`, into results."""
        b, e, element = self._f.b, self._f.emission, self._sum.type
        first = b.add(b.mul(batch, self._m), r.row)
        end = b.add(r.column, r.columns)
        with b.for_(0, r.rows, name="epilogue") as loop, e.scope():
            e.bind(self._line, b.add(first, loop.index))
            e.emit(self._roots)
            # Address of column 0 of the row, had it one: columns count from the matrix' left edge.
            row = b.at(
                b.offset(sums.address, b.mul(loop.index, sums.step)), element, b.neg(r.column)
            )

            def step(_: Values) -> Values:
                at = b.at(row, element, e.value(self._column))
                self._sum_at(at)
                self._store()
                return ()

            lanes_loop(e, self._column, r.column, end, step, weight=weight(self._values))

    def _sum_at(self, place: Value) -> None:
        e, type_ = self._f.emission, self._f.emission.type(self._sum.type)
        tail, b = e.tail, e.b
        found = b.load(type_, place) if tail is None else b.masked_load(type_, place, tail)
        e.bind(self._sum, found)

    def _store(self) -> None:
        e = self._f.emission
        e.emit(self._roots)
        for output, place, value in zip(self._outputs, self._places, self._values, strict=True):
            memory.store(e, output.dtype, e.value(place), e.vector(value))


def _first_column_axis(gemm: Gemm, shape: Shape) -> int:
    """The columns of the product are the trailing axes of its result."""
    axis = len(shape)
    count: Size = 1
    while count != gemm.n:
        axis -= 1
        count = count * shape[axis]
    return axis
