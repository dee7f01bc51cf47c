"""Ops without operands: literal constants and index ramps."""

from __future__ import annotations

import numpy as np

from axec.dialects import dtypes
from axec.dialects.attrs import Sizes
from axec.dialects.axe.rules import need_axes
from axec.dialects.dtypes import DType
from axec.dialects.opdef import Array, core
from axec.dialects.types import TensorType


@core("constant")
def constant(*, value: Array) -> TensorType:
    """A literal. Large arrays are weights of the artifact, not constants."""
    return TensorType(dtypes.of(value.dtype), value.shape)


@constant.reference
def _(*, value: Array) -> Array:
    return value


@core("constant")
def iota(*, shape: Sizes, dtype: DType, axis: int) -> TensorType:
    """result[..., i, ...] = i along `axis`."""
    need_axes("iota", (axis,), len(shape))
    return TensorType(dtype, shape)


@iota.reference
def _(*, shape: Sizes, dtype: DType, axis: int) -> Array:
    ramp = np.arange(shape[axis], dtype=dtype.numpy)
    around = tuple(-1 if i == axis else 1 for i in range(len(shape)))
    return np.broadcast_to(ramp.reshape(around), shape).copy()
