"""Apply ops: into IR at the current insertion point, or on NumPy arrays at once.

A decomposition or lowering rule is written once against the call `emit(op, *operands, **attrs)`
and works in both worlds.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from axec.dialects import types
from axec.dialects.opdef import Array, OpDef, ShapeError
from axec.mlir import ir


class Emit(Protocol):
    """`emit(op, *operands, **attrs)`: one value, or a tuple for an op with several results."""

    def __call__(self, op: OpDef, *operands: Any, **given: Any) -> Any: ...

    def type(self, value: Any) -> types.TensorType:
        """The TensorType of a value of this world."""
        ...


class IrEmit:
    """Creates ops at the current insertion point. `loc` is the MLIR location of what it creates."""

    def __init__(self, loc: Any) -> None:
        self.loc = loc

    def __call__(self, op: OpDef, *operands: Any, **given: Any) -> Any:
        """Create `op`; raises ShapeError when the operands break its shape rule."""
        given = op.with_defaults(given)
        results = op.result_types(tuple(types.of(v) for v in operands), given)
        made = ir.Operation.create(
            op.full_name,
            results=[t.ir() for t in results],
            operands=list(operands),
            attributes=op.attrs_to_ir(given),
            loc=self.loc,
            infer_type=False,
        ).results
        return made[0] if len(results) == 1 else tuple(made)

    def type(self, value: Any) -> types.TensorType:
        return types.of(value)


class EvalEmit:
    """Evaluates ops with their NumPy references; a composite through its decomposition."""

    def __call__(self, op: OpDef, *operands: Array, **given: Any) -> Any:
        given = op.with_defaults(given)
        op.result_types(tuple(self.type(v) for v in operands), given)  # raises on bad shapes
        return evaluate(op, operands, given)

    def type(self, value: Array) -> types.TensorType:
        from axec.dialects import dtypes

        return types.TensorType(dtypes.of(value.dtype), value.shape)


def evaluate(op: OpDef, operands: tuple[Array, ...], given: dict[str, Any]) -> Any:
    """Run the reference of one op on arrays whose shapes were checked before."""
    if op.eval is None:
        if op.expand is None:
            raise ShapeError("no-reference", f"{op.full_name} has no reference")
        return op.expand(EvalEmit(), *operands, **given)
    with np.errstate(all="ignore"):  # inf and NaN are values here, not warnings
        return op.eval(*operands, **given)
