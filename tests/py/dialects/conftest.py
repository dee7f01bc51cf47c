"""Every test of the dialects runs inside the process-wide context, at an unknown location."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from axec.dialects import dtypes, load, types
from axec.dialects.axe.cases import bind, cases, values
from axec.dialects.dtypes import DType
from axec.dialects.emit import IrEmit
from axec.dialects.functions import define
from axec.dialects.opdef import Array, OpDef
from axec.dialects.types import TensorType
from axec.mlir import ir, unknown_location


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    with load(), unknown_location():
        yield


@pytest.fixture
def examples() -> Callable[..., list[tuple[list[Array], dict[str, Any]]]]:
    """`examples(op, dtype)`: operands and evaluated attributes of every sample of the op."""

    def make(op: OpDef, dtype: DType = dtypes.f64) -> list[tuple[list[Array], dict[str, Any]]]:
        found = []
        for case in cases(op):
            if case.dtype is dtype:
                bound = bind(case.operands + case.results)
                found.append((values(case.operands, bound), op.attrs_at(case.attrs, bound)))
        assert found, f"{op.name} has no sample in {dtype}"
        return found

    return make


Body = Callable[..., Any]  # (emit, *arguments) -> one value or several


@pytest.fixture
def build() -> Callable[[list[TensorType] | list[str], Body], Any]:
    """`build(types, body)`: a verified module with one function `main`."""

    def make(declared: list[Any], body: Body) -> Any:
        operands = [types.parse(t) if isinstance(t, str) else t for t in declared]

        def emit(*arguments: Any) -> list[Any]:
            found = body(IrEmit(unknown_location()), *arguments)
            return list(found) if isinstance(found, tuple | list) else [found]

        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            define("main", [t.ir() for t in operands], emit)
        module.operation.verify()
        return module

    return make
