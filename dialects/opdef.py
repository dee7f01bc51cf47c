"""One op, one place: an `OpDef` holds an op's shape rule, NumPy reference and documentation.

    @core("contract")
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axec.diag import AxecError
from axec.dialects import attrs as attr_kinds
from axec.dialects import types
from axec.dialects.types import TensorType

Array = np.ndarray[Any, Any]
REQUIRED = inspect.Parameter.empty

# What a pass may assume of an op; one word per op.
GROUPS = {
    "constant": "no operands",
    "pointwise": "result[i] depends on operand[i], all of one shape",
    "arrange": "every result element is some operand's element or a padding value",
    "alias": "the same bytes in the same order",
    "contract": "folds axes or windows of the operands",
    "matrix": "works on whole matrices, the last two axes",
    "composite": "defined by a decomposition into core ops",
}


class ShapeError(AxecError):
    """A shape or dtype rule was broken; the location is filled in by whoever knows it."""


Sample = tuple[tuple[TensorType, ...], dict[str, Any]]  # operand types, attributes


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
    hashable: bool  # all attributes are: no array among them
    eval: Callable[..., Array | tuple[Array, ...]] | None = None
    expand: Callable[..., Any] | None = None
    # Applications that tests, coverage and docs build their cases from (axe/cases.py).
    samples: list[Sample] = field(default_factory=list)
    # Moves random operands of a sample to where the op is defined and well conditioned.
    placed: Callable[[list[Array]], list[Array]] | None = None

    full_name: str = field(init=False)

    def __post_init__(self) -> None:
        self.full_name = f"axe.{self.name}"

    def reference(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Register the NumPy semantics: arrays and attributes in, array (or tuple) out."""
        self.eval = fn
        return fn

    def decompose(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Register a composite's definition: `fn(emit, *operands, **attrs) -> value`, where
        `emit(op, *operands, **attrs)` applies a core op (see emit.py)."""
        self.expand = fn
        return fn

    def place(self, fn: Callable[[list[Array]], list[Array]]) -> Callable[..., list[Array]]:
        """Register `placed`, for an op that few random operands suit."""
        self.placed = fn
        return fn

    def result_types(
        self, operands: tuple[TensorType, ...], given: dict[str, Any]
    ) -> tuple[TensorType, ...]:
        """Apply the shape rule. Raises ShapeError (no location) where operands do not fit."""
        found = self.infer(*operands, **given)
        return found if isinstance(found, tuple) else (found,)

    def sample(self, *operands: str, **given: Any) -> None:
        """Add an application to `samples`: operand types as text (`f32[batch, 3]`), attributes.
        f32 stands for any dtype that the op takes; where it does not take f32, i32 does."""
        self.samples.append((tuple(map(types.parse, operands)), self.with_defaults(given)))

    def with_defaults(self, given: dict[str, Any]) -> dict[str, Any]:
        """The attributes with defaults filled in, in declaration order. Raises TypeError for a
        missing or unknown one, which is a mistake of the caller's code and not of a user."""
        if not given.keys() <= self.attrs.keys():
            raise TypeError(f"{self.full_name} has no attribute {min(given.keys() - self.attrs)}")
        full = self.defaults | given
        if len(full) != len(self.attrs):
            raise TypeError(f"{self.full_name} needs attribute {min(self.attrs.keys() - full)}")
        return {k: full[k] for k in self.attrs}

    def attrs_to_ir(self, given: dict[str, Any]) -> dict[str, Any]:
        """The attributes of an MLIR operation from their Python values."""
        return {k: attr_kinds.KINDS[kind].to_ir(given[k]) for k, kind in self.attrs.items()}

    def attrs_from_ir(self, op: Any) -> dict[str, Any]:
        """The attributes of an MLIR operation as Python values. Raises ShapeError `bad-attribute`
        where one is missing or malformed."""
        return self.read_attrs(op.attributes)

    def read_attrs(self, found: Any) -> dict[str, Any]:
        """The same from a mapping of MLIR attributes."""
        return {k: self._attr_from_ir(found, k) for k in self.attrs}

    def attrs_at(self, given: dict[str, Any], bound: Mapping[str, int]) -> dict[str, Any]:
        """The attributes with named dims evaluated: what a reference is called with."""
        return {k: attr_kinds.at(kind, given[k], bound) for k, kind in self.attrs.items()}

    def _attr_from_ir(self, found: Any, name: str) -> Any:
        if name not in found:
            raise ShapeError("bad-attribute", f"{self.name}: attribute {name!r} is missing")
        try:
            return attr_kinds.read(self.attrs[name], found[name])
        except AxecError as e:
            message = f"{self.name}: attribute {name!r} {e.message}"
            raise ShapeError("bad-attribute", message) from None


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
        kinds = {p.name: str(p.annotation) for p in keyword}
        op = OpDef(
            name=name or rule.__name__.rstrip("_"),
            group=group,
            infer=rule,
            operands=tuple(p.name for p in positional),
            variadic=any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in positional),
            attrs=kinds,
            defaults={p.name: p.default for p in keyword if p.default is not REQUIRED},
            doc=inspect.getdoc(rule) or "",
            results=results,
            family=rule.__module__.rpartition(".")[2],
            hashable="Array" not in kinds.values(),
        )
        assert op.full_name not in OPS, f"{op.full_name} is declared twice"
        assert attr_kinds.KINDS.keys() >= set(op.attrs.values()), f"{op.full_name}: {op.attrs}"
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
