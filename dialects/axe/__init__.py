"""The axe dialect: tensors with value semantics. One file per op family; see opdef.py for the form.

`OPS` (all families) is the one table that verifier, interpreter, coverage and docs are made from.
"""

from __future__ import annotations

import functools
import types as python_types
from collections.abc import Sequence
from typing import Any

from axec.diag import AxecError
from axec.dialects import types
from axec.dialects.axe import (
    arrange,
    attention,
    composite,
    constants,
    contract,
    elementwise,
    indexing,
    linalg,
    random,
    reduce,
    sequence,
)
from axec.dialects.opdef import OPS, OpDef
from axec.mlir import Pure, ext, ir

__all__ = ["FAMILIES", "OPS", "Axe", "op_of", "verify"]

FAMILIES = (
    constants, elementwise, random, arrange, indexing, reduce, sequence, contract, linalg,
    composite, attention,
)  # fmt: skip


class Axe(ext.Dialect, name="axe"):  # type: ignore[misc,call-arg]
    """Tensor programs as users wrote them."""


def op_of(operation: Any) -> OpDef | None:
    """The declaration of an MLIR operation of this dialect, or None for other dialects."""
    return OPS.get(operation.name)


def verify(operation: Any) -> str | None:
    """Apply the shape rule to an operation; what is wrong, or None."""
    op, found = OPS[operation.name], operation.attributes
    given = tuple([(k, found[k]) for k in op.attrs if k in found])
    operands = tuple([v.type for v in operation.operands])
    return _problem(op, operands, given, tuple([r.type for r in operation.results]))


@functools.lru_cache(maxsize=1 << 16)
def _problem(
    op: OpDef, operands: tuple[Any, ...], given: tuple[tuple[str, Any], ...], results: Any
) -> str | None:
    """`verify` in terms of MLIR types and attributes, which programs repeat."""
    fixed = len(op.operands) - op.variadic
    if len(operands) < fixed or (len(operands) > fixed and not op.variadic):
        return f"got {len(operands)} operands, needs {fixed}{' or more' if op.variadic else ''}"
    try:
        found = op.result_types(tuple(map(types.of, operands)), op.read_attrs(dict(given)))
        declared = tuple(map(types.of, results))
    except AxecError as e:
        return e.message.removeprefix(f"{op.name}: ")
    if found != declared:
        return f"result types are {_listed(declared)}, the shape rule gives {_listed(found)}"
    return None


def _listed(found: Sequence[types.TensorType]) -> str:
    return ", ".join(map(str, found)) or "none"


def _verify_invariants(self: Any) -> bool:
    problem = verify(self.operation)
    if problem is not None:
        self.location.emit_error(f"'{self.OPERATION_NAME}' op {problem}")
    return problem is None


def _op_class(op: OpDef) -> type:
    """The bindings' class of one op, made from its declaration."""
    fields: dict[str, Any] = dict.fromkeys(op.operands, ext.Operand[ir.RankedTensorType])
    if op.variadic:
        fields[op.operands[-1]] = Sequence[ext.Operand[ir.RankedTensorType]]
    fields |= dict.fromkeys(op.attrs, Any)
    fields |= dict.fromkeys(op.results, ext.Result[ir.RankedTensorType])
    body = {"__annotations__": fields, "__doc__": op.doc, "verify_invariants": _verify_invariants}
    options = {"name": op.name, "traits": [Pure]}
    name = "".join(w.capitalize() for w in op.name.split("_")) + "Op"
    return python_types.new_class(name, (Axe.Operation,), options, lambda ns: ns.update(body))


CLASSES = {op.full_name: _op_class(op) for op in OPS.values()}
