"""Indices with arrays, as NumPy has them: which elements of an array an index names, as positions
along its indexed axes, and in which order the result has them.

`gather` reads the places, `scatter` changes them. Positions that are values count from the end when
negative and are then clamped to the axis; of several updates of one place all count, in row-major
order, so that the last wins where they replace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from axec.dialects import dims, dtypes
from axec.dialects.axe import indexing as ops
from axec.dialects.axe.constants import iota
from axec.dialects.dims import Ranges, Size
from axec.lang.arrays import arrange, core, indexing
from axec.lang.arrays import elementwise as ew
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.tensor import Tensor

_NEW = -1  # in the order of a result's axes: a new one


@dataclass(frozen=True, slots=True)
class Places:
    """An index of an array x. `indexed`: axes of x with positions along them, each of which
    broadcasts to `shape`; `free`: axes that are taken whole. `order`: for each axis of the result
    its number among those of `shape` and then the free ones, or _NEW."""

    indexed: list[tuple[int, Tensor]]
    shape: tuple[Size, ...]
    free: list[int]
    order: list[int]


def has_array(items: Sequence[Any]) -> bool:
    """Is there an array among the items of an index?"""
    return any(isinstance(i, Tensor) for i in items)


def gather(x: Tensor, items: Sequence[Any]) -> Tensor:
    """x[index]; `items`: one per axis (and None per new one), as `indexing.as_index` gives them."""
    places = _places(x, items)
    rows, _ = _rows(x, places)
    found = apply(ops.take, rows, _positions(x, places), axis=0)
    kept = [n for n in places.order if n != _NEW]
    found = arrange.permute_dims(found, kept)
    for axis, n in enumerate(places.order):
        found = arrange.expand_dims(found, axis=axis) if n == _NEW else found
    return found


def scatter(x: Tensor, items: Sequence[Any], value: Tensor, kind: str) -> Tensor:
    """x with `value`, which broadcasts to x[index], set, added, ... there (op scatter)."""
    places = _places(x, items)
    if (axis := _axis_alone(x, places)) is not None:
        at = core.stretch(places.indexed[0][1], places.shape)
        shape = (*x.type.shape[:axis], *places.shape, *x.type.shape[axis + 1 :])
        at = indexing.from_start(at, x.type.shape[axis], axis)
        return apply(ops.scatter, x, at, arrange.broadcast_to(value, shape), axis=axis, kind=kind)
    sizes = [*places.shape, *(x.type.shape[a] for a in places.free)]
    update = arrange.broadcast_to(value, tuple(1 if n == _NEW else sizes[n] for n in places.order))
    new = tuple(a for a, n in enumerate(places.order) if n == _NEW)
    update = arrange.squeeze(update, new) if new else update
    kept = [n for n in places.order if n != _NEW]
    update = arrange.permute_dims(update, [kept.index(n) for n in range(len(kept))])
    rows, perm = _rows(x, places)
    found = apply(ops.scatter, rows, _positions(x, places), update, axis=0, kind=kind)
    moved = arrange.reshape(found, tuple(x.type.shape[a] for a in perm))
    return arrange.permute_dims(moved, [perm.index(a) for a in range(x.ndim)])


def _axis_alone(x: Tensor, places: Places) -> int | None:
    """The one indexed axis, where the result has its positions in its place."""
    if len(places.indexed) != 1:
        return None
    axis, rank = places.indexed[0][0], len(places.shape)
    free = [rank + n for n in range(x.ndim - 1)]
    return axis if places.order == [*free[:axis], *range(rank), *free[axis:]] else None


def _rows(x: Tensor, places: Places) -> tuple[Tensor, list[int]]:
    """x with its indexed axes in front, as one; and the order of its axes before they were one."""
    perm = [*(a for a, _ in places.indexed), *places.free]
    moved = arrange.permute_dims(x, perm)
    shape = x.type.shape
    count = dims.product(shape[a] for a, _ in places.indexed)
    return arrange.reshape(moved, (count, *(shape[a] for a in places.free))), perm


def _positions(x: Tensor, places: Places) -> Tensor:
    """Positions along the one axis that the indexed axes are in `_rows`."""
    found = core.scalar(0, dtypes.i64)
    for axis, at in places.indexed:
        size = x.type.shape[axis]
        at = cast(indexing.from_start(at, size, axis), dtypes.i64)
        if len(places.indexed) > 1:  # the op clamps along the joint axis only
            at = ew.clip(at, 0, core.scalar(size, dtypes.i64) - 1)
        first = axis == places.indexed[0][0]
        found = at if first else found * core.scalar(size, dtypes.i64) + at
    return core.stretch(found, places.shape)


def _places(x: Tensor, items: Sequence[Any]) -> Places:
    """Sort out an index. As in NumPy, the axes of its arrays come together, where the first of
    them is, or in front where slices lie between them; ints beside arrays count as arrays."""
    ranges: Ranges = {} if x.trace is None else x.trace.ranges
    together: tuple[Size, ...] = ()
    for item in items:
        if isinstance(item, Tensor):
            together = core.common_shape("index", together, item.type.shape)
    axes = iter(range(x.ndim))
    places = [_NEW if item is None else next(axes) for item in items]
    cuts = {
        a: indexing.cut_of(item, x.type.shape[a], a, ranges)
        for a, item in zip(places, items, strict=True)
        if isinstance(item, slice)
    }
    free = [a for a, cut in cuts.items() if _is_whole(cut, x.type.shape[a])]
    ramps = [_ramp(cut, x.type.shape[a]) for a, cut in cuts.items() if a not in free]
    indexed = _indexed(x, items, places, ramps, free, ranges)
    shape = (*together, *(r.type.shape[0] for r in ramps))
    numbers = {a: len(together) + i for i, a in enumerate(a for a in cuts if a not in free)}
    numbers |= {a: len(shape) + i for i, a in enumerate(free)} | {_NEW: _NEW}
    at = _joint_axis(items)
    order = [numbers[a] for a, item in zip(places, items, strict=True) if _is_kept(item)]
    order[at:at] = range(len(together))
    return Places(indexed, shape, free, order)


def _indexed(
    x: Tensor,
    items: Sequence[Any],
    axes: Sequence[int],
    ramps: Sequence[Tensor],
    free: Sequence[int],
    ranges: Ranges,
) -> list[tuple[int, Tensor]]:
    """Positions along each axis that is not free: first the axes of arrays, then one per ramp."""
    found, used = [], 0
    for axis, item in zip(axes, items, strict=True):
        if item is None or axis in free:
            continue
        if isinstance(item, slice):
            at, behind = ramps[used], len(ramps) - used - 1
            used += 1
        else:
            behind = len(ramps)
            size = x.type.shape[axis]
            at = item if isinstance(item, Tensor) else _number(item, size, axis, ranges)
        found.append((axis, arrange.reshape(at, (*at.type.shape, *(1,) * behind))))
    return found


def _number(item: Any, size: Size, axis: int, ranges: Ranges) -> Tensor:
    return core.scalar(indexing.position(item, size, axis, ranges), dtypes.i64)


def _is_kept(item: Any) -> bool:
    """Has the result an axis for this item alone?"""
    return item is None or isinstance(item, slice)


def _joint_axis(items: Sequence[Any]) -> int:
    """Where in the result the axes of the arrays stand."""
    picks = [n for n, item in enumerate(items) if not _is_kept(item)]
    if not has_array(items) or picks != list(range(picks[0], picks[-1] + 1)):
        return 0
    return picks[0]


def _is_whole(cut: indexing.Cut, size: Size) -> bool:
    return (cut.start, cut.stop, cut.step, cut.reverse) == (0, size, 1, False)


def _ramp(cut: indexing.Cut, size: Size) -> Tensor:
    """The positions that a slice takes."""
    count = dims.ceildiv(cut.stop - cut.start, cut.step)
    steps = apply(iota, shape=(count,), dtype=dtypes.i64, axis=0)
    found = steps * cut.step + core.scalar(cut.start, dtypes.i64)
    return core.scalar(size - 1, dtypes.i64) - found if cut.reverse else found
