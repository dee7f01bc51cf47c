"""A kernel's body as plain Python objects: what code generation reads of MLIR, read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects import kernel, types
from axec.dialects.axe import OPS
from axec.dialects.dims import Size
from axec.dialects.opdef import OpDef
from axec.dialects.types import TensorType


@dataclass(slots=True, eq=False)
class Def:
    """A tensor of the body: a block argument (`op` is None) or the result of an op; `operation` is
    what MLIR has of it."""

    type: TensorType
    op: OpDef | None = None
    operands: tuple[Def, ...] = ()
    attrs: dict[str, Any] | None = None
    operation: Any = None

    @property
    def name(self) -> str:
        """The op's name without its dialect; "" for a block argument."""
        return self.op.name if self.op else ""

    @property
    def shape(self) -> tuple[Size, ...]:
        return self.type.shape

    def __getitem__(self, attribute: str) -> Any:
        """An attribute of the op."""
        assert self.attrs is not None
        return self.attrs[attribute]


@dataclass(frozen=True, slots=True)
class Body:
    """One `kernel.define`: symbol name, template, named dims, inputs, ops in order, results."""

    name: str
    template: str
    dims: tuple[str, ...]
    inputs: tuple[Def, ...]
    ops: tuple[Def, ...]
    results: tuple[Def, ...]


def read(define: Any) -> Body:
    """The body of a kernel.define operation."""
    block = kernel.body_of(define)
    defs: dict[Any, Def] = {a: Def(types.of(a)) for a in block.arguments}
    inputs = tuple(defs.values())
    ops = []
    for view in list(block.operations)[:-1]:
        operation = view.operation
        op = OPS[operation.name]
        result = operation.results[0]
        found = Def(
            types.of(result),
            op,
            tuple([defs[v] for v in operation.operands]),
            op.attrs_from_ir(operation),
            operation,
        )
        defs[result] = found
        ops.append(found)
    return Body(
        name=define.attributes["sym_name"].value,
        template=define.attributes["template"].value,
        dims=kernel.texts(define.attributes["dims"]),
        inputs=inputs,
        ops=tuple(ops),
        results=tuple([defs[v] for v in kernel.yielded(define)]),
    )
