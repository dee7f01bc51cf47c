"""Gather and scatter along an axis are each other's transpose, as are reading and writing a
window. Indices do not vary."""

from __future__ import annotations

from axec.dialects.attrs import Sizes
from axec.dialects.axe import indexing as ops
from axec.dialects.axe.build import fill
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.rules import Value, linear, vjp

linear(ops.take, 0)
linear(ops.dynamic_slice, 0)
linear(ops.dynamic_update, 0, 1)


@vjp(ops.take)
def _(e: IrEmit, g: Value, y: Value, x: Value, indices: Value, *, axis: int) -> Value:
    return e(ops.scatter, fill(e, 0, x), indices, g, axis=axis, kind="add")


@vjp(ops.dynamic_slice)
def _(e: IrEmit, g: Value, y: Value, x: Value, *starts: Value, size: Sizes) -> Value:
    return e(ops.dynamic_update, fill(e, 0, x), g, *starts)


@vjp(ops.dynamic_update, 0)
def _(e: IrEmit, g: Value, y: Value, x: Value, update: Value, *starts: Value) -> Value:
    return e(ops.dynamic_update, g, fill(e, 0, update), *starts)


@vjp(ops.dynamic_update, 1)
def _(e: IrEmit, g: Value, y: Value, x: Value, update: Value, *starts: Value) -> Value:
    return e(ops.dynamic_slice, g, *starts, size=e.type(update).shape)
