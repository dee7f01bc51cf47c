"""Functions along one axis: running folds, differences, sorting, searching."""

from __future__ import annotations

from typing import Any, NamedTuple

from axec.dialects import dtypes
from axec.dialects.axe import indexing as indexing_ops
from axec.dialects.axe import sequence as ops
from axec.dialects.axe.constants import iota
from axec.dialects.axe.rules import INDEX_DTYPES, show
from axec.dialects.dims import product
from axec.lang.arrays import core, reduce, static
from axec.lang.arrays import elementwise as ew
from axec.lang.arrays.arrange import concat, moveaxis, reshape
from axec.lang.arrays.core import ArrayLike, as_tensor
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.spec import as_dtype, dtype_name

__all__ = [
    "argsort", "cummax", "cummin", "cumulative_prod", "cumulative_sum", "diff", "isin",
    "searchsorted", "sort", "take_along_axis", "top_k",
]  # fmt: skip

# ---- running folds -------------------------------------------------------------------------------


def cumulative_sum(
    x: ArrayLike,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Tensor:
    """The sums of the first 1, 2, ... elements along an axis, which a 1-d x need not name;
    `include_initial` puts a 0 in front. Integers and bool add up in int64 unless `dtype` says
    otherwise."""
    return _accumulated("cumulative_sum", "sum", x, axis, dtype, include_initial)


def cumulative_prod(
    x: ArrayLike,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Tensor:
    """The products of the first 1, 2, ... elements along an axis, which a 1-d x need not name;
    `include_initial` puts a 1 in front. Integers and bool multiply in int64 unless `dtype` says
    otherwise. The gradient is right
    where x is 0; the second one where no two elements along the axis are."""
    return _accumulated("cumulative_prod", "prod", x, axis, dtype, include_initial)


def cummax(x: ArrayLike, /, *, axis: int | None = None) -> Tensor:
    """The largest of the first 1, 2, ... elements along an axis; NaN wins."""
    return _running("cummax", "max", as_tensor(x), axis)


def cummin(x: ArrayLike, /, *, axis: int | None = None) -> Tensor:
    """The smallest of the first 1, 2, ... elements along an axis; NaN wins."""
    return _running("cummin", "min", as_tensor(x), axis)


def diff(
    x: ArrayLike,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: ArrayLike | None = None,
    append: ArrayLike | None = None,
) -> Tensor:
    """The differences of neighbours along an axis, n times over; `prepend` and `append` are joined
    to x first."""
    parts = [v for v in (prepend, x, append) if v is not None]
    place, times = static.axis("diff", axis, as_tensor(x).ndim), static.integer("n", n)
    found = concat(parts, axis=place) if len(parts) > 1 and times else as_tensor(x)
    for _ in range(times):
        front = (slice(None),) * place
        after, before = found[(*front, slice(1, None))], found[(*front, slice(None, -1))]
        found = ew.not_equal(after, before) if found.dtype is dtypes.bool_ else after - before
    return found


def _accumulated(
    name: str, kind: str, x: ArrayLike, axis: int | None, dtype: Any, initial: bool
) -> Tensor:
    t = as_tensor(x)
    wide = as_dtype(dtype) if dtype is not None else t.dtype if t.dtype.is_float else dtypes.i64
    found = _running(name, kind, cast(t, wide), axis)
    if not static.flag("include_initial", initial):
        return found
    place = _axis(name, axis, t)
    shape = tuple(1 if a == place else n for a, n in enumerate(t.type.shape))
    return concat([core.full(shape, int(kind == "prod"), wide), found], axis=place)


def _running(name: str, kind: str, x: Tensor, axis: int | None) -> Tensor:
    return apply(ops.cumulate, x, kind=kind, axis=_axis(name, axis, x))


def _axis(name: str, axis: int | None, x: Tensor) -> int:
    if axis is None and x.ndim != 1:
        raise error(
            "axis-range", f"{name}: which axis of {show(x.type.shape)}?", hint="give `axis=`"
        )
    return static.axis(name, 0 if axis is None else axis, x.ndim)


# ---- order ---------------------------------------------------------------------------------------


_FEW = 64  # elements that are sorted as fast as the largest are found


class TopK(NamedTuple):
    """Result of `top_k`: the values, largest first, and their int64 positions."""

    values: Tensor
    indices: Tensor


def argsort(
    x: ArrayLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """The int64 positions that put x in order along an axis. Always stable; NaN is larger than
    every number."""
    t = as_tensor(x)
    place = static.axis("argsort", axis, t.ndim)
    static.flag("stable", stable)
    last = moveaxis(t, place, -1) if place != t.ndim - 1 else t
    found = apply(ops.argsort, last, descending=static.flag("descending", descending))
    return moveaxis(found, -1, place) if place != t.ndim - 1 else found


def sort(
    x: ArrayLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """x in order along an axis. Always stable; NaN is larger than every number."""
    t = as_tensor(x)
    order = argsort(t, axis=axis, descending=descending, stable=stable)
    return take_along_axis(t, order, axis=axis)


def top_k(x: ArrayLike, k: int, /, *, axis: int = -1) -> TopK:
    """The k largest along an axis and their positions, largest first, equals in their order; NaN is
    larger than every number."""
    t = as_tensor(x)
    place, count = static.axis("top_k", axis, t.ndim), static.integer("k", k)
    size = t.type.shape[place]
    if count < 0 or (isinstance(size, int) and count > size):
        raise error("bad-attribute", f"top_k: {k} of {size} elements")
    if isinstance(size, int) and size > _FEW and 2 * count <= size:
        last = moveaxis(t, place, -1) if place != t.ndim - 1 else t
        found = apply(ops.top, last, k=count)
        found = moveaxis(found, -1, place) if place != t.ndim - 1 else found
    else:  # most of them in order, or of a size that is not known: all of them are sorted
        found = argsort(t, axis=place, descending=True)[(slice(None),) * place + (slice(count),)]
    return TopK(take_along_axis(t, found, axis=place), found)


def take_along_axis(x: ArrayLike, indices: ArrayLike, /, *, axis: int = -1) -> Tensor:
    """result[a..., i, b...] = x[a..., indices[a..., i, b...], b...]: one position per element of
    the result; the other axes of both broadcast. Negative positions count from the end; those
    outside are clamped to the axis."""
    t, flat = positions_along("take_along_axis", as_tensor(x), as_tensor(indices), axis)
    return apply(indexing_ops.take, reshape(t, (-1,)), flat, axis=0)


def positions_along(name: str, x: Tensor, index: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """x, stretched to the sizes that the indices have beside the axis, and where in it, as a flat
    array, x[a..., index[a..., i, b...], b...] stands."""
    place = static.axis(name, axis, x.ndim)
    if index.dtype not in INDEX_DTYPES or index.ndim != x.ndim:
        what = f"{dtype_name(index.dtype)} {show(index.type.shape)}"
        raise error(
            "index-type",
            f"{name}: needs int32 or int64 positions of {x.ndim} axes, got {what}",
        )
    x, index = _around(name, x, index, place)
    size = core.scalar(x.type.shape[place], dtypes.i64)
    at = cast(index, dtypes.i64)
    at = ew.clip(ew.where(at < 0, at + size, at), 0, size - 1)
    flat = core.scalar(0, dtypes.i64)
    for a in range(x.ndim):
        step = product(x.type.shape[a + 1 :])
        here = at if a == place else apply(iota, shape=at.type.shape, dtype=dtypes.i64, axis=a)
        flat = flat + (here if step == 1 else here * core.scalar(step, dtypes.i64))
    return x, flat


def _around(name: str, x: Tensor, index: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Both with equal sizes beside the axis."""
    shapes = [tuple(n for a, n in enumerate(t.type.shape) if a != axis) for t in (x, index)]
    common = core.common_shape(name, *shapes)
    sizes = [(*common[:axis], t.type.shape[axis], *common[axis:]) for t in (x, index)]
    return core.stretch(x, sizes[0]), core.stretch(index, sizes[1])


def searchsorted(
    x1: ArrayLike, x2: ArrayLike, /, *, side: str = "left", sorter: ArrayLike | None = None
) -> Tensor:
    """Where to insert each element of x2 into the 1-d x1, which ascends (in the order of `sorter`),
    int64: before the elements equal to it, or with side "right" behind them. NaN is larger than
    every number. Compares each with each: for long x1 it is slow."""
    table, values = core.promote("searchsorted", x1, x2)
    if table.ndim != 1:
        raise error("shape-mismatch", f"searchsorted: {show(table.type.shape)} is not 1-d")
    static.word("searchsorted: side", side, "left", "right")
    if sorter is not None:
        table = take_along_axis(table, sorter, axis=0)
    value = reshape(values, (*values.type.shape, 1))
    before = _less(table, value) if side == "left" else ew.logical_not(_less(value, table))
    return reduce.count_nonzero(before, axis=-1)


def _less(x: Tensor, y: Tensor) -> Tensor:
    """x < y, where NaN is larger than every number."""
    if not x.dtype.is_float:
        return ew.less(x, y)
    number_and_nan = ew.logical_and(x == x, y != y)
    return ew.logical_or(ew.less(x, y), number_and_nan)


def isin(x1: ArrayLike, x2: ArrayLike, /, *, invert: bool = False) -> Tensor:
    """Whether each element of x1 is among those of x2 (not, with `invert`), as bool. Compares each
    with each."""
    x, test = core.promote("isin", x1, x2)
    flat = reshape(test, (-1,))
    found = reduce.any(reshape(x, (*x.type.shape, 1)) == flat, axis=-1)
    return ew.logical_not(found) if static.flag("invert", invert) else found
