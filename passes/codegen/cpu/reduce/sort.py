"""argsort, one line per unit: the words of its elements (words.py) are put in order.

    for every unit (a line along the last axis):
        for every position: words[position] = key, position
        sort the words, byte by byte; those of short lines in registers (network.py)
        for every place: apply the ops after the sort to the word's position, store

Words stand in scratch, twice per line.
"""

from __future__ import annotations

from collections.abc import Callable

from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.nodes import Affine
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.cpu.lanes.loops import Values, lanes_loop, weight
from axec.passes.codegen.cpu.reduce.words import Words, key_of
from axec.passes.codegen.llvm import Value, constant
from axec.passes.codegen.llvm.types import I64, I128, PTR
from axec.passes.kernel import templates


def emit(f: Frame, op: Def, walk: templates.Columns) -> None:
    """Write the loops of a kernel that holds an argsort."""
    _Sort(f, op, walk).emit()


class _Sort:
    """The code of one kernel. Variables: the unit, a position, the sorted position."""

    def __init__(self, f: Frame, op: Def, walk: templates.Columns) -> None:
        self.f, self.descending, self.dtype = f, op["descending"], op.operands[0].type.dtype
        graph, ev = f.graph, f.evaluator
        self.size = op.shape[-1]
        self.unit, self.row = graph.variable(), graph.variable()
        self.total = graph.variable(varying=True)
        line = split(graph, graph.of_node(self.unit), [*walk.others, walk.blocks])[:-1]
        at = (*line, graph.of_node(self.row) + Affine(step=1))
        self.element = ev.at(op.operands[0], at)
        ev.given[op, at] = self.total
        self.outputs, self.values, self.places = ev.results(at)
        self.nodes = [self.element, *self.values, *self.places]
        self.scratch = graph.slot(len(f.body.inputs) + len(f.body.results), PTR)
        self.words = Words(f.b, f.target, self.element.type.bits)

    def emit(self) -> None:
        f, e, w = self.f, self.f.emission, self.words
        few = self.size if isinstance(self.size, int) and self.size <= w.most else None
        counters = None if few else w.counters()
        if w.type is not I128:
            f.choose_lanes(self.nodes, self.size)
        e.emit([*self.nodes, self.scratch])
        size = f.size(self.size)
        with e.loop(self.unit, f.lo, f.hi, name="unit") as loop:
            e.emit(self.nodes)
            words = w.at(e.value(self.scratch), f.b.mul(loop.index, f.b.mul(size, 2)))
            others = w.at(words, size)
            self._walk(size, lambda: self._write(words))
            if counters is None:
                assert few is not None
                found = w.few(words, others, few)
            else:
                w.clear(counters)
                with f.b.for_(0, size, name="word") as word:
                    w.count(counters, f.b.load(w.type, w.at(words, word.index)))
                found = w.sorted(words, others, size, counters)
            self._walk(size, lambda: self._results(found))

    def _walk(self, size: Value, do: Callable[[], None]) -> None:
        """Do something at all positions, for as many as there are lanes at once."""

        def step(_: Values) -> Values:
            self.f.emission.emit(self.nodes)
            do()
            return ()

        cost = weight([self.element, *self.values])
        lanes_loop(self.f.emission, self.row, constant(I64, 0), size, step, weight=cost)

    def _write(self, words: Value) -> None:
        """Write the words of a vector's elements."""
        e, w = self.f.emission, self.words
        x, type_ = e.vector(self.element), e.type(w.key)
        key = key_of(e.b, x, self.dtype, type_, descending=self.descending)
        w.store(e, key, e.value(self.row), words)

    def _results(self, words: Value) -> None:
        """Store what is made of a vector of sorted positions."""
        e = self.f.emission
        e.bind(self.total, self.words.positions(e, e.value(self.row), words))
        e.emit([*self.values, *self.places])
        for buffer, value, place in zip(self.outputs, self.values, self.places, strict=True):
            memory.store(e, buffer.dtype, e.value(place), e.vector(value))
