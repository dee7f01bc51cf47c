"""`x.at[index].set(value)`: an array with a part changed, as a new array; scatter along an axis."""

from __future__ import annotations

from typing import Any

from axec.dialects import dtypes
from axec.dialects.axe import elementwise as elementwise_ops
from axec.dialects.axe import indexing as ops
from axec.dialects.dims import Ranges, Size
from axec.dialects.opdef import OpDef
from axec.lang.arrays import advanced_indexing, arrange, indexing, sequence, static
from axec.lang.arrays.core import ArrayLike, as_tensor, promote, scalar
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error

__all__ = ["put_along_axis", "scatter"]

_KINDS: dict[str, OpDef] = {
    "add": elementwise_ops.add,
    "mul": elementwise_ops.mul,
    "max": elementwise_ops.max_,
    "min": elementwise_ops.min_,
}


class At:
    """`x.at`, which an index makes into the place to update."""

    __slots__ = ("_x",)

    def __init__(self, x: Tensor) -> None:
        self._x = x

    def __getitem__(self, index: Any) -> Place:
        return Place(self._x, index if isinstance(index, tuple) else (index,))


class Place:
    """`x.at[index]`, for any index that `x[index]` takes. `value` broadcasts to `x[index]` and
    takes the dtype of x. Where arrays name a place several times, every update of it counts, in
    order: the last wins in `set`. Positions that only a run of the program knows are clamped."""

    __slots__ = ("_index", "_items", "_x")

    def __init__(self, x: Tensor, index: tuple[Any, ...]) -> None:
        self._x = x
        self._index = index
        self._items = indexing.items_of(x, index)

    def get(self) -> Tensor:
        """`x[index]`."""
        return self._x[self._index]

    def set(self, value: ArrayLike) -> Tensor:
        """x with the elements at the index replaced by `value`."""
        return self._changed("set", value)

    def add(self, value: ArrayLike) -> Tensor:
        """x with `value` added to the elements at the index."""
        return self._changed("add", value)

    def multiply(self, value: ArrayLike) -> Tensor:
        """x with the elements at the index multiplied by `value`."""
        return self._changed("mul", value)

    mul = multiply

    def max(self, value: ArrayLike) -> Tensor:
        """x with the larger of both at the index."""
        return self._changed("max", value)

    def min(self, value: ArrayLike) -> Tensor:
        """x with the smaller of both at the index."""
        return self._changed("min", value)

    def _changed(self, kind: str, value: ArrayLike) -> Tensor:
        x = self._x
        new = cast(promote(kind, x, value)[1], x.dtype)
        if not self._is_window():
            return advanced_indexing.scatter(x, self._items, new, kind)
        if kind != "set":  # no element is named twice
            old = self.get()
            new = apply(_KINDS[kind], old, arrange.broadcast_to(new, old.type.shape))
        starts, sizes, kept = self._window()
        part = arrange.broadcast_to(new, tuple(s for s, k in zip(sizes, kept, strict=True) if k))
        return apply(ops.dynamic_update, x, arrange.reshape(part, tuple(sizes)), *starts)

    def _is_window(self) -> bool:
        """Ints, 0-d integers and slices of step 1."""
        return not any(
            item is None
            or (isinstance(item, Tensor) and item.ndim > 0)
            or (isinstance(item, slice) and item.step not in (None, 1))
            for item in self._items
        )

    def _window(self) -> tuple[list[Tensor], list[Size], list[bool]]:
        """Per axis: where the window starts, its size, and whether x[index] has the axis."""
        shape = self._x.type.shape
        ranges: Ranges = {} if self._x.trace is None else self._x.trace.ranges
        starts: list[Tensor] = []
        sizes: list[Size] = []
        for axis, item in enumerate(self._items):
            start, size = _span(item, shape[axis], axis, ranges)
            starts.append(cast(start, dtypes.i64))
            sizes.append(size)
        return starts, sizes, [isinstance(item, slice) for item in self._items]


def _span(item: Any, size: Size, axis: int, ranges: Ranges) -> tuple[Tensor, Size]:
    """Where the window starts on one axis, and its size there."""
    if isinstance(item, slice):
        cut = indexing.cut_of(item, size, axis, ranges)
        return scalar(cut.start, dtypes.i64), cut.stop - cut.start
    if isinstance(item, Tensor):
        return indexing.from_start(item, size, axis), 1
    return scalar(indexing.position(item, size, axis, ranges), dtypes.i64), 1


# ---- along an axis -------------------------------------------------------------------------------


def scatter(
    x: ArrayLike, indices: ArrayLike, updates: ArrayLike, /, *, axis: int = 0, kind: str = "set"
) -> Tensor:
    """x with slices changed along an axis: x[a..., indices[i...], b...] is replaced by, or joined
    with (`kind` "set", "add", "mul", "max", "min"), updates[a..., i..., b...]; the counterpart of
    `take`. Of several updates of one place all count, in order: the last wins with "set"."""
    t, new = as_tensor(x), as_tensor(updates)
    place = static.axis("scatter", axis, t.ndim)
    index = indexing.as_index(indices)
    if not isinstance(index, (int, Tensor)):
        raise static.wrong("scatter: the indices", "integers", indices)
    at = as_tensor(index)
    shape = t.type.shape
    new = arrange.broadcast_to(new, (*shape[:place], *at.type.shape, *shape[place + 1 :]))
    return _along(t, indexing.from_start(at, shape[place], place), new, place, kind)


def put_along_axis(
    x: ArrayLike, indices: ArrayLike, values: ArrayLike, /, *, axis: int = -1, kind: str = "set"
) -> Tensor:
    """x with x[a..., indices[a..., i, b...], b...] replaced by, or joined with (`kind` as in
    `scatter`), values[a..., i, b...]; the counterpart of `take_along_axis`. The axes of indices
    beside `axis` broadcast to those of x, and values to indices."""
    t, new = as_tensor(x), as_tensor(values)
    wide, flat = sequence.positions_along("put_along_axis", t, as_tensor(indices), axis)
    if wide.type.shape != t.type.shape:
        message = f"put_along_axis: the indices are larger than the array beside axis {axis}"
        raise error("shape-mismatch", message)
    new = arrange.broadcast_to(new, flat.type.shape)
    found = _along(arrange.reshape(t, (-1,)), flat, new, 0, kind)
    return arrange.reshape(found, t.type.shape)


def _along(x: Tensor, at: Tensor, update: Tensor, axis: int, kind: str) -> Tensor:
    static.word("scatter: kind", kind, "set", *_KINDS)
    new = cast(promote("scatter", x, update)[1], x.dtype)
    return apply(ops.scatter, x, at, new, axis=axis, kind=kind)
