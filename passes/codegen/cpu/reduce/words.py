"""Words that are put in order: in the upper half a key, an unsigned integer in the order of the
elements, in the lower one a position. Positions differ, so words do, and equals keep their order.

Few words go through a network (network.py), or are compared with each other: how many are less is a
word's place. Many are sorted by one byte of the keys after the other, the lowest first, each walk
keeping the order of the one before.
Source: Knuth, The Art of Computer Programming, volume 3, sections 5.2 (comparison counting) and
5.2.5 (radix sorting).
"""

from __future__ import annotations

from collections.abc import Sequence

from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu.graph.emission import Emission
from axec.passes.codegen.cpu.reduce import network
from axec.passes.codegen.cpu.routines import family
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import Builder, Type, Value, constant
from axec.passes.codegen.llvm.types import I32, I64, I128, PTR, int_of, vec
from axec.passes.codegen.llvm.values import zero

SHORT = 64  # words up to which they are compared
_BYTES = 256  # values of a byte


class Words:
    """What is done with words whose keys have `bits` bits."""

    def __init__(self, b: Builder, target: Target, bits: int) -> None:
        self.b, self.target, self.bits = b, target, bits
        self.type = I128 if bits == 64 else I64
        self.key = I64 if self.type is I128 else I32
        self.bytes = min(bits + 7, self.key.bits) // 8
        #: Words that are not worth the counters.
        self.held = network.REGISTERS * target.lanes(8)  # by registers
        self.most = SHORT if self.type is I128 else network.chunks(target) * self.held

    def at(self, words: Value, index: Value) -> Value:
        """The address of a word."""
        return self.b.at(words, self.type, index)

    def make(self, key: Value, position: Value) -> Value:
        """Words of unsigned keys and i64."""
        b = self.b
        type_ = vec(self.type, key.type.lanes)
        wide, number = (b.convert(x, type_, signed=False) for x in (key, position))
        return b.or_(b.shl(wide, self.key.bits), number)

    def position(self, word: Value) -> Value:
        """The i64 in a word."""
        return self.b.convert(self.b.convert(word, self.key), I64, signed=False)

    def store(self, e: Emission, keys: Value, first: Value, words: Value) -> None:
        """Write the words of the lanes' keys, at positions from `first`."""
        b, place = self.b, self.at(words, first)
        if e.lanes == 1:
            b.store(self.make(keys, first), place)
            return
        numbers = b.add(b.splat(first, e.lanes), b.iota(e.type(I64)))
        found = self.make(keys, numbers)
        if e.tail is None:
            b.store(found, place, self.type.size)
        else:
            b.masked_store(found, place, e.tail, self.type.size)

    def positions(self, e: Emission, first: Value, words: Value) -> Value:
        """The i64 in as many words as there are lanes, from number `first`."""
        b, place = self.b, self.at(words, first)
        if e.lanes == 1:
            return self.position(b.load(self.type, place))
        if e.tail is None:
            found = b.load(e.type(I64), place, self.type.size)
        else:
            found = b.masked_load(e.type(I64), place, e.tail, zero(e.type(I64)), self.type.size)
        return b.and_(found, (1 << self.key.bits) - 1)

    def few(self, words: Value, others: Value, size: int) -> Value:
        """Where words, not more than `most`, stand in order in the end: here or there."""
        if self.type is I128:
            self.compared(words, others, constant(I64, size))
            return others
        if size <= self.held:
            network.NETWORK.call(self.b, [size], words=words)
        else:  # there are twice as many words
            given, room = (constant(I64, n) for n in (size, 1 << (size - 1).bit_length()))
            network.MERGES.call(self.b, [], words=words, size=given, room=room)
        return words

    # By bytes.

    def counters(self) -> Value:
        """Room for how often each byte of a key has each value."""
        return self.b.alloca(vec(I32, _BYTES), self.bytes, 64, "counters")

    def clear(self, counters: Value) -> None:
        """Nothing is counted yet."""
        b, row = self.b, vec(I32, self.target.lanes(4))
        with b.for_(0, self.bytes * _BYTES, row.lanes, name="clear") as clear:
            b.store(zero(row), b.at(counters, I32, clear.index))

    def count(self, counters: Value, word: Value) -> None:
        """Count the bytes of a word's key."""
        for byte in range(self.bytes):
            place = self._counter(counters, byte, word)
            self.b.store(self.b.add(self.b.load(I32, place), 1), place)

    def _counter(self, counters: Value, byte: int, word: Value) -> Value:
        """Where it is counted which value a byte of a word's key has."""
        b = self.b
        value = b.convert(b.lshr(word, self.key.bits + 8 * byte), I64)
        return b.at(counters, I32, b.add(b.and_(value, _BYTES - 1), byte * _BYTES))

    def sorted(self, words: Value, others: Value, size: Value, counters: Value) -> Value:
        """Where the words, which were counted, stand in order in the end: here or there."""
        b, found = self.b, (words, others)
        with b.if_(b.cmp("gt", size, 0), found) as some:
            for byte in range(self.bytes):
                first = b.load(self.type, found[0])
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
        b = self.b
        first = b.at(counters, I32, byte * _BYTES)
        with b.for_(0, _BYTES, carried=[constant(I32, 0)], name="start") as starts:
            place = b.at(first, I32, starts.index)
            count = b.load(I32, place)
            b.store(starts.carried[0], place)
            starts.yield_(b.add(starts.carried[0], count))
        with b.for_(0, size, name="i") as loop:
            word = b.load(self.type, self.at(source, loop.index))
            place = self._counter(counters, byte, word)
            target = b.load(I32, place)
            b.store(b.add(target, 1), place)
            b.store(word, self.at(to, b.convert(target, I64, signed=False)))

    # By comparisons.

    def compared(self, source: Value, to: Value, size: Value) -> None:
        """Put words in order elsewhere."""
        b, lanes = self.b, 1 if self.type is I128 else self.target.lanes(8)
        whole = b.sub(size, b.urem(size, lanes))
        for lo, hi, step in ((constant(I64, 0), whole, lanes), (whole, size, 1)):
            with b.for_(lo, hi, step, name="i") as loop:
                self._place(source, to, size, self.at(source, loop.index), step)

    def _place(self, source: Value, to: Value, size: Value, first: Value, lanes: int) -> None:
        """Put as many words as there are lanes where they belong."""
        b, type_ = self.b, vec(self.type, lanes)
        words = b.load(type_, first, self.type.size)
        with b.for_(0, size, carried=[zero(vec(I64, lanes))], name="j") as before:
            other = b.splat(b.load(self.type, self.at(source, before.index)), lanes)
            less = b.convert(b.cmp("ult", other, words), I64)
            before.yield_(b.add(before.carried[0], less))
        for lane in range(lanes):
            word, place = (b.extract(x, lane) for x in (words, before.results[0]))
            b.store(word, self.at(to, place))


def key_of(b: Builder, x: Value, dtype: DType, to: Type, *, descending: bool) -> Value:
    """Unsigned integers in the order of the elements. Of floats: 0 is -0, NaN is the largest."""
    if dtype.is_float:
        nan = b.cmp("unordered", x, x)
        x = b.select(b.cmp("eq", x, constant(x.type, 0.0)), constant(x.type, 0.0), x)
        bits = b.bitcast(x, int_of(x.type))
        lowest = constant(bits.type, -(1 << bits.type.element.bits - 1))
        key = b.xor(bits, b.or_(b.ashr(bits, bits.type.element.bits - 1), lowest))
        key = b.select(nan, constant(bits.type, -1), key)
    else:
        lowest = constant(x.type, -(1 << x.type.element.bits - 1))
        key = b.xor(x, lowest) if dtype.kind == "i" else x
    return b.convert(b.not_(key) if descending else key, to, signed=False)


@family("order", words=PTR, others=PTR, count=I64)
def ORDER(b: Builder, target: Target, parameters: Sequence[str]) -> None:
    """Parameters: bits of a key, k, about the most words. The k lowest of `count` words come to the
    front, in order; `others` is room for as many words."""
    bits, k, most = map(int, parameters)
    words, others, count = b.args
    w = Words(b, target, bits)
    if most <= SHORT:
        w.compared(words, others, count)
        found = others
    else:
        counters = w.counters()
        w.clear(counters)
        with b.for_(0, count, name="i") as loop:
            w.count(counters, b.load(w.type, w.at(words, loop.index)))
        found = w.sorted(words, others, count, counters)
    with b.if_(b.cmp("ne", b.ptrtoint(found, I64), b.ptrtoint(words, I64))), b.for_(0, k) as copy:
        b.store(b.load(w.type, w.at(found, copy.index)), w.at(words, copy.index))
