"""What is known when compiling: weights, and what exact ops make of them.

A function that `control.call` ops alone run is known to be given weights where all calls give it
such; what bodies of loops and branches are given is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from axec.dialects import control, types
from axec.dialects.axe import OPS
from axec.dialects.functions import block_of, functions, is_private, name_of
from axec.mlir import ir

Value = Any  # an MLIR value

#: Ops whose references give the same bits on every machine: they move elements, round once as IEEE
#: 754 says, or fold in an order that NumPy fixes. Not exp and its like, nor products, for which
#: NumPy picks code by the machine's features.
FOLDABLE = frozenset(
    op.full_name
    for op in OPS.values()
    if op.group in ("arrange", "alias")
    or op.name in {
        "constant", "iota", "reduce", "cast", "select", "compare", "clamp", "add", "sub", "mul",
        "div", "neg", "abs", "max", "min", "sqrt", "rsqrt", "floor", "ceil", "trunc", "round",
        "sign", "copysign", "and", "or", "xor", "not", "shift_left", "shift_right",
    }
)  # fmt: skip


def is_foldable(op: Any, operands: Iterable[Value], known: set[Value]) -> bool:
    """Whether the one result of an op can be computed when compiling, its operands being known."""
    return op.name in FOLDABLE and known.issuperset(operands) and types.of(op.results[0]).is_static


def known_in(block: Any, arguments: set[Value]) -> set[Value]:
    """The known values of a block, given its known arguments."""
    known = {a for a in block.arguments if a in arguments}
    for view in block.operations:
        op = view.operation
        if is_foldable(op, op.operands, known):
            known.add(op.results[0])
    return known


@dataclass(slots=True)
class Program:
    """The functions of a module and their calls. `known`: values that are known; `owned`: known
    arguments of which one op alone reads what they are given."""

    functions: dict[str, Any]  # by name, callers before those that they call
    calls: dict[str, list[Any]]  # by callee
    known: set[Value] = field(default_factory=set)
    owned: set[Value] = field(default_factory=set)

    @staticmethod
    def of(module: Any) -> Program | None:
        """None where no function has weights."""
        named = {name_of(f): f for f in functions(module)}
        if not any(True for f in named.values() for _ in weights_of(f)):
            return None
        calls: dict[str, list[Any]] = {}
        bodies: set[str] = set()
        for function in named.values():
            for view in block_of(function).operations:
                if view.operation.name == "control.call":
                    callee = control.Call.of(view.operation).callee
                    calls.setdefault(callee, []).append(view.operation)
                else:
                    bodies.update(control.bodies(view.operation))
        for name in bodies:
            calls.pop(name, None)
        return Program(_sorted(named, calls), calls)

    def enter(self, name: str) -> None:
        """Find out about the arguments of a function, whose callers are known."""
        function, given = self.functions[name], self.calls.get(name, [])
        arguments = block_of(function).arguments
        if not is_private(function):
            self.known.update(arguments[number] for number, _ in weights_of(function))
        elif given:
            for number, argument in enumerate(arguments):
                if all(call.operands[number] in self.known for call in given):
                    self.known.add(argument)
        for number, argument in enumerate(arguments):
            own = argument in self.known and is_read_once(argument)
            if own and all(self.owns(call.operands[number]) for call in given):
                self.owned.add(argument)

    def forget_ops(self) -> None:
        """Keep what is known of arguments: ops will go, and others take their place in memory."""
        arguments = (a for f in self.functions.values() for a in block_of(f).arguments)
        self.known.intersection_update(list(arguments))

    def owns(self, value: Value) -> bool:
        """Whether one op alone reads a known value, and what it is made from: nobody misses it
        when it becomes something else."""
        while not isinstance(value, ir.BlockArgument):
            operands = list(value.owner.operands)
            if not is_read_once(value) or not operands:
                return not operands
            value = max(operands, key=nbytes)
        return value in self.owned


def nbytes(value: Value) -> int:
    """Of a value whose sizes are known."""
    found = types.of(value).nbytes
    assert isinstance(found, int)
    return found


def is_read_once(value: Value) -> bool:
    """The value has exactly one use."""
    uses = value.uses
    return next(uses, None) is not None and next(uses, None) is None


def weights_of(function: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The arguments of a function that are weights: numbers, and attributes by name."""
    for number, row in enumerate(function.attributes.get("arg_attrs", ())):
        if "axe.weight" in row:
            yield number, {named.name: named.attr for named in row}


def _sorted(named: dict[str, Any], calls: dict[str, list[Any]]) -> dict[str, Any]:
    """Functions, callers first."""
    callers = {
        name: {name_of(call.parent) for call in calls.get(name, ())} & named.keys()
        for name in named
    }
    found: dict[str, Any] = {}

    def enter(name: str) -> None:
        if name not in found:
            for caller in sorted(callers[name]):
                enter(caller)
            found[name] = named[name]

    for name in named:
        enter(name)
    return found
