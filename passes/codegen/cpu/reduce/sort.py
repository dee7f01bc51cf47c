"""argsort, one line per unit: the words of its elements (words.py) are put in order.

    for every unit (a line along the last axis):
        for every position: words[position] = key, position; count each byte of the key
        sort the words, byte by byte; short lines are not worth the counters: compare all words
        for every place: apply the ops after the sort to the word's position, store

Words stand in scratch, twice per line.
"""

from __future__ import annotations

from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.cpu.reduce.words import SHORT, Words, key_of
from axec.passes.codegen.llvm import Value
from axec.passes.codegen.llvm.types import PTR
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
        self.unit, self.row, self.total = (graph.variable() for _ in range(3))
        line = split(graph, graph.of_node(self.unit), [*walk.others, walk.blocks])[:-1]
        at = (*line, graph.of_node(self.row))
        self.element = ev.at(op.operands[0], at)
        ev.given[op, at] = self.total
        self.outputs = [ev.output(i) for i in range(len(f.body.results))]
        self.values = [ev.at(r, at) for r in f.body.results]
        self.places = [graph.address(o, graph.offset(o, at)) for o in self.outputs]
        self.nodes = [self.element, *self.values, *self.places]
        self.scratch = graph.slot(len(f.body.inputs) + len(f.body.results), PTR)
        self.words = Words(f.b, f.target, self.element.type.bits)

    def emit(self) -> None:
        f, e, w = self.f, self.f.emission, self.words
        short = isinstance(self.size, int) and self.size <= SHORT
        counters = None if short else w.counters()
        e.emit([*self.nodes, self.scratch])
        size = f.size(self.size)
        with e.loop(self.unit, f.lo, f.hi, name="unit") as loop:
            e.emit(self.nodes)
            words = w.at(e.value(self.scratch), f.b.mul(loop.index, f.b.mul(size, 2)))
            others = w.at(words, size)
            if counters is None:
                self._words(words, size, None)
                w.compared(words, others, size)
                self._results(others, size)
            else:
                w.clear(counters)
                self._words(words, size, counters)
                self._results(w.sorted(words, others, size, counters), size)

    def _words(self, words: Value, size: Value, counters: Value | None) -> None:
        """Write the words of a line, and count the bytes of their keys."""
        e, b, w = self.f.emission, self.f.b, self.words
        with e.loop(self.row, 0, size, name="word") as loop:
            e.emit(self.nodes)
            x = e.value(self.element)
            key = key_of(b, x, self.dtype, w.key, descending=self.descending)
            word = w.make(key, loop.index)
            b.store(word, w.at(words, loop.index))
            if counters is not None:
                w.count(counters, word)

    def _results(self, words: Value, size: Value) -> None:
        """Store what is made of the sorted positions."""
        e, w = self.f.emission, self.words
        with e.loop(self.row, 0, size, name="row") as loop:
            e.bind(self.total, w.position(e.b.load(w.type, w.at(words, loop.index))))
            e.emit([*self.values, *self.places])
            for buffer, value, place in zip(self.outputs, self.values, self.places, strict=True):
                memory.store(e, buffer.dtype, e.value(place), e.value(value))
