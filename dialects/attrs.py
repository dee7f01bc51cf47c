"""Attributes of ops as plain Python values: one row per kind, both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.dims import Size
from axec.mlir import ir

Ints = tuple[int, ...]
Sizes = tuple[Size, ...]
Pairs = tuple[tuple[int, int], ...]  # e.g. padding: (low, high) per axis


@dataclass(frozen=True, slots=True)
class AttrKind:
    """How a Python value of one annotation is written to and read from MLIR."""

    to_ir: Callable[[Any], Any]
    from_ir: Callable[[Any], Any]


def _size_to_ir(size: Size) -> Any:
    if isinstance(size, int):
        return ir.IntegerAttr.get(ir.IntegerType.get_signless(64), size)
    return ir.StringAttr.get(str(size))


def _size_from_ir(attr: Any) -> Size:
    return dims.parse(attr.value) if isinstance(attr, ir.StringAttr) else int(attr.value)


def _dense_to_ir(value: np.ndarray[Any, Any]) -> Any:
    dtype = dtypes.of(value.dtype)
    value = np.ascontiguousarray(value)
    if dtype is dtypes.bf16:  # the bindings know no bfloat16 buffers: hand over the bits
        t = ir.RankedTensorType.get(value.shape, dtype.ir(), loc=ir.Location.unknown())
        return ir.DenseElementsAttr.get(value.view(np.uint16), type=t)
    return ir.DenseElementsAttr.get(value, type=dtype.ir(), shape=list(value.shape))


def _dense_from_ir(attr: Any) -> np.ndarray[Any, Any]:
    t = ir.RankedTensorType(attr.type)
    dtype = dtypes.BY_MLIR[str(t.element_type)]
    shape = tuple(t.shape)
    if attr.is_splat and dtype.is_float:
        return np.full(shape, ir.FloatAttr(attr.get_splat_value()).value, dtype.numpy)
    found = np.array(attr)
    return found.view(dtype.numpy).reshape(shape) if dtype is dtypes.bf16 else found.reshape(shape)


def _i64(value: int) -> Any:
    return ir.IntegerAttr.get(ir.IntegerType.get_signless(64), value)


# Keyed by the annotation as it is written in an op's declaration.
KINDS: dict[str, AttrKind] = {
    "int": AttrKind(_i64, lambda a: int(a.value)),
    "float": AttrKind(
        lambda v: ir.FloatAttr.get(ir.F64Type.get(), float(v)), lambda a: float(a.value)
    ),
    "bool": AttrKind(ir.BoolAttr.get, lambda a: bool(a.value)),
    "str": AttrKind(ir.StringAttr.get, lambda a: str(a.value)),
    "DType": AttrKind(
        lambda d: ir.TypeAttr.get(d.ir()), lambda a: dtypes.BY_MLIR[str(a.value)]
    ),
    "Ints": AttrKind(lambda v: ir.DenseI64ArrayAttr.get(list(v)), lambda a: tuple(a)),
    "Sizes": AttrKind(
        lambda v: ir.ArrayAttr.get([_size_to_ir(s) for s in v]),
        lambda a: tuple(_size_from_ir(s) for s in a),
    ),
    "Pairs": AttrKind(
        lambda v: ir.ArrayAttr.get([ir.DenseI64ArrayAttr.get(list(p)) for p in v]),
        lambda a: tuple((p[0], p[1]) for p in a),
    ),
    "Array": AttrKind(_dense_to_ir, _dense_from_ir),
}

