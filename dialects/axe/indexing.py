"""Ops whose positions are values: gather and scatter along an axis, windows at run-time offsets.

Indices never fail and never leave the operand: they are clamped, which costs nothing beside a
check and keeps artifacts free of run-time errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.attrs import Sizes
from axec.dialects.axe.rules import (
    need_axes,
    need_index,
    need_kind,
    need_shape,
    need_sizes,
    need_word,
    same_dtype,
    show,
)
from axec.dialects.dims import Size, dim
from axec.dialects.opdef import Array, ShapeError, core
from axec.dialects.types import Shape, TensorType


@core("arrange")
def take(x: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    """Gather along an axis: result[a..., i..., b...] = x[a..., indices[i...], b...] of shape
    x.shape[:axis] + indices.shape + x.shape[axis+1:]. Indices (i32 or i64) are clamped to
    [0, n - 1], n the size of the axis."""
    need_index("take", "the indices", indices)
    need_axes("take", (axis,), x.rank)
    if x.shape[axis] == 0 and indices.count != 0:
        message = f"take: nothing to take from axis {axis} of {show(x.shape)}"
        raise ShapeError("shape-mismatch", message)
    return x.with_shape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@take.reference
def _(x: Array, indices: Array, *, axis: int) -> Array:
    return np.take(x, indices, axis, mode="clip")


take.sample("f32[5]", "i64[]", axis=0)
take.sample("f32[7, 3]", "i32[2, 5]", axis=0)
take.sample("f32[2, 1, 3]", "i64[4]", axis=1)
take.sample("f32[2, 0]", "i32[0]", axis=1)
take.sample("f32[11, 3]", "i64[batch]", axis=0)


# How an update joins the element that it meets -> (NumPy ufunc, kinds of dtype it takes).
KINDS: dict[str, tuple[Any, str]] = {
    "set": (None, "fiub"),
    "add": (np.add, "fiu"),
    "mul": (np.multiply, "fiu"),
    "max": (np.maximum, "fiub"),
    "min": (np.minimum, "fiub"),
}


@core("contract")
def scatter(
    x: TensorType, indices: TensorType, update: TensorType, *, axis: int, kind: str
) -> TensorType:
    """x with slices changed along an axis: result[a..., n, b...] begins as x[a..., n, b...]; then,
    for every i... with indices[i...] = n, in row-major order, it is replaced by, or joined with
    (`kind` set, add, mul, max or min), update[a..., i..., b...]. So the last of several wins with
    set. update has the shape of take(x, indices, axis), whose transpose `add` is, and indices are
    clamped as there. f16 and bf16 are joined in f32, integers wrap."""
    need_word("scatter", "kind", kind, KINDS)
    need_kind(f"scatter: {kind}", x, KINDS[kind][1])
    same_dtype("scatter", x, update)
    need_index("scatter", "the indices", indices)
    need_axes("scatter", (axis,), x.rank)
    if x.shape[axis] == 0 and indices.count != 0:
        message = f"scatter: nothing to change on axis {axis} of {show(x.shape)}"
        raise ShapeError("shape-mismatch", message)
    taken = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    need_shape("scatter", "the update", update, taken)
    return x


@scatter.reference
def _(x: Array, indices: Array, update: Array, *, axis: int, kind: str) -> Array:
    at = np.clip(indices.reshape(-1), 0, max(x.shape[axis] - 1, 0))
    rows = np.moveaxis(update.reshape(*x.shape[:axis], at.size, *x.shape[axis + 1 :]), axis, 0)
    narrow = x.dtype in (dtypes.f16.numpy, dtypes.bf16.numpy)
    found = x.astype(np.float32) if narrow else x.copy()
    target = np.moveaxis(found, axis, 0)
    if kind == "set":
        for n, row in zip(at, rows, strict=True):
            target[n] = row
    else:
        KINDS[kind][0].at(target, at, rows)
    return found.astype(x.dtype)


for _kind in KINDS:
    scatter.sample("f32[5]", "i64[]", "f32[]", axis=0, kind=_kind)
    scatter.sample("f32[7, 3]", "i32[2, 5]", "f32[2, 5, 3]", axis=0, kind=_kind)
scatter.sample("f32[2, 1, 3]", "i64[4]", "f32[2, 4, 3]", axis=1, kind="add")
scatter.sample("f32[2, 0]", "i32[0]", "f32[2, 0]", axis=1, kind="set")
scatter.sample("f32[3, 19]", "i64[4]", "f32[3, 4]", axis=1, kind="set")
scatter.sample("f32[11, 3]", "i64[batch]", "f32[batch, 3]", axis=0, kind="add")


def _need_window(op: str, x: TensorType, size: Shape, starts: tuple[TensorType, ...]) -> None:
    """A window of `size` fits into x and has one 0-d start per axis."""
    if len(size) != x.rank or len(starts) != x.rank:
        raise ShapeError(
            "shape-mismatch",
            f"{op}: a window of shape {show(size)} with {len(starts)} starts needs an operand of "
            f"that rank, got {show(x.shape)}",
        )
    same_dtype(op, *starts)
    for start in starts:
        need_index(op, "a start", start)
        need_shape(op, "a start", start, ())
    gaps: list[Size] = [n - s for n, s in zip(x.shape, size, strict=True)]
    if any(isinstance(gap, int) and gap < 0 for gap in gaps):
        message = f"{op}: a window of shape {show(size)} does not fit into {show(x.shape)}"
        raise ShapeError("shape-mismatch", message)


def _window(x: Array, size: tuple[int, ...], starts: tuple[Array, ...]) -> tuple[slice, ...]:
    firsts = [min(max(int(s), 0), n - k) for s, n, k in zip(starts, x.shape, size, strict=True)]
    return tuple(slice(a, a + k) for a, k in zip(firsts, size, strict=True))


@core("arrange")
def dynamic_slice(x: TensorType, *starts: TensorType, size: Sizes) -> TensorType:
    """The window of shape `size` that begins at `starts` (0-d, all i32 or all i64, one per axis).
    A start is clamped to [0, n - size] so that the window fits."""
    need_sizes("dynamic_slice", size)
    _need_window("dynamic_slice", x, size, starts)
    return x.with_shape(size)


@dynamic_slice.reference
def _(x: Array, *starts: Array, size: tuple[int, ...]) -> Array:
    return x[_window(x, size, starts)]


dynamic_slice.sample("f32[]", size=())
dynamic_slice.sample("f32[7]", "i64[]", size=(3,))
dynamic_slice.sample("f32[3, 5]", "i32[]", "i32[]", size=(3, 1))
dynamic_slice.sample("f32[3, 0]", "i32[]", "i32[]", size=(0, 0))
dynamic_slice.sample("f32[batch, 5]", "i64[]", "i64[]", size=(dim("batch"), 2))


@core("arrange")
def dynamic_update(x: TensorType, update: TensorType, *starts: TensorType) -> TensorType:
    """x with the window that begins at `starts` replaced by `update`; starts as dynamic_slice."""
    same_dtype("dynamic_update", x, update)
    _need_window("dynamic_update", x, update.shape, starts)
    return x


@dynamic_update.reference
def _(x: Array, update: Array, *starts: Array) -> Array:
    found = x.copy()
    found[_window(x, update.shape, starts)] = update
    return found


dynamic_update.sample("f32[]", "f32[]")
dynamic_update.sample("f32[7]", "f32[3]", "i64[]")
dynamic_update.sample("f32[3, 5]", "f32[1, 5]", "i32[]", "i32[]")
dynamic_update.sample("f32[3, 5]", "f32[0, 2]", "i32[]", "i32[]")
dynamic_update.sample("f32[batch, 5]", "f32[1, 5]", "i64[]", "i64[]")
