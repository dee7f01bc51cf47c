"""What the Python array API standard 2024.12 asks of a namespace beside its functions of arrays:
constants, dtype functions, inspection, exchange.

There are no complex numbers, and of the integers int8, int32, int64 and uint8."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.dtypes import DType
from axec.lang.arrays import core, dispatch, static
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.spec import as_dtype, dtype_name

e = math.e
inf = math.inf
nan = math.nan
newaxis = None
pi = math.pi

# ---- dtypes --------------------------------------------------------------------------------------

_KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "",
    "numeric": "fiu",
}


@dataclass(frozen=True, slots=True)
class FloatInfo:
    """What `finfo` tells: bits, the distance from 1 to the next number, the range."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True, slots=True)
class IntegerInfo:
    """What `iinfo` tells: bits and range."""

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(type: Any, /) -> FloatInfo:
    """Limits of a float dtype, or of the dtype of an array."""
    dtype = _dtype(type)
    if not dtype.is_float:
        raise error("dtype-unsupported", f"finfo: {dtype_name(dtype)} is not floating point")
    found = dtypes.float_limits(dtype)
    return FloatInfo(
        bits=8 * dtype.size,
        eps=float(found.eps),
        max=float(found.max),
        min=float(found.min),
        smallest_normal=float(found.smallest_normal),
        dtype=dtype,
    )


def iinfo(type: Any, /) -> IntegerInfo:
    """Limits of an integer dtype, or of the dtype of an array."""
    dtype = _dtype(type)
    if not dtype.is_integer:
        raise error("dtype-unsupported", f"iinfo: {dtype_name(dtype)} is no integer dtype")
    found = np.iinfo(dtype.numpy)
    return IntegerInfo(8 * dtype.size, int(found.max), int(found.min), dtype)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind: a dtype, "bool", "signed integer", "unsigned integer",
    "integral", "real floating", "complex floating", "numeric", or a tuple of these."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, str) and kind in _KINDS:
        return as_dtype(dtype).kind in _KINDS[kind]
    return as_dtype(dtype) is as_dtype(kind)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether promotion takes a dtype (or an array's) to another."""
    wanted = as_dtype(to)
    return dtypes.promote(_dtype(from_), wanted) is wanted


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype that arrays, dtypes and Python numbers promote to."""
    given = [_sample(v) for v in arrays_and_dtypes]
    if not given:
        raise error("argument-type", "result_type: needs one or more arrays or dtypes")
    return core.promote("result_type", *given)[0].dtype


def promote_types(a: Any, b: Any, /) -> DType:
    """The dtype that two dtypes promote to."""
    return result_type(as_dtype(a), as_dtype(b))


def _dtype(value: Any) -> DType:
    return value.dtype if isinstance(value, Tensor) else as_dtype(getattr(value, "dtype", value))


def _sample(value: Any) -> Any:
    """An operand that promotes as the value does."""
    if isinstance(value, (bool, int, float, Tensor, np.ndarray, np.generic)):
        return value
    return Tensor(np.zeros((), as_dtype(value).numpy))


# ---- inspection and exchange ---------------------------------------------------------------------


class Info:
    """What this namespace can do."""

    def capabilities(self) -> dict[str, Any]:
        """Shapes that depend on values, of which boolean indexing is one, outside a trace alone."""
        eager = dispatch.tracing() is None
        return {"boolean indexing": eager, "data-dependent shapes": eager, "max dimensions": 64}

    def default_device(self) -> str:
        """`"cpu"`."""
        return "cpu"

    def default_dtypes(self, *, device: str | None = None) -> dict[str, DType]:
        """float32 for numbers with a point, int64 for integers and indices."""
        return {"real floating": dtypes.f32, "integral": dtypes.i64, "indexing": dtypes.i64}

    def devices(self) -> list[str]:
        """One."""
        return ["cpu"]

    def dtypes(self, *, device: str | None = None, kind: Any = None) -> dict[str, DType]:
        """The dtypes of a kind (see `isdtype`), or all, by name."""
        found = {dtype_name(d): d for d in dtypes.ALL}
        return {n: d for n, d in found.items() if kind is None or isdtype(d, kind)}


def __array_namespace_info__() -> Info:
    """Inspection functions of the standard."""
    return Info()


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """An array of another library, without a copy where it is in memory of the CPU."""
    if not hasattr(x, "__dlpack__"):
        raise static.wrong("from_dlpack: x", "an array of a library", x)
    if device is not None:
        static.word("from_dlpack: the device", device, "cpu")
    if copy is not None:
        static.flag("copy", copy)
    return as_tensor(np.from_dlpack(x, copy=copy))


__all__ = [
    "__array_namespace_info__", "can_cast", "e", "finfo", "from_dlpack", "iinfo", "inf", "isdtype",
    "nan", "newaxis", "pi", "promote_types", "result_type",
]  # fmt: skip
