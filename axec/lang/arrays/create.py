"""Functions that make arrays. Inside a trace they are ops, so that their shapes may hold dims.

Python floats become float32 here (NumPy: float64), ints int64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.axe.constants import iota
from axec.dialects.axe.rules import show
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.dialects.types import Shape
from axec.lang.arrays import core, static
from axec.lang.arrays.core import ArrayLike, as_tensor, known_shape
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.elementwise import greater_equal, less_equal, where
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.sizes import as_size
from axec.lang.spec import as_dtype, dtype_name, float32

__all__ = [
    "arange", "array", "asarray", "empty", "empty_like", "eye", "full", "full_like", "linspace",
    "ones", "ones_like", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip


def asarray(obj: Any, /, *, dtype: Any = None) -> Tensor:
    """A Tensor of an array, a number or nested lists of numbers. NumPy arrays keep their dtype;
    Python floats become float32, ints int64."""
    wanted = None if dtype is None else as_dtype(dtype)
    if isinstance(obj, (list, tuple)):
        if any(isinstance(v, Tensor) for v in obj):
            from axec.lang.arrays.arrange import stack

            found = stack(obj)
        else:
            found = _from_lists(obj, wanted)
    elif isinstance(obj, (bool, int, float)) and not isinstance(obj, np.generic):
        return core.number(obj, wanted)
    else:
        found = as_tensor(obj)
    return found if wanted is None else cast(found, wanted)


def _from_lists(obj: Any, wanted: DType | None) -> Tensor:
    try:
        values = np.array(obj)
    except ValueError as e:
        raise error("argument-type", f"asarray: {e}", hint="rows need equal lengths") from None
    if values.dtype.kind not in "biuf":
        raise error("argument-type", f"asarray: {obj!r} holds something else than numbers")
    default = np.float32 if values.dtype.kind == "f" else values.dtype
    return Tensor(values.astype(wanted.numpy if wanted else default))


array = asarray


def full(shape: Any, fill_value: ArrayLike, *, dtype: Any = None) -> Tensor:
    """One value everywhere; its dtype is that of the value unless `dtype` says otherwise."""
    return core.stretch(asarray(fill_value, dtype=dtype), known_shape(shape))


def zeros(shape: Any, *, dtype: Any = float32) -> Tensor:
    """All 0, float32 by default."""
    return full(shape, 0, dtype=dtype)


def ones(shape: Any, *, dtype: Any = float32) -> Tensor:
    """All 1, float32 by default."""
    return full(shape, 1, dtype=dtype)


def empty(shape: Any, *, dtype: Any = float32) -> Tensor:
    """The same as `zeros`: there is no uninitialised memory in a program."""
    return zeros(shape, dtype=dtype)


def empty_like(x: ArrayLike, /, *, dtype: Any = None) -> Tensor:
    """The same as `zeros_like`."""
    return zeros_like(x, dtype=dtype)


def zeros_like(x: ArrayLike, /, *, dtype: Any = None) -> Tensor:
    """All 0, in the shape and dtype of x."""
    return full_like(x, 0, dtype=dtype)


def ones_like(x: ArrayLike, /, *, dtype: Any = None) -> Tensor:
    """All 1, in the shape and dtype of x."""
    return full_like(x, 1, dtype=dtype)


def full_like(x: ArrayLike, /, fill_value: ArrayLike, *, dtype: Any = None) -> Tensor:
    """One value everywhere, in the shape and dtype of x."""
    t = as_tensor(x)
    value = asarray(fill_value, dtype=t.dtype if dtype is None else dtype)
    return core.stretch(value, t.type.shape)


def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None) -> Tensor:
    """start, start + step, ... below stop; `arange(n)` counts from 0. int64, or float32 when one
    of the numbers is a float. The ends may be dims when all are integers and step is positive."""
    if stop is None:
        start, stop = 0, start
    floats = any(isinstance(v, (float, np.floating)) for v in (start, stop, step))
    wanted = as_dtype(dtype) if dtype is not None else (dtypes.f32 if floats else dtypes.i64)
    first, last = (static.real("an end", v) if floats else as_size(v) for v in (start, stop))
    by = static.real("step", step) if floats else static.integer("step", step)
    if by == 0 or wanted is dtypes.bool_:
        raise error("bad-attribute", "arange: needs a step other than 0 and a dtype of numbers")
    ramp = _ramp(_steps(first, last, by), wanted)
    if by != 1:
        ramp = ramp * _number(by, wanted)
    return ramp if first == 0 else ramp + _number(first, wanted)


def _steps(start: Any, stop: Any, step: Any) -> Size:
    """The number of steps from start to below stop: ceil((stop - start) / step), at least 0."""
    if isinstance(step, float):
        return max(0, math.ceil((float(stop) - float(start)) / step))
    way: Size = stop - start if step > 0 else start - stop
    count = dims.ceildiv(way, abs(step))
    return max(0, count) if isinstance(count, int) else count


def _number(value: Any, dtype: DType) -> Tensor:
    """A start or step in the dtype of the ramp."""
    if dtype.is_integer and isinstance(value, float):
        raise error("dtype-mix", f"arange: {value} does not fit {dtype_name(dtype)}")
    return core.scalar(value, dtype)


def _ramp(count: Size, dtype: DType) -> Tensor:
    return apply(iota, shape=known_shape((count,)), dtype=dtype, axis=0)


def linspace(
    start: float, stop: float, /, num: int, *, dtype: Any = float32, endpoint: bool = True
) -> Tensor:
    """`num` evenly spaced numbers from start to stop (which `endpoint` includes)."""
    wanted = as_dtype(dtype)
    start, stop = static.real("start", start), static.real("stop", stop)
    num = static.integer("num", num)
    steps = num - 1 if static.flag("endpoint", endpoint) else num
    if not wanted.is_float or num < 0:
        raise error("bad-attribute", f"linspace: needs a float dtype and num >= 0, got {num}")
    ramp = _ramp(num, wanted) * ((stop - start) / max(steps, 1)) + float(start)
    if endpoint and num > 1:  # the last is exact, not a rounded sum
        ramp = where(_ramp(num, dtypes.i64) == num - 1, full_like(ramp, float(stop)), ramp)
    return ramp


def eye(n_rows: Any, n_cols: Any = None, /, *, k: int = 0, dtype: Any = float32) -> Tensor:
    """1 where column - row = k, otherwise 0."""
    shape = known_shape((n_rows, n_rows if n_cols is None else n_cols))
    return cast(_column_minus_row(shape) == k, as_dtype(dtype))


def tril(x: ArrayLike, /, *, k: int = 0) -> Tensor:
    """x with zeros where column - row > k, in its last two axes."""
    t = _matrices("tril", x)
    return where(less_equal(_column_minus_row(t.type.shape), k), t, full_like(t, 0))


def triu(x: ArrayLike, /, *, k: int = 0) -> Tensor:
    """x with zeros where column - row < k, in its last two axes."""
    t = _matrices("triu", x)
    return where(greater_equal(_column_minus_row(t.type.shape), k), t, full_like(t, 0))


def _matrices(name: str, x: ArrayLike) -> Tensor:
    t = as_tensor(x)
    if t.ndim < 2:
        raise error("axis-range", f"{name}: needs two axes, this array has {show(t.type.shape)}")
    return t


def _column_minus_row(shape: Shape) -> Tensor:
    last = shape[-2:]
    columns = apply(iota, shape=last, dtype=dtypes.i64, axis=1)
    return columns - apply(iota, shape=last, dtype=dtypes.i64, axis=0)
