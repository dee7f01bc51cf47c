"""Gather and scatter. Where indices differ over the batch, the batch axis and the indexed axis
become one, and the indices count along it."""

from __future__ import annotations

from axec.dialects import dtypes, types
from axec.dialects.attrs import Sizes
from axec.dialects.axe import indexing as ops
from axec.dialects.axe.arrange import broadcast, reshape, transpose
from axec.dialects.axe.build import count, fill
from axec.dialects.axe.constants import constant, iota
from axec.dialects.axe.elementwise import add, and_, cast, clamp, compare, mul, select, sub
from axec.dialects.dims import Size
from axec.passes.axe.vmap.batch import Batch
from axec.passes.axe.vmap.rules import EXPAND, Lane, vmap
from axec.passes.axe.walk import Value


@vmap(ops.take)
def _(b: Batch, x: Lane, indices: Lane, *, axis: int) -> Value:
    if not indices.batched:
        return b.plain(ops.take, x.value, indices.value, axis=axis + 1)
    if not x.batched:
        return b.to_front(b.plain(ops.take, x.value, indices.value, axis=axis), axis)
    n, rest = _indexed(b, x, axis)
    rows = _joined(b, x.value, axis)
    found = b.plain(ops.take, rows, _along(b, indices, n), axis=0)
    return _apart(b, found, b.type(indices).shape, axis, rest)


@vmap(ops.scatter)
def _(b: Batch, x: Lane, indices: Lane, update: Lane, *, axis: int, kind: str) -> Value:
    xs, added = b.full(x), b.full(update)
    if not indices.batched:
        return b.plain(ops.scatter, xs, indices.value, added, axis=axis + 1, kind=kind)
    n, rest = _indexed(b, x, axis)
    places = b.type(indices).shape
    found = b.plain(
        ops.scatter, _joined(b, xs, axis), _along(b, indices, n),
        _joined(b, added, axis, len(places)), axis=0, kind=kind,
    )  # fmt: skip
    return _apart(b, found, (n,), axis, rest)


def _indexed(b: Batch, x: Lane, axis: int) -> tuple[Size, tuple[Size, ...]]:
    """The size of the indexed axis, and those of the others."""
    shape = b.type(x).shape
    return shape[axis], (*shape[:axis], *shape[axis + 1 :])


def _joined(b: Batch, x: Value, axis: int, count: int = 1) -> Value:
    """[B, pre..., places..., post...] as [B * places, pre..., post...]; `count` axes of places."""
    shape = types.of(x).shape
    places = tuple(range(axis + 1, axis + 1 + count))
    others = tuple(a for a in range(1, len(shape)) if a not in places)
    x = b.plain(transpose, x, perm=(0, *places, *others))
    total: Size = b.size
    for a in places:
        total = total * shape[a]
    return b.plain(reshape, x, shape=(total, *(shape[a] for a in others)))


def _apart(b: Batch, x: Value, places: Sizes, axis: int, rest: Sizes) -> Value:
    """[B * places, pre..., post...] as [B, pre..., places..., post...]."""
    x = b.plain(reshape, x, shape=(b.size, *places, *rest))
    rank, first = 1 + len(places) + len(rest), 1 + len(places)
    pre, post = range(first, first + axis), range(first + axis, rank)
    return b.plain(transpose, x, perm=(0, *pre, *range(1, first), *post))


def _along(b: Batch, indices: Lane, n: Size) -> Value:
    """Indices into an axis of size n, as indices [B * places] into all of them in a row."""
    wide = b.plain(cast, indices.value, dtype=dtypes.i64)
    one, size = fill(b.plain, 1, wide), count(b.plain, n, wide)
    inside = b.plain(clamp, fill(b.plain, 0, wide), wide, b.plain(sub, size, one))
    shape = types.of(wide).shape
    rows = b.plain(iota, shape=shape, dtype=dtypes.i64, axis=0)
    places = b.plain(add, inside, b.plain(mul, rows, size))
    total: Size = 1
    for s in shape:
        total = total * s
    return b.plain(reshape, places, shape=(total,))


# ---- windows: a gather per axis where starts differ ----------------------------------------------


@vmap(ops.dynamic_slice)
def _(b: Batch, x: Lane, *starts: Lane, size: Sizes) -> Value | None:
    if any(s.batched for s in starts):
        return None
    return b.plain(ops.dynamic_slice, x.value, *_with_zero(b, starts), size=(b.size, *size))


@vmap(ops.dynamic_update)
def _(b: Batch, x: Lane, update: Lane, *starts: Lane) -> Value | None:
    if any(s.batched for s in starts):
        return None
    return b.plain(ops.dynamic_update, b.full(x), b.full(update), *_with_zero(b, starts))


def _with_zero(b: Batch, starts: tuple[Lane, ...]) -> list[Value]:
    dtype = b.type(starts[0]).dtype if starts else dtypes.i64
    zero = b.plain(constant, value=dtype.numpy.type(0).reshape(()))
    return [zero, *(s.value for s in starts)]


def _first(b: Batch, start: Lane, n: Size, size: Size) -> Lane:
    """A start, clamped so that the window fits."""
    zero = fill(b, 0, start)
    found: Lane = b(clamp, zero, start, b(sub, count(b, n, start), count(b, size, start)))
    return found


def _gathered(b: Batch, x: Lane, *starts: Lane, size: Sizes) -> Lane:
    for axis, (start, n) in enumerate(zip(starts, size, strict=True)):
        whole = b.type(x).shape[axis]
        if whole != n:
            ramp = b(iota, shape=(n,), dtype=b.type(start).dtype, axis=0)
            first = b(broadcast, _first(b, start, whole, n), shape=(n,), axes=())
            x = b(ops.take, x, b(add, first, ramp), axis=axis)
    return x


def _chosen(b: Batch, x: Lane, update: Lane, *starts: Lane) -> Lane:
    """Everywhere the element of the update that would be there, chosen inside the window."""
    shape, inside = b.type(x).shape, None
    for axis, start in enumerate(starts):
        n, size = shape[axis], b.type(update).shape[axis]
        if size == 0:
            return x
        ramp = b(iota, shape=(n,), dtype=b.type(start).dtype, axis=0)
        first = b(broadcast, _first(b, start, n, size), shape=(n,), axes=())
        place = b(sub, ramp, first)
        update = b(ops.take, update, place, axis=axis)
        low = b(compare, place, fill(b, 0, place), direction="ge")
        high = b(compare, place, count(b, size, place), direction="lt")
        mask = b(broadcast, b(and_, low, high), shape=shape, axes=(axis,))
        inside = mask if inside is None else b(and_, inside, mask)
    return update if inside is None else b(select, inside, update, x)


EXPAND[ops.dynamic_slice] = _gathered
EXPAND[ops.dynamic_update] = _chosen
