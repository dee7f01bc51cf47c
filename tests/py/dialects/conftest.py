"""Every test of the dialects runs inside the process-wide context, at an unknown location."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from axec.dialects import load, types
from axec.dialects.emit import IrEmit
from axec.dialects.types import TensorType
from axec.mlir import func, ir, unknown_location


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    with load(), unknown_location():
        yield


Body = Callable[..., Any]  # (emit, *arguments) -> one value or several


@pytest.fixture
def build() -> Callable[[list[TensorType] | list[str], Body], Any]:
    """`build(types, body)`: a verified module with one function `main`."""

    def make(declared: list[Any], body: Body) -> Any:
        operands = [types.parse(t) if isinstance(t, str) else t for t in declared]
        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            main = func.FuncOp("main", ([t.ir() for t in operands], []))
        block = main.add_entry_block()
        with ir.InsertionPoint(block):
            found = body(IrEmit(unknown_location()), *block.arguments)
            results = list(found) if isinstance(found, tuple | list) else [found]
            func.ReturnOp(results)
        kind = ir.FunctionType.get([t.ir() for t in operands], [v.type for v in results])
        main.attributes["function_type"] = ir.TypeAttr.get(kind)
        module.operation.verify()
        return module

    return make
