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
from axec.passes.codegen.llvm import Builder, Value, constant
from axec.passes.codegen.llvm.types import I64, PTR, vec

REGISTERS = 16  # all of the oldest level, half of those with 512 bits
_HIGHEST = -(1 << 63)

Registers = list[Value]


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


def _sorted(b: Builder, x: Registers, lanes: int) -> Registers:
    """Words in order over the lanes of all registers."""
    run = 1
    while run < len(x) * lanes:
        x = _turned(b, x, run, lanes)
        distance = run
        while distance:
            x = _halves(b, x, distance, lanes)
            distance //= 2
        run *= 2
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
