"""`x.at[index].set(value)`: an array with a part replaced, as a new array."""

from __future__ import annotations

from typing import Any

from axec.dialects import dtypes
from axec.dialects.axe import indexing as ops
from axec.dialects.dims import Ranges, Size
from axec.lang import arrange, indexing
from axec.lang.core import ArrayLike, apply, cast, promote, scalar
from axec.lang.errors import error
from axec.lang.tensor import Tensor


class At:
    """`x.at`, which an index makes into the place to update."""

    __slots__ = ("_x",)

    def __init__(self, x: Tensor) -> None:
        self._x = x

    def __getitem__(self, index: Any) -> Place:
        return Place(self._x, index if isinstance(index, tuple) else (index,))


class Place:
    """`x.at[index]`: ints, slices of step 1, `...`, and 0-d run-time integers (clamped)."""

    __slots__ = ("_index", "_x")

    def __init__(self, x: Tensor, index: tuple[Any, ...]) -> None:
        self._x = x
        self._index = index

    def get(self) -> Tensor:
        """`x[index]`."""
        return self._x[self._index]

    def set(self, value: ArrayLike) -> Tensor:
        """x with the elements at the index replaced by `value`, which broadcasts to them and takes
        the dtype of x."""
        x = self._x
        starts, sizes, kept = self._window()
        new = cast(promote("set", x, value)[1], x.dtype)
        part = arrange.broadcast_to(new, tuple(s for s, k in zip(sizes, kept, strict=True) if k))
        return apply(ops.dynamic_update, x, arrange.reshape(part, tuple(sizes)), *starts)

    def add(self, value: ArrayLike) -> Tensor:
        """x with `value` added to the elements at the index."""
        return self.set(self.get() + value)

    def multiply(self, value: ArrayLike) -> Tensor:
        """x with the elements at the index multiplied by `value`."""
        return self.set(self.get() * value)

    def _window(self) -> tuple[list[Tensor], list[Size], list[bool]]:
        """Per axis: where the window starts, its size, and whether x[index] has the axis."""
        shape = self._x.type.shape
        ranges: Ranges = {} if self._x.trace is None else self._x.trace.ranges
        starts: list[Tensor] = []
        sizes: list[Size] = []
        kept: list[bool] = []
        for axis, raw in enumerate(indexing.per_axis(self._x, self._index)):
            item = indexing.as_index(raw)
            start, size = self._span(item, shape[axis], axis, ranges)
            starts.append(cast(start, dtypes.i64))
            sizes.append(size)
            kept.append(isinstance(item, slice))
        return starts, sizes, kept

    def _span(self, item: Any, size: Size, axis: int, ranges: Ranges) -> tuple[Tensor, Size]:
        """Where the window starts on one axis, and its size there."""
        if isinstance(item, slice):
            cut = indexing.cut_of(item, size, axis, ranges)
            if cut.step != 1 or cut.reverse:
                raise error("index-type", "`.at` takes slices of step 1")
            return scalar(cut.start, dtypes.i64), cut.stop - cut.start
        if isinstance(item, Tensor) and item.ndim == 0:
            return item, 1
        if item is None or isinstance(item, Tensor):
            raise error("index-type", "`.at` takes ints, slices and 0-d integers")
        return scalar(indexing.position(item, size, axis, ranges), dtypes.i64), 1
