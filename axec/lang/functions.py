"""Functions that transformations apply: each is traced into a private function of the module, and
one symbolic op of the fn dialect stands for its application. A pass resolves it later.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.diag import Location
from axec.dialects.emit import IrEmit
from axec.dialects.functions import set_type
from axec.dialects.types import TensorType
from axec.lang import tree
from axec.lang.arrays import dispatch
from axec.lang.arrays.core import Scalar, as_tensor
from axec.lang.arrays.dispatch import leaked
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import AxecError, error
from axec.lang.source import shown_path
from axec.lang.spec import spec
from axec.lang.tracing import CONSTANT_ELEMENTS, Trace, Traced, trace
from axec.mlir import func, ir

__all__ = [
    "Flat", "Function", "active", "anywhere", "apply", "evaluate_with", "memory", "need_function",
    "need_sequence", "reserve", "share", "traced", "values",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Function:
    """A private function. `captured`: arrays of outer traces that it uses, which are its last
    arguments; `out_tree`: the structure of its results; `op`: the func.func."""

    name: str
    captured: tuple[Tensor, ...]
    results: tuple[TensorType, ...]
    out_tree: tree.TreeDef
    op: Any


def active() -> Trace:
    """The trace that runs."""
    found = dispatch.tracing()
    assert found is not None
    return found


def need_function(fn: Any, what: str) -> None:
    """What a transformation is applied to can be called."""
    if not callable(fn):
        raise error(
            "argument-type",
            f"{what} takes a function, got {type(fn).__name__}",
            hint=f"pass the function itself, `axe.{what}(f)(x)`, and not its result",
        )


def need_sequence(value: Any, what: str) -> tuple[Any, ...]:
    """A list or tuple with one entry per argument."""
    if isinstance(value, (list, tuple)):
        return tuple(value)
    raise error(
        "argument-type",
        f"{what} is a tuple with one entry per argument, got {type(value).__name__}",
        hint="one argument: `(x,)`",
    )


class Flat:
    """`fn(*args, **kwargs)` as a function of the arrays among the leaves of its arguments. What is
    no array stays as it is, but Python numbers in the arguments `argnums` count as arrays."""

    def __init__(
        self, fn: Callable[..., Any], args: Sequence[Any], kwargs: Any = None,
        argnums: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self.fn = fn
        self.label = re.sub(r"\W", "", getattr(fn, "__name__", "")) or "function"
        self.leaves, self.treedef = tree.flatten((list(args), dict(kwargs or {})))
        counts = [len(tree.leaves(a)) for a in args]
        owners = [i for i, n in enumerate(counts) for _ in range(n)]
        owners += [-1] * (len(self.leaves) - len(owners))
        self.places = [
            i for i, leaf in enumerate(self.leaves)
            if isinstance(leaf, (Tensor, np.ndarray, np.generic))
            or (owners[i] in argnums and isinstance(leaf, Scalar))
        ]  # fmt: skip
        self.arrays = [as_tensor(self.leaves[i]) for i in self.places]
        self.owners = [owners[i] for i in self.places]  # position of the argument of each array

    @property
    def types(self) -> list[TensorType]:
        return [x.type for x in self.arrays]

    def __call__(self, *arrays: Tensor) -> Any:
        leaves = list(self.leaves)
        for place, x in zip(self.places, arrays, strict=True):
            leaves[place] = x
        args, kwargs = tree.unflatten(self.treedef, leaves)
        return self.fn(*args, **kwargs)


def traced(
    outer: Trace, flat: Callable[..., Any], types: Sequence[TensorType], label: str,
    symbol: str | None = None,
) -> Function:  # fmt: skip
    """Trace a function of arrays into a private function of the module of `outer`, under a name
    that was reserved for it or a new one."""
    return _Inner(outer, label).function(flat, types, symbol or reserve(outer, label))


def reserve(outer: Trace, label: str) -> str:
    """A name for a private function."""
    root = _root(outer)
    state = _state(outer)
    state["count"] = state.get("count", 0) + 1
    return f"{root.name}.{label}.{state['count']}"


def _state(outer: Trace) -> dict[Any, Any]:
    return _states.setdefault(_root(outer), {})


def memory(outer: Trace) -> dict[Any, Any]:
    """What is kept as long as the program is being traced: for functions that are met again."""
    found: dict[Any, Any] = _state(outer).setdefault("memory", {})
    return found


_states: weakref.WeakKeyDictionary[Trace, dict[Any, Any]] = weakref.WeakKeyDictionary()


def _root(trace: Trace) -> Trace:
    while isinstance(trace, _Inner):
        trace = trace.outer
    return trace


def apply(
    outer: Trace, op: str, operands: Sequence[Tensor], results: Sequence[TensorType],
    functions: Mapping[str, str], **lists: Sequence[int],
) -> list[Tensor]:  # fmt: skip
    """Append an fn op; `functions` are the names it applies, `lists` its other attributes."""
    attributes = {k: ir.FlatSymbolRefAttr.get(name) for k, name in functions.items()}
    attributes |= {k: ir.DenseI64ArrayAttr.get(list(v)) for k, v in lists.items()}
    made = ir.Operation.create(
        f"fn.{op}",
        results=[t.ir() for t in results],
        operands=values(outer, operands),
        attributes=attributes,
        loc=outer._location(),
    )
    return [Tensor(v, outer) for v in made.results]


def values(outer: Trace, arrays: Sequence[Tensor]) -> list[Any]:
    """The MLIR values of arrays in a trace."""
    return [x.value if x.trace is outer else outer._lift(x) for x in arrays]


def share(functions: Sequence[Function]) -> list[Tensor]:
    """Give functions that run in one place the same last arguments: what any of them captures."""
    joint = {_identity(x): x for f in functions for x in f.captured}
    for function in functions:
        block = function.op.regions[0].blocks[0]
        first = len(block.arguments) - len(function.captured)
        own = dict(zip(map(_identity, function.captured), list(block.arguments)[first:],
                       strict=True))  # fmt: skip
        for key, x in joint.items():
            argument = block.add_argument(x.type.ir(), function.op.location)
            if key in own:
                own[key].replace_all_uses_with(argument)
        for _ in own:
            block.erase_argument(first)
        set_type(function.op)
    return list(joint.values())


def _identity(x: Tensor) -> Any:
    """What two arrays have in common when they are one value."""
    return x.value if x.trace is not None else id(x.value)


class _Inner(Trace):
    """The trace of a private function, inside another trace. It shares the outer one's dims, files
    and locations; arrays of the outer one that it meets become further arguments."""

    def __init__(self, outer: Trace, label: str) -> None:
        self.name = label
        self.outer = outer
        self.ranges = outer.ranges
        self.sources = outer.sources
        self._folder = outer._folder
        self._locations = outer._locations
        self._constants = {}
        self.location_of_definition = outer._location()
        self._emit = IrEmit(self.location_of_definition)
        self._captured: dict[Any, tuple[Tensor, Any]] = {}  # by value or id: outer, argument

    def function(
        self, fn: Callable[..., Any], types: Sequence[TensorType], symbol: str
    ) -> Function:
        """Call the function on traced arguments and close it."""
        module = _root(self)._func.operation.parent.opview
        with ir.InsertionPoint(module.body), self.location_of_definition:
            self._func = func.FuncOp(symbol, ([t.ir() for t in types], []))
            self._func.attributes["sym_visibility"] = ir.StringAttr.get("private")
            self._block = self._func.add_entry_block()
        arguments = [Tensor(v, self) for v in list(self._block.arguments)]
        with ir.InsertionPoint(self._block), self.location_of_definition:
            token = dispatch.ACTIVE.set(self)
            try:
                result = fn(*arguments)
            finally:
                dispatch.ACTIVE.reset(token)
            outputs, out_tree = self._results(result)
            func.ReturnOp(outputs)
        op = self._func.operation
        set_type(op)
        captured = tuple(x for x, _ in self._captured.values())
        results = tuple(Tensor(v, self).type for v in outputs)
        return Function(symbol, captured, results, out_tree, op)

    def _lift(self, x: Tensor) -> Any:
        if x.trace is None and x.value.size <= CONSTANT_ELEMENTS:
            return super()._lift(x)
        if x.trace is not None and not self._is_inside(x.trace):
            raise leaked(x)
        key = _identity(x)
        if key not in self._captured:
            argument = self._block.add_argument(x.type.ir(), self.location_of_definition)
            self._captured[key] = (x, argument)
        return self._captured[key][1]

    def _is_inside(self, other: Trace) -> bool:
        outer: Trace = self
        while isinstance(outer, _Inner):
            outer = outer.outer
            if outer is other:
                return True
        return False


# ---- outside a trace -----------------------------------------------------------------------------

Evaluate = Callable[[Any, Sequence[Any]], Sequence[Any]]  # (module, inputs) -> results, as arrays
_evaluate: list[Evaluate] = []


def evaluate_with(evaluate: Evaluate) -> None:
    """Say how a module with fn ops is run at once: this part of axec cannot, as it has no passes.
    `evaluate(module, inputs)` runs the module's first function."""
    _evaluate[:] = [evaluate]


def anywhere(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`fn(*args, **kwargs)` inside a trace; outside, it is traced for these arguments and run."""
    if dispatch.tracing() is not None:
        return fn(*args, **kwargs)
    flat = Flat(fn, args, kwargs)
    structure: list[tree.TreeDef] = []

    def body(*arrays: Tensor) -> Any:
        leaves, treedef = tree.flatten(flat(*arrays))
        structure.append(treedef)
        return tuple(leaves)

    made = trace(body, [spec(x.type.shape, x.dtype) for x in flat.arrays], name=flat.label)
    found = _run(made, [dispatch.concrete(x) for x in flat.arrays])
    return tree.unflatten(structure[0], [Tensor(a) for a in found])


def _run(made: Traced, arrays: Sequence[Any]) -> Sequence[Any]:
    assert _evaluate, "`import axec` says how to evaluate; axec.lang alone cannot"
    try:
        return _evaluate[0](made.module, [*arrays, *made.weights.values()])
    except AxecError as e:
        where = e.location
        if isinstance(where, Location):  # of the IR: it names files without their folders
            file = shown_path(made.sources.get(where.file, where.file))
            e.location = Location(file, where.line, where.column, where.end_column)
        raise
