"""Folds. A sum gives its cotangent to every element; a maximum to the elements that equal it, which
share it evenly; a product becomes a tree of products, whose derivatives are right at zeros too."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.attrs import Ints, Pairs
from axec.dialects.axe import reduce as ops
from axec.dialects.axe.arrange import broadcast, pad, reshape, slice_
from axec.dialects.axe.build import count, fill, scalar
from axec.dialects.axe.constants import constant, iota
from axec.dialects.axe.elementwise import and_, cast, compare, div, mul, select
from axec.dialects.axe.indexing import take
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.arrange import cut, dilated, full, placed
from axec.passes.axe.grad.num import Num
from axec.passes.axe.grad.rules import (
    EXPAND,
    JVP,
    NO_GRADIENT,
    Tangents,
    Value,
    jvp,
    total,
    vjp,
)

NO_GRADIENT[ops.argreduce] = "its results are integers"


def _spread(e: IrEmit, x: Value, like: Value, axes: Ints) -> Value:
    """x, which lacks `axes` of `like`, repeated along them."""
    shape = e.type(like).shape
    kept = tuple(a for a in range(len(shape)) if a not in axes)
    return e(broadcast, x, shape=shape, axes=kept)


# ---- reduce --------------------------------------------------------------------------------------


@vjp(ops.reduce)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, kind: str, axes: Ints) -> Value:
    return _PULL[kind](e, g, y, x, axes)


@jvp(ops.reduce)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value, *, kind: str, axes: Ints) -> Value:
    return _PUSH[kind](e, ts[0], y, x, axes)


def _sum_of(e: IrEmit, x: Value, axes: Ints) -> Value:
    return e(ops.reduce, x, kind="sum", axes=axes)


def _at_extreme(e: IrEmit, y: Value, x: Value, axes: Ints) -> tuple[Value, Value]:
    """Where x equals the extreme of its fold, and how often it does."""
    mask = e(compare, x, _spread(e, y, x, axes), direction="eq")
    ones = e(cast, mask, dtype=e.type(x).dtype)
    return mask, _sum_of(e, ones, axes)


def _pull_extreme(e: IrEmit, g: Value, y: Value, x: Value, axes: Ints) -> Value:
    mask, ties = _at_extreme(e, y, x, axes)
    share = _spread(e, e(div, g, ties), x, axes)
    return e(select, mask, share, fill(e, 0, x))


def _push_extreme(e: IrEmit, t: Value, y: Value, x: Value, axes: Ints) -> Value:
    mask, ties = _at_extreme(e, y, x, axes)
    return e(div, _sum_of(e, e(select, mask, t, fill(e, 0, x)), axes), ties)


def _others(e: IrEmit, x: Value, axes: Ints) -> Value:
    """The product of the other elements along one axis, for a size that only a call can tell."""
    (axis,), shape = axes, e.type(x).shape
    rank, size = len(shape), shape[axis]
    square = (*shape, size)
    across = (*range(axis), rank, *range(axis + 1, rank))  # x along the new, last axis
    i, j = (e(iota, shape=square, dtype=dtypes.i64, axis=a) for a in (axis, rank))
    spread = e(broadcast, x, shape=square, axes=across)
    rest = e(select, e(compare, i, j, direction="eq"), fill(e, 1, spread), spread)
    return e(ops.reduce, rest, kind="prod", axes=(rank,))


def _pull_product(e: IrEmit, g: Value, y: Value, x: Value, axes: Ints) -> Value:
    return e(mul, _spread(e, g, x, axes), _others(e, x, axes))


def _push_product(e: IrEmit, t: Value, y: Value, x: Value, axes: Ints) -> Value:
    return _sum_of(e, e(mul, t, _others(e, x, axes)), axes)


_PULL: dict[str, Callable[..., Value]] = {
    "sum": lambda e, g, y, x, axes: _spread(e, g, x, axes),
    "max": _pull_extreme,
    "min": _pull_extreme,
    "prod": _pull_product,
}
_PUSH: dict[str, Callable[..., Value]] = {
    "sum": lambda e, t, y, x, axes: _sum_of(e, t, axes),
    "max": _push_extreme,
    "min": _push_extreme,
    "prod": _push_product,
}


def _in_steps(e: IrEmit, x: Value, *, kind: str, axes: Ints) -> Value | None:
    """A fold over an empty axis as the constant that it is; a product as products of halves, axis
    by axis. None for other folds, and for a product over one axis of unknown size."""
    shape = e.type(x).shape
    if any(shape[a] == 0 for a in axes):
        left = tuple(n for a, n in enumerate(shape) if a not in axes)
        return full(e, float(ops.identity(kind, e.type(x).dtype)), x, left)
    if kind != "prod" or (len(axes) == 1 and not isinstance(shape[axes[0]], int)):
        return None
    for axis in sorted(axes, reverse=True):
        if isinstance(shape[axis], int):
            x = _halved(e, x, axis)
        else:
            x = e(ops.reduce, x, kind="prod", axes=(axis,))
    return x


def _halved(e: IrEmit, x: Value, axis: int) -> Value:
    shape = e.type(x).shape
    size = shape[axis]
    assert isinstance(size, int)
    while size > 1:
        if size % 2:
            high = tuple(int(a == axis) for a in range(len(shape)))
            x = e(pad, x, scalar(e, 1, x), low=(0,) * len(shape), high=high)
        half = (size + 1) // 2
        x = e(mul, cut(e, x, axis, 0, half), cut(e, x, axis, half, 2 * half))
        size = half
    return e(reshape, x, shape=(*shape[:axis], *shape[axis + 1 :]))


EXPAND[ops.reduce] = _in_steps


# ---- window --------------------------------------------------------------------------------------


@vjp(ops.window)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, kind: str, **how: Any) -> Value:
    return _WINDOW_PULL[kind](e, g, y, x, **how)


def _pull_window_sum(
    e: IrEmit, g: Value, y: Value, x: Value, *, size: Ints, stride: Ints, padding: Pairs,
    dilation: Ints,
) -> Value:  # fmt: skip
    """An element gets the cotangents of the windows that it is in: again a sum over windows, of g
    with zeros between and around."""
    if stride == size and not any(map(any, padding)) and set(dilation) == {1}:
        return _repeated(e, g, x, size)
    lead = e.type(x).rank - len(size)
    g = dilated(e, g, (1,) * lead + stride)
    rows = zip(e.type(x).shape[lead:], size, padding, dilation, strict=True)
    for axis, (n, k, (low, high), d) in enumerate(rows, lead):
        reach = d * (k - 1)
        g = placed(e, g, axis, reach - low, n + reach, room=max(reach - high, 0))
    plain = {"stride": (1,) * len(size), "padding": ((0, 0),) * len(size)}
    return e(ops.window, g, kind="sum", size=size, dilation=dilation, **plain)


def _repeated(e: IrEmit, g: Value, x: Value, size: Ints) -> Value:
    """g with every element `size` times along the last axes, and zeros up to the shape of x: the
    cotangent of x for windows side by side."""
    wanted = e.type(x).shape
    lead, shape = len(wanted) - len(size), e.type(g).shape
    pairs = list(zip(shape[lead:], size, strict=True))
    apart = (*shape[:lead], *itertools.chain(*pairs))
    axes = (*range(lead), *range(lead, len(apart), 2))
    g = e(broadcast, g, shape=apart, axes=axes)
    g = e(reshape, g, shape=(*shape[:lead], *(n * k for n, k in pairs)))
    for axis, (n, k) in enumerate(pairs, lead):
        if n * k != wanted[axis]:
            g = placed(e, g, axis, 0, wanted[axis], room=k - 1)
    return g


class _Windows:
    """The windows over x, as one slice of the padded x per position inside the window."""

    def __init__(
        self, e: IrEmit, y: Value, x: Value, *, size: Ints, stride: Ints, padding: Pairs,
        dilation: Ints,
    ) -> None:  # fmt: skip
        self.e, self.y, self.x = e, y, x
        self.lead = e.type(x).rank - len(size)
        self.low = (0,) * self.lead + tuple(p[0] for p in padding)
        self.high = (0,) * self.lead + tuple(p[1] for p in padding)
        self.padded = self._padded(x, float(ops.identity("max", e.type(x).dtype)))
        self.places = list(self._places(size, stride, dilation))
        self.masks = [self._equal(place) for place in self.places]

    def _places(self, size: Ints, stride: Ints, dilation: Ints) -> Iterator[dict[str, Any]]:
        whole, positions = self.e.type(self.x).shape[: self.lead], self.e.type(self.y).shape
        for offset in itertools.product(*map(range, size)):
            start = tuple(k * d for k, d in zip(offset, dilation, strict=True))
            rows = zip(start, positions[self.lead :], stride, strict=True)
            stop = tuple(k + (p - 1) * s + 1 for k, p, s in rows)
            yield {
                "start": (0,) * self.lead + start,
                "stop": whole + stop,
                "step": (1,) * self.lead + stride,
            }

    def _padded(self, x: Value, value: float) -> Value:
        if not any(self.low + self.high):
            return x
        return self.e(pad, x, scalar(self.e, value, x), low=self.low, high=self.high)

    def _equal(self, place: dict[str, Any]) -> Value:
        view = self.e(slice_, self.padded, **place)
        return self.e(compare, view, self.y, direction="eq")

    def ties(self) -> Value:
        """How many elements of each window equal its maximum."""
        dtype = self.e.type(self.y).dtype
        return total(self.e, [self.e(cast, m, dtype=dtype) for m in self.masks])

    def push(self, t: Value) -> Value:
        """The sum of the tangents at the maxima."""
        e, padded, zero = self.e, self._padded(t, 0), fill(self.e, 0, self.y)
        return total(
            e,
            [
                e(select, mask, e(slice_, padded, **place), zero)
                for mask, place in zip(self.masks, self.places, strict=True)
            ],
        )


@dataclass(frozen=True, slots=True)
class _Axis:
    """How windows lie along an axis of x."""

    number: int
    size: int
    stride: int
    padding: tuple[int, int]
    dilation: int

    @property
    def reach(self) -> int:
        return self.dilation * (self.size - 1)


class _Over:
    """For every position i along an axis of x, one of the windows over it, if there is one."""

    def __init__(self, e: IrEmit, x: Value, axis: _Axis) -> None:
        self.e, self.x, self.axis = e, x, axis
        self.extent = e.type(x).shape[axis.number]

    def taken(self, values: Value) -> Value:
        """Each position's value of that window."""
        raise NotImplementedError

    def within(self, mask: Value) -> Value:
        """A mask over x, false where `taken` gives the value of another window."""
        return mask


class _Beginning(_Over):
    """With stride 1: the window that has i at `offset` from its beginning."""

    def __init__(self, e: IrEmit, x: Value, axis: _Axis, offset: int) -> None:
        super().__init__(e, x, axis)
        low, high = axis.padding
        self.first, self.room = offset - low, max(axis.reach - offset - high, 0)

    def taken(self, values: Value) -> Value:
        """Zeros where there is no window."""
        return placed(self.e, values, self.axis.number, self.first, self.extent, room=self.room)


class _Before(_Over):
    """The last window that begins at or before i, or the `nth` before that one. With t = i + low,
    window t // stride - nth has i at t % stride + stride * nth from its beginning."""

    def __init__(self, e: IrEmit, x: Value, y: Value, axis: _Axis, nth: int) -> None:
        super().__init__(e, x, axis)
        n, step = axis.number, axis.stride
        self.rows = dims.ceildiv(self.extent + axis.padding[0], step)
        shape = (self.rows, step)
        self.window = Num(e, self._along(e(iota, shape=shape, dtype=dtypes.i32, axis=0))) - nth
        offset = np.arange(step) + step * nth
        inside = e(constant, value=(offset % axis.dilation == 0) & (offset <= axis.reach))
        place = Num(e, self._along(e(broadcast, inside, shape=shape, axes=(1,))))
        windows = Num(e, count(e, e.type(y).shape[n], self.window.value))
        self.holds = place & (self.window < windows) & (self.window > -1)

    def _along(self, t: Value) -> Value:
        """What [t // stride, t % stride] say, for every position."""
        flat = self.e(reshape, t, shape=(self.rows * self.axis.stride,))
        start = self.axis.padding[0]
        return self.e(slice_, flat, start=(start,), stop=(start + self.extent,), step=(1,))

    def taken(self, values: Value) -> Value:
        return self.e(take, values, self.window.value, axis=self.axis.number)

    def within(self, mask: Value) -> Value:
        shape = self.e.type(self.x).shape
        holds = self.e(broadcast, self.holds.value, shape=shape, axes=(self.axis.number,))
        return self.e(and_, mask, holds)


def _over(e: IrEmit, y: Value, x: Value, axis: _Axis) -> list[_Over]:
    """All windows over the positions along an axis."""
    if axis.stride == 1:
        return [_Beginning(e, x, axis, axis.dilation * i) for i in range(axis.size)]
    return [_Before(e, x, y, axis, nth) for nth in range(axis.reach // axis.stride + 1)]


def _pull_window_max(e: IrEmit, g: Value, y: Value, x: Value, **how: Any) -> Value:
    """An element gets the shares of the windows over it whose maximum it equals; all windows are
    compared and added up in one walk over x."""
    share, nothing = e(div, g, _Windows(e, y, x, **how).ties()), fill(e, 0, x)
    lead = e.type(x).rank - len(how["size"])
    rows = zip(*(how[name] for name in ("size", "stride", "padding", "dilation")), strict=True)
    over = [_over(e, y, x, _Axis(number, *row)) for number, row in enumerate(rows, lead)]
    parts = []
    for windows in itertools.product(*over):
        highest, part = y, share
        for window in windows:
            highest, part = window.taken(highest), window.taken(part)
        hit = e(compare, x, highest, direction="eq")
        for window in windows:
            hit = window.within(hit)
        parts.append(e(select, hit, part, nothing))
    return total(e, parts)


_WINDOW_PULL: dict[str, Callable[..., Value]] = {
    "sum": _pull_window_sum,
    "max": _pull_window_max,
}


def _push_window(e: IrEmit, ts: Tangents, y: Value, x: Value, *, kind: str, **how: Any) -> Value:
    if kind == "sum":
        return e(ops.window, ts[0], kind=kind, **how)
    windows = _Windows(e, y, x, **how)
    return e(div, windows.push(ts[0]), windows.ties())


JVP[ops.window] = _push_window
