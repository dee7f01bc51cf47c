"""Independent launches become groups: one job for the threads instead of one after another.

A launch with few units, or with too little work to wake a thread for, leaves threads idle until the
next one begins. So it moves to another launch nearby, or that one to it, across steps that neither
depends on. What depends on what is read from the memory that steps use, so writing in place and
donated arguments count. The most bytes in use at once stay what they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from typing import NamedTuple

from axec.passes.kernel.cost import THREAD
from axec.passes.kernel.plan.flow import (
    Buffer,
    Call,
    Group,
    Loop,
    Step,
    Switch,
    While,
    reads_first,
    uses,
)
from axec.runtime.program import MAX_SLOTS

#: Numbers of threads: a group must gain something on one of them.
THREADS = (2, 8)
#: Picoseconds that a fork and join takes, and the least that a group must gain: these, and a part.
JOIN, GAIN, SHARE = 1_000_000, 2_000_000, 0.03
#: How many steps away launches are looked for.
WINDOW = 24


class Work(NamedTuple):
    """What launches are expected to take: picoseconds on one thread, their units, and picoseconds
    of the longest unit (0: all are alike)."""

    time: int
    units: int
    longest: float = 0

    def beside(self, other: Work) -> Work:
        """Both as one job."""
        longest = max(self.unit, other.unit)
        return Work(self.time + other.time, self.units + other.units, longest)

    @property
    def unit(self) -> float:
        """Picoseconds of the longest unit."""
        return self.longest or self.time / max(1, self.units)

    @property
    def small(self) -> bool:
        """Not enough for two threads."""
        return self.time < 2 * THREAD


@dataclass(frozen=True, slots=True)
class Sizes:
    """What grouping must know of calls and buffers: `work` of a call, bytes of a buffer; `members`:
    the most launches of a group; `growth`: percent that the most bytes in use may rise by."""

    work: Callable[[Call], Work]
    nbytes: Callable[[Buffer], int]
    members: int = 64
    growth: int = 0


def grouped(steps: Sequence[Step], sizes: Sizes) -> list[Step]:
    """The steps of a flow, independent calls as groups, with those in loops and branches."""
    if sizes.members < 2:
        return list(steps)
    count = Counter(b for step in steps for b in uses(step))
    return _grouped(steps, sizes, count)


def _grouped(steps: Sequence[Step], sizes: Sizes, count: Counter[Buffer]) -> list[Step]:
    inner = [_with_inner(step, lambda part: _grouped(part, sizes, count)) for step in steps]
    return _Sequence(inner, sizes, count).run()


def _with_inner(step: Step, change: Callable[[list[Step]], list[Step]]) -> Step:
    """A step with other steps in it."""
    match step:
        case Loop(body=body):
            return replace(step, body=change(body))
        case While(condition=condition, body=body, after=after):
            return replace(
                step, condition=change(condition), body=change(body), after=change(after)
            )
        case Switch(branches=branches):
            return replace(step, branches=[change(branch) for branch in branches])
    return step


def makespan(work: Work, threads: int) -> float:
    """Picoseconds of a job: a launch alone is as long as the thread with the most of its units;
    several even out, down to their longest unit."""
    parts = min(threads, work.time // THREAD, work.units)
    if parts <= 1:
        return work.time
    if not work.longest:
        return -(-work.units // parts) * work.unit + JOIN
    return max(work.time / parts, work.longest) + JOIN


def idles(work: Work) -> bool:
    """Are there threads with nothing to do in its time?"""
    return work.small or any(makespan(work, n) - work.time / n > GAIN for n in THREADS)


def gain(x: Work, y: Work) -> float:
    """Picoseconds that one job of both takes less than two, where that is most; negative unless it
    is worth it. Small ones gain nothing until they are enough for two threads."""
    both = x.beside(y)
    found = [(makespan(x, n) + makespan(y, n), makespan(both, n)) for n in THREADS]
    worth = any(two - one >= max(GAIN, SHARE * two) for two, one in found)
    return max(two - one for two, one in found) if worth or (x.small and y.small) else -1


class _Numbers(dict[Buffer, int]):
    """A bit for every buffer, as they are met: a set of buffers is an int."""

    def __missing__(self, buffer: Buffer) -> int:
        return self.setdefault(buffer, 1 << len(self))

    def all(self, buffers: Sequence[Buffer]) -> int:
        found = 0
        for buffer in buffers:
            found |= self[buffer]
        return found


class _Slot:
    """Steps at one moment: one, or calls that are to be a group. `reads`, `writes`: sets of
    buffers, as ints; `touches`: both."""

    def __init__(self, step: Step, used: list[Buffer], sizes: Sizes, bits: _Numbers) -> None:
        self.steps = [step]
        self.calls = isinstance(step, Call)
        self.works = [sizes.work(step)] if isinstance(step, Call) else []
        self.work = self.works[0] if self.works else Work(0, 0)
        self.words = len(step.places) + step.launch.inputs if isinstance(step, Call) else 0
        read = reads_first(step)
        self.reads, self.writes = bits.all(used[:read]), bits.all(used[read:])
        self.touches = self.reads | self.writes

    def take(self, other: _Slot) -> None:
        self.steps += other.steps
        self.works += other.works
        self.work = self.work.beside(other.work)
        self.words += other.words
        self.reads |= other.reads
        self.writes |= other.writes
        self.touches |= other.touches

    def made(self) -> Sequence[Step]:
        """What it becomes: a group has its longest units first, which leaves the shortest tail."""
        if len(self.steps) == 1 or self.work.small:
            return self.steps
        order = sorted(zip(self.works, self.steps, strict=True), key=lambda pair: -pair[0].unit)
        return [Group([step for _, step in order if isinstance(step, Call)])]


class _Sequence:
    """Steps in an order, whose calls come together. `count`: of the uses of buffers in all steps,
    those in others among them."""

    def __init__(self, steps: Sequence[Step], sizes: Sizes, count: Counter[Buffer]) -> None:
        self.sizes = sizes
        self.gain, self.idles = cache(gain), cache(idles)  # layers ask the same again
        used, bits = [uses(step) for step in steps], _Numbers()
        pairs = zip(steps, used, strict=True)
        self.slots: list[_Slot | None] = [_Slot(step, own, sizes, bits) for step, own in pairs]
        self.users: dict[Buffer, list[int]] = {}  # slots, once per use
        for at, own in enumerate(used):
            for buffer in own:
                self.users.setdefault(buffer, []).append(at)
        # What is used elsewhere too, or inside of one step only, is as long in use as before.
        self.users = {
            b: at
            for b, at in self.users.items()
            if b.home == "arena" and len(at) == count[b]
            and (at[0] != at[-1] or isinstance(steps[at[0]], Call))
        }  # fmt: skip
        change = [0] * (len(steps) + 1)
        for buffer, moments in self.users.items():
            change[moments[0]] += sizes.nbytes(buffer)
            change[moments[-1] + 1] -= sizes.nbytes(buffer)
        self.alive = list(accumulate(change))[:-1]
        self.limit = max(self.alive, default=0) * (100 + sizes.growth) // 100

    def run(self) -> list[Step]:
        for at in range(len(self.slots)):
            where: int | None = at
            while where is not None:
                where = self._grown(where)
        return [step for slot in self.slots if slot is not None for step in slot.made()]

    def _grown(self, at: int) -> int | None:
        """Have a slot join the best other one; where both then are."""
        here = self.slots[at]
        if here is None or not (here.calls and self.idles(here.work)):
            return None
        pairs = self._candidates(at, here)
        return next((target for moved, target in pairs if self._joined(moved, target)), None)

    def _candidates(self, at: int, here: _Slot) -> list[tuple[int, int]]:
        """(from, to) of the moves that make a group of this slot and another one, best first."""
        found = [move for way in (1, -1) for move in self._toward(at, here, way)]
        if found and not self._many(at):
            found = [move for move in found if move[0] > 0]
        found.sort(key=lambda move: (-move[0], abs(move[1] - move[2])))
        return [(moved, target) for _, moved, target in found]

    def _toward(self, at: int, here: _Slot, way: int) -> Iterator[tuple[float, int, int]]:
        """(gain, from, to), in one direction."""
        touched, written = here.touches, here.writes  # by all from here on
        free, seen, other = True, 0, at + way
        while seen < WINDOW and 0 <= other < len(self.slots):
            slot = self.slots[other]
            if slot is not None:
                seen += 1
                comes = not (slot.writes & touched or slot.reads & written)
                free = free and not (here.writes & slot.touches or here.reads & slot.writes)
                if (comes or free) and self._fits(here, slot):
                    gained = self.gain(here.work, slot.work)
                    if gained >= 0 and free:
                        yield gained, at, other
                    if gained >= 0 and comes:
                        yield gained, other, at
                touched |= slot.touches
                written |= slot.writes
            other += way

    def _many(self, at: int) -> bool:
        """Are there enough small launches around a slot for two threads?"""
        near = self.slots[max(0, at - WINDOW) : at + WINDOW + 1]
        works = [slot.work for slot in near if slot is not None]
        return sum([work.time for work in works if work.small]) >= 2 * THREAD

    def _fits(self, x: _Slot, y: _Slot) -> bool:
        return (
            x.calls and y.calls
            and len(x.steps) + len(y.steps) <= self.sizes.members
            and x.words + y.words <= MAX_SLOTS
        )  # fmt: skip

    def _joined(self, moved: int, target: int) -> bool:
        """Move a slot's steps to another slot, unless too much memory is then in use."""
        source, into = self.slots[moved], self.slots[target]
        assert source is not None
        assert into is not None
        self._shift(source.steps, moved, target)
        low, high = min(moved, target), max(moved, target)
        if max(self.alive[low : high + 1]) > self.limit:
            self._shift(source.steps, target, moved)
            return False
        into.take(source)
        self.slots[moved] = None
        return True

    def _shift(self, steps: Sequence[Step], here: int, there: int) -> None:
        """Have the uses of buffers by some steps at another moment."""
        for buffer in (b for step in steps for b in uses(step) if b in self.users):
            at = self.users[buffer]
            first, last = min(at), max(at)
            at[at.index(here)] = there
            self._count(buffer, min(at), first)
            self._count(buffer, last + 1, max(at) + 1)

    def _count(self, buffer: Buffer, begin: int, end: int) -> None:
        """A buffer is in use from `begin` to before `end` too; no longer, if that is earlier."""
        n = self.sizes.nbytes(buffer) * (1 if begin < end else -1)
        for at in range(min(begin, end), max(begin, end)):
            self.alive[at] += n
