"""Few words in order, in registers: the bitonic network, every comparison ascending.

Runs of one word are sorted. Two sorted runs beside each other become one: the second, backwards,
stands behind the first, which is a sequence that rises and falls; of such a one the lower words of
all pairs half of it apart are below the higher ones, and both halves rise and fall again.

    for run = 1, 2, 4, ...: in all pairs of runs
        the second backwards
        for distance = run, run / 2, ..., 1: the lower and the higher word of each pair

Words are compared as signed numbers, for which the oldest level has instructions: the highest bit,
which belongs to the key, is turned around on the way in, and nobody reads keys on the way out.
Source: Batcher, Sorting networks and their applications, AFIPS 1968.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axec.passes.codegen.cpu.routines import family
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import Builder, Type, Value, constant
from axec.passes.codegen.llvm.types import I64, PTR, vec

REGISTERS = 16  # all of the oldest level, half of those with 512 bits
_HIGHEST = -(1 << 63)

Registers = list[Value]


def chunks(target: Target) -> int:
    """How many times what registers hold is sorted faster here than by bytes. 300 words, which are
    padded to 512, take as long; with 256 bits 130 take longer already."""
    return 4 if target.has("avx512f") else 1


@family("network", words=PTR)
def NETWORK(b: Builder, target: Target, parameters: Sequence[str]) -> None:
    """Parameter: how many words (i64). They are put in order where they stand, with their highest
    bit turned around."""
    size = int(parameters[0])
    lanes = min(target.lanes(8), 1 << (size - 1).bit_length())
    count = max(lanes, 1 << (size - 1).bit_length()) // lanes
    type_, (words,) = vec(I64, lanes), b.args
    last = constant(type_, (1 << 63) - 1)
    used = -(-size // lanes)

    def each(do: Callable[[int, Value, Value | None], None]) -> None:
        for i in range(used):
            left = size - i * lanes
            mask = None if left >= lanes else b.tail_mask(constant(I64, left), lanes)
            do(i, b.at(words, I64, i * lanes), mask)

    found = [last] * count

    def load(i: int, place: Value, mask: Value | None) -> None:
        x = b.load(type_, place, 8) if mask is None else b.masked_load(type_, place, mask, last)
        turned = b.xor(x, _HIGHEST)
        found[i] = turned if mask is None else b.select(mask, turned, last)

    def store(i: int, place: Value, mask: Value | None) -> None:
        if mask is None:
            b.store(found[i], place, 8)
        else:
            b.masked_store(found[i], place, mask, 8)

    each(load)
    found = _sorted(b, found, lanes)
    each(store)


@family("merges", words=PTR, size=I64, room=I64)
def MERGES(b: Builder, target: Target, parameters: Sequence[str]) -> None:
    """Puts `size` words (i64) in order where they stand, with their highest bit turned around.
    `room`: the power of two from there on, of words that may be written, two chunks at least.

    Chunks are sorted in registers. What compares words further apart goes through memory: then
    every chunk rises and falls, and is put in order in registers again."""
    lanes = target.lanes(8)
    type_, (words, size, room) = vec(I64, lanes), b.args
    chunk = REGISTERS * lanes

    def place(word: Value) -> Value:
        return b.at(words, I64, word)

    def each_chunk(do: Callable[[Registers], Registers]) -> None:
        with b.for_(0, room, chunk, name="chunk") as loop:
            places = [place(b.add(loop.index, i * lanes)) for i in range(REGISTERS)]
            found = do([b.load(type_, at, 8) for at in places])
            for at, x in zip(places, found, strict=True):
                b.store(x, at, 8)

    with b.for_(size, room, name="rest") as rest:
        b.store(constant(I64, -1), place(rest.index))
    each_chunk(lambda x: _sorted(b, [b.xor(one, _HIGHEST) for one in x], lanes))
    with b.loop(carried=[constant(I64, chunk)], name="run") as runs:
        (run,) = runs.carried
        runs.break_if(b.cmp("ge", run, room), run)
        _far_turned(b, type_, place, run, room)
        with b.loop(carried=[b.lshr(run, 1)], name="distance") as distances:
            (distance,) = distances.carried
            distances.break_if(b.cmp("lt", distance, chunk), distance)
            _far_halves(b, type_, place, distance, room)
            distances.yield_(b.lshr(distance, 1))
        each_chunk(lambda x: _merged(b, x, chunk // 2, lanes))
        runs.yield_(b.shl(run, 1))


def _far_turned(
    b: Builder, type_: Type, place: Callable[[Value], Value], run: Value, room: Value
) -> None:
    """The lower and the higher word of all pairs of a run and the next one backwards."""
    lanes, back = type_.lanes, range(type_.lanes - 1, -1, -1)
    with b.for_(0, room, b.shl(run, 1), name="pair") as pair:
        end = b.add(pair.index, b.sub(b.shl(run, 1), lanes))
        with b.for_(0, run, lanes, name="i") as loop:
            one, other = place(b.add(pair.index, loop.index)), place(b.sub(end, loop.index))
            x, y = b.load(type_, one, 8), b.shuffle(b.load(type_, other, 8), None, back)
            b.store(b.min(x, y), one, 8)
            b.store(b.shuffle(b.max(x, y), None, back), other, 8)


def _far_halves(
    b: Builder, type_: Type, place: Callable[[Value], Value], distance: Value, room: Value
) -> None:
    """The lower and the higher word of all pairs that are so far apart."""
    with (
        b.for_(0, room, b.shl(distance, 1), name="pair") as pair,
        b.for_(0, distance, type_.lanes, name="i") as loop,
    ):
        at = b.add(pair.index, loop.index)
        one, other = place(at), place(b.add(at, distance))
        x, y = b.load(type_, one, 8), b.load(type_, other, 8)
        b.store(b.min(x, y), one, 8)
        b.store(b.max(x, y), other, 8)


def _sorted(b: Builder, x: Registers, lanes: int) -> Registers:
    """Words in order over the lanes of all registers."""
    run = 1
    while run < len(x) * lanes:
        x = _merged(b, _turned(b, x, run, lanes), run, lanes)
        run *= 2
    return x


def _merged(b: Builder, x: Registers, distance: int, lanes: int) -> Registers:
    """Sequences that rise and fall, twice the distance long, in order."""
    while distance:
        x = _halves(b, x, distance, lanes)
        distance //= 2
    return x


def _turned(b: Builder, x: Registers, run: int, lanes: int) -> Registers:
    """Every second run backwards."""
    if run < lanes:
        order = [i ^ (run - 1) if i & run else i for i in range(lanes)]
        return [b.shuffle(v, None, order) for v in x]
    step, found = run // lanes, list(x)
    back = range(lanes - 1, -1, -1)
    for first in range(step, len(x), 2 * step):
        found[first : first + step] = [
            b.shuffle(v, None, back) for v in reversed(x[first : first + step])
        ]
    return found


def _halves(b: Builder, x: Registers, distance: int, lanes: int) -> Registers:
    """The lower and the higher word of all pairs that are so far apart."""
    found = list(x)
    if distance >= lanes:
        step = distance // lanes
        for i in range(len(x)):
            if not i & step:
                one, other = x[i], x[i + step]
                found[i], found[i + step] = b.min(one, other), b.max(one, other)
        return found
    other_of = [i ^ distance for i in range(lanes)]
    chosen = [lanes + i if i & distance else i for i in range(lanes)]
    for i, one in enumerate(x):
        other = b.shuffle(one, None, other_of)
        found[i] = b.shuffle(b.min(one, other), b.max(one, other), chosen)
    return found
