"""What an input is: `axe.spec(shape, dtype)`, and the dtypes under their array API names."""

from __future__ import annotations

from typing import Any

from axec.dialects import dtypes
from axec.dialects.dims import Ranges
from axec.dialects.dtypes import DType
from axec.dialects.types import Shape, TensorType
from axec.lang.errors import AxecError, did_you_mean, error
from axec.lang.sizes import as_shape, ranges_of
from axec.lang.tree import map as tree_map

__all__ = [
    "Spec", "bfloat16", "bool", "float16", "float32", "float64", "int8", "int32", "int64", "spec",
    "spec_like", "uint8",
]  # fmt: skip

float64 = dtypes.f64
float32 = dtypes.f32
float16 = dtypes.f16
bfloat16 = dtypes.bf16
int64 = dtypes.i64
int32 = dtypes.i32
int8 = dtypes.i8
uint8 = dtypes.u8
bool = dtypes.bool_

_WORDS = [str(d.numpy.name) for d in dtypes.ALL]


class Spec:
    """The declared shape and dtype of an input: a leaf of the pytrees that `axe.compile` takes."""

    __slots__ = ("ranges", "type")

    def __init__(self, type: TensorType, ranges: Ranges) -> None:
        self.type = type
        self.ranges = ranges

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    def __eq__(self, other: object) -> Any:
        return isinstance(other, Spec) and (self.type, self.ranges) == (other.type, other.ranges)

    def __hash__(self) -> int:
        return hash(self.type)

    def __repr__(self) -> str:
        return f"axe.spec({self.shape}, axe.{self.dtype.numpy.name})"


def spec(shape: Any, dtype: Any = float32) -> Spec:
    """Declare an input: `axe.spec((axe.dim("batch", 1, 64), 784), axe.float32)`.

    Sizes are ints, dims or arithmetic on dims; () is a scalar. Raises AxecError `dim-range` when
    one name has two ranges, `unsupported-dtype` for a dtype that axec does not have.
    """
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    return Spec(TensorType(as_dtype(dtype), as_shape(sizes)), ranges_of(sizes))


def spec_like(tree: Any) -> Any:
    """The specs of a pytree of arrays: `params=axe.spec_like(init())` takes them as inputs."""

    def of(x: Any) -> Spec:
        if not hasattr(x, "shape") or not hasattr(x, "dtype"):
            raise error("argument-type", f"{x!r} is no array")
        return spec(x.shape, x.dtype)

    return tree_map(of, tree)


def as_dtype(value: Any) -> DType:
    """The dtype of `axe.float32`, "float32", a NumPy dtype or a Python scalar type."""
    if isinstance(value, DType):
        return value
    if value is float:
        return float32  # what Python floats become here; NumPy's own default would be float64
    try:
        return dtypes.of(value)
    except (AxecError, ValueError):  # NumPy raises ValueError for an object with a strange `.dtype`
        hint = did_you_mean(str(value), _WORDS)
        raise error("unsupported-dtype", f"there is no dtype {value!r}", hint=hint) from None


def dtype_name(dtype: DType) -> str:
    """The name that users write: `float32` of `axe.float32`."""
    return str(dtype.numpy.name)
