"""The reference interpreter: runs a function with the NumPy references of its ops.

It is the oracle of every pass and back end, the evaluator of constant folding, and what eager code
and debuggers step through. It favours checks over speed: each result is compared with the type that
the IR declares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axec.diag import AxecError
from axec.dialects import control, dims, dtypes, kernel, types
from axec.dialects.axe.accuracy import EXACT
from axec.dialects.axe.arrange import broadcast, repeated
from axec.dialects.emit import evaluate
from axec.dialects.functions import functions_above
from axec.dialects.locations import location_of
from axec.dialects.opdef import OPS, Array, OpDef
from axec.dialects.types import TensorType

Observer = Callable[[Any, tuple[Array, ...]], None]  # (operation, its results)
# (operation, its operands, what it sees besides) -> its results
Handler = Callable[[Any, tuple[Array, ...], "_Frame"], tuple[Array, ...]]


def interpret(
    func_op: Any, inputs: Sequence[Array], *, observe: Observer | None = None
) -> tuple[Array, ...]:
    """Run a func.func on arrays of the declared dtypes and shapes; its results in order, which may
    share memory with the inputs. The caller holds the module that the function is in.

    Named dims take the sizes that the inputs have, inside the ranges of the `axe.dims` attribute.
    `observe` is called after every op. Raises AxecError: `input-count`, `input-dtype`,
    `input-shape`, `dim-conflict`, `dim-out-of-range`, `dim-unbound`, `op-unsupported`."""
    return interpreted(func_op, observe=observe)(inputs)


def interpreted(
    func_op: Any, *, observe: Observer | None = None
) -> Callable[[Sequence[Array]], tuple[Array, ...]]:
    """`interpret` for a function that is run several times: its ops are read once."""
    operation = func_op.operation
    block = operation.regions[0].blocks[0]
    declared, ranges = [types.of(a) for a in block.arguments], ranges_of(operation)
    program = _Program.of(operation, observe)

    def run(inputs: Sequence[Array]) -> tuple[Array, ...]:
        arrays = tuple(map(np.asarray, inputs))
        bound = bind(declared, arrays)
        check_ranges(bound, ranges)
        return tuple(map(_stored, _run(block, arrays, _Frame(bound, program))))

    return run


def _stored(x: Array) -> Array:
    """The array with each of its elements in memory."""
    return x if 0 not in x.strides or x.size == 1 else x.copy()


@dataclass(frozen=True, slots=True)
class _Step:
    """An operation as it is run, once or in every round of a loop."""

    operation: Any
    handler: Handler
    operands: tuple[Any, ...]
    results: tuple[Any, ...]
    types: tuple[TensorType, ...]
    dead: tuple[Any, ...]  # values that nothing after it reads


@dataclass(frozen=True, slots=True)
class _Program:
    """What all blocks of one run share."""

    functions: Mapping[str, Any]  # func.func ops by name
    kernels: Mapping[str, Any]  # kernel.define ops by name
    observe: Observer | None
    prepared: dict[Any, list[_Step]] = field(default_factory=dict)  # by block

    @staticmethod
    def of(operation: Any, observe: Observer | None) -> _Program:
        module = operation.parent
        if module is None:
            return _Program({}, {}, observe)
        return _Program(functions_above(operation), kernel.definitions(module.opview), observe)

    def steps(self, block: Any) -> list[_Step]:
        """The ops of a block but for its terminator."""
        if block not in self.prepared:
            self.prepared[block] = list(_steps(block))
        return self.prepared[block]


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the ops of one block see besides their operands."""

    bound: Mapping[str, int]  # named dims
    program: _Program

    def run(self, name: str, arguments: Sequence[Array]) -> tuple[Array, ...]:
        """Run a function that shares the dims of this block."""
        return _run(self.program.functions[name].regions[0].blocks[0], arguments, self)


def _steps(block: Any) -> Iterator[_Step]:
    operations = [o.operation for o in block.operations]
    last_use = {v: i for i, o in enumerate(operations) for v in o.operands}
    for i, operation in enumerate(operations[:-1]):
        handler = HANDLERS.get(operation.name, _unknown)
        if operation.name in OPS:
            handler = _axe(OPS[operation.name])
        operands, results = tuple(operation.operands), tuple(operation.results)
        dead = tuple({v for v in (*operands, *results) if last_use.get(v, i) == i})
        declared = () if handler is _unknown else tuple(map(types.of, results))
        yield _Step(operation, handler, operands, results, declared, dead)


def _run(block: Any, arguments: Sequence[Array], frame: _Frame) -> tuple[Array, ...]:
    """Run the ops of a block up to its terminator, whose operands are the results."""
    env = dict(zip(block.arguments, arguments, strict=True))
    for step in frame.program.steps(block):
        found = _apply(step, tuple(env[v] for v in step.operands), frame)
        env.update(zip(step.results, found, strict=True))
        for value in step.dead:
            del env[value]
    return tuple(env[v] for v in block.operations[len(block.operations) - 1].operands)


def _apply(step: _Step, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    try:
        found = step.handler(step.operation, operands, frame)
        for declared, array in zip(step.types, found, strict=True):
            _check_result(declared, array, frame.bound)
    except AxecError as e:
        e.location = e.location or location_of(step.operation)
        raise
    if frame.program.observe is not None:
        frame.program.observe(step.operation, found)
    return found


def _axe(op: OpDef) -> Handler:
    """An op by its reference; its attributes are read once. The result of a broadcast is stored
    only for ops that NumPy computes differently then: the order of a sum, the code of a power."""
    known: list[dict[str, Any]] = []
    operand = np.asarray if op.name in EXACT else _stored

    def run(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
        if not known:
            known.append(op.attrs_from_ir(operation))
        given = op.attrs_at(known[0], frame.bound)
        arrays = tuple(map(operand, operands))
        found = repeated(*arrays, **given) if op is broadcast else evaluate(op, arrays, given)
        return found if isinstance(found, tuple) else (found,)

    return run


def _call(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    """kernel.call: the kernel's own dims d0, d1, ... get the values of the caller's expressions."""
    define = frame.program.kernels[operation.attributes["callee"].value]
    own = kernel.texts(define.attributes["dims"])
    given = kernel.sizes(operation.attributes["dims"])
    bound = {n: dims.evaluate(s, frame.bound) for n, s in zip(own, given, strict=True)}
    return _run(kernel.body_of(define), operands, _Frame(bound, frame.program))


def _fused(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    return _run(kernel.body_of(operation), operands, frame)


def _callee(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    return frame.run(control.Call.of(operation).callee, operands)


def _switch(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    branches = control.Switch.of(operation).branches
    picked = min(max(int(operands[0]), 0), len(branches) - 1)
    return frame.run(branches[picked], operands[1:])


def _while(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    loop = control.While.of(operation)
    carry, consts = operands[: loop.carries], operands[loop.carries :]
    while frame.run(loop.condition, (*carry, *consts))[0]:
        carry = frame.run(loop.body, (*carry, *consts))
    return carry


def _scan(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    loop = control.Scan.of(operation)
    carry, xs, consts = loop.split(operands)
    declared = [types.of(r) for r in operation.results][loop.carries :]
    ys = [np.empty(t.shape_at(frame.bound), t.dtype.numpy) for t in declared]
    order = range(dims.evaluate(loop.length, frame.bound))
    for i in reversed(order) if loop.reverse else order:
        position = np.asarray(i, control.INDEX.dtype.numpy)
        found = frame.run(loop.body, (position, *carry, *(x[i, ...] for x in xs), *consts))
        carry = list(found[: loop.carries])
        for y, one in zip(ys, found[loop.carries :], strict=True):
            y[i] = one
    return (*carry, *ys)


def _unknown(operation: Any, operands: tuple[Array, ...], frame: _Frame) -> tuple[Array, ...]:
    raise AxecError("op-unsupported", f"the interpreter has no rule for {operation.name}")


# Ops beyond the axe dialect, which runs by its references.
HANDLERS: dict[str, Handler] = {
    "kernel.call": _call,
    "kernel.fused": _fused,
    "control.call": _callee,
    "control.switch": _switch,
    "control.while": _while,
    "control.scan": _scan,
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
