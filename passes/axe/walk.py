"""Apply the ops of a function again, at the insertion point and with other arguments: what
inlining, differentiation and batching have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from axec.dialects import types
from axec.dialects.axe import OPS
from axec.dialects.axe.arrange import broadcast, reshape
from axec.dialects.axe.constants import constant
from axec.dialects.emit import IrEmit
from axec.dialects.functions import terminator
from axec.dialects.opdef import OpDef
from axec.dialects.types import TensorType
from axec.mlir import unknown_location

Value = Any  # an MLIR value


class Functions(Protocol):
    """The functions of the module."""

    known: dict[Any, Any]  # what was found out about them, by what and name

    def block(self, name: str) -> Any:
        """The block of a function, in which axe ops and fn.custom are left."""
        ...

    def add(
        self, name: str, arguments: Sequence[Any], body: Callable[..., list[Value]], key: Any = ()
    ) -> str:
        """The private function of this name, key and arguments of these MLIR types, whose body
        `body(*arguments)` emits the first time; its name, made unique."""
        ...


class Numbers(IrEmit):
    """An emitter that makes each constant number, and each shape of it, once. For one insertion
    point: what was made before stands before what uses it."""

    def __init__(self, loc: Any) -> None:
        super().__init__(loc)
        self._made: dict[Any, Value] = {}
        self._numbers: set[Value] = set()

    def __call__(self, op: OpDef, *operands: Value, **given: Any) -> Any:
        if op is constant and given["value"].ndim == 0:
            value = given["value"]
            key: Any = (value.dtype, value.tobytes())
        elif op is broadcast and operands[0] in self._numbers:
            key = (operands[0], given["shape"])
        else:
            return super().__call__(op, *operands, **given)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = super().__call__(op, *operands, **given)
            if op is constant:
                self._numbers.add(found)
        return found


class Walk(Numbers):
    """Goes through a block in order. As it is: inlining. Subclasses say what becomes of an op, in
    `__call__`; of a value they may make something else than a value."""

    def __init__(self, functions: Functions) -> None:
        super().__init__(unknown_location())
        self.functions = functions

    def block(self, block: Any, arguments: Sequence[Any]) -> list[Any]:
        """What the operands of the block's terminator become."""
        env = dict(zip(block.arguments, arguments, strict=True))
        for view in block.operations:
            operation = view.operation
            operands = [env[v] for v in operation.operands]
            if operation.name == "func.return":
                return operands
            self.loc = operation.location
            env.update(zip(operation.results, self.operation(operation, operands), strict=True))
        raise AssertionError("a function without return")

    def operation(self, operation: Any, operands: list[Any]) -> Sequence[Any]:
        """What the results of an op become."""
        if operation.name == "fn.custom":
            return self.custom(operation, operands)
        return copied(operation, operands)

    def custom(self, operation: Any, operands: list[Any]) -> Sequence[Any]:
        """What the results of an fn.custom become."""
        return copied(operation, operands)


def applied(emit: IrEmit, operation: Any, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Emit the op of an operation on other operands; its results."""
    op: OpDef = OPS[operation.name]
    results = emit(op, *operands, **op.attrs_from_ir(operation))
    return results if isinstance(results, tuple) else (results,)


def copied(operation: Any, operands: Sequence[Value]) -> Sequence[Value]:
    """The operation as it is, on other operands of the same types; its results."""
    copy = operation.clone().operation
    for i, value in enumerate(operands):
        copy.operands[i] = value
    return list(copy.results)


def is_float(value: Value) -> bool:
    """Whether a value has derivatives."""
    return types.of(value).dtype.is_float


def distinct(e: IrEmit, arguments: Sequence[Value], picked: Sequence[int]) -> list[Value]:
    """The arguments, the picked ones as values that no other argument is: derivatives are with
    respect to an argument, and a caller may pass one value for several."""
    values = list(arguments)
    for i in picked:
        if values.count(values[i]) > 1:
            values[i] = e(reshape, values[i], shape=e.type(values[i]).shape)
    return values


def groups(values: Sequence[Any], sizes: Sequence[int]) -> list[list[Any]]:
    """Values in groups of these sizes."""
    parts, rest = [], list(values)
    for size in sizes:
        parts.append(rest[:size])
        rest = rest[size:]
    assert not rest
    return parts


def results_of(functions: Functions, name: str) -> list[TensorType]:
    """The types of a function's results."""
    return [types.of(v) for v in terminator(functions.block(name)).operands]
