"""Which op made a loss NaN or infinite: the step again, by the reference interpreter, op by op."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axec.diag import AxecError, Location
from axec.train.data import Batch, arguments
from axec.train.state import Array, State, leaves


def diagnosis(source: Any, state: State, batch: Batch, number: int, loss: float) -> AxecError:
    """The error for a loss that is no finite number: `label-range` or `loss-not-finite`, with the
    number of the step and, where the function is known, the place of the first op at fault."""
    what = f"the loss of step {number} is {loss}"
    if source is None:
        hint = "`fit(..., source=FUNCTION)` with what the step was compiled from finds the op"
        return AxecError("loss-not-finite", what, hint=hint)
    try:
        traced = _traced(source, state, batch)
        fault = _first_fault(traced, _inputs(traced, state, batch))
    except (AxecError, ImportError) as e:  # it ran once; the search for the reason must not hide it
        return AxecError("loss-not-finite", what, hint=f"the op that made it was not found: {e}")
    where = fault.where
    if where is not None:
        file = traced.sources.get(where.file, where.file)
        where = Location(file, where.line, where.column, where.end_column)
    return AxecError(
        fault.code,
        f"{what}: {fault.message}",
        location=where,
        hint=fault.hint or f"a checkpoint has the state before step {number}",
    )


@dataclass(frozen=True, slots=True)
class _Fault:
    code: str
    message: str
    where: Location | None = None
    hint: str | None = None


def _traced(source: Any, state: State, batch: Batch) -> Any:
    """The step as IR, for arguments of these shapes."""
    from axec.lang.spec import spec_like
    from axec.lang.tracing import trace

    if hasattr(source, "bindings"):  # an @axe.entry
        return source.trace()
    positional, named = arguments(batch)
    specs = [spec_like(state), *map(spec_like, positional)]
    return trace(source, specs, keywords={k: spec_like(v) for k, v in named.items()})


def _inputs(traced: Any, state: State, batch: Batch) -> list[Array]:
    """The arrays for the inputs and weights of the traced function."""
    names = traced.in_tree["keys"]
    positional, named = arguments(batch)
    given = dict(zip(names, (state, *positional), strict=False)) | named
    found = {name: np.asarray(a) for name, a in leaves({n: given[n] for n in names})}
    return [*(found[path] for path in traced.inputs), *traced.weights.values()]


def _first_fault(traced: Any, inputs: list[Array]) -> _Fault:
    from axec.dialects import load
    from axec.dialects.interpret import interpret
    from axec.mlir import LOCK, ir
    from axec.passes.axe.transform import Transform
    from axec.passes.base import run_pipeline

    for name, array in zip((*traced.inputs, *traced.weights), inputs, strict=True):
        if _odd(array):
            return _Fault("loss-not-finite", f"`{name}` holds {_odd(array)} before the step")
    with LOCK, load(), ir.Location.unknown():
        run_pipeline(traced.module, [Transform()])
        function = traced.module.body.operations[0]
        seen = _Watch(dict(zip(function.arguments, traced.inputs, strict=False)))
        for value, array in zip(function.arguments, inputs, strict=True):
            seen.note(value, array)
        try:
            with np.errstate(all="ignore"):
                interpret(function, inputs, observe=seen.observe)
        except _Found as e:
            return e.fault
    if seen.infinite is not None:
        return _Fault("loss-not-finite", "the first infinite number comes from here", seen.infinite)
    return _Fault(
        "loss-not-finite", "the reference interpreter finds nothing but finite numbers in it"
    )


def _odd(array: Array) -> str:
    if array.dtype.kind in "iub":
        return ""
    wide = array.astype(np.float64)
    return "NaN" if np.isnan(wide).any() else "infinity" if np.isinf(wide).any() else ""


class _Found(Exception):
    def __init__(self, fault: _Fault) -> None:
        self.fault = fault


@dataclass
class _Watch:
    """What is known of the values so far. A value is quiet if only constants made it: a mask's
    -inf, or the NaN that stands for a wrong label, is no fault by itself."""

    names: Mapping[Any, str]
    odd: dict[Any, str] = field(default_factory=dict)
    quiet: set[Any] = field(default_factory=set)
    spans: dict[Any, tuple[int, int]] = field(default_factory=dict)  # of integers
    infinite: Location | None = None  # where the first infinite number came from

    def note(self, value: Any, array: Array) -> None:
        self.odd[value] = _odd(array)
        if array.dtype.kind in "iu" and array.size:
            self.spans[value] = int(array.min()), int(array.max())

    def observe(self, operation: Any, results: tuple[Array, ...]) -> None:
        from axec.dialects.locations import location_of

        operands = list(operation.operands)
        loud = [v for v in operands if v not in self.quiet]
        for value, array in zip(operation.results, results, strict=True):
            self.note(value, array)
            if not loud:
                self.quiet.add(value)
            elif self.odd[value] == "NaN" and not any(self.odd.get(v) == "NaN" for v in loud):
                raise _Found(self._nan(operation, location_of(operation)))
            elif self.odd[value] and not any(self.odd.get(v) for v in operands):
                self.infinite = self.infinite or location_of(operation)

    def _nan(self, operation: Any, where: Location | None) -> _Fault:
        name = operation.name.removeprefix("axe.")
        if name == "select" and any(self.odd.get(v) == "NaN" for v in operation.operands):
            labels = self._labels(operation.operands[0])
            if labels is not None:
                return _Fault("label-range", labels, where, "labels count from 0")
        if self.infinite is not None:
            since = f"; the first infinite number comes from line {self.infinite.line}"
            return _Fault("loss-not-finite", f"the first NaN comes from `{name}`{since}", where)
        return _Fault("loss-not-finite", f"the first NaN comes from `{name}`", where)

    def _labels(self, condition: Any) -> str | None:
        """What is wrong with the integers that a condition compares with constants."""
        waiting = [condition]
        while waiting:
            value = waiting.pop()
            operation = _maker(value)
            if operation is None:
                continue
            if operation.name != "axe.compare":
                waiting += reversed(list(operation.operands))
                continue
            number, bound = operation.operands
            if number in self.spans and bound in self.quiet and bound in self.spans:
                low, high = self.spans[number]
                limit = self.spans[bound][0]
                direction = operation.attributes["direction"].value
                if direction == "ge" and low < limit:
                    return f"{self._name(number)} holds the label {low}"
                if direction == "lt" and high >= limit:
                    return f"{self._name(number)} holds the label {high}, of {limit} classes"
        return None

    def _name(self, value: Any) -> str:
        """The input that a value comes from."""
        while value not in self.names:
            operation = _maker(value)
            if operation is None or not list(operation.operands):
                return "a target"
            value = operation.operands[0]
        return f"`{self.names[value]}`"


def _maker(value: Any) -> Any:
    """The op that made a value; None for a function's argument."""
    owner = value.owner
    return owner if hasattr(owner, "operands") else None
