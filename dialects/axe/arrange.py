"""Ops that move elements without computing: every result element is some operand's element, or a
padding value."""

from __future__ import annotations

import numpy as np

from axec.dialects import dims
from axec.dialects.attrs import Ints, Sizes
from axec.dialects.axe.rules import (
    need_at_least,
    need_axes,
    need_length,
    need_shape,
    need_sizes,
    same_dtype,
    show,
    without,
)
from axec.dialects.dims import Size, dim
from axec.dialects.opdef import Array, ShapeError, core
from axec.dialects.types import TensorType


@core("alias")
def reshape(x: TensorType, *, shape: Sizes) -> TensorType:
    """The same elements in the same row-major order; `shape` has as many elements as x."""
    need_sizes("reshape", shape)
    if dims.product(shape) != x.count:
        raise ShapeError(
            "shape-mismatch",
            f"reshape: {show(x.shape)} has {x.count} elements, {show(shape)} has "
            f"{dims.product(shape)}",
        )
    return x.with_shape(shape)


@reshape.reference
def _(x: Array, *, shape: tuple[int, ...]) -> Array:
    return x.reshape(shape)


reshape.sample("f32[]", shape=(1, 1))
reshape.sample("f32[1]", shape=())
reshape.sample("f32[0, 3]", shape=(5, 0))
reshape.sample("f32[3, 10]", shape=(2, 5, 3))
reshape.sample("f32[batch, 6]", shape=(3 * dim("batch"), 2))


@core("arrange")
def transpose(x: TensorType, *, perm: Ints) -> TensorType:
    """Reorder axes: result axis i is operand axis perm[i]."""
    need_axes("transpose", perm, x.rank)
    if len(perm) != x.rank:
        message = f"transpose: perm {show(perm)} must name each axis of {show(x.shape)}"
        raise ShapeError("axis-range", message)
    return x.with_shape(tuple(x.shape[a] for a in perm))


@transpose.reference
def _(x: Array, *, perm: Ints) -> Array:
    return x.transpose(perm)


transpose.sample("f32[]", perm=())
transpose.sample("f32[7]", perm=(0,))
transpose.sample("f32[3, 5]", perm=(1, 0))
transpose.sample("f32[2, 0, 3]", perm=(2, 0, 1))
transpose.sample("f32[2, batch, 5, 3]", perm=(3, 1, 0, 2))


@core("arrange")
def broadcast(x: TensorType, *, shape: Sizes, axes: Ints) -> TensorType:
    """Repeat elements: operand axis i becomes result axis axes[i], its size equal or 1 (which is
    stretched); the other result axes are new."""
    need_sizes("broadcast", shape)
    need_axes("broadcast", axes, len(shape))
    need_length("broadcast", "axes", axes, x.rank)
    for i, a in enumerate(axes):
        if x.shape[i] not in (1, shape[a]):
            raise ShapeError(
                "shape-mismatch",
                f"broadcast: axis {i} of {show(x.shape)} does not fit axis {a} of {show(shape)}",
            )
    return x.with_shape(shape)


def repeated(x: Array, *, shape: tuple[int, ...], axes: Ints) -> Array:
    """The result of a broadcast, read-only: equal elements may be one in memory."""
    order = sorted(range(x.ndim), key=lambda i: axes[i])
    sizes = dict(zip(axes, x.shape, strict=True))
    placed = x.transpose(order).reshape([sizes.get(i, 1) for i in range(len(shape))])
    return np.broadcast_to(placed, shape)


@broadcast.reference
def _(x: Array, *, shape: tuple[int, ...], axes: Ints) -> Array:
    return repeated(x, shape=shape, axes=axes).copy()


broadcast.sample("f32[]", shape=(), axes=())
broadcast.sample("f32[]", shape=(3, 5), axes=())
broadcast.sample("f32[5]", shape=(3, 5), axes=(1,))
broadcast.sample("f32[3, 1]", shape=(3, 5), axes=(0, 1))
broadcast.sample("f32[3, 2]", shape=(2, 0, 3), axes=(2, 0))
broadcast.sample("f32[7]", shape=(dim("batch"), 7), axes=(1,))


@core("arrange")
def slice_(x: TensorType, *, start: Sizes, stop: Sizes, step: Ints) -> TensorType:
    """result[i, ...] = x[start[0] + i * step[0], ...] for indices below `stop`; per axis
    0 <= start <= stop <= size and step >= 1."""
    for what, values in (("start", start), ("stop", stop), ("step", step)):
        need_length("slice", what, values, x.rank)
    need_at_least("slice", "step", step, 1)
    need_at_least("slice", "start", start, 0)
    found: list[Size] = []
    for n, low, high, by in zip(x.shape, start, stop, step, strict=True):
        # What only a call can tell (no known difference) is left to it.
        if any(isinstance(gap, int) and gap < 0 for gap in (high - low, n - high)):
            raise ShapeError(
                "shape-mismatch",
                f"slice: {show(start)} to {show(stop)} leaves the bounds of {show(x.shape)}",
            )
        found.append(dims.ceildiv(high - low, by))
    return x.with_shape(tuple(found))


@slice_.reference
def _(x: Array, *, start: Ints, stop: Ints, step: Ints) -> Array:
    ranges = zip(start, stop, step, strict=True)
    return x[tuple(slice(low, high, by) for low, high, by in ranges)]


slice_.sample("f32[]", start=(), stop=(), step=())
slice_.sample("f32[7]", start=(1,), stop=(7,), step=(3,))
slice_.sample("f32[3, 5]", start=(2, 0), stop=(3, 5), step=(1, 2))
slice_.sample("f32[4, 5]", start=(4, 1), stop=(4, 2), step=(1, 1))
slice_.sample("f32[batch, 5]", start=(0, 1), stop=(dim("batch"), 4), step=(2, 1))
slice_.sample("f32[batch, 5]", start=(dim("batch") - 1, 0), stop=(dim("batch"), 5), step=(1, 1))


@core("arrange")
def reverse(x: TensorType, *, axes: Ints) -> TensorType:
    """result[i] = x[n - 1 - i] along each of `axes`."""
    need_axes("reverse", axes, x.rank)
    return x


@reverse.reference
def _(x: Array, *, axes: Ints) -> Array:
    return np.flip(x, axes)


reverse.sample("f32[]", axes=())
reverse.sample("f32[7]", axes=(0,))
reverse.sample("f32[2, 0, 3]", axes=(0, 2))
reverse.sample("f32[batch, 5]", axes=(1, 0))


@core("arrange")
def pad(x: TensorType, value: TensorType, *, low: Ints, high: Ints) -> TensorType:
    """x with low[i] elements `value` (0-d) before and high[i] after axis i; amounts >= 0."""
    same_dtype("pad", x, value)
    need_shape("pad", "the value", value, ())
    for what, amounts in (("low", low), ("high", high)):
        need_length("pad", what, amounts, x.rank)
        need_at_least("pad", what, amounts, 0)
    return x.with_shape(tuple(n + (a + b) for n, a, b in zip(x.shape, low, high, strict=True)))


@pad.reference
def _(x: Array, value: Array, *, low: Ints, high: Ints) -> Array:
    inner = tuple(slice(a, a + n) for a, n in zip(low, x.shape, strict=True))
    sizes = [a + n + b for a, n, b in zip(low, x.shape, high, strict=True)]
    found = np.full(sizes, value)
    found[inner] = x
    return found


pad.sample("f32[]", "f32[]", low=(), high=())
pad.sample("f32[3]", "f32[]", low=(2,), high=(0,))
pad.sample("f32[0, 5]", "f32[]", low=(1, 0), high=(1, 3))
pad.sample("f32[batch, 5]", "f32[]", low=(0, 1), high=(1, 0))


@core("arrange")
def concat(x: TensorType, y: TensorType, *, axis: int) -> TensorType:
    """x and after it y along `axis`; their other sizes are equal. `build.joined` makes a tree of
    them for more operands."""
    # Binary, because the bindings' verifier wants all operands of a variadic field to be of one
    # type (IRDL constraints are variables).
    same_dtype("concat", x, y)
    need_axes("concat", (axis,), x.rank)
    if x.rank != y.rank or without(x.shape, {axis}) != without(y.shape, {axis}):
        both = f"{show(x.shape)} and {show(y.shape)}"
        raise ShapeError("shape-mismatch", f"concat: shapes {both} differ beside axis {axis}")
    size = x.shape[axis] + y.shape[axis]
    return x.with_shape((*x.shape[:axis], size, *x.shape[axis + 1 :]))


@concat.reference
def _(x: Array, y: Array, *, axis: int) -> Array:
    return np.concatenate((x, y), axis)


concat.sample("f32[1]", "f32[7]", axis=0)
concat.sample("f32[3, 2]", "f32[3, 5]", axis=1)
concat.sample("f32[2, 0, 3]", "f32[2, 1, 3]", axis=1)
concat.sample("f32[2, batch, 3]", "f32[2, 1, 3]", axis=1)
