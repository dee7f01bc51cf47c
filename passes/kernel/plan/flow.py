"""An entry as steps over buffers, loops and branches in place: what `plan` places and writes down.

`inline.py` makes it of functions. `Buffer.inside` says that the bytes of a buffer are some of
another one, so that a value is made where it is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from axec.dialects.dims import Size
from axec.dialects.types import TensorType
from axec.passes.kernel import cost
from axec.passes.kernel.launches import Launch


class Place(NamedTuple):
    """Bytes of a buffer, from an offset that may name dims and counters."""

    buffer: Buffer
    offset: Size = 0

    @property
    def root(self) -> Place:
        """The same bytes as a place of the buffer that holds them in the end."""
        inside = self.buffer.inside
        return self if inside is None else Place(inside.buffer, inside.offset + self.offset).root


@dataclass(slots=True, eq=False)
class Buffer:
    """Memory that values share.

    `depth`: the loops around its maker: it holds nothing from one turn of them to the next. `home`:
    "arena", "argument" or "result" (the caller's memory, counted by `number`), or "counter" (the
    word that says which turn of a loop this is).
    """

    nbytes: Size
    depth: int = 0
    home: str = "arena"
    number: int = 0
    inside: Place | None = None

    @property
    def base(self) -> Buffer:
        """The buffer that holds its bytes in the end."""
        one = self
        while one.inside is not None:
            one = one.inside.buffer
        return one


@dataclass(slots=True, eq=False)
class Call:
    """A kernel on its inputs, results and scratch."""

    op: Any
    launch: Launch
    places: list[Place]


@dataclass(slots=True, eq=False)
class Group:
    """Calls that run at the same time (group.py)."""

    calls: list[Call]

    @property
    def places(self) -> list[Place]:
        return [place for call in self.calls for place in call.places]


@dataclass(slots=True, eq=False)
class Copy:
    """A tensor, copied."""

    type: TensorType
    source: Place
    target: Place
    where: Any

    @property
    def places(self) -> list[Place]:
        return [self.source, self.target]


@dataclass(slots=True, eq=False)
class Loop:
    """A scan. `index`: the position in xs and ys, an expression of the counter; `number` holds it
    for kernels."""

    where: Any
    counter: str
    trip: Size
    index: Size
    number: Buffer
    body: list[Step]
    places: tuple[Place, ...] = ()


@dataclass(slots=True, eq=False)
class While:
    """Condition, test and body in turns; `after` runs once, in the turn whose test fails."""

    where: Any
    counter: str
    condition: list[Step]
    test: Place
    body: list[Step]
    after: list[Step]

    @property
    def places(self) -> list[Place]:
        return [self.test]


@dataclass(slots=True, eq=False)
class Switch:
    """One of the branches, by the number that an i32 or i64 holds."""

    where: Any
    type: TensorType
    index: Place
    branches: list[list[Step]]

    @property
    def places(self) -> list[Place]:
        return [self.index]


Step = (
    Call | Group | Copy | Loop | While | Switch
)  # `places`: those that the step itself reads and writes


@dataclass(slots=True)
class Flow:
    """The steps of an entry; its buffers in order of appearance."""

    steps: list[Step]
    buffers: list[Buffer]


# ---- how long buffers live -----------------------------------------------------------------------


def lifetimes(steps: Sequence[Step], depth: int = 0) -> dict[Buffer, tuple[int, int]]:
    """(first, last) moment at which each buffer is in use, those that hold it included. What was
    there before a loop and is used in it, is in use in all its turns. `depth`: of the steps."""
    return _Clock(steps, depth).found


class _Clock:
    def __init__(self, steps: Sequence[Step], depth: int) -> None:
        self.now = 0
        self.found: dict[Buffer, tuple[int, int]] = {}
        self._walk(steps, depth)

    def _walk(self, steps: Sequence[Step], depth: int) -> None:
        for step in steps:
            match step:
                case Call() | Group() | Copy():
                    self._use(*step.places)
                case Switch(branches=branches):
                    self._use(*step.places)
                    for branch in branches:
                        self._walk(branch, depth)
                case Loop(body=body):
                    begin = self.now
                    self._walk(body, depth + 1)
                    self._through(begin, depth)
                case While():
                    begin = self.now
                    self._walk(step.condition, depth + 1)
                    self._use(*step.places)
                    self._walk(step.body, depth + 1)
                    self._walk(step.after, depth + 1)
                    self._through(begin, depth)

    def _use(self, *places: Place) -> None:
        for buffer, _ in places:
            one: Buffer | None = buffer
            while one is not None:
                first, _ = self.found.get(one, (self.now, self.now))
                self.found[one] = first, self.now
                one = one.inside.buffer if one.inside else None
        self.now += 1

    def _through(self, begin: int, depth: int) -> None:
        """Buffers from outside of a loop that began then are in use up to its end."""
        for buffer, (first, last) in self.found.items():
            if last >= begin and buffer.depth <= depth:
                self.found[buffer] = min(first, begin), self.now
        self.now += 1


def flops(steps: Sequence[Step]) -> cost.Work:
    """Of a call: scans as often as they run, a while once, the largest branch of a switch."""
    total = cost.Work()
    for step in steps:
        match step:
            case Call(launch=launch):
                total = total + cost.Work(launch.flops)
            case Group(calls=calls):
                total = total + flops(calls)
            case Loop(trip=trip, body=body):
                total = total + flops(body).times(trip)
            case While():
                total = total + flops(step.condition) + flops(step.body)
            case Switch(branches=branches):
                total = total + cost.most([flops(b) for b in branches])
    return total


def steps_of(steps: Sequence[Step]) -> Iterator[Step]:
    """All steps, outer ones before those in them."""
    for step in steps:
        yield step
        match step:
            case Group(calls=calls):
                yield from calls
            case Loop(body=body):
                yield from steps_of(body)
            case While():
                for part in (step.condition, step.body, step.after):
                    yield from steps_of(part)
            case Switch(branches=branches):
                for branch in branches:
                    yield from steps_of(branch)


# ---- what steps depend on each other by ----------------------------------------------------------


def bases(step: Step) -> list[Buffer]:
    """What holds the bytes of the places of a step."""
    return [buffer.base for buffer, _ in step.places]


def uses(step: Step) -> list[Buffer]:
    """The buffers that a step and those in it use, once per use."""
    if isinstance(step, Call):
        return bases(step)
    parts = (s for s in steps_of([step]) if not isinstance(s, Group))  # which are their calls
    return [b for part in parts for b in bases(part)]


def reads_first(step: Step) -> int:
    """How many of its `uses` a step only reads: they come first. What holds others may write all
    that it uses."""
    match step:
        case Call(launch=launch):
            return launch.inputs
        case Copy():
            return 1
    return 0
