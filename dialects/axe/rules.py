"""Shape and dtype rules that several families share. Each raises ShapeError with both sides."""

from __future__ import annotations

from collections.abc import Sequence

from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.dialects.opdef import ShapeError
from axec.dialects.types import TensorType


def show(shape: Sequence[Size]) -> str:
    """A shape as users read it: `(batch, 784)`."""
    inner = ", ".join(map(str, shape))
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def same_types(op: str, *operands: TensorType) -> TensorType:
    """All operands have one type (broadcasting and promotion are ops of their own)."""
    first = operands[0]
    for other in operands[1:]:
        if other.shape != first.shape:
            raise ShapeError(
                "shape-mismatch", f"{op}: shapes {show(first.shape)} and {show(other.shape)} differ"
            )
        if other.dtype is not first.dtype:
            raise ShapeError("dtype-mix", f"{op}: dtypes {first.dtype} and {other.dtype} differ")
    return first


def need_kind(op: str, t: TensorType, kinds: str) -> None:
    """The operand's dtype is of one of the kinds ('f', 'i', 'u', 'b')."""
    words = {"f": "floating point", "i": "integer", "u": "unsigned", "b": "bool"}
    if t.dtype.kind not in kinds:
        wanted = " or ".join(words[k] for k in kinds)
        raise ShapeError("dtype-unsupported", f"{op} needs {wanted}, got {t.dtype}")


def need_dtype(op: str, what: str, t: TensorType, dtype: DType) -> None:
    if t.dtype is not dtype:
        raise ShapeError("dtype-mix", f"{op}: {what} must be {dtype}, got {t.dtype}")


def need_axes(op: str, axes: Sequence[int], rank: int) -> None:
    """Axes are distinct and in [0, rank): the DSL has normalised negative ones."""
    if len(set(axes)) != len(axes) or any(not 0 <= a < rank for a in axes):
        raise ShapeError("axis-range", f"{op}: axes {tuple(axes)} do not fit rank {rank}")
