"""Functions of the axe dialect that others apply, to check transformations with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axec.dialects import load
from axec.dialects.emit import IrEmit
from axec.dialects.functions import define
from axec.dialects.interpret import interpret
from axec.dialects.types import TensorType
from axec.mlir import ir, unknown_location
from axec.passes.axe.transform import Transform
from axec.passes.base import run_pipeline, verify

Value = Any
Body = Callable[..., Any]  # (emit, *arguments) -> a value or several


class Functions:
    """A module under construction. `define` adds a function; `apply` an fn op inside one."""

    def __init__(self) -> None:
        self.context = load()
        with self.context, unknown_location():
            self.module = ir.Module.create()
        self.results: dict[str, list[Any]] = {}

    def define(self, name: str, types: Sequence[TensorType], body: Body, private: bool) -> Any:
        """A function whose body emits ops; private ones are what fn ops apply."""

        def emit(*arguments: Value) -> list[Value]:
            found = body(IrEmit(unknown_location()), *arguments)
            results = list(found) if isinstance(found, tuple | list) else [found]
            self.results[name] = [v.type for v in results]
            return results

        with self.context, unknown_location(), ir.InsertionPoint(self.module.body):
            return define(name, [t.ir() for t in types], emit, private=private)

    def run(self, inputs: Sequence[Any], name: str = "main") -> tuple[Any, ...]:
        """Resolve all fn ops, verifying before and after, and interpret a function."""
        with self.context:
            verify(self.module)
            run_pipeline(self.module, [Transform()], verify_each=True)
            (function,) = self.module.body.operations  # private functions are gone
            assert function.name.value == name
            return interpret(function, inputs)

    def again(self, *inputs: Any) -> tuple[Any, ...]:
        """Interpret the one function that is left."""
        return interpret(self.module.body.operations[0], inputs)


def apply(op: str, callee: str, operands: Sequence[Value], results: Sequence[Any],
          **attrs: Any) -> list[Value]:  # fmt: skip
    """An fn op at the insertion point; integer lists become attributes, texts symbols."""
    found = {"callee": ir.FlatSymbolRefAttr.get(callee)}
    for key, value in attrs.items():
        is_name = isinstance(value, str)
        found[key] = (
            ir.FlatSymbolRefAttr.get(value) if is_name else ir.DenseI64ArrayAttr.get(list(value))
        )
    made = ir.Operation.create(
        f"fn.{op}", results=list(results), operands=list(operands), attributes=found,
        loc=unknown_location(),
    )  # fmt: skip
    return list(made.results)
