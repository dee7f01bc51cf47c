"""The type of a value: `TensorType(dtype, shape)` in Python, in MLIR
`tensor<?x784xf32, ["batch"]>`.

The tensor's encoding lists the expression of every `?` in order, so that a type says all about its
shape and two equal types are one pointer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from operator import index
from typing import Any

from axec.diag import AxecError
from axec.dialects import dims, dtypes
from axec.dialects.dims import DimExpr, Size
from axec.dialects.dtypes import DType
from axec.mlir import context, ir

Shape = tuple[Size, ...]


class TensorType:
    """An n-d tensor: element type and shape; sizes are ints or DimExprs.

    There is one object per type, as in MLIR: equal is identical, and what follows from a type is
    computed once. `rank`: the number of axes; `count`: of elements; `nbytes`: of the row-major
    buffer, without padding; `is_static`: whether all sizes are ints.
    """

    __slots__ = ("count", "dtype", "is_static", "nbytes", "rank", "shape")

    dtype: DType
    shape: Shape
    rank: int
    count: Size
    nbytes: Size
    is_static: bool

    def __new__(cls, dtype: DType, shape: Shape) -> TensorType:
        return _KNOWN.get((dtype, shape)) or _entered(dtype, shape)

    def __reduce__(self) -> tuple[Any, ...]:
        return TensorType, (self.dtype, self.shape)

    def with_shape(self, shape: Shape) -> TensorType:
        return TensorType(self.dtype, shape)

    def with_dtype(self, dtype: DType) -> TensorType:
        return TensorType(dtype, self.shape)

    def shape_at(self, bound: Mapping[str, int]) -> tuple[int, ...]:
        """The shape with the named dims evaluated."""
        return tuple([dims.evaluate(s, bound) for s in self.shape])

    def ir(self) -> Any:
        """The MLIR type (one object per distinct type)."""
        return _to_ir(self)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    __repr__ = __str__


_KNOWN: dict[tuple[DType, Shape], TensorType] = {}


def _entered(dtype: DType, shape: Shape) -> TensorType:
    made = object.__new__(TensorType)
    # Users' dims carry ranges, which are no part of a type.
    sizes = tuple([DimExpr(s.terms) if isinstance(s, DimExpr) else index(s) for s in shape])
    made.dtype, made.shape, made.rank = dtype, sizes, len(sizes)
    made.count = dims.product(sizes)
    made.nbytes = made.count * dtype.size
    made.is_static = all(isinstance(s, int) for s in sizes)
    return _KNOWN.setdefault((dtype, sizes), made)  # threads that meet here get one object


def of(value: Any) -> TensorType:
    """The TensorType of an MLIR value or MLIR type."""
    return of_type(value if isinstance(value, ir.Type) else value.type)


def parse(text: str) -> TensorType:
    """Read what `str` of a TensorType prints: `f32[batch, 784]`. Raises ValueError."""
    found = re.fullmatch(r"(\w+)\[(.*)\]", text)
    if found is None or found[1] not in dtypes.BY_NAME:
        raise ValueError(f"not a tensor type: {text!r}")
    # A comma inside floordiv(...) is followed by a closing parenthesis before any opening one.
    parts = re.split(r",\s*(?![^()]*\))", found[2]) if found[2] else []
    return TensorType(dtypes.BY_NAME[found[1]], tuple(map(dims.parse, parts)))


@cache
def _to_ir(t: TensorType) -> Any:
    with context():
        dynamic = ir.ShapedType.get_dynamic_size()
        shape = [s if isinstance(s, int) else dynamic for s in t.shape]
        texts = [ir.StringAttr.get(str(s)) for s in t.shape if not isinstance(s, int)]
        encoding = ir.ArrayAttr.get(texts) if texts else None
        return ir.RankedTensorType.get(shape, t.dtype.ir(), encoding, loc=ir.Location.unknown())


@cache
def of_type(t: Any) -> TensorType:
    """The TensorType of an MLIR type. AxecError `unsupported-dtype` or `unnamed-dim` where there is
    none."""
    dtype = dtypes.BY_MLIR.get(str(t.element_type)) if isinstance(t, ir.RankedTensorType) else None
    if dtype is None:
        raise AxecError(
            "unsupported-dtype",
            f"{t} is no tensor of a dtype that axec has",
            hint=f"element types are {', '.join(dtypes.BY_MLIR)}",
        )
    named = iter(_dynamic_sizes(t))
    return TensorType(
        dtype, tuple(next(named) if t.is_dynamic_dim(i) else n for i, n in enumerate(t.shape))
    )


def _dynamic_sizes(t: Any) -> list[Size]:
    """The size of every `?`, as the encoding says. Raises AxecError `unnamed-dim`."""
    wanted = sum(map(t.is_dynamic_dim, range(t.rank)))
    texts = list(t.encoding) if isinstance(t.encoding, ir.ArrayAttr) else []
    if (t.encoding is None) != (wanted == 0) or len(texts) != wanted:
        raise AxecError("unnamed-dim", f"{t}: the encoding must name each of {wanted} `?`")
    try:
        return [dims.parse_canonical(ir.StringAttr(a).value) for a in texts]
    except ValueError as e:
        raise AxecError("unnamed-dim", f"{t}: the encoding is no list of dims: {e}") from None
