"""Ops that move elements are linear: tangents move along, cotangents move back. What was repeated
adds up, what was left out is zero."""

from __future__ import annotations

from axec.dialects.attrs import Ints, Sizes
from axec.dialects.axe import arrange as ops
from axec.dialects.axe.build import scalar
from axec.dialects.axe.elementwise import sub
from axec.dialects.axe.reduce import reduce
from axec.dialects.dims import Size
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.rules import Value, linear, vjp

linear(ops.reshape, 0)
linear(ops.transpose, 0)
linear(ops.broadcast, 0)
linear(ops.slice_, 0)
linear(ops.reverse, 0)
linear(ops.pad, 0, 1)
linear(ops.concat, 0, 1)


def full(e: IrEmit, value: float, like: Value, shape: Sizes) -> Value:
    """One number everywhere, in the dtype of `like`."""
    return e(ops.broadcast, scalar(e, value, like), shape=shape, axes=())


@vjp(ops.reshape)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, shape: Sizes) -> Value:
    return e(ops.reshape, g, shape=e.type(x).shape)


@vjp(ops.transpose)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, perm: Ints) -> Value:
    return e(ops.transpose, g, perm=inverse(perm))


def inverse(perm: Ints) -> Ints:
    """The permutation that undoes one."""
    return tuple(perm.index(i) for i in range(len(perm)))


@vjp(ops.broadcast)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, shape: Sizes, axes: Ints) -> Value:
    sizes = e.type(x).shape
    kept = [i for i, a in enumerate(axes) if sizes[i] == shape[a]]  # operand axes not stretched
    folded = tuple(a for a in range(len(shape)) if a not in [axes[i] for i in kept])
    if folded:
        g = e(reduce, g, kind="sum", axes=folded)
    order = sorted(kept, key=lambda i: axes[i])  # of what is left in g
    if order != kept:
        g = e(ops.transpose, g, perm=tuple(order.index(i) for i in kept))
    return g if len(kept) == len(sizes) else e(ops.reshape, g, shape=sizes)


@vjp(ops.slice_)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, start: Sizes, stop: Sizes, step: Ints) -> Value:
    g = dilated(e, g, step)
    for axis, (n, low, high) in enumerate(zip(e.type(x).shape, start, stop, strict=True)):
        g = placed(e, g, axis, low, n, room=n - high)
    return g


def dilated(e: IrEmit, x: Value, step: Ints) -> Value:
    """Every element of x followed by step - 1 zeros, axis by axis: sizes n become n * step."""
    if all(s == 1 for s in step):
        return x
    shape = e.type(x).shape
    pairs: list[Size] = [size for n in shape for size in (n, 1)]
    high = tuple(amount for s in step for amount in (0, s - 1))
    x = e(ops.reshape, x, shape=tuple(pairs))
    x = e(ops.pad, x, scalar(e, 0, x), low=(0,) * len(high), high=high)
    return e(ops.reshape, x, shape=tuple(n * s for n, s in zip(shape, step, strict=True)))


def placed(e: IrEmit, x: Value, axis: int, low: Size, total: Size, *, room: Size) -> Value:
    """x at the offset `low` of an axis of size `total`, zeros around it; what lies beyond the ends
    is cut off. A `low` that is known may be negative. `room`: at least as much as there is after x,
    for where only a call can tell."""
    if isinstance(low, int) and low < 0:
        x, low = cut(e, x, axis, -low, e.type(x).shape[axis]), 0
    rest = total - low - e.type(x).shape[axis]
    x = surrounded(e, x, axis, low, max(rest, 0) if isinstance(rest, int) else room)
    return cut(e, x, axis, 0, total)


def cut(e: IrEmit, x: Value, axis: int, start: Size, stop: Size) -> Value:
    """The part from start to stop of an axis."""
    shape = e.type(x).shape
    if start == 0 and stop == shape[axis]:
        return x
    low: list[Size] = [0] * len(shape)
    high = list(shape)
    low[axis], high[axis] = start, stop
    return e(ops.slice_, x, start=tuple(low), stop=tuple(high), step=(1,) * len(shape))


def surrounded(e: IrEmit, x: Value, axis: int, low: Size, high: Size) -> Value:
    """x between zeros along an axis; `pad` where the amounts are known."""
    shape = e.type(x).shape
    if low == 0 and high == 0:
        return x
    if isinstance(low, int) and isinstance(high, int):
        amounts = [tuple(n if a == axis else 0 for a in range(len(shape))) for n in (low, high)]
        return e(ops.pad, x, scalar(e, 0, x), low=amounts[0], high=amounts[1])
    for size, first in ((low, True), (high, False)):
        if size != 0:
            zeros = full(e, 0, x, (*shape[:axis], size, *shape[axis + 1 :]))
            x = e(ops.concat, *((zeros, x) if first else (x, zeros)), axis=axis)
    return x


@vjp(ops.reverse)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, axes: Ints) -> Value:
    return e(ops.reverse, g, axes=axes)


def _inner(e: IrEmit, g: Value, x: Value, low: Ints) -> Value:
    """The part of g that x was padded to."""
    stop = tuple(a + n for a, n in zip(low, e.type(x).shape, strict=True))
    return e(ops.slice_, g, start=low, stop=stop, step=(1,) * len(low))


@vjp(ops.pad, 0)
def _(e: IrEmit, g: Value, y: Value, x: Value, value: Value, *, low: Ints, high: Ints) -> Value:
    return _inner(e, g, x, low)


@vjp(ops.pad, 1)
def _(e: IrEmit, g: Value, y: Value, x: Value, value: Value, *, low: Ints, high: Ints) -> Value:
    every = tuple(range(len(low)))
    whole, inner = (e(reduce, v, kind="sum", axes=every) for v in (g, _inner(e, g, x, low)))
    return e(sub, whole, inner)


@vjp(ops.concat, 0)
def _(e: IrEmit, g: Value, y: Value, a: Value, b: Value, *, axis: int) -> Value:
    return cut(e, g, axis, 0, e.type(a).shape[axis])


@vjp(ops.concat, 1)
def _(e: IrEmit, g: Value, y: Value, a: Value, b: Value, *, axis: int) -> Value:
    return cut(e, g, axis, e.type(a).shape[axis], e.type(y).shape[axis])
