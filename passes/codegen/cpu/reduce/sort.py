"""argsort, one line per unit: elements become keys, unsigned integers in the same order. Words of a
key and its position are sorted by one byte of the keys after the other, the lowest first.

    for every unit (a line along the last axis):
        for every position: words[position] = key, position; count each byte of the key
        for every byte of a key, if it is not the same in all of them:
            starts = where the words with each value of the byte begin
            for every word, in order: others[starts[byte]++] = word; change places with others
        for every position: apply the ops after the sort to the word's position, store

Each walk keeps the order of equals. Short lines are not worth the counters: each word is compared
with all the others, whose number before it is its place. Words stand in scratch, twice per line.
Source: Knuth, The Art of Computer Programming, volume 3, sections 5.2 (comparison counting) and
5.2.5 (radix sorting).
"""

from __future__ import annotations

from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.llvm import Builder, Value, constant
from axec.passes.codegen.llvm.types import I32, I64, I128, PTR, int_of, vec
from axec.passes.codegen.llvm.values import zero
from axec.passes.kernel import templates

_BYTES = 256  # values of a byte
_SHORT = 64  # elements of a line up to which words are compared


def emit(f: Frame, op: Def, walk: templates.Columns) -> None:
    """Write the loops of a kernel that holds an argsort."""
    _Sort(f, op, walk).emit()


class _Sort:
    """The code of one kernel. Variables: the unit, a position, the sorted position. A word is a key
    in its upper half, a position below."""

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
        self.word = I128 if self.element.type.bits == 64 else I64
        self.key = I64 if self.word is I128 else I32
        self.bytes = min(self.element.type.bits + 7, self.key.bits) // 8

    def emit(self) -> None:
        f, e, b = self.f, self.f.emission, self.f.b
        short = isinstance(self.size, int) and self.size <= _SHORT
        counters = None if short else b.alloca(vec(I32, _BYTES), self.bytes, 64, "counters")
        e.emit([*self.nodes, self.scratch])
        size = f.size(self.size)
        with e.loop(self.unit, f.lo, f.hi, name="unit") as loop:
            e.emit(self.nodes)
            words = b.at(e.value(self.scratch), self.word, b.mul(loop.index, b.mul(size, 2)))
            others = b.at(words, self.word, size)
            if counters is None:
                self._words(words, size, None)
                self._compare(words, others, size)
                self._results(others, size)
            else:
                self._count(words, size, counters)
                self._results(self._sorted(words, others, size, counters), size)

    # Words.

    def _words(self, words: Value, size: Value, counters: Value | None) -> None:
        """Write the words of a line, and count the bytes of their keys."""
        e, b = self.f.emission, self.f.b
        with e.loop(self.row, 0, size, name="word") as loop:
            e.emit(self.nodes)
            key = _key(b, e.value(self.element), self.dtype, descending=self.descending)
            wide = b.convert(key, self.word, signed=False)
            number = b.convert(loop.index, self.word, signed=False)
            word = b.or_(b.shl(wide, self.key.bits), number)
            b.store(word, b.at(words, self.word, loop.index))
            for byte in range(self.bytes if counters else 0):
                assert counters is not None
                place = self._counter(counters, byte, word)
                b.store(b.add(b.load(I32, place), 1), place)

    def _count(self, words: Value, size: Value, counters: Value) -> None:
        """Write the words, and how often each byte of a key has each value."""
        b, row = self.f.b, vec(I32, self.f.target.lanes(4))
        with b.for_(0, self.bytes * _BYTES, row.lanes, name="clear") as clear:
            b.store(zero(row), b.at(counters, I32, clear.index))
        self._words(words, size, counters)

    def _counter(self, counters: Value, byte: int, word: Value) -> Value:
        """Where it is counted which value a byte of a word's key has."""
        b = self.f.b
        value = b.convert(b.lshr(word, self.key.bits + 8 * byte), I64)
        return b.at(counters, I32, b.add(b.and_(value, _BYTES - 1), byte * _BYTES))

    # Long lines.

    def _sorted(self, words: Value, others: Value, size: Value, counters: Value) -> Value:
        """Where the words stand in order in the end."""
        b, found = self.f.b, (words, others)
        with b.if_(b.cmp("gt", size, 0), found) as some:
            for byte in range(self.bytes):
                first = b.load(self.word, found[0])
                same = b.load(I32, self._counter(counters, byte, first))
                differs = b.cmp("ne", b.convert(same, I64, signed=False), size)
                with b.if_(differs, found) as arm:
                    self._by_byte(*found, size, counters, byte)
                    arm.yield_(*reversed(found))
                found = (arm.results[0], arm.results[1])
            some.yield_(*found)
        return some.results[0]

    def _by_byte(self, source: Value, to: Value, size: Value, counters: Value, byte: int) -> None:
        """Put the words in the order of one byte."""
        b = self.f.b
        first = b.at(counters, I32, byte * _BYTES)
        with b.for_(0, _BYTES, carried=[constant(I32, 0)], name="start") as starts:
            place = b.at(first, I32, starts.index)
            count = b.load(I32, place)
            b.store(starts.carried[0], place)
            starts.yield_(b.add(starts.carried[0], count))
        with b.for_(0, size, name="i") as loop:
            word = b.load(self.word, b.at(source, self.word, loop.index))
            place = self._counter(counters, byte, word)
            target = b.load(I32, place)
            b.store(b.add(target, 1), place)
            b.store(word, b.at(to, self.word, b.convert(target, I64, signed=False)))

    # Short lines.

    def _compare(self, source: Value, to: Value, size: Value) -> None:
        """Put the words in order: words differ, as their positions do."""
        lanes = 1 if self.word is I128 else self.f.target.lanes(8)
        assert size.const is not None
        whole = size.const - size.const % lanes
        for lo, hi, step in ((0, whole, lanes), (whole, size.const, 1)):
            with self.f.b.for_(lo, hi, step, name="i") as loop:
                self._place(source, to, size, self.f.b.at(source, self.word, loop.index), step)

    def _place(self, source: Value, to: Value, size: Value, first: Value, lanes: int) -> None:
        """Put as many words as there are lanes where they belong."""
        b, type_ = self.f.b, vec(self.word, lanes)
        words = b.load(type_, first, self.word.size)
        with b.for_(0, size, carried=[zero(vec(I64, lanes))], name="j") as before:
            other = b.splat(b.load(self.word, b.at(source, self.word, before.index)), lanes)
            less = b.convert(b.cmp("ult", other, words), I64)
            before.yield_(b.add(before.carried[0], less))
        for lane in range(lanes):
            word, place = (b.extract(x, lane) for x in (words, before.results[0]))
            b.store(word, b.at(to, self.word, place))

    def _results(self, words: Value, size: Value) -> None:
        """Store what is made of the sorted positions."""
        e, b = self.f.emission, self.f.b
        with e.loop(self.row, 0, size, name="row") as loop:
            word = b.load(self.word, b.at(words, self.word, loop.index))
            e.bind(self.total, b.convert(b.convert(word, self.key), I64, signed=False))
            e.emit([*self.values, *self.places])
            for buffer, value, place in zip(self.outputs, self.values, self.places, strict=True):
                memory.store(e, buffer.dtype, e.value(place), e.value(value))


def _key(b: Builder, x: Value, dtype: DType, *, descending: bool) -> Value:
    """An unsigned integer, in the order of the elements. Of floats: 0 is -0, NaN is the largest."""
    if dtype.is_float:
        nan = b.cmp("unordered", x, x)
        x = b.select(b.cmp("eq", x, constant(x.type, 0.0)), constant(x.type, 0.0), x)
        bits = b.bitcast(x, int_of(x.type))
        lowest = constant(bits.type, -(1 << bits.type.bits - 1))
        key = b.xor(bits, b.or_(b.ashr(bits, bits.type.bits - 1), lowest))
        key = b.select(nan, constant(bits.type, -1), key)
    else:
        key = b.xor(x, constant(x.type, -(1 << x.type.bits - 1))) if dtype.kind == "i" else x
    return b.not_(key) if descending else key
