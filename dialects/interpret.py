"""The reference interpreter: runs a function with the NumPy references of its ops.

It is the oracle of every pass and back end, the evaluator of constant folding, and what eager code
and debuggers step through. It favours checks over speed: each result is compared with the type that
the IR declares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axec.diag import AxecError
from axec.dialects import dims, dtypes, kernel, types
from axec.dialects.emit import evaluate
from axec.dialects.locations import location_of
from axec.dialects.opdef import OPS, Array
from axec.dialects.types import TensorType

Observer = Callable[[Any, tuple[Array, ...]], None]  # (operation, its results)


def interpret(
    func_op: Any, inputs: Sequence[Array], *, observe: Observer | None = None
) -> tuple[Array, ...]:
    """Run a func.func on arrays of the declared dtypes and shapes; its results in order, which may
    share memory with the inputs. The caller holds the module that the function is in.

    Named dims take the sizes that the inputs have, inside the ranges of the `axe.dims` attribute.
    `observe` is called after every op. Raises AxecError: `input-count`, `input-dtype`,
    `input-shape`, `dim-conflict`, `dim-out-of-range`, `dim-unbound`, `op-unsupported`."""
    operation = func_op.operation
    block = operation.regions[0].blocks[0]
    arrays = tuple(map(np.asarray, inputs))
    bound = bind([types.of(a) for a in block.arguments], arrays)
    check_ranges(bound, ranges_of(operation))
    module = operation.parent
    found = kernel.definitions(module.opview) if module is not None else {}
    return _run(block, arrays, _Frame(bound, found, observe))


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the ops of one block see besides their operands."""

    bound: Mapping[str, int]  # named dims
    kernels: Mapping[str, Any]  # kernel.define ops by name
    observe: Observer | None
    env: dict[Any, Array] = field(default_factory=dict)  # live SSA values


def _run(block: Any, arguments: Sequence[Array], frame: _Frame) -> tuple[Array, ...]:
    """Run the ops of a block up to its terminator, whose operands are the results."""
    env = frame.env
    env.update(zip(block.arguments, arguments, strict=True))
    operations = [o.operation for o in block.operations]
    last_use = {v: i for i, o in enumerate(operations) for v in o.operands}
    for i, operation in enumerate(operations[:-1]):
        operands = list(operation.operands)
        found = _apply(operation, tuple(env[v] for v in operands), frame)
        env.update(zip(operation.results, found, strict=True))
        for value in (*operands, *operation.results):
            if last_use.get(value, i) == i:
                env.pop(value, None)
    return tuple(env[v] for v in operations[-1].operands)


def _apply(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    handler = HANDLERS.get(operation.name, _axe if operation.name in OPS else _unknown)
    try:
        found = handler(operation, operands, frame)
        for result, array in zip(operation.results, found, strict=True):
            _check_result(types.of(result), array, frame.bound)
    except AxecError as e:
        e.location = e.location or location_of(operation)
        raise
    if frame.observe is not None:
        frame.observe(operation, found)
    return found


def _axe(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    op = OPS[operation.name]
    found = evaluate(op, operands, op.attrs_at(op.attrs_from_ir(operation), frame.bound))
    return found if isinstance(found, tuple) else (found,)


def _call(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    """kernel.call: the kernel's own dims d0, d1, ... get the values of the caller's expressions."""
    define = frame.kernels[operation.attributes["callee"].value]
    own = kernel.texts(define.attributes["dims"])
    given = kernel.sizes(operation.attributes["dims"])
    bound = {n: dims.evaluate(s, frame.bound) for n, s in zip(own, given, strict=True)}
    return _run(kernel.body_of(define), operands, _Frame(bound, frame.kernels, frame.observe))


def _fused(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    inner = _Frame(frame.bound, frame.kernels, frame.observe)
    return _run(kernel.body_of(operation), operands, inner)


def _unknown(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    raise AxecError("op-unsupported", f"the interpreter has no rule for {operation.name}")


# Ops beyond the axe dialect, which runs by its references.
HANDLERS: dict[str, Callable[[Any, tuple[Array, ...], _Frame], tuple[Array, ...]]] = {
    "kernel.call": _call,
    "kernel.fused": _fused,
}


def bind(declared: Sequence[TensorType], arrays: Sequence[Array]) -> dict[str, int]:
    """The named dims as the sizes of arrays say, every array checked against its type."""
    if len(declared) != len(arrays):
        message = f"takes {len(declared)} inputs, got {len(arrays)}"
        raise AxecError("input-count", message)
    bound: dict[str, int] = {}
    for i, (t, array) in enumerate(zip(declared, arrays, strict=True)):
        if dtypes.of(array.dtype) is not t.dtype:
            message = f"input {i} is declared {t}, got {array.dtype}"
            raise AxecError("input-dtype", message)
        if array.ndim != t.rank:
            raise AxecError("input-shape", f"input {i} is declared {t}, got shape {array.shape}")
        for size, n in zip(t.shape, array.shape, strict=True):
            name = str(size)
            if {name} == dims.names(size) and bound.setdefault(name, n) != n:
                raise AxecError("dim-conflict", f"dim {name} is {bound[name]} and {n} in one call")
    _check_sizes(declared, arrays, bound)
    return bound


def _check_sizes(
    declared: Sequence[TensorType], arrays: Sequence[Array], bound: Mapping[str, int]
) -> None:
    """All sizes are those declared, once the dims that stand alone in a shape are bound."""
    unbound = set().union(*(dims.names(s) for t in declared for s in t.shape)) - bound.keys()
    if unbound:
        message = f"no input has dim {min(unbound)} as a size of its own"
        raise AxecError("dim-unbound", message)
    for i, (t, array) in enumerate(zip(declared, arrays, strict=True)):
        if t.shape_at(bound) != array.shape:
            raise AxecError("input-shape", f"input {i} is declared {t}, got shape {array.shape}")


def ranges_of(func_op: Any) -> dict[str, tuple[int, int]]:
    """The dims' ranges, from the `axe.dims = {batch = [1, 64]}` attribute of a function."""
    attributes = func_op.attributes
    if "axe.dims" not in attributes:
        return {}
    rows = ((a.name, [int(n.value) for n in a.attr]) for a in attributes["axe.dims"])
    return {name: (low, high) for name, (low, high) in rows}


def check_ranges(bound: Mapping[str, int], ranges: Mapping[str, tuple[int, int]]) -> None:
    """Every dim that has a range is in it; raises AxecError `dim-out-of-range`."""
    for name, (low, high) in ranges.items():
        if name in bound and not low <= bound[name] <= high:
            message = f"dim {name} is {bound[name]}, its range is {low} to {high}"
            raise AxecError("dim-out-of-range", message)


def _check_result(declared: TensorType, array: Array, bound: Mapping[str, int]) -> None:
    shape = declared.shape_at(bound)
    if (array.dtype, array.shape) != (declared.dtype.numpy, shape):
        raise AxecError(
            "shape-mismatch",
            f"result is {array.dtype}{list(array.shape)}, declared {declared} with "
            f"{dict(bound)} is {list(shape)}",
        )
