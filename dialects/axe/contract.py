"""Products that sum over axes: matrix products of any rank, convolutions."""

from __future__ import annotations

import math

import numpy as np

from axec.dialects.attrs import Ints, Pairs
from axec.dialects.axe.numerics import wide, windows
from axec.dialects.axe.rules import (
    need_at_least,
    need_axes,
    need_kind,
    same_dtype,
    show,
    window_sizes,
    without,
)
from axec.dialects.opdef import Array, ShapeError, core
from axec.dialects.types import TensorType


def _need_pairs(what: str, x: TensorType, y: TensorType, axes_x: Ints, axes_y: Ints) -> None:
    """Paired axes have equal sizes."""
    sizes_x, sizes_y = [x.shape[a] for a in axes_x], [y.shape[a] for a in axes_y]
    if sizes_x != sizes_y:
        raise ShapeError(
            "shape-mismatch",
            f"dot_general: {what} axes {show(axes_x)} of {show(x.shape)} and {show(axes_y)} of "
            f"{show(y.shape)} have sizes {show(sizes_x)} and {show(sizes_y)}",
        )


@core("contract")
def dot_general(
    x: TensorType,
    y: TensorType,
    *,
    batch_x: Ints,
    batch_y: Ints,
    contract_x: Ints,
    contract_y: Ints,
) -> TensorType:
    """result[b..., i..., j...] = sum over k... of x[b..., i..., k...] * y[b..., j..., k...], where
    the attributes say which axes of x and y are batch (b) and contracted (k), pairwise; the others
    are free. Result axes: batch, free axes of x, free axes of y, each in order. f16 and bf16
    accumulate in f32, integers wrap."""
    same_dtype("dot_general", x, y)
    need_kind("dot_general", x, "fiu")
    need_axes("dot_general", (*batch_x, *contract_x), x.rank)
    need_axes("dot_general", (*batch_y, *contract_y), y.rank)
    _need_pairs("batch", x, y, batch_x, batch_y)
    _need_pairs("contracted", x, y, contract_x, contract_y)
    batch = tuple(x.shape[a] for a in batch_x)
    free_x = without(x.shape, (*batch_x, *contract_x))
    return x.with_shape(batch + free_x + without(y.shape, (*batch_y, *contract_y)))


def _matrices(x: Array, batch: Ints, contracted: Ints) -> tuple[Array, tuple[int, ...]]:
    """x as [batch, free, contracted], and the free sizes."""
    free = [a for a in range(x.ndim) if a not in (*batch, *contracted)]
    sizes = tuple(x.shape[a] for a in free)
    rows = math.prod(x.shape[a] for a in batch), math.prod(sizes)
    columns = math.prod(x.shape[a] for a in contracted)
    return x.transpose(*batch, *free, *contracted).reshape(*rows, columns), sizes


@wide
def _dot(
    x: Array, y: Array, *, batch_x: Ints, batch_y: Ints, contract_x: Ints, contract_y: Ints
) -> Array:
    xs, free_x = _matrices(x, batch_x, contract_x)
    ys, free_y = _matrices(y, batch_y, contract_y)
    batch = tuple(x.shape[a] for a in batch_x)
    product: Array = np.matmul(xs, ys.swapaxes(1, 2))
    return product.reshape(batch + free_x + free_y)


dot_general.reference(_dot)

_NO_BATCH: dict[str, Ints] = {"batch_x": (), "batch_y": ()}
dot_general.sample("f32[7]", "f32[7]", contract_x=(0,), contract_y=(0,), **_NO_BATCH)
dot_general.sample("f32[3, 5]", "f32[5, 7]", contract_x=(1,), contract_y=(0,), **_NO_BATCH)
dot_general.sample("f32[3, 0]", "f32[0, 2]", contract_x=(1,), contract_y=(0,), **_NO_BATCH)
dot_general.sample("f32[3]", "f32[1, 2]", contract_x=(), contract_y=(), **_NO_BATCH)
dot_general.sample("f32[batch, 5]", "f32[5, 3]", contract_x=(1,), contract_y=(0,), **_NO_BATCH)
dot_general.sample(
    "f32[2, 3, 5, 7]", "f32[7, 3, 4, 2]",
    batch_x=(0, 1), batch_y=(3, 1), contract_x=(3,), contract_y=(0,),
)  # fmt: skip
dot_general.sample(
    "f32[3, 2, 5]", "f32[2, 4, 3]", batch_x=(), batch_y=(), contract_x=(0, 1), contract_y=(2, 0)
)


@core("contract")
def conv(
    x: TensorType, w: TensorType, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int
) -> TensorType:
    """Cross-correlation of x [N, C, spatial...] with w [O, C/groups, spatial...], zero-padded:
    result[n, o, p...] = sum over c, k... of w[o, c, k...] *
    x[n, g * C/groups + c, p * stride + k * dilation - padding_low ...], g = o // (O/groups).
    Result [N, O, floor((n + low + high - dilation * (k - 1) - 1) / stride) + 1 ...]."""
    same_dtype("conv", x, w)
    need_kind("conv", x, "fiu")
    need_at_least("conv", "groups", (groups,), 1)
    both = f"{show(x.shape)} and {show(w.shape)}"
    if x.rank != w.rank or x.rank < 3:
        message = f"conv: needs [N, C, spatial...] and [O, C/groups, spatial...], got {both}"
        raise ShapeError("shape-mismatch", message)
    if x.shape[1] != w.shape[1] * groups or (w.shape[0] // groups) * groups != w.shape[0]:
        message = f"conv: channels of {both} do not fit {groups} groups"
        raise ShapeError("shape-mismatch", message)
    positions = window_sizes("conv", x.shape[2:], w.shape[2:], stride, padding, dilation)
    return x.with_shape((x.shape[0], w.shape[0], *positions))


@conv.reference
@wide
def _(x: Array, w: Array, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Array:
    n, out = x.shape[0], w.shape[0]
    view = windows(x, 0, w.shape[2:], stride, padding, dilation)
    positions = view.shape[2 : x.ndim]
    xs = view.reshape(n, groups, w.shape[1], *view.shape[2:])
    ws = w.reshape(groups, out // groups, *w.shape[1:])
    found = _dot(
        xs,
        ws,
        batch_x=(1,),
        batch_y=(0,),
        contract_x=(2, *range(x.ndim + 1, xs.ndim)),
        contract_y=tuple(range(2, ws.ndim)),
    )  # [groups, N, positions..., O/groups]
    return np.moveaxis(found, (0, -1), (1, 2)).reshape(n, out, *positions)


conv.sample("f32[2, 3, 7]", "f32[4, 3, 3]", stride=(2,), padding=((1, 0),), dilation=(1,), groups=1)
conv.sample(
    "f32[2, 4, 5, 7]", "f32[6, 2, 3, 2]",
    stride=(1, 2), padding=((1, 1), (0, 3)), dilation=(2, 1), groups=2,
)  # fmt: skip
conv.sample(
    "f32[1, 3, 5, 5]", "f32[3, 1, 1, 1]",
    stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=3,
)  # fmt: skip
conv.sample("f32[0, 3, 5]", "f32[2, 3, 2]", stride=(1,), padding=((0, 0),), dilation=(1,), groups=1)
conv.sample(
    "f32[batch, 2, seq]", "f32[3, 2, 3]", stride=(2,), padding=((1, 1),), dilation=(1,), groups=1
)
