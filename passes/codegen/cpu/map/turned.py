"""Map kernels whose lanes lie apart in memory while their rows are neighbours: transposes.

Squares of lanes x lanes elements are read as vectors along the rows, turned in registers, and stand
in scratch while their rows are computed. Squares go down a block of rows before the next columns,
so that what one has fetched into the first cache serves the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from axec.dialects import dims
from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.graph.nodes import Affine, Node
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.graph.space import Run, positions
from axec.passes.codegen.cpu.lanes.loops import divisor, first_element, stores
from axec.passes.codegen.cpu.lanes.registers import from_memory, memory_type
from axec.passes.codegen.cpu.lanes.turn import PART, TURN, WHOLE
from axec.passes.codegen.llvm import Value, constant, vec
from axec.passes.codegen.llvm.types import I64, Type
from axec.passes.kernel import templates

_NEAR = 4  # lanes that far apart are read with vector loads
#: Rows of a block (Zen 4, [2048, 2048], GB/s: 16 rows 4.2, 64: 10.7, 256: 12.4, 1024: 11.9).
_ROWS = 256


def is_turned(node: Node, row: Node) -> bool:
    """An access whose lanes lie apart, and whose neighbours are those of other rows."""
    apart = node.kind == "gather" or (node.kind == "load_lanes" and abs(node.data[1]) > _NEAR)
    return apart and bool(node.vars & row.vars)


@dataclass(frozen=True, slots=True)
class _Square:
    """A load that is turned: its node, the type in memory, and scratch for it."""

    node: Node
    type: Type
    scratch: Value


class Turned:
    """The code of one map kernel over `groups`: those that number leads, rows, and columns."""

    def __init__(self, f: Frame, walk: templates.Loop, groups: Sequence[Run]) -> None:
        self.f, self.walk = f, walk
        *outer, self.rows, self.columns = groups
        graph = f.graph
        self.lead, self.row, self.lane = (graph.variable() for _ in range(3))
        at = split(graph, graph.of_node(self.lead), [run.extent for run in outer])
        at = [*at[: len(outer)], graph.of_node(self.row), Affine(0, ((self.lane, 1),), 1)]
        indices = [positions(len(r.shape), groups, at) for r in f.body.results]
        values = [f.evaluator.at(r, i) for r, i in zip(f.body.results, indices, strict=True)]
        f.choose_lanes(values, self.columns.extent)
        self.step, pointers = stores(f, values, indices)
        self.roots = [*values, *pointers]
        self.squares = [
            self._square(n) for n in sorted(reachable(values), key=lambda n: n.id) if self._fits(n)
        ]

    def _fits(self, node: Node) -> bool:
        """Are the rows of a turned load neighbours, and its lanes equally far apart?"""
        if not is_turned(node, self.row) or node.data[2] or self._step(node) is None:
            return False
        loads = 1 if node.kind == "load_lanes" else 2
        return len(node.inputs) == loads and _coefficient(node.inputs[0], self.row) == 1

    def _step(self, node: Node) -> Node | None:
        """Elements from one lane of a load to the next."""
        graph = self.f.graph
        if node.kind == "load_lanes":
            return graph.integer(node.data[1])
        offsets = node.inputs[1]
        if offsets.kind != "mul" or offsets.inputs[0] is not graph.lanes:
            return None
        step = offsets.inputs[1]
        return None if step.vars or step.varying else step

    def _square(self, node: Node) -> _Square:
        lanes = self.f.emission.lanes
        type_ = vec(memory_type(node.data[0]), lanes)
        return _Square(node, type_, self.f.b.alloca(type_, lanes, 64, "square"))

    def emit(self) -> None:
        """The loops over leads, blocks of rows, columns, squares, rows."""
        f, e, b = self.f, self.f.emission, self.f.b
        size, rows = divisor(f, self.columns.extent), divisor(f, self.rows.extent)
        first, last = first_element(f, self.walk, f.lo), first_element(f, self.walk, f.hi)
        e.emit(self.roots)
        begin, end = b.udiv(first, size), b.udiv(b.add(last, b.sub(size, 1)), size)
        leads = b.udiv(begin, rows), b.udiv(b.add(end, b.sub(rows, 1)), rows)
        with e.loop(self.lead, *leads, name="lead") as lead:
            e.emit(self.roots)
            before = b.mul(lead.index, rows)
            low, high = b.max(b.sub(begin, before), 0), b.min(b.sub(end, before), rows)
            elements = b.sub(first, b.mul(before, size)), b.sub(last, b.mul(before, size))
            with b.for_(low, high, _ROWS, name="block") as block:
                block_end = b.min(b.add(block.index, _ROWS), high)
                self._block(block.index, block_end, size, elements)

    def _block(self, begin: Value, end: Value, size: Value, elements: tuple[Value, Value]) -> None:
        """Rows [begin, end) of one lead, whose units cover `elements`."""
        e, b = self.f.emission, self.f.b
        by_rows = self.walk.shape[-1] == self.columns.extent and self.walk.blocks == 1
        with e.loop(self.lane, 0, size, e.lanes, name="j") as columns:
            rest = b.sub(size, columns.index)
            whole = dims.is_multiple(self.columns.extent, e.lanes)
            e.tail = None if whole else e.first_lanes(rest)
            e.emit(self.roots)
            with b.for_(begin, end, e.lanes, name="square") as square:
                count = b.min(b.sub(end, square.index), e.lanes)
                for one in self.squares:
                    self._turn(one, square.index, count, rest)
                row_end = b.add(square.index, count)
                with e.loop(self.row, square.index, row_end, name="row") as rows:
                    self._take(b.sub(rows.index, square.index))
                    whole_tail = e.tail
                    if not by_rows:
                        start = b.add(b.mul(rows.index, size), columns.index)
                        e.tail = self._in_units(e.tail, start, elements)
                    self.step(())
                    e.tail = whole_tail
        e.tail = None

    def _in_units(self, tail: Value | None, start: Value, elements: tuple[Value, Value]) -> Value:
        """The lanes from element `start` on that lie in the units: these may end inside a row."""
        e, b = self.f.emission, self.f.b
        mask = b.not_(e.first_lanes(b.sub(elements[0], start)))
        mask = b.and_(mask, e.first_lanes(b.sub(elements[1], start)))
        return mask if tail is None else b.and_(mask, tail)

    def _turn(self, square: _Square, row: Value, count: Value, rest: Value) -> None:
        """Read a square from `row` on, of which `count` rows and `rest` columns exist."""
        e, b = self.f.emission, self.f.b
        with e.scope():
            e.bind(self.row, row)
            step = self._step(square.node)
            assert step is not None
            TURN.call(
                b,
                (square.type.bits, e.lanes, WHOLE if e.tail is None else PART),
                source=e.value(square.node.inputs[0]),
                step=b.mul(e.value(step), square.type.element.size),
                last=b.sub(rest, 1),
                count=count,
                out=square.scratch,
                out_step=constant(I64, square.type.size),
            )

    def _take(self, number: Value) -> None:
        """Row `number` of all squares is what their loads give."""
        e, b = self.f.emission, self.f.b
        for square in self.squares:
            found = b.load(square.type, b.at(square.scratch, square.type, number))
            e.bind(square.node, from_memory(b, square.node.data[0], found))


def _coefficient(address: Node, row: Node) -> int | None:
    """Elements from one row to the next, None where the address depends on it in another way."""
    found = 0
    while address.kind == "address":
        address, amount = address.inputs
        if amount.vars & row.vars:
            if amount is not row or found:
                return None
            found = 1
    return found if not address.vars & row.vars else None


def emit(f: Frame, walk: templates.Loop, groups: Sequence[Run]) -> None:
    """Write the loops of a map kernel with turned loads."""
    Turned(f, walk, groups).emit()
