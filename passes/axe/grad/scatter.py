"""Scatter, by the kind in which updates join. `set` and `add` are linear in array and update
together; of the others, the tangents of both come in with weights that the vjp uses too."""

from __future__ import annotations

from collections.abc import Callable

from axec.dialects import dtypes
from axec.dialects.axe import indexing as ops
from axec.dialects.axe.arrange import broadcast, reshape
from axec.dialects.axe.build import fill
from axec.dialects.axe.constants import iota
from axec.dialects.axe.elementwise import cast, compare, div, mul, select
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.rules import Tangents, Value, jvp, vjp

#: (e, y, x, at, update, axis) -> what a change of x, and of the update, counts in the result.
Weights = Callable[[IrEmit, Value, Value, Value, Value, int], tuple[Value, Value]]


def _scatter(e: IrEmit, x: Value, at: Value, update: Value, axis: int, kind: str) -> Value:
    return e(ops.scatter, x, at, update, axis=axis, kind=kind)


def _mask(e: IrEmit, condition: Value, like: Value) -> Value:
    """1 where the condition holds, else 0, in the dtype of `like`."""
    return e(cast, condition, dtype=e.type(like).dtype)


def _wins(e: IrEmit, x: Value, at: Value, update: Value, axis: int) -> Value:
    """1 for the updates that are the last at their place, 0 for the others."""
    t = e.type(at)
    number = e(iota, shape=(t.count,), dtype=dtypes.i64, axis=0)
    number = e(reshape, number, shape=t.shape)
    places = e(iota, shape=(e.type(x).shape[axis],), dtype=dtypes.i64, axis=0)
    last = e(ops.take, _scatter(e, places, at, number, 0, "set"), at, axis=0)
    wins = _mask(e, e(compare, last, number, direction="eq"), update)
    axes = tuple(range(axis, axis + t.rank))
    return e(broadcast, wins, shape=e.type(update).shape, axes=axes)


def _mul(e: IrEmit, y: Value, x: Value, at: Value, update: Value, axis: int) -> tuple[Value, Value]:
    """The product of all other factors at the place, right where factors are 0."""
    zero, one = fill(e, 0, update), fill(e, 1, update)
    is_zero = e(compare, update, zero, direction="eq")
    factor = e(select, is_zero, one, update)
    count = _scatter(e, fill(e, 0, x), at, _mask(e, is_zero, update), axis, "add")
    product = _scatter(e, x, at, factor, axis, "mul")
    product, count = (e(ops.take, v, at, axis=axis) for v in (product, count))
    # Of a factor that is 0 the others are all the rest; of another one, 0 if there is a 0.
    others = e(div, product, factor)
    alone = e(compare, count, e(select, is_zero, one, zero), direction="eq")
    return _scatter(e, fill(e, 1, x), at, update, axis, "mul"), e(select, alone, others, zero)


def _extreme(
    e: IrEmit, y: Value, x: Value, at: Value, update: Value, axis: int
) -> tuple[Value, Value]:
    """Those that are the extreme share evenly."""
    own = _mask(e, e(compare, x, y, direction="eq"), x)
    reached = e(ops.take, y, at, axis=axis)
    theirs = _mask(e, e(compare, update, reached, direction="eq"), x)
    count = _scatter(e, own, at, theirs, axis, "add")
    return e(div, own, count), e(div, theirs, e(ops.take, count, at, axis=axis))


_WEIGHTS: dict[str, Weights] = {"mul": _mul, "max": _extreme, "min": _extreme}


@vjp(ops.scatter, 0)
def _(
    e: IrEmit, g: Value, y: Value, x: Value, at: Value, update: Value, *, axis: int, kind: str
) -> Value:
    if kind == "add":
        return g
    if kind == "set":
        return _scatter(e, g, at, fill(e, 0, update), axis, "set")
    return e(mul, g, _WEIGHTS[kind](e, y, x, at, update, axis)[0])


@vjp(ops.scatter, 2)
def _(
    e: IrEmit, g: Value, y: Value, x: Value, at: Value, update: Value, *, axis: int, kind: str
) -> Value:
    taken = e(ops.take, g, at, axis=axis)
    if kind == "add":
        return taken
    if kind == "set":
        return e(mul, taken, _wins(e, x, at, update, axis))
    return e(mul, taken, _WEIGHTS[kind](e, y, x, at, update, axis)[1])


@jvp(ops.scatter)
def _(
    e: IrEmit, ts: Tangents, y: Value, x: Value, at: Value, update: Value, *, axis: int, kind: str
) -> Value:
    old, new = (fill(e, 0, v) if t is None else t for t, v in ((ts[0], x), (ts[2], update)))
    if kind in ("set", "add"):
        return _scatter(e, old, at, new, axis, kind)
    of_x, of_update = _WEIGHTS[kind](e, y, x, at, update, axis)
    return _scatter(e, e(mul, old, of_x), at, e(mul, new, of_update), axis, "add")
