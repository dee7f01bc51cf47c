"""The type of a value: `TensorType(dtype, shape)` in Python, `tensor<?x784xf32, ["batch"]>` in MLIR.

The tensor's encoding lists the expression of every `?` in order, so that a type says all about its
shape and two equal types are one pointer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from axec.dialects import dims, dtypes
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.diag import AxecError
from axec.mlir import context, ir

Shape = tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class TensorType:
    """An n-d tensor: element type and shape; sizes are ints or DimExprs."""

    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def count(self) -> Size:
        """The number of elements."""
        return dims.product(self.shape)

    @property
    def nbytes(self) -> Size:
        """Bytes of the row-major buffer, without padding."""
        return self.count * self.dtype.size

    @property
    def is_static(self) -> bool:
        return all(isinstance(s, int) for s in self.shape)

    def with_shape(self, shape: Shape) -> TensorType:
        return TensorType(self.dtype, shape)

    def with_dtype(self, dtype: DType) -> TensorType:
        return TensorType(dtype, self.shape)

    def ir(self) -> Any:
        """The MLIR type (one object per distinct type)."""
        return _to_ir(self)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    __repr__ = __str__


def of(value: Any) -> TensorType:
    """The TensorType of an MLIR value or MLIR type."""
    return _from_ir(value if isinstance(value, ir.Type) else value.type)


@cache
def _to_ir(t: TensorType) -> Any:
    with context():
        dynamic = ir.ShapedType.get_dynamic_size()
        shape = [s if isinstance(s, int) else dynamic for s in t.shape]
        texts = [ir.StringAttr.get(str(s)) for s in t.shape if not isinstance(s, int)]
        encoding = ir.ArrayAttr.get(texts) if texts else None
        return ir.RankedTensorType.get(shape, t.dtype.ir(), encoding, loc=ir.Location.unknown())


@cache
def _from_ir(t: Any) -> TensorType:
    ranked = ir.RankedTensorType(t)
    texts = [a.value for a in ranked.encoding] if ranked.encoding is not None else []
    dynamic = [i for i in range(ranked.rank) if ranked.is_dynamic_dim(i)]
    if len(texts) != len(dynamic):
        raise AxecError("unnamed-dim", f"{t}: the encoding must name each of {len(dynamic)} `?`")
    sizes = dict(zip(dynamic, map(dims.parse, texts), strict=True))
    shape = tuple(sizes.get(i, ranked.shape[i]) for i in range(ranked.rank))
    return TensorType(dtypes.BY_MLIR[str(ranked.element_type)], shape)
