"""From functions to the flow of an entry: bodies of loops and branches are taken in where they run.

Each time they get buffers of their own. Values that need not be apart share one:

    what a branch gives        is written where the switch's result lies
    ys of a scan               are written to their slice of the stacked result
    a carry                    lies in one slot if its last reader of a turn comes before the first
                               writer of the next; otherwise in two that take turns, by the parity
                               of the counter
    the carry at the start     is the slot itself if nobody else needs it; otherwise copied there
    a kernel's result          is written over an operand that nobody reads later, where the kernel
                               may do that (in_place.py)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from axec.diag import AxecError
from axec.dialects import attrs, control, dims, types
from axec.dialects.dims import Size, dim
from axec.dialects.interpret import ranges_of
from axec.dialects.types import TensorType
from axec.passes.kernel.launches import Launch, Launches
from axec.passes.kernel.plan.arena import ALIGN
from axec.passes.kernel.plan.flow import (
    Buffer,
    Call,
    Copy,
    Flow,
    Loop,
    Place,
    Step,
    Switch,
    While,
    lifetimes,
)


def flow_of(function: Any, launches: Launches, functions: Mapping[str, Any]) -> Flow:
    """The flow of a public func.func of kernel.call, control and axe.reshape ops; `launches` and
    `functions`: those of the module.

    Raises AxecError `plan-order` for any other op, `plan-result` for a result that no kernel writes
    or that is returned twice (fuse makes copies of such), `dim-unbound` for a named dim without a
    range.
    """
    builder = _Builder(launches, functions, ranges_of(function))
    block = function.regions[0].blocks[0]
    given = [
        builder.new(types.of(a).nbytes, home="argument", number=i)
        for i, a in enumerate(block.arguments)
    ]
    donors = donors_of(function)
    carries = {given[source]: i for i, source in donors.items()}
    frame = builder.run(function, [Place(b) for b in given], 0, carries)
    *_, terminator = block.operations
    lives = lifetimes(frame.steps) if donors else {}
    for i, (value, place) in enumerate(zip(terminator.operands, frame.results(), strict=True)):
        if i in donors:
            _donate(frame, value, place, given[donors[i]], lives)
            continue
        if place.buffer.root().buffer.home != "arena":
            message = f"result {i} is an argument or another result: run `fuse` first"
            raise AxecError("plan-result", message, location=terminator.location)
        result = builder.new(types.of(value).nbytes, home="result", number=i)
        frame.put(value, place, Place(result), terminator.location)
    named = set().union(*(dims.names(b.nbytes) for b in builder.buffers))
    if unbound := named - builder.ranges.keys():
        message = f"dim {min(unbound)} has no range in the function's `axe.dims`"
        raise AxecError("dim-unbound", message, location=function.location)
    return Flow(frame.steps, builder.buffers)


def donors_of(function: Any) -> dict[int, int]:
    """Which results take the memory of an argument, by number: `axe.donors = [[result, argument]]`
    of a function."""
    found = function.attributes
    return dict(attrs.read("Pairs", found["axe.donors"])) if "axe.donors" in found else {}


def _donate(
    frame: _Frame, value: Any, place: Place, donor: Buffer, lives: Mapping[Buffer, tuple[int, int]]
) -> None:
    """Have a result in the memory of an argument: written there if the last reader of the argument
    comes before its first writer, else copied at the end."""
    if place.buffer is donor:
        return  # written in place already
    where = frame.operations[-1].location
    _, read = lives.get(donor, (-1, -1))
    if frame.owns(place, types.of(value)) and read < lives[place.buffer][0]:
        frame.put(value, place, Place(donor), where)
    else:
        frame.steps.append(Copy(types.of(value), place, Place(donor), where))


class _Frame:
    """A function that is being taken in: where its values lie, and its steps so far."""

    def __init__(self, function: Any, arguments: Sequence[Place], depth: int) -> None:
        block = function.regions[0].blocks[0]
        self.depth = depth
        self.operations = [o.operation for o in block.operations]
        self.now = 0  # the operation that is being taken in
        self.last = {v: i for i, op in enumerate(self.operations) for v in op.operands}
        self.yields = _yields(self.operations)
        self.env: dict[Any, Place] = {}
        self.values: dict[Buffer, list[Any]] = {}  # that lie in a buffer
        self.owned: set[Buffer] = set()  # nobody outside knows them
        self.carries: dict[Buffer, int] = {}  # likewise, from the begin on: number of the result
        self.steps: list[Step] = []
        for value, place in zip(block.arguments, arguments, strict=True):
            self.define(value, place)

    def define(self, value: Any, place: Place) -> None:
        self.env[value] = place
        self.values.setdefault(place.buffer, []).append(value)

    def results(self) -> list[Place]:
        return [self.env[v] for v in self.operations[-1].operands]

    def put(self, value: Any, source: Place, target: Place, where: Any) -> None:
        """Have a result in a place that was made for it: written there, else copied."""
        t = types.of(value)
        if self.owns(source, t):
            source.buffer.inside = target
            self.owned.discard(source.buffer)
        else:
            self.steps.append(Copy(t, source, target, where))

    def owns(self, place: Place, t: TensorType) -> bool:
        """Is the place a whole buffer that may lie anywhere?"""
        return place.buffer in self.owned and place.offset == 0 and place.buffer.nbytes == t.nbytes

    def taken(self, op: Any, operand: int, result: Any) -> Buffer | None:
        """The buffer of an operand, if a result of the op may lie there: all of it is that
        operand's, and nothing reads it later."""
        value = op.operands[operand]
        place, t = self.env[value], types.of(value)
        carried = place.buffer in self.carries and place.buffer.nbytes == t.nbytes
        if types.of(result).nbytes != t.nbytes or not (self.owns(place, t) or carried):
            return None
        if sum(self.env[v].buffer is place.buffer for v in op.operands) > 1:
            return None
        if any(self.last.get(v, 0) > self.now for v in self.values[place.buffer]):
            return None
        if carried and not self.yields.get(result, set()) <= {self.carries[place.buffer]}:
            return None
        return place.buffer


def _yields(operations: Sequence[Any]) -> dict[Any, set[int]]:
    """Which results of a function are a value, or a view of it."""
    found: dict[Any, set[int]] = {}
    for number, value in enumerate(operations[-1].operands):
        found.setdefault(value, set()).add(number)
    for op in reversed(operations[:-1]):
        if op.name == "axe.reshape":
            viewed = found.setdefault(op.operands[0], set())
            viewed |= found.get(op.results[0], set())
    return found


class _Builder:
    def __init__(
        self, launches: Launches, functions: Mapping[str, Any], ranges: dims.Ranges
    ) -> None:
        self.launches = launches
        self.functions = functions
        self.ranges = ranges
        self.buffers: list[Buffer] = []
        self.loops = 0
        self.rules: dict[str, Callable[[_Frame, Any], None]] = {
            "axe.reshape": lambda f, op: f.define(op.results[0], f.env[op.operands[0]]),
            "kernel.call": self._call,
            "control.scan": self._scan,
            "control.while": self._while,
            "control.switch": self._switch,
        }

    def new(self, nbytes: Size, depth: int = 0, home: str = "arena", number: int = 0) -> Buffer:
        self.buffers.append(Buffer(nbytes, depth, home, number))
        return self.buffers[-1]

    def run(
        self,
        function: Any,
        arguments: Sequence[Place],
        depth: int,
        carries: Mapping[Buffer, int] = MappingProxyType({}),
    ) -> _Frame:
        """Take in a function. `carries`: buffers of arguments that are its own, each with the
        number of the result that is to lie there."""
        frame = _Frame(function, arguments, depth)
        frame.carries = dict(carries)
        for now, op in enumerate(frame.operations[:-1]):
            frame.now = now
            rule = self.rules.get(op.name)
            if rule is None:
                message = f"{op.name} is no kernel: run `fuse` and `outline` first"
                raise AxecError("plan-order", message, location=op.location)
            rule(frame, op)
        return frame

    def _result(self, frame: _Frame, value: Any) -> Place:
        """A buffer for a result of an op."""
        buffer = self.new(types.of(value).nbytes, frame.depth)
        frame.owned.add(buffer)
        frame.define(value, Place(buffer))
        return Place(buffer)

    def _call(self, frame: _Frame, op: Any) -> None:
        launch = self.launches.of(op)
        places = [frame.env[v] for v in op.operands]
        window = launch.kernel.window
        updated = frame.taken(op, window.operand, op.results[0]) if window else None
        taken: set[Buffer] = set()
        for result in op.results:
            buffer = updated or self._overwritten(frame, op, launch, result, taken)
            if buffer is None:
                places.append(self._result(frame, result))
            else:
                taken.add(buffer)
                frame.define(result, Place(buffer))
                places.append(Place(buffer))
        places += [Place(self.new(nbytes, frame.depth)) for nbytes in launch.workspace]
        frame.steps.append(Call(op, launch.replacing if updated else launch, places))

    def _overwritten(
        self, frame: _Frame, op: Any, launch: Launch, result: Any, taken: set[Buffer]
    ) -> Buffer | None:
        """The buffer of an operand that the kernel may write a result to: best where it is to lie
        in the end."""
        numbers = launch.kernel.overwritten
        found = [b for n in numbers if (b := frame.taken(op, n, result)) and b not in taken]
        return max(found, key=lambda b: b in frame.carries, default=None)

    # Branches.

    def _switch(self, frame: _Frame, op: Any) -> None:
        index, *arguments = op.operands
        targets = [self._result(frame, r) for r in op.results]
        branches = []
        for name in control.Switch.of(op).branches:
            given = [frame.env[v] for v in arguments]
            branch = self.run(self.functions[name], given, frame.depth)
            self._put_all(branch, branch.operations[-1].operands, targets)
            branches.append(branch.steps)
        place = frame.env[index]
        frame.steps.append(Switch(op.location, types.of(index), place, branches))

    def _put_all(self, frame: _Frame, values: Sequence[Any], targets: Sequence[Place]) -> None:
        for value, target in zip(values, targets, strict=True):
            frame.put(value, frame.env[value], target, frame.operations[-1].location)

    # Loops.

    def _counter(self) -> str:
        """A name that no dim has."""
        name = f"k{self.loops}"
        self.loops += 1
        while name in self.ranges:
            name += "_"
        return name

    def _scan(self, frame: _Frame, op: Any) -> None:
        scan, counter = control.Scan.of(op), self._counter()
        turn = dim(counter)
        index = scan.length - 1 - turn if scan.reverse else turn
        _, xs, consts = scan.split(op.operands)
        carries = [_Carry(self, frame, op, j) for j in range(scan.carries)]
        number = self.new(8, frame.depth + 1, home="counter")
        targets = [self._result(frame, r) for r in op.results[scan.carries :]]
        rows = [_row(frame.env[v], types.of(v), index) for v in xs]
        given = [Place(number), *(Place(c.old) for c in carries), *rows]
        given += [frame.env[v] for v in consts]
        olds = {c.old: j for j, c in enumerate(carries)}
        body = self.run(self.functions[scan.body], given, frame.depth + 1, olds)
        values = list(body.operations[-1].operands)
        slices = [
            _row(target, types.of(r), index)
            for target, r in zip(targets, op.results[scan.carries :], strict=True)
        ]
        self._put_all(body, values[scan.carries :], slices)
        _advance(carries, body, values[: scan.carries], turn)
        frame.steps.append(Loop(op.location, counter, scan.length, index, number, body.steps))
        for carry in carries:
            carry.define(_odd(scan.length))

    def _while(self, frame: _Frame, op: Any) -> None:
        loop, counter = control.While.of(op), self._counter()
        carries = [_Carry(self, frame, op, j) for j in range(loop.carries)]
        olds = [c.old for c in carries]
        given = [*map(Place, olds), *(frame.env[v] for v in op.operands[loop.carries :])]
        condition = self.run(self.functions[loop.condition], given, frame.depth + 1)
        own = {old: j for j, old in enumerate(olds)}
        body = self.run(self.functions[loop.body], given, frame.depth + 1, own)
        _advance(carries, body, body.operations[-1].operands, dim(counter))
        after: list[Step] = []
        (test,) = condition.results()
        frame.steps.append(While(op.location, counter, condition.steps, test, body.steps, after))
        for carry in carries:
            if carry.step:  # which slot it is, is known in the loop only
                target = self._result(frame, carry.result)
                after.append(Copy(carry.type, Place(carry.old), target, op.location))
            else:
                carry.define(0)


def _advance(carries: Sequence[_Carry], body: _Frame, values: Sequence[Any], turn: Size) -> None:
    """Have every result of a loop's body where the next turn reads it."""
    lives = lifetimes(body.steps, body.depth)
    for carry, value in zip(carries, values, strict=True):
        carry.advance(body, value, turn, lives)


def _row(place: Place, stacked: TensorType, index: Size) -> Place:
    """Row `index` of a tensor that lies in a place."""
    row = stacked.with_shape(stacked.shape[1:])
    return Place(place.buffer, place.offset + index * row.nbytes)


def _odd(turn: Size) -> Size:
    """turn modulo 2."""
    return turn - 2 * (turn // 2)


class _Carry:
    """Carry number j of a loop: its slot, and the buffer `old` that holds it in a turn."""

    def __init__(self, builder: _Builder, frame: _Frame, op: Any, j: int) -> None:
        self.builder, self.frame = builder, frame
        self.result, self.where = op.results[j], op.location
        self.type = types.of(self.result)
        self.step: Size = 0  # from one slot to the other; 0: there is one
        found = frame.taken(op, j, self.result)
        self.slot = found or self._new(self.type.nbytes, frame.env[op.operands[j]])
        self.old = builder.new(self.type.nbytes, frame.depth + 1)
        self.old.inside = Place(self.slot)

    def _new(self, nbytes: Size, start: Place) -> Buffer:
        """A slot of its own, which begins with a copy."""
        slot = self.builder.new(nbytes, self.frame.depth)
        self.frame.owned.add(slot)
        self.frame.steps.append(Copy(self.type, start, Place(slot), self.where))
        return slot

    def advance(
        self, body: _Frame, value: Any, turn: Size, lives: Mapping[Buffer, tuple[int, int]]
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
            new.buffer.inside = Place(self.slot, self.step * (1 - _odd(turn)))
        else:
            new.buffer.inside = Place(self.old)
        body.owned.discard(new.buffer)

    def _double(self, turn: Size) -> None:
        """Give the carry a second slot."""
        self.step = (self.type.nbytes + (ALIGN - 1)) // ALIGN * ALIGN
        both = self.step + self.type.nbytes
        if self.slot.inside is not None:  # of a loop around this one
            self.slot = self._new(both, Place(self.slot))
        self.slot.nbytes = both
        self.old.inside = Place(self.slot, self.step * _odd(turn))

    def define(self, last: Size) -> None:
        """The loop's result lies in the slot of that parity."""
        self.frame.define(self.result, Place(self.slot, self.step * last))
