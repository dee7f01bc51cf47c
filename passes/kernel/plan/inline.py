"""From functions to the flow of an entry: bodies of loops and branches are taken in where they run.

Each time they get buffers of their own. Values that need not be apart share one:

    what a branch gives        is written where the switch's result lies
    ys of a scan               are written to their slice of the stacked result
    a carry                    lies in one slot, or in two that take turns (carry.py)
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
from axec.passes.kernel.launches import Launches
from axec.passes.kernel.plan.carry import Carry, advance, odd
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
from axec.passes.kernel.plan.frame import Frame


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
        if place.buffer.base.home != "arena":
            message = f"result {i} is an argument or another result: run `fuse` first"
            raise AxecError("plan-result", message, location=terminator.location)
        result = builder.new(types.of(value).nbytes, home="result", number=i)
        frame.put(value, place, Place(result), terminator.location)
    sizes = [b.nbytes for b in builder.buffers if not isinstance(b.nbytes, int)]
    named = set().union(*map(dims.names, sizes))
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
    frame: Frame, value: Any, place: Place, donor: Buffer, lives: Mapping[Buffer, tuple[int, int]]
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


class _Builder:
    def __init__(
        self, launches: Launches, functions: Mapping[str, Any], ranges: dims.Ranges
    ) -> None:
        self.launches = launches
        self.functions = functions
        self.ranges = ranges
        self.buffers: list[Buffer] = []
        self.loops = 0
        self.rules: dict[str, Callable[[Frame, Any], None]] = {
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
    ) -> Frame:
        """Take in a function. `carries`: buffers of arguments that are its own, each with the
        number of the result that is to lie there."""
        frame = Frame(function, arguments, depth)
        frame.carries = dict(carries)
        for now, op in enumerate(frame.operations[:-1]):
            frame.now = now
            rule = self.rules.get(op.name)
            if rule is None:
                message = f"{op.name} is no kernel: run `fuse` and `outline` first"
                raise AxecError("plan-order", message, location=op.location)
            rule(frame, op)
        return frame

    def _result(self, frame: Frame, value: Any) -> Place:
        """A buffer for a result of an op."""
        place = Place(self.new(types.of(value).nbytes, frame.depth))
        frame.owned.add(place.buffer)
        frame.define(value, place)
        return place

    def _call(self, frame: Frame, op: Any) -> None:
        launch = self.launches.of(op)
        places = [frame.env[v] for v in frame.operands[frame.now]]
        window, numbers = launch.kernel.window, launch.kernel.overwritten
        updated = frame.taken(window.operand, op.results[0]) if window else None
        taken: set[Buffer] = set()
        for result in op.results:
            buffer = updated or _overwritten(frame, numbers, result, taken)
            if buffer is None:
                places.append(self._result(frame, result))
            else:
                taken.add(buffer)
                frame.define(result, Place(buffer))
                places.append(Place(buffer))
        places += [Place(self.new(nbytes, frame.depth)) for nbytes in launch.workspace]
        frame.steps.append(Call(op, launch.replacing if updated else launch, places))

    # Branches.

    def _switch(self, frame: Frame, op: Any) -> None:
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

    def _put_all(self, frame: Frame, values: Sequence[Any], targets: Sequence[Place]) -> None:
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

    def _scan(self, frame: Frame, op: Any) -> None:
        scan, counter = control.Scan.of(op), self._counter()
        turn = dim(counter)
        index = scan.length - 1 - turn if scan.reverse else turn
        _, xs, consts = scan.split(op.operands)
        carries = [Carry(self.new, frame, op, j) for j in range(scan.carries)]
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
        advance(carries, body, values[: scan.carries], turn)
        frame.steps.append(Loop(op.location, counter, scan.length, index, number, body.steps))
        for carry in carries:
            carry.define(odd(scan.length))

    def _while(self, frame: Frame, op: Any) -> None:
        loop, counter = control.While.of(op), self._counter()
        carries = [Carry(self.new, frame, op, j) for j in range(loop.carries)]
        olds = [c.old for c in carries]
        given = [*map(Place, olds), *(frame.env[v] for v in op.operands[loop.carries :])]
        condition = self.run(self.functions[loop.condition], given, frame.depth + 1)
        own = {old: j for j, old in enumerate(olds)}
        body = self.run(self.functions[loop.body], given, frame.depth + 1, own)
        advance(carries, body, body.operations[-1].operands, dim(counter))
        after: list[Step] = []
        (test,) = condition.results()
        frame.steps.append(While(op.location, counter, condition.steps, test, body.steps, after))
        for carry in carries:
            if carry.step:  # which slot it is, is known in the loop only
                target = self._result(frame, carry.result)
                after.append(Copy(carry.type, Place(carry.old), target, op.location))
            else:
                carry.define(0)


def _row(place: Place, stacked: TensorType, index: Size) -> Place:
    """Row `index` of a tensor that lies in a place."""
    row = stacked.with_shape(stacked.shape[1:])
    return Place(place.buffer, place.offset + index * row.nbytes)


def _overwritten(
    frame: Frame, operands: Sequence[int], result: Any, taken: set[Buffer]
) -> Buffer | None:
    """The buffer of one of these operands that a result may be written to: best where it is to lie
    in the end."""
    found = [b for n in operands if (b := frame.taken(n, result)) and b not in taken]
    return max(found, key=lambda b: b in frame.carries, default=None)
