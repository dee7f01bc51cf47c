"""Ops that move elements keep the batch axis where it is; the other axes count from 1."""

from __future__ import annotations

import numpy as np

from axec.dialects.attrs import Ints, Sizes
from axec.dialects.axe import arrange as ops
from axec.dialects.axe.constants import constant
from axec.dialects.axe.elementwise import select
from axec.passes.axe.vmap.batch import Batch
from axec.passes.axe.vmap.rules import EXPAND, Lane, moved, vmap
from axec.passes.axe.walk import Value

moved(ops.reverse, "axes")
moved(ops.concat, "axis")


@vmap(ops.reshape)
def _(b: Batch, x: Lane, *, shape: Sizes) -> Value:
    return b.plain(ops.reshape, x.value, shape=(b.size, *shape))


@vmap(ops.transpose)
def _(b: Batch, x: Lane, *, perm: Ints) -> Value:
    return b.plain(ops.transpose, x.value, perm=(0, *(a + 1 for a in perm)))


@vmap(ops.broadcast)
def _(b: Batch, x: Lane, *, shape: Sizes, axes: Ints) -> Value:
    return b.plain(ops.broadcast, x.value, shape=(b.size, *shape), axes=(0, *(a + 1 for a in axes)))


@vmap(ops.slice_)
def _(b: Batch, x: Lane, *, start: Sizes, stop: Sizes, step: Ints) -> Value:
    return b.plain(ops.slice_, x.value, start=(0, *start), stop=(b.size, *stop), step=(1, *step))


@vmap(ops.pad)
def _(b: Batch, x: Lane, value: Lane, *, low: Ints, high: Ints) -> Value | None:
    if value.batched:
        return None
    return b.plain(ops.pad, x.value, value.value, low=(0, *low), high=(0, *high))


def _pad_by_choice(b: Batch, x: Lane, value: Lane, *, low: Ints, high: Ints) -> Lane:
    """Padding with a value of each index's own: chosen by a mask."""
    where = {"low": low, "high": high}
    zero = b(constant, value=np.zeros((), b.type(x).dtype.numpy))
    yes, no = (b(constant, value=np.asarray(v)) for v in (True, False))
    padded = b(ops.pad, x, zero, **where)
    inside = b(ops.pad, b(ops.broadcast, yes, shape=b.type(x).shape, axes=()), no, **where)
    around = b(ops.broadcast, value, shape=b.type(padded).shape, axes=())
    found: Lane = b(select, inside, padded, around)
    return found


EXPAND[ops.pad] = _pad_by_choice
