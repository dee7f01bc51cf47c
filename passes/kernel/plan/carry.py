"""The carries of a loop: each lies in one slot, or in two that take turns.

One is enough where the last reader of a turn comes before the first writer of the next; of two, the
parity of the counter says which is read. The carry at the start is the slot itself if nobody else
needs it; otherwise it is copied there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from axec.dialects import types
from axec.dialects.dims import Size
from axec.passes.kernel.plan.arena import ALIGN
from axec.passes.kernel.plan.flow import Buffer, Copy, Place, lifetimes
from axec.passes.kernel.plan.frame import Frame

NewBuffer = Callable[[Size, int], Buffer]  # of so many bytes, in so many loops


class Carry:
    """Carry number j of a loop: its slot, and the buffer `old` that holds it in a turn."""

    def __init__(self, new: NewBuffer, frame: Frame, op: Any, j: int) -> None:
        self.new, self.frame = new, frame
        self.result, self.where = op.results[j], op.location
        self.type = types.of(self.result)
        self.step: Size = 0  # from one slot to the other; 0: there is one
        own = frame.taken(j, self.result)
        self.slot = own or self._begun(self.type.nbytes, frame.env[op.operands[j]])
        self.old = new(self.type.nbytes, frame.depth + 1)
        self.old.inside = Place(self.slot)

    def _begun(self, nbytes: Size, start: Place) -> Buffer:
        """A slot of its own, which begins with a copy."""
        slot = self.new(nbytes, self.frame.depth)
        self.frame.owned.add(slot)
        self.frame.steps.append(Copy(self.type, start, Place(slot), self.where))
        return slot

    def advance(
        self, body: Frame, value: Any, turn: Size, lives: Mapping[Buffer, tuple[int, int]]
    ) -> None:
        """Have the body's result where the next turn reads the carry; `lives`: in the body."""
        new = body.env[value]
        if new.buffer is self.old:
            return  # written in place, or handed on as it is
        if not body.owns(new, self.type):
            body.put(value, new, Place(self.old), self.where)
            return
        _, read = lives.get(self.old, (-1, -1))
        if read >= lives[new.buffer][0]:
            self._double(turn)
            new.buffer.inside = Place(self.slot, self.step * (1 - odd(turn)))
        else:
            new.buffer.inside = Place(self.old)
        body.owned.discard(new.buffer)

    def _double(self, turn: Size) -> None:
        """Give the carry a second slot."""
        self.step = (self.type.nbytes + (ALIGN - 1)) // ALIGN * ALIGN
        both = self.step + self.type.nbytes
        if self.slot.inside is not None:  # of a loop around this one
            self.slot = self._begun(both, Place(self.slot))
        self.slot.nbytes = both
        self.old.inside = Place(self.slot, self.step * odd(turn))

    def define(self, last: Size) -> None:
        """The loop's result lies in the slot of that parity."""
        self.frame.define(self.result, Place(self.slot, self.step * last))


def advance(carries: Sequence[Carry], body: Frame, values: Sequence[Any], turn: Size) -> None:
    """Have every result of a loop's body where the next turn reads it."""
    lives = lifetimes(body.steps, body.depth)
    for carry, value in zip(carries, values, strict=True):
        carry.advance(body, value, turn, lives)


def odd(turn: Size) -> Size:
    """turn modulo 2."""
    return turn - 2 * (turn // 2)
