"""Shape and dtype rules that several families share. Each raises ShapeError with both sides.

Codes: `shape-mismatch`, `axis-range`, `dtype-mix` (two dtypes that must agree), `dtype-unsupported`
(a dtype that the op does not take), `bad-attribute` (a value that an attribute cannot have).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from axec.dialects import dtypes
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.dialects.opdef import ShapeError
from axec.dialects.types import TensorType

INDEX_DTYPES = (dtypes.i32, dtypes.i64)
_KIND_WORDS = {"f": "floating point", "i": "signed integer", "u": "unsigned integer", "b": "bool"}


def show(shape: Sequence[object]) -> str:
    """A shape as users read it: `(batch, 784)`."""
    inner = ", ".join(map(str, shape))
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def same_dtype(op: str, *operands: TensorType) -> None:
    """All operands have one dtype (promotion is a `cast` of its own)."""
    for other in operands:
        if other.dtype is not operands[0].dtype:
            both = f"{operands[0].dtype} and {other.dtype}"
            raise ShapeError("dtype-mix", f"{op}: dtypes {both} differ")


def same_types(op: str, *operands: TensorType) -> TensorType:
    """All operands have one type (broadcasting and promotion are ops of their own)."""
    first = operands[0]
    for other in operands[1:]:
        if other.shape != first.shape:
            both = f"{show(first.shape)} and {show(other.shape)}"
            raise ShapeError("shape-mismatch", f"{op}: shapes {both} differ")
    same_dtype(op, *operands)
    return first


def need_kind(op: str, t: TensorType, kinds: str) -> None:
    """The operand's dtype is of one of the kinds ('f', 'i', 'u', 'b')."""
    if t.dtype.kind not in kinds:
        wanted = " or ".join(_KIND_WORDS[k] for k in kinds)
        raise ShapeError("dtype-unsupported", f"{op}: needs {wanted}, got {t.dtype}")


def need_dtype(op: str, what: str, t: TensorType, dtype: DType) -> None:
    """The operand has exactly this dtype."""
    if t.dtype is not dtype:
        raise ShapeError("dtype-mix", f"{op}: {what} must be {dtype}, got {t.dtype}")


def need_index(op: str, what: str, t: TensorType) -> None:
    """The operand holds indices: i32 or i64."""
    if t.dtype not in INDEX_DTYPES:
        raise ShapeError("dtype-mix", f"{op}: {what} must be i32 or i64, got {t.dtype}")


def need_shape(op: str, what: str, t: TensorType, shape: Sequence[Size]) -> None:
    """The operand has exactly this shape."""
    if t.shape != tuple(shape):
        both = f"{show(t.shape)}, must be {show(shape)}"
        raise ShapeError("shape-mismatch", f"{op}: {what} has shape {both}")


def need_axes(op: str, axes: Sequence[int], rank: int) -> None:
    """Axes are distinct and in [0, rank): the DSL has normalised negative ones."""
    if len(set(axes)) != len(axes) or any(not 0 <= a < rank for a in axes):
        raise ShapeError("axis-range", f"{op}: axes {show(axes)} do not fit rank {rank}")


def need_sizes(op: str, shape: Sequence[Size]) -> None:
    """Sizes are not negative, as far as they are known."""
    if any(isinstance(s, int) and s < 0 for s in shape):
        raise ShapeError("bad-attribute", f"{op}: shape {show(shape)} has a negative size")


def need_length(op: str, what: str, values: Sequence[object], length: int) -> None:
    """An attribute has one entry per axis."""
    if len(values) != length:
        raise ShapeError("bad-attribute", f"{op}: {what} {show(values)} must have {length} entries")


def need_at_least(op: str, what: str, values: Sequence[Size], low: int) -> None:
    """Entries are at least `low`, as far as they are known."""
    if any(isinstance(v, int) and v < low for v in values):
        raise ShapeError("bad-attribute", f"{op}: {what} {show(values)} must be at least {low}")


def need_word(op: str, what: str, word: str, known: Collection[str]) -> None:
    """An attribute is one of the known words."""
    if word not in known:
        raise ShapeError("bad-attribute", f"{op}: no {what} {word!r}; there are {', '.join(known)}")


def without(shape: Sequence[Size], axes: Collection[int]) -> tuple[Size, ...]:
    """The shape without some axes."""
    return tuple(s for i, s in enumerate(shape) if i not in axes)


def window_sizes(
    op: str,
    sizes: Sequence[Size],
    window: Sequence[Size],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> tuple[Size, ...]:
    """Positions of a window per axis: floor((n + low + high - dilation*(k-1) - 1) / stride) + 1."""
    for what, values in (("stride", stride), ("dilation", dilation)):
        need_length(op, what, values, len(sizes))
        need_at_least(op, what, values, 1)
    need_length(op, "padding", padding, len(sizes))
    need_at_least(op, "padding", [p for pair in padding for p in pair], 0)
    need_at_least(op, "window", window, 1)
    found: list[Size] = []
    for n, k, s, (low, high), d in zip(sizes, window, stride, padding, dilation, strict=True):
        room = n + (low + high - 1) - d * (k - 1)
        if isinstance(room, int) and room < 0:
            raise ShapeError(
                "shape-mismatch",
                f"{op}: a window of {show(window)}, dilation {show(dilation)}, does not fit into "
                f"{show(sizes)} with padding {show(padding)}",
            )
        found.append(room // s + 1)
    return tuple(found)
