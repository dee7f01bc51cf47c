"""Products. A batch axis of both operands is a batch axis of the product, one of a single operand
is a free axis: always one dot_general, or one conv."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from axec.dialects import types
from axec.dialects.attrs import Ints, Pairs
from axec.dialects.axe import contract as ops
from axec.dialects.axe.arrange import pad, reshape, slice_, transpose
from axec.dialects.axe.constants import constant
from axec.dialects.axe.elementwise import add
from axec.passes.axe.vmap.batch import Batch
from axec.passes.axe.vmap.rules import EXPAND, Lane, vmap
from axec.passes.axe.walk import Value


@vmap(ops.dot_general)
def _(
    b: Batch, x: Lane, y: Lane, *, batch_x: Ints, batch_y: Ints, contract_x: Ints, contract_y: Ints
) -> Value:
    lead = (0,) if x.batched and y.batched else ()
    xs, ys = int(x.batched), int(y.batched)
    found = b.plain(
        ops.dot_general,
        x.value,
        y.value,
        batch_x=lead + tuple(a + xs for a in batch_x),
        batch_y=lead + tuple(a + ys for a in batch_y),
        contract_x=tuple(a + xs for a in contract_x),
        contract_y=tuple(a + ys for a in contract_y),
    )
    if lead:
        return found
    # The batch axis is the first free axis of its operand.
    free_x = b.type(x).rank - len(batch_x) - len(contract_x)
    return b.to_front(found, len(batch_x) + (0 if x.batched else free_x))


@vmap(ops.conv)
def _(b: Batch, x: Lane, w: Lane, *, groups: int, **how: Any) -> Value | None:
    if not w.batched:
        return _of_images(b, x, w, groups=groups, **how)
    if not x.batched:
        return _of_filters(b, x, w, groups=groups, **how)
    if isinstance(b.size, int):
        return _of_groups(b, x, w, groups=groups * b.size, **how)
    return None  # the number of groups is an attribute: through _by_offsets


def _of_images(b: Batch, x: Lane, w: Lane, **how: Any) -> Value:
    """More images: the batch axis joins theirs."""
    images, *rest = b.type(x).shape
    joined = b.plain(reshape, x.value, shape=(b.size * images, *rest))
    images_out = b.plain(ops.conv, joined, w.value, **how)
    shape = types.of(images_out).shape
    return b.plain(reshape, images_out, shape=(b.size, images, *shape[1:]))


def _of_groups(b: Batch, x: Lane, w: Lane, **how: Any) -> Value:
    """Every index has groups of its own."""
    out, inner, *size = b.type(w).shape
    images, channels, *space = b.type(x).shape
    xs = b.plain(transpose, x.value, perm=(1, 0, *range(2, 3 + len(space))))
    xs = b.plain(reshape, xs, shape=(images, b.size * channels, *space))
    ws = b.plain(reshape, w.value, shape=(b.size * out, inner, *size))
    found = b.plain(ops.conv, xs, ws, **how)
    shape = (images, b.size, out, *types.of(found).shape[2:])
    return b.to_front(b.plain(reshape, found, shape=shape), 1)


def _of_filters(b: Batch, x: Lane, w: Lane, *, groups: int, **how: Any) -> Value:
    """More output channels in every group."""
    out, inner, *size = b.type(w).shape
    each = out // groups
    ws = b.plain(reshape, w.value, shape=(b.size, groups, each, inner, *size))
    ws = b.plain(transpose, ws, perm=(1, 0, *range(2, 4 + len(size))))
    ws = b.plain(reshape, ws, shape=(groups * b.size * each, inner, *size))
    found = b.plain(ops.conv, x.value, ws, groups=groups, **how)
    images, _, *positions = types.of(found).shape
    split = b.plain(reshape, found, shape=(images, groups, b.size, each, *positions))
    split = b.to_front(split, 2)
    return b.plain(reshape, split, shape=(b.size, images, out, *positions))


def _by_offsets(
    b: Batch, x: Lane, w: Lane, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int
) -> Lane:
    """A convolution as a sum of products, one per position inside the filter."""
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    (result,) = ops.conv.result_types((b.type(x), b.type(w)), how)
    (out, inner, *size), (images, channels, *_) = b.type(w).shape, b.type(x).shape
    positions, each = result.shape[2:], out // groups
    low, high = ((0, 0, *ends) for ends in zip(*padding, strict=True))
    zero = b(constant, value=np.zeros((), result.dtype.numpy))
    x = b(pad, x, zero, low=tuple(low), high=tuple(high))
    total = None
    assert all(isinstance(k, int) for k in size), "a filter's size is known"
    for offset in np.ndindex(*cast(list[int], size)):
        start = tuple(k * d for k, d in zip(offset, dilation, strict=True))
        rows = zip(start, positions, stride, strict=True)
        stop = (images, channels, *(k + (p - 1) * s + 1 for k, p, s in rows))
        xs = b(slice_, x, start=(0, 0, *start), stop=stop, step=(1, 1, *stride))
        xs = b(reshape, xs, shape=(images, groups, inner, *positions))
        end = (out, inner, *(k + 1 for k in offset))
        ws = b(slice_, w, start=(0, 0, *offset), stop=end, step=(1,) * len(end))
        ws = b(reshape, ws, shape=(groups, each, inner))
        one = b(ops.dot_general, xs, ws, batch_x=(1,), batch_y=(0,), contract_x=(2,),
                contract_y=(2,))  # fmt: skip
        total = one if total is None else b(add, total, one)
    last = 2 + len(positions)  # [groups, images, positions..., each]
    total = b(transpose, total, perm=(1, 0, last, *range(2, last)))
    found: Lane = b(reshape, total, shape=result.shape)
    return found


EXPAND[ops.conv] = _by_offsets
