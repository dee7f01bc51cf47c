"""top: the k largest of a line in order, one line per unit, without sorting the line.

    for every unit (a line along the last axis):
        words = those of the first elements (words.py), as many as there is room for
        keep the k lowest, in order; limit = the key of the last of them
        for every vector of the elements behind:
            where a key is below the limit: append the word
            no room for another vector? keep the k lowest, limit = ...
        keep the k lowest; apply the ops after it to their positions, store

What comes later and equals the limit is not among the k: equals stay in their order. There is room
for twice as many words as are kept, so that sorting what was appended costs each of them little.
"""

from __future__ import annotations

from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.nodes import Affine
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.cpu.lanes.loops import Step, Values, lanes_loop
from axec.passes.codegen.cpu.reduce.words import ORDER, Words, key_of
from axec.passes.codegen.llvm import Value, constant
from axec.passes.codegen.llvm.types import I1, I64, PTR, vec
from axec.passes.kernel import templates

_ONCE = 1 << 20  # a weight of which there is one copy


def emit(f: Frame, op: Def, walk: templates.Columns) -> None:
    """Write the loops of a kernel that holds a top."""
    _Choose(f, op, walk).emit()


class _Choose:
    """The code of one kernel. Variables: the unit, a position along the line, a place among the k,
    the position that is chosen for it."""

    def __init__(self, f: Frame, op: Def, walk: templates.Columns) -> None:
        self.f, self.k = f, op["k"]
        source = op.operands[0]
        size, self.dtype = source.shape[-1], source.type.dtype
        assert isinstance(size, int)
        self.size = size
        graph, ev = f.graph, f.evaluator
        self.unit, self.row, self.place, self.chosen = (graph.variable() for _ in range(4))
        line = tuple(split(graph, graph.of_node(self.unit), [*walk.others, walk.blocks])[:-1])
        along = graph.of_node(self.row) + Affine(step=1)
        self.element = ev.at(source, (*line, along))
        at = (*line, graph.of_node(self.place))
        ev.given[op, at] = self.chosen
        self.outputs, self.values, self.places = ev.results(at)
        self.nodes = [self.element, *self.values, *self.places]
        self.scratch = graph.slot(len(f.body.inputs) + len(f.body.results), PTR)
        self.words = Words(f.b, f.target, self.element.type.bits)
        self.room = templates.top_room(self.k)
        self.most = self.room - templates.MOST_LANES  # words behind which a vector has room

    def emit(self) -> None:
        f, e, b, w = self.f, self.f.emission, self.f.b, self.words
        f.choose_lanes([self.element], self.size)
        e.emit([*self.nodes, self.scratch])
        first = min(self.most, self.size)
        with e.loop(self.unit, f.lo, f.hi, name="unit") as loop:
            e.emit(self.nodes)
            words = w.at(e.value(self.scratch), b.mul(loop.index, 2 * self.room))
            count, limit = (
                self._walk(words, 0, first, self._all(words), [constant(I64, 0)])[0],
                None,
            )
            if first < self.size:
                limit = self._keep(words, count)
                start = [constant(I64, self.k), limit]
                step = self._below(words)
                count = self._walk(words, first, self.size, step, start)[0]
            self._keep(words, count)
            self._results(words)

    def _walk(self, words: Value, lo: int, hi: int, step: Step, carried: Values) -> Values:
        ends = constant(I64, lo), constant(I64, hi)
        return lanes_loop(self.f.emission, self.row, *ends, step, weight=_ONCE, carried=carried)

    def _keys(self) -> Value:
        e, type_ = self.f.emission, self.words.key
        e.emit([self.element])
        x = e.vector(self.element)
        return key_of(e.b, x, self.dtype, vec(type_, e.lanes), descending=True)

    def _all(self, words: Value) -> Step:
        """Appends every element."""

        def step(carried: Values) -> Values:
            e = self.f.emission
            exist = e.tail or constant(vec(I1, e.lanes), 1)
            return [self._append(words, carried[0], self._keys(), exist)]

        return step

    def _below(self, words: Value) -> Step:
        """Appends the elements whose key is below the limit, and makes room."""

        def step(carried: Values) -> Values:
            e, b = self.f.emission, self.f.b
            keys = self._keys()
            below = b.cmp("ult", keys, carried[1])
            below = below if e.tail is None else b.and_(below, e.tail)
            with b.if_(b.any(below), list(carried), unlikely=True) as some:
                count = self._append(words, carried[0], keys, below)
                full = b.cmp("gt", count, self.most)
                with b.if_(full, [count, carried[1]], unlikely=True) as kept:
                    kept.yield_(constant(I64, self.k), self._keep(words, count))
                some.yield_(*kept.results)
            return some.results

        return step

    def _append(self, words: Value, count: Value, keys: Value, wanted: Value) -> Value:
        """Write the words of some lanes behind those that are there; how many there are then."""
        e, b, w = self.f.emission, self.f.b, self.words
        for lane in range(e.lanes):
            key, one = b.extract(keys, lane), b.extract(wanted, lane)
            b.store(w.make(key, b.add(e.value(self.row), lane)), w.at(words, count))
            count = b.add(count, b.convert(one, I64, signed=False))
        return count

    def _keep(self, words: Value, count: Value) -> Value:
        """Keep the k lowest words, in order; the key of the last of them, in all lanes."""
        e, b, w = self.f.emission, self.f.b, self.words
        others = w.at(words, constant(I64, self.room))
        parameters = w.bits, self.k, self.most
        ORDER.call(b, parameters, words=words, others=others, count=count)
        last = b.load(w.type, w.at(words, constant(I64, self.k - 1)))
        return b.splat(b.convert(b.lshr(last, w.key.bits), w.key), e.lanes)

    def _results(self, words: Value) -> None:
        """Store what is made of the chosen positions."""
        e, b, w = self.f.emission, self.f.b, self.words
        with e.loop(self.place, 0, self.k, name="place") as loop:
            e.bind(self.chosen, w.position(b.load(w.type, w.at(words, loop.index))))
            e.emit([*self.values, *self.places])
            for buffer, value, place in zip(self.outputs, self.values, self.places, strict=True):
                memory.store(e, buffer.dtype, e.value(place), e.value(value))
