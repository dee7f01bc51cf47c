"""Indexing: `x[...]`, `take`, and windows at run-time offsets.

An index is a tuple of ints, slices, None, Ellipsis, integer arrays or lists (of several arrays, see
advanced_indexing.py) and bool arrays whose values are known. Static parts are checked when tracing;
run-time indices count from the end when negative and are clamped to the axis, so that a program has
no run-time index error.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.axe import arrange as arrange_ops
from axec.dialects.axe import indexing as ops
from axec.dialects.axe.rules import show
from axec.dialects.dims import DimExpr, Ranges, Size
from axec.dialects.types import Shape
from axec.lang import hints
from axec.lang.arrays import advanced_indexing, arrange, data_dependent, static
from axec.lang.arrays.core import ArrayLike, as_tensor, known_shape, known_size, promote, scalar
from axec.lang.arrays.create import asarray
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.elementwise import where
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.sizes import at_least_zero, show_ranges
from axec.lang.spec import dtype_name

__all__ = ["dynamic_slice", "dynamic_update_slice", "take"]


@dataclass(slots=True)
class Cut:
    """What an index does to one axis of the operand."""

    start: Size
    stop: Size
    step: int = 1
    reverse: bool = False  # before the slice
    keep: bool = True  # False: an int index, the axis goes


@dataclass(slots=True)
class _Plan:
    """An index, axis by axis: cuts of the operand, then the axes of the result."""

    cuts: list[Cut]
    new: list[int]  # positions of None in the result, before the array index is applied
    array: Tensor | None  # the integer array, if there is one
    array_axis: int  # axis of the operand that it indexes
    in_front: bool  # NumPy: an array apart from an int index puts its axes first

    def window(self, shape: Shape) -> _Window:
        """What the cuts leave of an array of this shape."""
        start, stop = tuple([c.start for c in self.cuts]), tuple([c.stop for c in self.cuts])
        step = tuple([c.step for c in self.cuts])
        whole = stop == shape and not any(start) and set(step) <= {1}
        cut = None if whole else {"start": start, "stop": stop, "step": step}
        kept = [dims.ceildiv(c.stop - c.start, c.step) for c in self.cuts if c.keep]
        for place in self.new:
            kept.insert(place, 1)
        return _Window(tuple([i for i, c in enumerate(self.cuts) if c.reverse]), cut, tuple(kept))


@dataclass(slots=True)
class _Window:
    """Part of an array: the axes that are reversed first, the attributes of the slice if it is one,
    and the shape of the result."""

    flipped: tuple[int, ...]
    cut: dict[str, Any] | None
    shape: Shape

    def of(self, x: Tensor) -> Tensor:
        if self.flipped:
            x = apply(arrange_ops.reverse, x, axes=self.flipped)
        if self.cut is not None:
            x = apply(arrange_ops.slice_, x, **self.cut)
        return x if x.type.shape == self.shape else apply(arrange_ops.reshape, x, shape=self.shape)


def getitem(x: Tensor, index: Any) -> Tensor:
    """`x[index]`; see the module's description."""
    given = index if isinstance(index, tuple) else (index,)
    key = _key(given) if x.type.is_static else None
    if key is not None:
        return _known_window(x.type.shape, key).of(x)
    items = items_of(x, given)
    if sum(isinstance(i, Tensor) for i in items) > 1:
        return advanced_indexing.gather(x, items)
    plan = _plan(x.type.shape, {} if x.trace is None else x.trace.ranges, items)
    found = plan.window(x.type.shape).of(x)
    if plan.array is None:
        return found
    axis = sum(c.keep for c in plan.cuts[: plan.array_axis])
    for place in plan.new:
        axis += place <= axis
    taken = _take(found, plan.array, axis)
    if not plan.in_front:
        return taken
    rank = plan.array.ndim
    return arrange.moveaxis(taken, tuple(range(axis, axis + rank)), tuple(range(rank)))


_PLAIN = {int, type(None), type(...)}


def _key(index: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """An index of ints, None, `...` and slices of ints with these as tuples; None for any other."""
    key = []
    for item in index:
        if type(item) is slice:
            item = (item.start, item.stop, item.step)
            if not _PLAIN.issuperset(map(type, item)):
                return None
        elif type(item) not in _PLAIN:
            return None
        key.append(item)
    return tuple(key)


@functools.lru_cache(maxsize=4096)
def _known_window(shape: Shape, key: tuple[Any, ...]) -> _Window:
    """What such an index leaves of an array of known sizes: programs repeat theirs."""
    index = [slice(*item) if isinstance(item, tuple) else item for item in key]
    return _plan(shape, {}, [as_index(i) for i in _per_axis(shape, index)]).window(shape)


def _plan(shape: Shape, ranges: Ranges, items: list[Any]) -> _Plan:
    plan = _Plan([], [], None, 0, False)
    advanced: list[int] = []  # positions of ints and arrays among the items
    for place, item in enumerate(items):
        axis = len(plan.cuts)
        if item is None:
            plan.new.append(sum(c.keep for c in plan.cuts) + len(plan.new))
            continue
        size = shape[axis]
        if isinstance(item, Tensor):
            plan.array, plan.array_axis = item, axis
            plan.cuts.append(Cut(0, size))
        elif isinstance(item, slice):
            plan.cuts.append(cut_of(item, size, axis, ranges))
        else:
            at = position(item, size, axis, ranges)
            plan.cuts.append(Cut(at, at + 1, keep=False))
        if not isinstance(item, slice):
            advanced.append(place)
    if plan.array is not None:
        plan.in_front = advanced != list(range(advanced[0], advanced[-1] + 1))
    return plan


def items_of(x: Tensor, index: tuple[Any, ...]) -> list[Any]:
    """One item per axis (and None per new axis), as `as_index` gives them."""
    return [as_index(i) for i in _per_axis(x.type.shape, _unmasked(x, index))]


def _unmasked(x: Tensor, index: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index with the positions that a known mask is true at in place of the mask."""
    found: list[Any] = []
    for item in index:
        mask = _mask(item)
        if mask is None:
            found.append(item)
            continue
        first = sum(i is not None for i in found)
        if Ellipsis not in found and x.type.shape[first : first + mask.ndim] != mask.type.shape:
            shapes = f"{show(mask.type.shape)} for an array of shape {show(x.type.shape)}"
            raise error("shape-mismatch", f"a mask of shape {shapes}")
        found += data_dependent.nonzero(mask)
    return tuple(found)


def _mask(item: Any) -> Tensor | None:
    """A bool array or list of known values, or None for any other item."""
    if isinstance(item, list) and item and all(isinstance(v, bool) for v in item):
        item = np.array(item)
    if not isinstance(item, (np.ndarray, Tensor)):
        return None
    t = as_tensor(item)
    return t if t.dtype is dtypes.bool_ and t.trace is None and t.ndim else None


def _per_axis(shape: Shape, index: Sequence[Any]) -> list[Any]:
    used = sum(i is not None and i is not Ellipsis for i in index)
    if used > len(shape):
        raise error("index-count", f"{used} indices for an array of shape {show(shape)}")
    places = [n for n, i in enumerate(index) if i is Ellipsis]
    if len(places) > 1:
        raise error("index-type", "an index can hold one `...`, this one has more")
    rest = [slice(None)] * (len(shape) - used)
    if not places:
        return [*index, *rest]
    return [*index[: places[0]], *rest, *index[places[0] + 1 :]]


def as_index(item: Any) -> Any:
    """An int, dim, slice, None or integer Tensor; anything else is an AxecError."""
    if item is None or isinstance(item, (slice, DimExpr)):
        return item
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
        return int(item)
    if isinstance(item, list):
        item = asarray(item, dtype=None if item else dtypes.i64)
    if isinstance(item, (np.ndarray, np.generic, Tensor)):
        found = as_tensor(item)
        if found.dtype.is_integer:
            eager_scalar = found.trace is None and found.ndim == 0
            return int(found.value) if eager_scalar else found
        if found.dtype is dtypes.bool_:
            raise error(
                "index-type",
                "a bool index selects a number of elements that is known only at run time",
                hint=hints.masked(),
            )
        what = f"a {dtype_name(found.dtype)} array"
    else:
        what = repr(item)
    raise error(
        "index-type",
        f"{what} is no index: it must be an int, slice, None, ... or an integer array",
        hint=_index_hint(item),
    )


def _index_hint(item: Any) -> str | None:
    if isinstance(item, float):
        return "divide with `//`, which gives an int, or convert with `int()`"
    if isinstance(item, (Tensor, np.ndarray)):
        return "cast it with `.astype(axe.int64)`"
    return None


def position(item: int | DimExpr, size: Size, axis: int, ranges: Ranges) -> Size:
    """An int index as the position of its element."""
    item = known_size(item)
    at = size + item if isinstance(item, int) and item < 0 else item
    if at_least_zero(at, ranges) and at_least_zero(size - at - 1, ranges):
        return at
    within = f" ({show_ranges({n: ranges[n] for n in sorted(dims.names(size))})})"
    raise error(
        "index-range",
        f"index {item} on axis {axis} of size {size}{'' if isinstance(size, int) else within}",
        hint=f"indices go from {-size} to {size - 1}"
        if isinstance(size, int)
        else "an index must fit every size in the dim's range",
    )


def cut_of(item: slice, size: Size, axis: int, ranges: Ranges) -> Cut:
    """A slice of one axis, checked for every size that the axis can have."""
    step = 1 if item.step is None else _whole(item.step, "step")
    if step == 0 or not isinstance(step, int):
        raise error("index-range", f"a slice has an int step other than 0, got {step}")
    start = None if item.start is None else _whole(item.start, "start")
    stop = None if item.stop is None else _whole(item.stop, "stop")
    if all(isinstance(v, int | None) for v in (start, stop, size)):
        return _static_slice(slice(start, stop, step), size)
    if step < 0:
        if start is None and stop is None:
            return Cut(0, size, -step, reverse=True)
        raise _unknown_slice(item, size, axis, ranges)
    low = 0 if start is None else _edge(start, size)
    high = size if stop is None else _edge(stop, size)
    if not all(at_least_zero(gap, ranges) for gap in (low, high - low, size - high)):
        raise _unknown_slice(item, size, axis, ranges)
    return Cut(low, high, step)


def _static_slice(item: slice, size: Any) -> Cut:
    start, stop, step = item.indices(size)
    if step > 0:
        return Cut(start, max(start, stop), step)
    # x[start:stop:-s] is the reversed x from n-1-start on.
    first = size - 1 - start
    return Cut(first, max(first, size - 1 - stop), -step, reverse=True)


def _edge(value: Size, size: Size) -> Size:
    return size + value if isinstance(value, int) and value < 0 else value


def _whole(value: Any, what: str) -> Size:
    if isinstance(value, DimExpr):
        return known_size(value)
    item = as_index(value)
    if isinstance(item, int):
        return item
    raise error(
        "traced-value" if isinstance(item, Tensor) else "index-type",
        f"the {what} of a slice must be known when tracing",
        hint="a window at a run-time offset: `axe.dynamic_slice(x, starts, sizes)`",
    )


def _unknown_slice(item: slice, size: Size, axis: int, ranges: Ranges) -> Exception:
    parts = [item.start, item.stop] + ([item.step] if item.step is not None else [])
    text = ":".join("" if v is None else str(v) for v in parts)
    return error(
        "index-range",
        f"slice {text} of axis {axis} does not fit every size of `{size}`: {show_ranges(ranges)}",
        hint="a slice of a named dim must stay inside for its smallest size; "
        "if no call is smaller, raise the lower end of the range",
    )


def take(x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = None) -> Tensor:
    """Elements along an axis: result[a..., i..., b...] = x[a..., indices[i...], b...].

    Negative indices count from the end. Indices that are known when tracing are checked; run-time
    ones are clamped to the axis. `axis` may be left out for a 1-d x.
    """
    t = as_tensor(x)
    if axis is None and t.ndim != 1:
        raise error("axis-range", f"take: which axis of {show(t.type.shape)}?", hint="give `axis=`")
    place = static.axis("take", 0 if axis is None else axis, t.ndim)
    index = as_index(indices)
    if not isinstance(index, (int, Tensor)):
        raise static.wrong("take: the indices", "integers", indices)
    return _take(t, as_tensor(index), place)


def _take(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    return apply(ops.take, x, from_start(indices, x.type.shape[axis], axis), axis=axis)


def from_start(indices: Tensor, size: Size, axis: int) -> Tensor:
    """Indices that count from the start of an axis, int32 or int64; known ones are checked."""
    if indices.trace is None and isinstance(size, int):
        values = indices.value
        if values.size and not (-size <= values.min() and values.max() < size):
            worst = values.min() if values.min() < -size else values.max()
            raise error(
                "index-range",
                f"index {worst} on axis {axis} of size {size}",
                hint=f"indices go from {-size} to {size - 1}" if size else None,
            )
        return Tensor(np.where(values < 0, values + size, values).astype(np.int64))
    at = indices
    if at.dtype not in (dtypes.i32, dtypes.i64):
        at = cast(at, dtypes.i32)
    if indices.dtype.kind == "i":
        at = where(at < 0, at + (size if isinstance(size, int) else scalar(size, at.dtype)), at)
    return at


def dynamic_slice(
    x: ArrayLike, start_indices: Sequence[ArrayLike], slice_sizes: Sequence[Any], /
) -> Tensor:
    """The window of shape `slice_sizes` that begins at run-time `start_indices` (0-d integers, one
    per axis). A start is clamped so that the window fits."""
    t = as_tensor(x)
    size = known_shape(slice_sizes)
    return apply(ops.dynamic_slice, t, *_starts("dynamic_slice", t, start_indices), size=size)


def dynamic_update_slice(
    x: ArrayLike, update: ArrayLike, start_indices: Sequence[ArrayLike], /
) -> Tensor:
    """x with the window that begins at run-time `start_indices` replaced by `update`. A start is
    clamped so that the window fits."""
    t, new = promote("dynamic_update_slice", x, update)
    starts = _starts("dynamic_update_slice", t, start_indices)
    return apply(ops.dynamic_update, t, new, *starts)


def _starts(name: str, x: Tensor, given: Sequence[ArrayLike]) -> list[Tensor]:
    if not isinstance(given, (list, tuple)) or len(given) != x.ndim:
        raise error(
            "index-count", f"{name}: needs a list of one start per axis of {show(x.type.shape)}"
        )
    found = promote(name, *given) if given else []
    for t in found:
        if t.ndim or not t.dtype.is_integer:
            raise error(
                "index-type",
                f"{name}: a start is a 0-d integer, got {dtype_name(t.dtype)} {show(t.type.shape)}",
            )
    return [t if t.dtype in (dtypes.i32, dtypes.i64) else cast(t, dtypes.i32) for t in found]
