"""The fn dialect: applications of functions of the module, transformed or as they are.

    %y       = fn.call(%x)          {callee = @f}
    %y, %gx  = fn.vjp(%x, %w, %gy)  {callee = @f, wrt = [0], seeds = [0]}
    %y, %ty  = fn.jvp(%x, %w, %tx)  {callee = @f, wrt = [0], outs = [0]}
    %y       = fn.vmap(%x, %w)      {callee = @f, in_axes = [0, -1], out_axes = [0]}
    %y       = fn.custom(%x)        {callee = @f, forward = @fwd, backward = @bwd}
    %y       = fn.custom(%x)        {callee = @f, jvp = @f_jvp}

The operands of all begin with those of the callee. The pass `transform` replaces all of them by
axe ops, callees first, so that transformations nest in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from axec.dialects import structure, types
from axec.dialects.functions import functions_above, signature
from axec.dialects.types import TensorType
from axec.mlir import ir

NO_AXIS = -1  # in in_axes and out_axes: the value is one for the whole batch


def axes(op: Any, name: str) -> tuple[int, ...]:
    """An attribute that is a list of integers."""
    return tuple(ir.DenseI64ArrayAttr(op.attributes[name]))


def callee(op: Any, name: str = "callee") -> str:
    """The function that an attribute names."""
    return str(ir.FlatSymbolRefAttr(op.attributes[name]).value)


@structure.op("fn.call", attributes=("callee",))
def _(op: Any) -> Iterator[str]:
    """The function's results."""
    yield from _problems(op, lambda ins, outs: (ins, outs))


@structure.op("fn.vjp", attributes=("callee", "wrt", "seeds"))
def _(op: Any) -> Iterator[str]:
    """Operands: the arguments, then a cotangent for each result in `seeds` (the others have none).
    Results: the function's results, then for each argument in `wrt` the sum over the seeds of
    cotangent * d result / d argument, of the argument's type."""

    def expected(ins: list[TensorType], outs: list[TensorType]) -> tuple[list[Any], list[Any]]:
        wrt, seeds = axes(op, "wrt"), axes(op, "seeds")
        return ins + [outs[i] for i in seeds], outs + [ins[i] for i in wrt]

    yield from _problems(op, expected)


@structure.op("fn.jvp", attributes=("callee", "wrt", "outs"))
def _(op: Any) -> Iterator[str]:
    """Operands: the arguments, then a tangent for each argument in `wrt` (the others do not vary).
    Results: the function's results, then for each result in `outs` its directional derivative."""

    def expected(ins: list[TensorType], outs: list[TensorType]) -> tuple[list[Any], list[Any]]:
        wrt, picked = axes(op, "wrt"), axes(op, "outs")
        return ins + [ins[i] for i in wrt], outs + [outs[i] for i in picked]

    yield from _problems(op, expected)


@structure.op("fn.vmap", attributes=("callee", "in_axes", "out_axes"))
def _(op: Any) -> Iterator[str]:
    """The function for every index of a batch axis at once. `in_axes`: where each argument has that
    axis, or -1 for one that is the same for all; `out_axes`: where each result gets it."""
    if len(axes(op, "in_axes")) != len(op.operands) or not op.operands:
        yield "needs one entry of in_axes per operand"
        return
    size = batch_size(op)

    def expected(ins: list[TensorType], outs: list[TensorType]) -> tuple[list[Any], list[Any]]:
        def widened(t: TensorType, axis: int) -> TensorType:
            if axis == NO_AXIS:
                return t
            return t.with_shape((*t.shape[:axis], size, *t.shape[axis:]))

        return (
            [widened(t, a) for t, a in zip(ins, axes(op, "in_axes"), strict=True)],
            [widened(t, a) for t, a in zip(outs, axes(op, "out_axes"), strict=True)],
        )

    yield from _problems(op, expected)


@structure.op("fn.custom", attributes=("callee",))
def _(op: Any) -> Iterator[str]:
    """The function's results, with derivatives of the user's own. `forward` maps the arguments to
    the results and residuals, `backward` residuals and cotangents of the results to cotangents of
    the arguments; `jvp` maps arguments and tangents to results and tangents. Only what is floating
    point has cotangents and tangents."""
    if ("jvp" in op.attributes) == ("forward" in op.attributes and "backward" in op.attributes):
        yield "needs either jvp, or forward and backward"
        return
    yield from _problems(op, lambda ins, outs: (ins, outs))


def batch_size(op: Any) -> Any:
    """The size of the batch axis of an fn.vmap, from the first operand that has it."""
    found = zip(op.operands, axes(op, "in_axes"), strict=True)
    return next((types.of(v).shape[a] for v, a in found if a != NO_AXIS), 0)


def _problems(op: Any, expected: Any) -> Iterator[str]:
    function = functions_above(op).get(callee(op))
    if function is None:
        yield f"applies @{callee(op)}, which is no function of the module"
        return
    try:
        operands, results = expected(*signature(function))
    except (IndexError, ValueError):
        yield f"has attributes that do not fit @{callee(op)}"
        return
    for what, values, wanted in (
        ("operands", op.operands, operands),
        ("results", op.results, results),
    ):
        found = [types.of(v) for v in values]
        if found != wanted:
            yield f"{what} of @{callee(op)} must be {wanted}, are {found}"
