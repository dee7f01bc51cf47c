"""Ops without operands: literal constants, index ramps, sizes."""

from __future__ import annotations

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.attrs import Sizes
from axec.dialects.axe.rules import need_axes, need_kind, need_sizes
from axec.dialects.dims import dim
from axec.dialects.dtypes import DType
from axec.dialects.opdef import Array, core
from axec.dialects.types import TensorType


@core("constant")
def constant(*, value: Array) -> TensorType:
    """A literal array of any shape and dtype."""
    return TensorType(dtypes.of(value.dtype), value.shape)


@constant.reference
def _(*, value: Array) -> Array:
    return value


for _shape in ((), (0,), (1,), (3, 5)):
    constant.sample(value=np.full(_shape, 2, np.float32))
constant.sample(value=np.arange(15, dtype=np.float32).reshape(3, 5))


@core("constant")
def iota(*, shape: Sizes, dtype: DType, axis: int) -> TensorType:
    """result[..., i, ...] = i, the index along `axis`; integers wrap."""
    found = TensorType(dtype, shape)
    need_kind("iota", found, "fiu")
    need_sizes("iota", shape)
    need_axes("iota", (axis,), len(shape))
    return found


@iota.reference
def _(*, shape: tuple[int, ...], dtype: DType, axis: int) -> Array:
    around = tuple(-1 if i == axis else 1 for i in range(len(shape)))
    ramp = np.arange(shape[axis]).astype(dtype.numpy).reshape(around)
    return np.broadcast_to(ramp, shape).copy()


iota.sample(shape=(7,), dtype=dtypes.f32, axis=0)
iota.sample(shape=(3, 1, 5), dtype=dtypes.f32, axis=2)
iota.sample(shape=(0, 2), dtype=dtypes.f32, axis=0)
iota.sample(shape=(dim("batch"), 3), dtype=dtypes.f32, axis=0)


@core("constant")
def dim_size(*, shape: Sizes, dtype: DType) -> TensorType:
    """The number of elements of a shape, as a 0-d tensor: what is known of named dims when the
    program runs. Integers wrap."""
    found = TensorType(dtype, ())
    need_kind("dim_size", found, "fiu")
    need_sizes("dim_size", shape)
    return found


@dim_size.reference
def _(*, shape: tuple[int, ...], dtype: DType) -> Array:
    count = np.asarray(dims.product(shape), np.int64)
    narrow = dtype in (dtypes.f16, dtypes.bf16)
    return (count.astype(np.float32) if narrow else count).astype(dtype.numpy)


dim_size.sample(shape=(), dtype=dtypes.f32)
dim_size.sample(shape=(0, 3), dtype=dtypes.f32)
dim_size.sample(shape=(7, 5), dtype=dtypes.f32)
