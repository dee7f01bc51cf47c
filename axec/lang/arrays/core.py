"""From what users pass to the operands of an op: arrays, promotion, broadcasting.

Promotion follows the Python array API standard 2024.12; what the standard leaves undefined (int
with float, bool with number) is an error that shows the cast to write. A Python number takes the
dtype of the array that it meets. Every cast and broadcast is an op of its own (dispatch.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.axe import arrange
from axec.dialects.axe.constants import dim_size
from axec.dialects.dims import DimExpr, Size
from axec.dialects.dtypes import DType
from axec.dialects.types import Shape
from axec.lang import hints
from axec.lang.arrays.dispatch import ACTIVE, apply, cast
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import AxecError, error
from axec.lang.sizes import as_shape, at_least_zero, plain, show_ranges
from axec.lang.spec import dtype_name

if TYPE_CHECKING:
    from axec.dialects.opdef import Array

ArrayLike = Tensor | np.ndarray[Any, Any] | np.generic | float | DimExpr
Scalar = (bool, int, float, DimExpr)


def as_tensor(value: Any) -> Tensor:
    """A Tensor of whatever counts as an array: tensors, NumPy arrays and scalars, Python numbers.
    Raises AxecError `argument-type` for anything else."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return _wrapped(np.asarray(value))
    if isinstance(value, Scalar):
        return scalar(value, _default_dtype([value]))
    raise _no_array(value)


def _wrapped(array: Array) -> Tensor:
    if array.dtype not in dtypes.BY_NUMPY:
        names = ", ".join(dtype_name(d) for d in dtypes.ALL)
        raise error("unsupported-dtype", f"axec has no {array.dtype}", hint=f"use one of {names}")
    return Tensor(array)


def as_tensors(values: Any, what: str) -> list[Tensor]:
    """The arrays of a list or tuple, promoted to one dtype; at least one."""
    if not isinstance(values, (list, tuple)) or not values:
        raise error(
            "argument-type",
            f"{what} takes a list or tuple of arrays, got {_kind(values)}",
            hint=f"write `axe.{what}([x, y], ...)`",
        )
    return promote(what, *values)


def promote(name: str, *values: Any) -> list[Tensor]:
    """The arrays cast to their common dtype; Python numbers take it."""
    found = [v if isinstance(v, Tensor) or _is_number(v) else as_tensor(v) for v in values]
    strong = [v.type.dtype for v in found if isinstance(v, Tensor)]
    dtype = strong[0] if strong else _default_dtype(found)
    for other in strong:
        if other is not dtype:
            dtype = _join(name, dtype, other, found)
    for i, v in enumerate(found):
        if isinstance(v, Tensor):
            found[i] = v if v.type.dtype is dtype else cast(v, dtype)
        elif not strong or takes(dtype, v):
            found[i] = scalar(v, dtype)
        else:
            first = [_is_number(other) for other in values].index(False)
            raise hints.scalar_mix(name, v, dtype, first, len(values))
    return found


def broadcast(name: str, tensors: list[Tensor]) -> list[Tensor]:
    """The tensors stretched to their common shape."""
    if not tensors:
        raise error("argument-type", f"{name}: needs one or more arrays")
    shape = tensors[0].type.shape
    for t in tensors:
        if t.type.shape != shape:
            shape = common_shape(name, shape, t.type.shape)
    return [stretch(t, shape) for t in tensors]


def match(name: str, *values: Any) -> list[Tensor]:
    """Promotion and broadcasting: operands of one dtype and shape."""
    kinds = [v.type if isinstance(v, Tensor) else None for v in values]
    if kinds[0] is not None and kinds.count(kinds[0]) == len(kinds):
        return list(values)
    return broadcast(name, promote(name, *values))


def common_shape(name: str, a: Shape, b: Shape) -> Shape:
    """The shape that two shapes broadcast to: sizes from the right are equal or 1."""
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    lead = len(longer) - len(shorter)
    joint = list(longer)
    for i, n in enumerate(shorter, lead):
        if joint[i] != n and n != 1:
            if joint[i] != 1:
                raise hints.cannot_broadcast(name, a, b)
            joint[i] = n
    return tuple(joint)


def stretch(x: Tensor, shape: Shape) -> Tensor:
    """`x` broadcast to a shape that it is known to fit."""
    if x.type.shape == shape:
        return x
    lead = len(shape) - x.type.rank
    return apply(arrange.broadcast, x, shape=shape, axes=tuple(range(lead, len(shape))))


def known_shape(value: Any) -> Shape:
    """A shape whose dims the running trace knows from its inputs (outside a trace: ints alone)."""
    shape = as_shape(value)
    for size in shape:
        known_size(size)
        trace = ACTIVE.get()
        if trace is not None and not at_least_zero(size, trace.ranges):
            raise error(
                "dim-undecided",
                f"the size `{size}` can be negative: {show_ranges(trace.ranges)}",
                hint="raise the lower end of the dim's range",
            )
    return shape


def known_size(size: Size) -> Size:
    """The size itself, without ranges, when the running trace knows its dims."""
    if isinstance(size, int):
        return size
    trace = ACTIVE.get()
    if trace is None:
        raise error("dim-unbound", f"`{size}` has no size outside a trace", hint="give an int")
    if not dims.names(size) <= trace.ranges.keys():
        raise error(
            "dim-unbound",
            f"no input of `{trace.name}` has the dim of `{size}`",
            hint="a dim gets its size from an input that has it as an axis",
        )
    return plain(size)


def full(shape: Shape, value: Any, dtype: DType) -> Tensor:
    """One Python number everywhere."""
    return stretch(scalar(value, dtype), shape)


def need_float(name: str, x: Tensor, given: tuple[Any, ...] = (None,)) -> Tensor:
    """`x` itself when its dtype is floating point; otherwise an AxecError that shows the cast of
    the arrays among the operands that the user gave."""
    if x.type.dtype.is_float:
        return x
    arrays = [i for i, v in enumerate(given) if not _is_number(v)]
    raise error(
        "dtype-unsupported",
        f"{name}: needs floating point, got {dtype_name(x.type.dtype)}",
        hint=hints.to_float(arrays, len(given)),
    )


def _is_number(value: Any) -> bool:
    """Whether a value is a Python number or dim, which takes the dtype of the arrays around it."""
    return isinstance(value, Scalar) and not isinstance(value, np.generic)


def scalar(value: Any, dtype: DType) -> Tensor:
    """A Python number as a 0-d tensor. AxecError `scalar-range` when the dtype cannot hold it."""
    if isinstance(value, DimExpr):
        return apply(dim_size, shape=(known_size(value),), dtype=dtype)
    try:
        with np.errstate(over="ignore"):  # a float beyond the range is infinite
            return Tensor(np.asarray(value, dtype.numpy))
    except (OverflowError, TypeError):
        raise error(
            "scalar-range",
            f"{value} does not fit {dtype_name(dtype)}",
            hint="cast the array to a wider dtype first: `.astype(axe.int64)`",
        ) from None


def number(value: bool | int | float, dtype: DType | None = None) -> Tensor:
    """A Python number converted to a dtype as `astype` does; float32, int64 or bool without one."""
    wanted = dtype or _default_dtype([value])
    if wanted.is_integer and isinstance(value, float):
        if not math.isfinite(value):
            raise error("scalar-range", f"{value} does not fit {dtype_name(wanted)}")
        value = int(value)
    return scalar(value, wanted)


def _join(name: str, a: DType, b: DType, values: list[Any]) -> DType:
    found = dtypes.promote(a, b)
    if found is None:
        raise hints.no_common_dtype(name, a, b, values)
    return found


# Kind of a dtype -> the kinds of Python number that take it.
_TAKES = {"b": "b", "f": "if", "i": "i", "u": "i"}


def takes(dtype: DType, value: Any) -> bool:
    """Whether a Python number becomes this dtype beside an array of it."""
    return _kind_of(value) in _TAKES[dtype.kind]


def _kind_of(value: Any) -> str:
    return "b" if isinstance(value, bool) else "f" if isinstance(value, float) else "i"


def _default_dtype(values: list[Any]) -> DType:
    """What Python numbers become where no array decides: float32, int64 or bool."""
    kinds = {_kind_of(v) for v in values}
    return dtypes.f32 if "f" in kinds else dtypes.i64 if "i" in kinds else dtypes.bool_


def _no_array(value: Any) -> AxecError:
    hints_by_type = {
        list: "write `axe.asarray([...])` around the list",
        tuple: "write `axe.asarray((...))` around the tuple",
        type(None): "did a function forget its `return`?",
    }
    hint = hints_by_type.get(type(value), "arrays are axe or NumPy arrays and Python numbers")
    return error("argument-type", f"{_kind(value)} is no array", hint=hint)


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
