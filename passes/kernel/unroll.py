"""Put the kernels of functions where they are called.

    func private @f(%x, %w) { %0 = kernel.call @k(%x, %w)  return %0 }
    %1 = control.call(%0, %a) {callee = @f}       ->    %1 = kernel.call @k(%0, %a)
    %2 = control.call(%1, %b) {callee = @f}             %2 = kernel.call @k(%1, %b)

Passes up to here looked at a function once for all its calls (`roll`). Those that follow see one
order of calls, in which every buffer and every weight is one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects import control
from axec.dialects.functions import functions
from axec.mlir import ir
from axec.passes.base import Pass, register

Value = Any  # an MLIR value


@register
@dataclass(frozen=True)
class Unroll(Pass):
    """Inline the functions that control.call ops run."""

    name = "unroll"

    def run(self, module: Any) -> None:
        unroller = _Unroller({f.attributes["sym_name"].value: f for f in functions(module)})
        for name in unroller.functions:
            unroller.block(name)
        for name in unroller.called:
            unroller.functions[name].erase()


class _Unroller:
    def __init__(self, functions: dict[str, Any]) -> None:
        self.functions = {name: f.operation for name, f in functions.items()}
        self.called: dict[str, None] = {}
        self._done: dict[str, Any] = {}

    def block(self, name: str) -> Any:
        """The block of a function, without calls."""
        if name not in self._done:
            self._done[name] = self.functions[name].regions[0].blocks[0]
            for op in [o.operation for o in self._done[name].operations]:
                if op.name == "control.call":
                    self._inline(op)
        return self._done[name]

    def _inline(self, call: Any) -> None:
        callee = control.Call.of(call).callee
        self.called[callee] = None
        block = self.block(callee)
        env: dict[Value, Value] = dict(zip(block.arguments, call.operands, strict=True))
        *operations, terminator = (o.operation for o in block.operations)
        with ir.InsertionPoint(call):
            for op in operations:
                env.update(zip(op.results, _copied(op, env), strict=True))
        for old, value in zip(call.results, terminator.operands, strict=True):
            old.replace_all_uses_with(env[value])
        call.erase()


def _copied(op: Any, env: dict[Value, Value]) -> Any:
    """The results of the op on other operands."""
    made = op.clone().operation
    for number, value in enumerate(op.operands):
        made.operands[number] = env[value]
    return made.results
