"""Where every buffer of an entry lies: first groups are made, then buffers are placed, behind room
for the values that the program evaluates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from axec.dialects import dims
from axec.dialects.dims import Ranges, upper_ends
from axec.passes.kernel import cost
from axec.passes.kernel.launches import Launch
from axec.passes.kernel.plan import group
from axec.passes.kernel.plan.arena import (
    Bytes,
    Item,
    Placement,
    most_alive,
    place,
    raised,
    round_up,
)
from axec.passes.kernel.plan.flow import (
    Buffer,
    Call,
    Copy,
    Flow,
    Group,
    Loop,
    While,
    lifetimes,
    steps_of,
)


@dataclass(frozen=True, slots=True)
class PlanReport:
    """Bytes at the upper ends of the dims' ranges: the arena, the most that is in use at once, and
    what all buffers would take without sharing."""

    arena: int
    lower_bound: int
    unshared: int


@dataclass(frozen=True, slots=True)
class Memory:
    """The arena of an entry: `offsets` of its buffers, its size `total`, of which `head` bytes at
    the beginning are for the values that the program evaluates; at the upper ends of the dims,
    `lower_bound` is the most bytes of buffers in use at once."""

    offsets: dict[Buffer, Bytes]
    total: Bytes
    head: int
    lower_bound: int

    def report(self, ends: Mapping[str, int]) -> PlanReport:
        """The figures, at these dims."""
        return PlanReport(
            arena=max(dims.evaluate(t, ends) for t in self.total),
            lower_bound=self.lower_bound,
            unshared=sum(dims.evaluate(b.nbytes, ends) for b in self.offsets),
        )


def plan_memory(flow: Flow, ranges: Ranges, members: int, growth: int) -> Memory:
    """Place the buffers of a flow, whose steps become groups of up to `members` launches where that
    raises the arena by no more than `growth` percent."""
    layout = _Planner(flow, ranges, members, growth).grouped()
    head = _table_bytes(flow, layout.placed.offsets)
    offsets = [raised(o, head) for o in layout.placed.offsets]
    return Memory(
        offsets=dict(zip(layout.buffers, offsets, strict=True)),
        total=raised(layout.placed.total, head),
        head=head,
        lower_bound=layout.lower_bound,
    )


class _Layout:
    """Buffers of the arena when steps run in an order. `lower_bound`: the most bytes of them that
    are in use at once; `placed`: where they lie, found when it is asked for."""

    def __init__(self, flow: Flow, ranges: Ranges) -> None:
        self.ranges = ranges
        self.ends = upper_ends(ranges)
        lives = lifetimes(flow.steps)
        own = (b for b in flow.buffers if b.home == "arena" and not b.inside)
        self.buffers = [b for b in own if b in lives]
        self.items = [Item(b.nbytes, *lives[b]) for b in self.buffers]
        sizes = [dims.evaluate(b.nbytes, self.ends) for b in self.buffers]
        self.lower_bound = most_alive(self.items, sizes)

    @cached_property
    def placed(self) -> Placement:
        return place(self.items, self.ranges)

    @property
    def bytes(self) -> int:
        """What they take at the upper ends of the dims."""
        return max(dims.evaluate(t, self.ends) for t in self.placed.total)


class _Planner:
    def __init__(self, flow: Flow, ranges: Ranges, members: int, growth: int) -> None:
        self.flow = flow
        self.ranges = ranges
        self.members, self.growth = members, growth
        self.ends = upper_ends(ranges)

    def grouped(self) -> _Layout:
        """Make groups and place the buffers; without groups where these take more memory."""
        steps = self.flow.steps
        work = cache(self._work)
        sizes = group.Sizes(lambda call: work(call.launch), self._nbytes, self.members, self.growth)
        self.flow.steps = group.grouped(steps, sizes)
        found = _Layout(self.flow, self.ranges)
        if not any(isinstance(step, Group) for step in steps_of(self.flow.steps)):
            return found
        among, self.flow.steps = self.flow.steps, steps
        apart, most = _Layout(self.flow, self.ranges), found.bytes * 100
        limit = 100 + self.growth
        if most > apart.lower_bound * limit and most > apart.bytes * limit:
            return apart
        self.flow.steps = among
        return found

    def _work(self, launch: Launch) -> group.Work:
        """Time and units in the middle of the dims' ranges."""
        at = cost.middle(self.ranges)
        time, units = (dims.evaluate(size, at) for size in (launch.time, launch.units))
        return group.Work(max(1, time), max(1, units))

    def _nbytes(self, buffer: Buffer) -> int:
        return dims.evaluate(buffer.nbytes, self.ends)


def _table_bytes(flow: Flow, offsets: list[Bytes]) -> int:
    """Room for the values that a program with named dims or loops evaluates
    (runtime/program.py): at most one per distinct expression, one per weight, and two per
    loop for its counter and index."""
    values: set[Bytes | str] = {(0,), *offsets}
    loops = 0
    steps = list(steps_of(flow.steps))
    for step in steps:
        match step:
            case Call(launch=launch):
                values.update((n,) for n in (launch.units, *launch.bound.values()))
            case Copy(type=t):
                values.add((t.nbytes,))
            case Loop() | While():
                loops += 1
                values.add((step.trip,) if isinstance(step, Loop) else "forever")
    if not loops and all(isinstance(n, int) for v in values for n in v):
        return 0
    places = {p for step in steps for place in step.places if (p := place.root).offset != 0}
    # Placed offsets move by the head, too.
    count = len(values) + len(flow.buffers) + len(places) + 2 * loops
    return round_up(8 * count)
