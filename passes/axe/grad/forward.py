"""Forward mode: a function's ops are applied again, each followed by what takes the tangents of its
operands to that of its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from axec.diag import AxecError
from axec.dialects import fn
from axec.dialects.axe.build import fill
from axec.dialects.locations import location_of
from axec.dialects.opdef import OpDef
from axec.passes.axe.grad.rules import EXPAND, JVP
from axec.passes.axe.walk import (
    Functions,
    Numbers,
    Value,
    Walk,
    applied,
    copied,
    distinct,
    is_float,
)


def jvp(
    functions: Functions, block: Any, arguments: Sequence[Value], tangents: Mapping[int, Value],
    outs: Sequence[int],
) -> list[Value]:  # fmt: skip
    """Apply a function at the insertion point; its results, then the tangents of those in `outs`,
    given the tangents of some arguments."""
    dual = Dual(functions)
    arguments = distinct(dual, arguments, list(tangents))
    dual.tangents = {arguments[i]: t for i, t in tangents.items()}
    results = dual.block(block, arguments)
    return results + [dual.tangent(results[i]) for i in outs]


# Branches and loops: `(dual, operation, operands) -> results`, whose tangents it enters.
CONTROL: dict[str, Callable[[Dual, Any, list[Value]], Sequence[Value]]] = {}


class Dual(Walk):
    """Applies ops to values that may have tangents."""

    def __init__(self, functions: Functions) -> None:
        super().__init__(functions)
        self.tangents: dict[Value, Value] = {}
        self.plain = Numbers(self.loc)

    def tangent(self, value: Value) -> Value:
        """The tangent of a value; zero where it has none."""
        known = self.tangents.get(value)
        return fill(self.plain, 0, value) if known is None else known

    def operation(self, operation: Any, operands: list[Value]) -> Sequence[Value]:
        self.plain.loc = operation.location
        if self.tangents.keys().isdisjoint(operands):
            return copied(operation, operands)
        if operation.name == "fn.custom":
            return self.custom(operation, operands)
        if operation.name in CONTROL:
            return CONTROL[operation.name](self, operation, operands)
        return applied(self, operation, operands)

    def __call__(self, op: OpDef, *operands: Value, **given: Any) -> Any:
        """Apply an op; one without a rule in terms of ops that have one."""
        if self.tangents.keys().isdisjoint(operands):
            return super().__call__(op, *operands, **given)
        given = op.with_defaults(given)
        steps = EXPAND[op](self, *operands, **given) if op in EXPAND else None
        if steps is not None:
            return steps
        if op.expand is not None and op not in JVP:
            return op.expand(self, *operands, **given)
        y = super().__call__(op, *operands, **given)
        if is_float(y):
            found = [self.tangents.get(v) for v in operands]
            t = JVP[op](self.plain, found, y, *operands, **given)
            if t is not None:
                self.tangents[y] = t
        return y

    def custom(self, operation: Any, operands: list[Value]) -> Sequence[Value]:
        """A function with derivatives of the user's own."""
        if "jvp" not in operation.attributes:
            raise AxecError(
                "grad-custom",
                "this function has its own vjp, and forward mode cannot go through it",
                location=location_of(operation),
                hint="give it a rule with axe.custom_jvp, which serves both directions",
            )
        tangents = [self.tangent(v) for v in operands if is_float(v)]
        push = self.functions.block(fn.callee(operation, "jvp"))
        found = Walk(self.functions).block(push, [*operands, *tangents])
        count = len(operation.results)
        results = found[:count]
        floats = [y for y in results if is_float(y)]
        self.tangents.update(zip(floats, found[count:], strict=True))
        return results
