"""Ops that fold axes or windows: reductions, index of the extreme, sliding windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.attrs import Ints, Pairs
from axec.dialects.axe.numerics import wide, windows
from axec.dialects.axe.rules import (
    need_axes,
    need_kind,
    need_word,
    show,
    window_sizes,
    without,
)
from axec.dialects.dtypes import DType
from axec.dialects.opdef import Array, ShapeError, core
from axec.dialects.types import TensorType

# Kind of fold -> (NumPy ufunc, kinds of dtype it takes).
KINDS: dict[str, tuple[Any, str]] = {
    "sum": (np.add, "fiu"),
    "prod": (np.multiply, "fiu"),
    "max": (np.maximum, "fiub"),
    "min": (np.minimum, "fiub"),
}


def identity(kind: str, dtype: DType) -> Array:
    """The 0-d array that a fold of kind sum, prod, max or min begins with: 0, 1, or the lowest or
    highest value of the dtype (infinite for floats)."""
    if kind in ("sum", "prod"):
        return np.asarray(int(kind == "prod"), dtype.numpy)
    if dtype.is_float:
        return np.asarray(-np.inf if kind == "max" else np.inf, dtype.numpy)
    if dtype is dtypes.bool_:
        return np.asarray(kind == "min")
    info = np.iinfo(dtype.numpy)
    return np.asarray(info.min if kind == "max" else info.max, dtype.numpy)


def _fold(kind: str, x: Array, axes: Ints) -> Array:
    ufunc, start = KINDS[kind][0], identity(kind, dtypes.of(x.dtype))
    return np.asarray(ufunc.reduce(x, axes, x.dtype, initial=start[()]))


@core("contract")
def reduce(x: TensorType, *, kind: str, axes: Ints) -> TensorType:
    """Fold `axes` away with sum, prod, max or min: result[i...] = fold over j... of x[i..., j...].
    f16 and bf16 accumulate in f32, integers wrap, max and min of bool are any and all, NaN wins.
    An empty fold gives the identity: 0, 1, the lowest or the highest value (infinite in floats)."""
    need_word("reduce", "kind", kind, KINDS)
    need_kind(f"reduce: {kind}", x, KINDS[kind][1])
    need_axes("reduce", axes, x.rank)
    return x.with_shape(without(x.shape, axes))


@reduce.reference
@wide
def _(x: Array, *, kind: str, axes: Ints) -> Array:
    return _fold(kind, x, axes)


for _kind in KINDS:
    reduce.sample("f32[3, 5]", kind=_kind, axes=(1,))
    reduce.sample("f32[3, 0]", kind=_kind, axes=(1,))
reduce.sample("f32[]", kind="sum", axes=())
reduce.sample("f32[2, 1, 7]", kind="sum", axes=(2, 0))
reduce.sample("f32[3, batch]", kind="max", axes=(0, 1))
reduce.sample("f32[batch, 7]", kind="sum", axes=(1,))


@core("contract")
def argreduce(x: TensorType, *, kind: str, axis: int) -> TensorType:
    """Index (i64) of the max or min along `axis`; the first of equals, the first NaN if there is
    one."""
    need_word("argreduce", "kind", kind, ("max", "min"))
    need_axes("argreduce", (axis,), x.rank)
    if x.shape[axis] == 0:
        message = f"argreduce: axis {axis} of {show(x.shape)} is empty"
        raise ShapeError("shape-mismatch", message)
    return TensorType(dtypes.i64, without(x.shape, {axis}))


@argreduce.reference
@wide
def _(x: Array, *, kind: str, axis: int) -> Array:
    found = np.argmax(x, axis) if kind == "max" else np.argmin(x, axis)
    return np.asarray(found, np.int64)


for _kind in ("max", "min"):
    argreduce.sample("f32[7]", kind=_kind, axis=0)
    argreduce.sample("f32[3, 1, 5]", kind=_kind, axis=1)
    argreduce.sample("f32[0, 3]", kind=_kind, axis=1)
    argreduce.sample("f32[batch, 5]", kind=_kind, axis=0)


@core("contract")
def window(
    x: TensorType, *, kind: str, size: Ints, stride: Ints, padding: Pairs, dilation: Ints
) -> TensorType:
    """Fold (max or sum) windows of `size` over the last len(size) axes: result[..., p...] = fold
    over k... of x[..., p * stride + k * dilation - padding_low ...]. Positions beyond an edge count
    as the identity: 0 or the lowest value. Result sizes:
    floor((n + low + high - dilation * (size - 1) - 1) / stride) + 1."""
    need_word("window", "kind", kind, ("max", "sum"))
    need_kind(f"window: {kind}", x, "fiu")
    lead = x.rank - len(size)
    if lead < 0:
        message = f"window: {show(size)} has more axes than {show(x.shape)}"
        raise ShapeError("shape-mismatch", message)
    positions = window_sizes("window", x.shape[lead:], size, stride, padding, dilation)
    return x.with_shape((*x.shape[:lead], *positions))


@window.reference
@wide
def _(x: Array, *, kind: str, size: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> Array:
    fill = identity(kind, dtypes.of(x.dtype))
    view = windows(x, fill, size, stride, padding, dilation)
    return _fold(kind, view, tuple(range(x.ndim, view.ndim)))


for _kind in ("max", "sum"):
    window.sample(
        "f32[2, 5, 7]", kind=_kind, size=(2, 3), stride=(2, 1), padding=((0, 1), (1, 1)),
        dilation=(1, 2),
    )  # fmt: skip
    window.sample("f32[0, 5]", kind=_kind, size=(2,), stride=(1,), padding=((0, 0),), dilation=(1,))
window.sample("f32[3]", kind="sum", size=(), stride=(), padding=(), dilation=())
window.sample("f32[3, 1]", kind="max", size=(1,), stride=(1,), padding=((0, 0),), dilation=(1,))
window.sample(
    "f32[batch, 2, seq]", kind="max", size=(3,), stride=(2,), padding=((1, 1),), dilation=(1,)
)
