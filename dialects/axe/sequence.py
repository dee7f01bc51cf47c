"""Ops along one axis, in which a result depends on the elements before it or on all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.axe.numerics import wide
from axec.dialects.axe.reduce import KINDS
from axec.dialects.axe.rules import need_axes, need_kind, need_word
from axec.dialects.opdef import Array, ShapeError, core
from axec.dialects.types import TensorType


@core("contract")
def cumulate(x: TensorType, *, kind: str, axis: int) -> TensorType:
    """Running fold along an axis: result[a..., i, b...] = fold over j <= i of x[a..., j, b...] with
    sum, prod, max or min, from the first element on. f16 and bf16 accumulate in f32, integers wrap,
    NaN wins."""
    need_word("cumulate", "kind", kind, KINDS)
    need_kind(f"cumulate: {kind}", x, "fiu")
    need_axes("cumulate", (axis,), x.rank)
    return x


@cumulate.reference
@wide
def _(x: Array, *, kind: str, axis: int) -> Any:
    return KINDS[kind][0].accumulate(x, axis, x.dtype)


for _kind in KINDS:
    cumulate.sample("f32[3, 5]", kind=_kind, axis=1)
    cumulate.sample("f32[2, 5, 17]", kind=_kind, axis=1)
cumulate.sample("f32[1]", kind="sum", axis=0)
cumulate.sample("f32[3, 0]", kind="max", axis=1)
cumulate.sample("f32[batch, 7]", kind="sum", axis=0)
cumulate.sample("f32[7, batch]", kind="sum", axis=1)


@core("contract")
def argsort(x: TensorType, *, descending: bool) -> TensorType:
    """The i64 positions along the last axis that put x in order: take along them and it ascends, or
    descends. Equal elements stay in their order; NaN is larger than every number."""
    if not x.rank:
        raise ShapeError("axis-range", "argsort: needs an axis")
    return x.with_dtype(dtypes.i64)


@argsort.reference
@wide  # ml_dtypes puts NaN of bf16 in no order
def _(x: Array, *, descending: bool) -> Array:
    if not descending:
        return np.asarray(np.argsort(x, axis=-1, stable=True), np.int64)
    # Ascending from behind: what is equal stands the other way round, and is turned back.
    found = np.argsort(x[..., ::-1], axis=-1, stable=True)[..., ::-1]
    return np.asarray(x.shape[-1] - 1 - found, np.int64)


for _descending in (False, True):
    argsort.sample("f32[3, 5]", descending=_descending)
    argsort.sample("f32[21]", descending=_descending)
argsort.sample("f32[2, 3, 1]", descending=False)
argsort.sample("f32[3, 0]", descending=False)
argsort.sample("f32[2, batch]", descending=False)
argsort.sample("f32[batch, 9]", descending=True)


@core("contract")
def top(x: TensorType, *, k: int) -> TensorType:
    """The i64 positions along the last axis of its k largest elements, the largest first: the first
    k of those that argsort gives, descending."""
    size = x.shape[-1] if x.rank else 0
    if not isinstance(size, int) or not 0 <= k <= size:
        raise ShapeError("bad-attribute", f"top: {k} of {size} elements")
    return TensorType(dtypes.i64, (*x.shape[:-1], k))


@top.reference
def _(x: Array, *, k: int) -> Array:
    assert argsort.eval is not None
    return np.asarray(argsort.eval(x, descending=True))[..., :k]


top.sample("f32[3, 70]", k=3)
top.sample("f32[2, 200]", k=40)
top.sample("f32[5]", k=5)
top.sample("f32[1]", k=1)
top.sample("f32[2, 5]", k=0)
top.sample("f32[batch, 9]", k=2)
