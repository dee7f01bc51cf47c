"""Running folds. A running sum gives its cotangents back as a running sum from the end; a running
maximum to the element that it has at each position, the latest of equals."""

from __future__ import annotations

from axec.dialects import dims, dtypes
from axec.dialects.axe import sequence as ops
from axec.dialects.axe.arrange import reshape, reverse
from axec.dialects.axe.build import count, fill
from axec.dialects.axe.constants import iota
from axec.dialects.axe.elementwise import add, and_, compare, div, mul, select, sub
from axec.dialects.axe.indexing import scatter, take
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.rules import NO_GRADIENT, Tangents, Value, jvp, vjp

NO_GRADIENT[ops.argsort] = "its results are integers"
NO_GRADIENT[ops.top] = "its results are integers"


@vjp(ops.cumulate)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, kind: str, axis: int) -> Value:
    if kind == "sum":
        return _from_end(e, g, axis)
    if kind == "prod":
        return _of_product(e, g, y, x, axis)
    t = e.type(x)
    zeros = e(reshape, fill(e, 0, x), shape=(t.count,))
    flat = e(reshape, g, shape=(t.count,))
    found = e(scatter, zeros, _sources(e, y, x, kind, axis), flat, axis=0, kind="add")
    return e(reshape, found, shape=t.shape)


@jvp(ops.cumulate)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value, *, kind: str, axis: int) -> Value:
    (t,) = ts
    if kind == "sum":
        return e(ops.cumulate, t, kind="sum", axis=axis)
    if kind == "prod":
        return _along_product(e, t, y, x, axis)
    type_ = e.type(x)
    flat = e(reshape, t, shape=(type_.count,))
    return e(reshape, e(take, flat, _sources(e, y, x, kind, axis), axis=0), shape=type_.shape)


def _zeros(e: IrEmit, x: Value, axis: int) -> tuple[Value, Value, Value]:
    """Where x is 0; where for the first time along the axis; x with ones in place of all zeros."""
    zero, one = fill(e, 0, x), fill(e, 1, x)
    is_zero = e(compare, x, zero, direction="eq")
    count = e(ops.cumulate, e(select, is_zero, one, zero), kind="sum", axis=axis)
    first = e(and_, is_zero, e(compare, count, one, direction="eq"))
    return is_zero, first, e(select, is_zero, one, x)


def _product_without(e: IrEmit, x: Value, first: Value, axis: int) -> Value:
    """The running product, the first zero left out."""
    return e(ops.cumulate, e(select, first, fill(e, 1, x), x), kind="prod", axis=axis)


def _of_product(e: IrEmit, g: Value, y: Value, x: Value, axis: int) -> Value:
    """The cotangent of x: products from it on, without it. From the first zero on all of them are 0
    but those that leave that zero out."""
    is_zero, first, factor = _zeros(e, x, axis)
    found = e(div, _from_end(e, e(mul, g, y), axis), factor)
    at_zero = _from_end(e, e(mul, g, _product_without(e, x, first, axis)), axis)
    zero = fill(e, 0, x)
    return e(select, first, at_zero, e(select, is_zero, zero, found))


def _along_product(e: IrEmit, t: Value, y: Value, x: Value, axis: int) -> Value:
    """The tangent, in the same way."""
    is_zero, first, factor = _zeros(e, x, axis)
    zero = fill(e, 0, x)
    share = e(select, is_zero, zero, e(div, t, factor))
    before = e(mul, y, e(ops.cumulate, share, kind="sum", axis=axis))
    reached = e(ops.cumulate, e(select, first, t, zero), kind="sum", axis=axis)
    return e(add, before, e(mul, reached, _product_without(e, x, first, axis)))


def _from_end(e: IrEmit, x: Value, axis: int) -> Value:
    summed = e(ops.cumulate, e(reverse, x, axes=(axis,)), kind="sum", axis=axis)
    return e(reverse, summed, axes=(axis,))


def _sources(e: IrEmit, y: Value, x: Value, kind: str, axis: int) -> Value:
    """For each element of the running extreme y, the number (row-major) of the element of x that it
    is, the latest of equals."""
    shape, total = e.type(x).shape, e.type(x).count
    here = e(iota, shape=shape, dtype=dtypes.i64, axis=axis)
    reached = e(select, e(compare, x, y, direction="eq"), here, fill(e, 0, here))
    back = e(sub, here, e(ops.cumulate, reached, kind="max", axis=axis))
    stride = dims.product(shape[axis + 1 :])
    if stride != 1:
        back = e(mul, back, count(e, stride, back))
    number = e(iota, shape=(total,), dtype=dtypes.i64, axis=0)
    return e(sub, number, e(reshape, back, shape=(total,)))
