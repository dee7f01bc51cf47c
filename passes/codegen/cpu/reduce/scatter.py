"""scatter, the folding op whose positions are values: results are built up in memory.

    for every index of the other axes, the columns of all units that have it together:
        sums = x
        for every index i, in order: join update[i] to sums[indices[i]]
        results = the ops after it, applied to sums

The sums (or what the kind makes of them) stand in a result of their dtype, else in scratch. Each
is built up in the order of the indices, whatever the partition of the units.
"""

from __future__ import annotations

from collections.abc import Callable

from axec.dialects import dims, dtypes
from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.nodes import ZERO, Affine, Buffer, Index, Node
from axec.passes.codegen.cpu.graph.pointwise import larger, smaller
from axec.passes.codegen.cpu.graph.rearrange import clamped, split
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.cpu.lanes.loops import Step, Values, divisor, lanes_loop, weight
from axec.passes.codegen.cpu.lanes.registers import NARROW, register_type
from axec.passes.codegen.llvm import NULL, Builder, Value, constant
from axec.passes.codegen.llvm.types import I64, PTR, VOID
from axec.passes.kernel import templates

Target = tuple[Buffer, Node, Node]  # memory, value, address

#: Kind -> (builder, element so far, update) -> element.
_JOIN: dict[str, Callable[[Builder, Value, Value, DType], Value]] = {
    "set": lambda b, x, y, dtype: y,
    "add": lambda b, x, y, dtype: b.add(x, y),
    "mul": lambda b, x, y, dtype: b.mul(x, y),
    "max": lambda b, x, y, dtype: larger(b, x, y, dtype),
    "min": lambda b, x, y, dtype: smaller(b, x, y, dtype),
}


def emit(f: Frame, op: Def, walk: templates.Columns) -> None:
    """Write the loops of a kernel that holds a scatter."""
    _Scatter(f, op, walk).emit()


class _Scatter:
    """The code of one kernel. Variables: the line (number of the other axes' index), a row
    (position along the axis), a lane, the number of an index; `turn` is bound once per
    addition, so that no sum is read too early."""

    def __init__(self, f: Frame, op: Def, walk: templates.Columns) -> None:
        self.f, self.op, self.walk = f, op, walk
        graph, ev = f.graph, f.evaluator
        self.x, self.indices, self.update = op.operands
        self.line, self.row, self.number = (graph.variable() for _ in range(3))
        self.lane = self.row if walk.axis == len(op.shape) - 1 else graph.variable()
        self.turn, self.added = graph.variable(VOID), graph.variable(VOID)
        self.columns = self.lane is not self.row
        self.outer = split(graph, graph.of_node(self.line), walk.others)
        whole = self._index(graph.of_node(self.row))
        sums = self._sums()
        self.begin = self._target(sums, ev.at(self.x, whole), whole)
        self.addition = self._addition(sums)
        ev.given[op, whole] = self._total(sums, whole)
        self.ends = [
            self._target(ev.output(i), ev.at(r, whole), whole)
            for i, r in enumerate(f.body.results)
            if r is not op or ev.output(i).base is not sums.base
        ]

    # Nodes.

    def _index(self, row: Affine) -> Index:
        """An index of the result: `row` along the axis."""
        rank, axis = len(self.op.shape), self.walk.axis
        others = iter(self.outer)
        index = [row if a == axis else ZERO if a == rank - 1 else next(others) for a in range(rank)]
        if self.columns:
            index[-1] = self.f.graph.of_node(self.lane)
        index[-1] += Affine(step=1)
        return tuple([ZERO if n == 1 else i for i, n in zip(index, self.op.shape, strict=True)])

    def _sums(self) -> Buffer:
        ev, dtype = self.f.evaluator, self.op.type.dtype
        number = None if dtype in NARROW else templates.sums_result(self.f.define, dtype)
        if number is not None:
            return ev.output(number)
        scratch = len(self.f.body.inputs) + len(self.f.body.results)
        wide = dtypes.f32 if dtype in NARROW else dtype
        return Buffer(self.f.graph.slot(scratch, PTR), wide, self.op.shape)

    def _target(self, buffer: Buffer, value: Node, index: Index) -> Target:
        return buffer, value, self.f.graph.address(buffer, self.f.graph.offset(buffer, index))

    def _addition(self, sums: Buffer) -> tuple[Node, Target]:
        """The sum so far, and what is added to it where."""
        graph, ev, axis = self.f.graph, self.f.evaluator, self.walk.axis
        at = tuple(split(graph, graph.of_node(self.number), self.indices.shape))
        row = clamped(graph, ev.at(self.indices, at), self.x.shape[axis] - 1)
        index = self._index(row)
        if not self.columns:
            index = (*index[:-1], row)
        source = (*index[:axis], *at, *index[axis + 1 :])
        now = Buffer(sums.base, sums.dtype, sums.shape, after=self.turn)
        return graph.load(now, index), self._target(sums, ev.at(self.update, source), index)

    def _total(self, sums: Buffer, index: Index) -> Node:
        ready = Buffer(sums.base, sums.dtype, sums.shape, after=self.added)
        found, dtype = self.f.graph.load(ready, index), self.op.type.dtype
        if sums.dtype is dtype:
            return found
        data = ("cast", sums.dtype, dtype, None)
        return self.f.graph.node("op", register_type(dtype), (found,), data)

    # Loops.

    def emit(self) -> None:
        f, e, b = self.f, self.f.emission, self.f.b
        size = self.op.shape[-1]
        old, add = self.addition
        nodes = [
            self.begin[1],
            self.begin[2],
            old,
            *add[1:],
            *[n for t in self.ends for n in t[1:]],
        ]
        f.choose_lanes(nodes, size)
        e.emit(nodes)
        blocks = divisor(f, self.walk.blocks)
        end = b.udiv(b.add(f.hi, b.sub(blocks, 1)), blocks)
        with e.loop(self.line, b.udiv(f.lo, blocks), end, name="line") as loop:
            e.emit(nodes)
            first, last = constant(I64, 0), f.size(size)
            if self.columns and self.walk.blocks != 1:  # of all units of the line: long pieces
                before = b.mul(loop.index, blocks)
                first = b.mul(b.max(b.sub(f.lo, before), 0), self.walk.block)
                last = b.min(b.mul(b.sub(f.hi, before), self.walk.block), last)
            self._rows(first, last, [self.begin])
            count = f.size(dims.product(self.indices.shape))
            with e.loop(self.number, 0, count, name="i"):
                e.emit(nodes)
                self._lanes(first if self.columns else None, last, self._add)
            e.bind(self.added, NULL)
            if self.ends:
                self._rows(first, last, self.ends)

    def _rows(self, first: Value, last: Value, targets: list[Target]) -> None:
        """Store values at every row."""
        e = self.f.emission

        def store(_: Values) -> Values:
            e.emit([n for t in targets for n in t[1:]])
            for buffer, value, place in targets:
                memory.store(e, buffer.dtype, e.value(place), e.vector(value))
            return ()

        if not self.columns:
            self._lanes(first, last, store)
            return
        with e.loop(self.row, 0, self.f.size(self.op.shape[self.walk.axis]), name="row"):
            e.emit([n for t in targets for n in t[1:]])
            self._lanes(first, last, store)

    def _lanes(self, first: Value | None, last: Value, step: Step) -> None:
        """Do a step along the lanes, or once where an addition has but one."""
        e = self.f.emission
        if first is None:
            with e.scope():
                step(())
            return
        cost = weight([self.begin[1], *[value for _, value, _ in self.ends]])
        lanes_loop(e, self.lane, first, last, step, weight=cost)

    def _add(self, _: Values) -> Values:
        e, (old, (buffer, value, place)) = self.f.emission, self.addition
        e.bind(self.turn, NULL)
        e.emit([old, value, place])
        get: Callable[[Node], Value] = e.vector if self.columns else e.value
        found = _JOIN[self.op["kind"]](e.b, get(old), get(value), self.op.type.dtype)
        memory.store(e, buffer.dtype, e.value(place), found)
        return ()
