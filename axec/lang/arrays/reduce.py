"""Functions that fold axes. `axis` is one axis, several, or None for all; `keepdims` leaves axes of
size 1 in their place."""

from __future__ import annotations

from typing import Any

from axec.dialects import dims, dtypes
from axec.dialects.axe import reduce as ops
from axec.dialects.axe.rules import show
from axec.dialects.dtypes import DType
from axec.lang.arrays import elementwise as ew
from axec.lang.arrays import static
from axec.lang.arrays.arrange import reshape
from axec.lang.arrays.core import ArrayLike, as_tensor, need_float, scalar
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.static import Axes
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.sizes import at_least_zero
from axec.lang.spec import as_dtype

__all__ = [
    "all", "any", "argmax", "argmin", "count_nonzero", "max", "mean", "min", "prod", "std", "sum",
    "var",
]  # fmt: skip


def sum(x: ArrayLike, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum; integers and bool add up in int64 unless `dtype` says otherwise."""
    return _fold("sum", _accumulating(as_tensor(x), dtype), axis, keepdims)


def prod(
    x: ArrayLike, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False
) -> Tensor:
    """The product; integers and bool multiply in int64 unless `dtype` says otherwise."""
    return _fold("prod", _accumulating(as_tensor(x), dtype), axis, keepdims)


def max(x: ArrayLike, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The largest element; NaN wins. An empty axis is an AxecError."""
    return _fold("max", as_tensor(x), axis, keepdims)


def min(x: ArrayLike, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The smallest element; NaN wins. An empty axis is an AxecError."""
    return _fold("min", as_tensor(x), axis, keepdims)


def any(x: ArrayLike, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether some element is nonzero, as bool."""
    return _fold("any", cast(as_tensor(x), dtypes.bool_), axis, keepdims)


def all(x: ArrayLike, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether every element is nonzero, as bool."""
    return _fold("all", cast(as_tensor(x), dtypes.bool_), axis, keepdims)


def count_nonzero(x: ArrayLike, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The number of nonzero elements, int64."""
    return sum(cast(as_tensor(x), dtypes.bool_), axis=axis, keepdims=keepdims)


def mean(x: ArrayLike, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The sum over the number of elements; floating point only, as in the standard."""
    t = need_float("mean", as_tensor(x))
    wide = _wide(t)
    return cast(sum(wide, axis=axis, keepdims=keepdims) / _count(wide, axis), t.dtype)


def var(
    x: ArrayLike, /, *, axis: Axes = None, correction: float = 0, keepdims: bool = False
) -> Tensor:
    """The variance: mean((x - mean(x)) ** 2), with n - correction in place of n."""
    t = need_float("var", as_tensor(x))
    wide = _wide(t)
    d = wide - mean(wide, axis=axis, keepdims=True)
    total = sum(d * d, axis=axis, keepdims=keepdims)
    return cast(total / _count(wide, axis, correction), t.dtype)


def std(
    x: ArrayLike, /, *, axis: Axes = None, correction: float = 0, keepdims: bool = False
) -> Tensor:
    """The standard deviation, sqrt(var(x))."""
    t = need_float("std", as_tensor(x))
    return ew.sqrt(var(t, axis=axis, correction=correction, keepdims=keepdims))


def argmax(x: ArrayLike, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The int64 index of the largest element, the first of equals; NaN wins. With `axis` None, of
    the flattened x."""
    return _arg("max", x, axis, keepdims)


def argmin(x: ArrayLike, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The int64 index of the smallest element, the first of equals; NaN wins. With `axis` None, of
    the flattened x."""
    return _arg("min", x, axis, keepdims)


_KINDS = {"any": "max", "all": "min"}  # of bool


def _fold(name: str, x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
    axes = static.axes(name, axis, x.ndim)
    if name in ("max", "min"):
        _need_elements(name, x, axes)
    folded = apply(ops.reduce, x, kind=_KINDS.get(name, name), axes=axes) if axes else x
    return _kept(folded, x, axes) if static.flag("keepdims", keepdims) else folded


def _arg(kind: str, x: ArrayLike, axis: int | None, keepdims: bool) -> Tensor:
    t = as_tensor(x)
    name = f"arg{kind}"
    axes = static.axes(name, None if axis is None else static.axis(name, axis, t.ndim), t.ndim)
    _need_elements(name, t, axes)
    flat, place = (reshape(t, (-1,)), 0) if axis is None else (t, axes[0])
    found = apply(ops.argreduce, flat, kind=kind, axis=place)
    return _kept(found, t, axes) if static.flag("keepdims", keepdims) else found


def _kept(folded: Tensor, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return reshape(folded, tuple(1 if i in axes else s for i, s in enumerate(x.type.shape)))


def _need_elements(name: str, x: Tensor, axes: tuple[int, ...]) -> None:
    count = dims.product(x.type.shape[a] for a in axes)
    ranges = {} if x.trace is None else x.trace.ranges
    if not at_least_zero(count - 1, ranges):
        raise error(
            "shape-mismatch",
            f"{name}: an empty axis of {show(x.type.shape)} has no {name.removeprefix('arg')}",
            hint="declare the dim with a lower bound of 1" if not isinstance(count, int) else None,
        )


def _accumulating(x: Tensor, dtype: Any) -> Tensor:
    """x in the dtype to add up in. Source: array API standard 2024.12, sum."""
    if dtype is not None:
        return cast(x, as_dtype(dtype))
    wide: DType = x.dtype if x.dtype.is_float else dtypes.i64
    return cast(x, wide)


def _wide(x: Tensor) -> Tensor:
    """f16 and bf16 as f32: their sums leave the range that their means stay in."""
    return cast(x, dtypes.f32) if x.dtype.size == 2 else x


def _count(x: Tensor, axis: Axes, less: float = 0) -> ArrayLike:
    """The number of elements along the axes, minus `less`."""
    less = static.real("correction", less)
    count = dims.product(x.shape[a] for a in static.axes("mean", axis, x.ndim))
    if isinstance(count, int):
        return count - less
    known = scalar(count, x.dtype)
    return known - less if less else known
