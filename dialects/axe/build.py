"""Pieces that decompositions (composite.py) and rewriting rules are written with. All work through
`emit`, so in IR and on arrays alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.axe.arrange import broadcast, concat, transpose
from axec.dialects.axe.constants import constant, dim_size, iota
from axec.dialects.axe.elementwise import cast, compare, div, select
from axec.dialects.axe.reduce import reduce
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.dialects.emit import Emit

Value = Any  # of the world that emit works in: an MLIR value or an array

_NARROW = (dtypes.f16, dtypes.bf16)


def widen(emit: Emit, x: Value) -> Value:
    """x, as f32 where it is f16 or bf16."""
    return emit(cast, x, dtype=dtypes.f32) if emit.type(x).dtype in _NARROW else x


def narrow(emit: Emit, x: Value, dtype: DType) -> Value:
    """x as `dtype`: the way back from `widen`."""
    return x if emit.type(x).dtype is dtype else emit(cast, x, dtype=dtype)


def scalar(emit: Emit, value: float, like: Value) -> Value:
    """A 0-d constant of the dtype of `like`."""
    return emit(constant, value=np.asarray(value, emit.type(like).dtype.numpy))


def fill(emit: Emit, value: float, like: Value) -> Value:
    """A constant of the type of `like`."""
    return emit(broadcast, scalar(emit, value, like), shape=emit.type(like).shape, axes=())


def over(emit: Emit, x: Value, like: Value, axis: int) -> Value:
    """Repeat x, which lacks one axis of `like`, along that axis."""
    t = emit.type(like)
    axes = tuple(a for a in range(t.rank) if a != axis)
    return emit(broadcast, x, shape=t.shape, axes=axes)


def mean(emit: Emit, x: Value, axis: int) -> Value:
    """The mean along an axis, which is gone from the result."""
    total = emit(reduce, x, kind="sum", axes=(axis,))
    return emit(div, total, count(emit, emit.type(x).shape[axis], total))


def count(emit: Emit, size: Size, like: Value) -> Value:
    """The number `size` as a tensor of the type of `like`."""
    t = emit.type(like)
    if isinstance(size, int):
        return fill(emit, size, like)
    return emit(broadcast, emit(dim_size, shape=(size,), dtype=t.dtype), shape=t.shape, axes=())


def trailing(emit: Emit, x: Value, like: Value) -> Value:
    """Repeat x along the leading axes of `like`."""
    t, rank = emit.type(like), emit.type(x).rank
    return emit(broadcast, x, shape=t.shape, axes=tuple(range(t.rank - rank, t.rank)))


def joined(emit: Emit, xs: Sequence[Value], axis: int) -> Value:
    """Concatenate one or more values along an axis, as a balanced tree."""
    if len(xs) == 1:
        return xs[0]
    half = len(xs) // 2
    left, right = joined(emit, xs[:half], axis), joined(emit, xs[half:], axis)
    return emit(concat, left, right, axis=axis)


def swapped(emit: Emit, x: Value) -> Value:
    """x with its last two axes exchanged."""
    rank = emit.type(x).rank
    return emit(transpose, x, perm=(*range(rank - 2), rank - 1, rank - 2))


def triangle(emit: Emit, x: Value, *, lower: bool, diagonal: bool = True) -> Value:
    """x [..., M, N] with zeros above its diagonal (`lower`) or below it, and without `diagonal` on
    it too."""
    t = emit.type(x)
    row, column = (
        emit(iota, shape=t.shape, dtype=dtypes.i64, axis=a) for a in (t.rank - 2, t.rank - 1)
    )
    direction = ("g" if lower else "l") + ("e" if diagonal else "t")
    keep = emit(compare, row, column, direction=direction)
    return emit(select, keep, x, fill(emit, 0, x))
