"""Apply ops: into IR at the current insertion point, or on NumPy arrays at once.

A decomposition or lowering rule is written once against the call `emit(op, *operands, **attrs)`
and works in both worlds.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from axec.dialects import dtypes, types
from axec.dialects.opdef import Array, OpDef
from axec.dialects.types import TensorType
from axec.mlir import ir


class Emit(Protocol):
    """`emit(op, *operands, **attrs)`: one value, or a tuple for an op with several results."""

    def __call__(self, op: OpDef, *operands: Any, **given: Any) -> Any: ...

    def type(self, value: Any) -> TensorType:
        """The TensorType of a value of this world."""
        ...


class IrEmit:
    """Creates ops at the current insertion point. `loc` is the MLIR location of what it creates."""

    def __init__(self, loc: Any) -> None:
        self.loc = loc

    def __call__(self, op: OpDef, *operands: Any, **given: Any) -> Any:
        """Create `op`; raises ShapeError when the operands break its shape rule."""
        kinds = tuple([types.of_type(v.type) for v in operands])
        found = self.create(plan(op, kinds, given), operands)
        return found[0] if len(found) == 1 else tuple(found)

    def create(self, made: Plan, operands: Sequence[Any]) -> Any:
        """The results of the op that `plan` describes."""
        return ir.Operation.create(
            made.name,
            results=made.results,
            operands=operands,
            attributes=made.attributes,
            loc=self.loc,
            infer_type=False,
        ).results

    def type(self, value: Any) -> TensorType:
        return types.of(value)


class Plan(NamedTuple):
    """An application of an op: its full name, the types of its results, and what MLIR makes it
    from."""

    name: str
    types: tuple[TensorType, ...]
    results: list[Any]
    attributes: dict[str, Any]


def plan(op: OpDef, operands: tuple[TensorType, ...], given: dict[str, Any]) -> Plan:
    """How `op` is applied to operands of these types. Raises ShapeError when they break its shape
    rule. Programs repeat their applications, layer after layer, so that most cost one look-up
    instead of a shape rule and conversions."""
    found = _known if op.hashable else _planned
    return found(op, operands, tuple(given.items()))


def _planned(
    op: OpDef, operands: tuple[TensorType, ...], given: tuple[tuple[str, Any], ...]
) -> Plan:
    full = op.with_defaults(dict(given))
    results = op.result_types(operands, full)
    return Plan(op.full_name, results, [t.ir() for t in results], op.attrs_to_ir(full))


_known = functools.lru_cache(maxsize=1 << 16)(_planned)


class EvalEmit:
    """Evaluates ops with their NumPy references; a composite through its decomposition."""

    def __call__(self, op: OpDef, *operands: Array, **given: Any) -> Any:
        """Evaluate `op`; raises ShapeError when the operands break its shape rule."""
        given = op.with_defaults(given)
        op.result_types(tuple(map(self.type, operands)), given)
        return evaluate(op, operands, given)

    def type(self, value: Array) -> TensorType:
        return TensorType(dtypes.of(value.dtype), value.shape)


def evaluate(op: OpDef, operands: Sequence[Array], given: dict[str, Any]) -> Any:
    """Run the reference of one op on arrays whose shapes were checked before, with all attributes
    given and without named dims. Returns an array, or a tuple for an op with several results."""
    if op.eval is None:
        assert op.expand is not None, f"{op.full_name} has neither reference nor decomposition"
        return op.expand(EvalEmit(), *operands, **given)
    with np.errstate(all="ignore"):  # inf and NaN are values here, not warnings
        found = op.eval(*operands, **given)
    # NumPy turns 0-d results into scalars.
    return tuple(map(np.asarray, found)) if isinstance(found, tuple) else np.asarray(found)
