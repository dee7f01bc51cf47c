"""The dtypes of the type system: one table row each, and the promotion rules of the array API."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from axec.diag import AxecError
from axec.mlir import context, ir


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """An element type. `kind`: 'f' float, 'i' signed, 'u' unsigned, 'b' bool; `size` in bytes.

    One object per dtype, compared and hashed by identity (also across pickling)."""

    name: str
    kind: str
    size: int
    numpy: np.dtype[Any]
    mlir: str

    @property
    def is_float(self) -> bool:
        return self.kind == "f"

    @property
    def is_integer(self) -> bool:
        return self.kind in "iu"

    def ir(self) -> Any:
        """The MLIR element type."""
        return _ir_type(self.mlir)

    def __reduce__(self) -> tuple[Any, ...]:
        return of, (self.name,)

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__


def _row(name: str, kind: str, size: int, numpy: Any, mlir: str | None = None) -> DType:
    return DType(name, kind, size, np.dtype(numpy), mlir or name)


f64 = _row("f64", "f", 8, np.float64)
f32 = _row("f32", "f", 4, np.float32)
f16 = _row("f16", "f", 2, np.float16)
bf16 = _row("bf16", "f", 2, ml_dtypes.bfloat16)
i64 = _row("i64", "i", 8, np.int64)
i32 = _row("i32", "i", 4, np.int32)
i8 = _row("i8", "i", 1, np.int8)
u8 = _row("u8", "u", 1, np.uint8, "ui8")
bool_ = _row("bool", "b", 1, np.bool_, "i1")

ALL = (f64, f32, f16, bf16, i64, i32, i8, u8, bool_)
BY_NAME = {d.name: d for d in ALL}
BY_MLIR = {d.mlir: d for d in ALL}
BY_NUMPY = {d.numpy: d for d in ALL}

# Pairs whose join is neither of the two (array API "mixed" rules); other pairs of one kind join
# to the wider one.
_JOIN = {frozenset((f16, bf16)): f32, frozenset((i8, u8)): i32}


@cache
def _ir_type(text: str) -> Any:
    with context():
        return ir.Type.parse(text)


def of(value: object) -> DType:
    """The DType of a name, NumPy dtype or scalar type. Raises AxecError `unsupported-dtype`."""
    if isinstance(value, DType):
        return value
    if isinstance(value, str) and value in BY_NAME:
        return BY_NAME[value]
    try:
        found = BY_NUMPY.get(np.dtype(value))  # type: ignore[call-overload]
    except TypeError:
        found = None
    if found is None:
        raise AxecError(
            "unsupported-dtype",
            f"axec has no dtype {value!s}",
            hint=f"use one of {', '.join(BY_NAME)}",
        )
    return found


def float_limits(dtype: DType) -> Any:
    """NumPy's finfo of a float dtype, bfloat16 included."""
    return ml_dtypes.finfo(dtype.numpy)  # type: ignore[no-untyped-call]


def promote(a: DType, b: DType) -> DType | None:
    """The join of two dtypes, or None where the standard defines none (bool with number, int with
    float). Source: Python array API standard 2024.12, "Type promotion rules"."""
    if a is b:
        return a
    if frozenset((a, b)) in _JOIN:
        return _JOIN[frozenset((a, b))]
    if a.kind == b.kind or {a.kind, b.kind} == {"i", "u"}:
        return a if a.size >= b.size else b
    return None
