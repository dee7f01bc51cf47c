"""Running folds. A running sum gives its cotangents back as a running sum from the end; a running
maximum to the element that it has at each position, the latest of equals."""

from __future__ import annotations

from axec.dialects import dims, dtypes
from axec.dialects.axe import sequence as ops
from axec.dialects.axe.arrange import reshape, reverse
from axec.dialects.axe.build import count, fill
from axec.dialects.axe.constants import iota
from axec.dialects.axe.elementwise import compare, div, mul, select, sub
from axec.dialects.axe.indexing import scatter, take
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.rules import NO_GRADIENT, Tangents, Value, jvp, vjp

NO_GRADIENT[ops.argsort] = "its results are integers"


@vjp(ops.cumulate)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, kind: str, axis: int) -> Value:
    if kind == "sum":
        return _from_end(e, g, axis)
    if kind == "prod":  # NaN where x is 0
        return e(div, _from_end(e, e(mul, g, y), axis), x)
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
        return e(mul, y, e(ops.cumulate, e(div, t, x), kind="sum", axis=axis))
    type_ = e.type(x)
    flat = e(reshape, t, shape=(type_.count,))
    return e(reshape, e(take, flat, _sources(e, y, x, kind, axis), axis=0), shape=type_.shape)


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
