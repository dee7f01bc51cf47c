"""One op, one place: an `OpDef` holds an op's shape rule, NumPy reference and documentation.

    @core("arrange")
    def reduce(x: TensorType, *, kind: str, axes: Ints) -> TensorType:
        '''Docstring with shapes and formula: it becomes docs/ops.md.'''
        ... the shape rule: raises ShapeError ...

    @reduce.reference
    def _(x, *, kind, axes): ... NumPy ...

Positional parameters are operands (`*xs` is variadic), keyword-only ones are attributes; their
annotations name a row of `attrs.KINDS`. Gradients, batching rules and lowerings stand in tables
keyed by the op, in files of the same name as the op's family.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axec.dialects import attrs as attr_kinds
from axec.dialects.types import TensorType
from axec.diag import AxecError

Array = np.ndarray[Any, Any]
REQUIRED = inspect.Parameter.empty

# What a pass may assume of an op; one word per op.
GROUPS = (
    "constant",  # no operands
    "pointwise",  # result[i] depends on operand[i] of the same shape
    "arrange",  # result[i] is some operand[f(i)] or a padding value: broadcast, slice, concat, ...
    "alias",  # same bytes in the same order: reshape
    "contract",  # folds a window or axis of the operands: reduce, dot_general, conv, argmax
    "composite",  # defined by a decomposition into core ops
)


class ShapeError(AxecError):
    """A shape or dtype rule was broken; the location is filled in by whoever knows it."""


@dataclass(slots=True, eq=False)
class OpDef:
    """The declaration of one op of the axe dialect."""

    name: str  # without the dialect prefix
    group: str
    infer: Callable[..., TensorType | tuple[TensorType, ...]]
    operands: tuple[str, ...]
    variadic: bool
    attrs: dict[str, str]  # attribute -> row of attrs.KINDS
    defaults: dict[str, Any]
    doc: str
    results: tuple[str, ...]
    family: str  # module that declares it: "elementwise", "reduce", ...
    eval: Callable[..., Array | tuple[Array, ...]] | None = None
    expand: Callable[..., Any] | None = None
    # A sample per row: (operand types, attributes); the suites build their cases from it.
    samples: list[tuple[tuple[TensorType, ...], dict[str, Any]]] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        return f"axe.{self.name}"

    def reference(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Register the NumPy semantics: arrays and attributes in, array (or tuple) out."""
        self.eval = fn
        return fn

    def decompose(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Register a composite's definition: `fn(emit, *operands, **attrs) -> value`, where
        `emit(op, *operands, **attrs)` applies a core op (see emit.py)."""
        self.expand = fn
        return fn

    def result_types(self, operands: tuple[TensorType, ...], given: dict[str, Any]) -> tuple[
        TensorType, ...
    ]:
        """Apply the shape rule. Raises ShapeError (no location) where operands do not fit."""
        found = self.infer(*operands, **given)
        return found if isinstance(found, tuple) else (found,)

    def with_defaults(self, given: dict[str, Any]) -> dict[str, Any]:
        """The attributes with defaults filled in, in declaration order."""
        return {k: given.get(k, self.defaults.get(k)) for k in self.attrs}

    def attrs_to_ir(self, given: dict[str, Any]) -> dict[str, Any]:
        return {k: attr_kinds.KINDS[kind].to_ir(given[k]) for k, kind in self.attrs.items()}

    def attrs_from_ir(self, op: Any) -> dict[str, Any]:
        found = op.attributes
        return {k: attr_kinds.KINDS[kind].from_ir(found[k]) for k, kind in self.attrs.items()}


OPS: dict[str, OpDef] = {}  # by full name, in order of declaration


def declare(
    group: str, name: str | None = None, results: tuple[str, ...] = ("result",)
) -> Callable[[Callable[..., Any]], OpDef]:
    """Declare an op by its shape rule (see the module docstring)."""
    assert group in GROUPS, group

    def wrap(rule: Callable[..., Any]) -> OpDef:
        params = inspect.signature(rule).parameters.values()
        positional = [p for p in params if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        keyword = [p for p in params if p.kind is inspect.Parameter.KEYWORD_ONLY]
        op = OpDef(
            name=name or rule.__name__.rstrip("_"),
            group=group,
            infer=rule,
            operands=tuple(p.name for p in positional),
            variadic=any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in positional),
            attrs={p.name: str(p.annotation) for p in keyword},
            defaults={p.name: p.default for p in keyword if p.default is not REQUIRED},
            doc=inspect.getdoc(rule) or "",
            results=results,
            family=rule.__module__.rpartition(".")[2],
        )
        assert op.full_name not in OPS, f"{op.full_name} is declared twice"
        OPS[op.full_name] = op
        return op

    return wrap


def core(
    group: str, name: str | None = None, results: tuple[str, ...] = ("result",)
) -> Callable[[Callable[..., Any]], OpDef]:
    """Declare a core op of one of the GROUPS; `results` names them where there are several."""
    assert group != "composite"
    return declare(group, name, results)


def composite(rule: Callable[..., Any]) -> OpDef:
    """Declare a composite op; its decomposition gives it reference, gradient and lowering."""
    return declare("composite")(rule)
