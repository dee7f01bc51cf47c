"""One op on operands that fit it: inside a trace it goes into the program, outside it is evaluated
at once with its NumPy reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.axe import elementwise
from axec.dialects.axe.rules import show
from axec.dialects.dtypes import DType
from axec.dialects.emit import EvalEmit
from axec.dialects.opdef import OpDef
from axec.lang import hints
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import AxecError, error
from axec.lang.spec import dtype_name

if TYPE_CHECKING:
    from axec.dialects.opdef import Array
    from axec.lang.tracing import Trace

ACTIVE: ContextVar[Trace | None] = ContextVar("axec-trace", default=None)
#: Op -> the float dtype that it computes in, whatever its operands' is (see `amp`).
COMPUTE: ContextVar[Mapping[str, DType]] = ContextVar("axec-compute", default=MappingProxyType({}))
_EVAL = EvalEmit()


def tracing() -> Trace | None:
    """The trace that ops go to, or None where they are evaluated at once."""
    return ACTIVE.get()


def apply(op: OpDef, *operands: Tensor, **given: Any) -> Tensor:
    """One op on operands that fit it, in the dtype that `COMPUTE` has for it. Raises its ShapeError
    with the user's line and a hint."""
    dtype = COMPUTE.get().get(op.name)
    return _apply(op, operands, given) if dtype is None else _apply_in(dtype, op, operands, given)


def _apply_in(dtype: DType, op: OpDef, operands: Sequence[Tensor], given: dict[str, Any]) -> Tensor:
    """An op on float32, bfloat16 and float16 in another of these dtypes: operands are cast to it,
    and the result back to that of the first."""
    kinds = [t.type.dtype for t in operands]
    floats = [d for d in kinds if d.is_float and d.size <= dtypes.f32.size]
    inner = [cast(t, dtype) if d in floats else t for t, d in zip(operands, kinds, strict=True)]
    found = _apply(op, inner, given)
    return cast(found, floats[0]) if floats and found.type.dtype is dtype else found


def _apply(op: OpDef, operands: Sequence[Tensor], given: dict[str, Any]) -> Tensor:
    trace = ACTIVE.get()
    try:
        if trace is not None:
            return trace.emit(op, operands, given)
        return Tensor(np.asarray(_EVAL(op, *[concrete(t) for t in operands], **given)))
    except AxecError as e:
        if e.location is not None:
            raise
        hint = e.hint or hints.for_rule(e.code, [t.type for t in operands])
        raise error(e.code, hints.user_words(e.message), hint=hint) from None


def concrete(x: Tensor) -> Array:
    """The array behind an eager tensor. AxecError `traced-leak` for a traced one."""
    if x.trace is not None:
        raise leaked(x)
    array: Array = x.value
    return array


def leaked(x: Tensor) -> AxecError:
    """The error for a tensor that is used outside the trace that made it."""
    assert x.trace is not None
    what = f"{dtype_name(x.type.dtype)} {show(x.type.shape)}"
    return error(
        "traced-leak",
        f"this {what} was traced in `{x.trace.name}` and has no value outside that trace",
        hint=f"return it from `{x.trace.name}`: what a traced function stores in a global or an "
        "attribute is not its result",
    )


def cast(x: Tensor, dtype: DType) -> Tensor:
    """`x` as another dtype (no op when it has it)."""
    return x if x.type.dtype is dtype else apply(elementwise.cast, x, dtype=dtype)
