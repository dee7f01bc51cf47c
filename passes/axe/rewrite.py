"""Rewriting rules: tables of one-sentence rules, and the one sweep that applies them.

    @rule("neg(neg(x)) => x", "neg")
    def _(s: Site) -> Value | None:
        return s.inner(0, "neg", 0)

A rule looks at one op (the site) and at the ops that make its operands; it gives the value that
replaces the result, or None. What it emits is simplified on the way, and a sweep goes forward, so
that operands are already in simplest form: one sweep is enough.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import attrs, types
from axec.dialects.axe import OPS
from axec.dialects.axe.arrange import broadcast
from axec.dialects.axe.constants import constant
from axec.dialects.emit import IrEmit
from axec.dialects.opdef import Array, OpDef
from axec.dialects.types import TensorType
from axec.mlir import ir

Value = Any  # an MLIR value


@dataclass(frozen=True, slots=True)
class Rule:
    """`text` is the whole truth about the rule, as `lhs => rhs`; `ops` are the roots of lhs."""

    text: str
    ops: tuple[str, ...]
    apply: Callable[[Site], Value | None]


RULES: dict[str, list[Rule]] = {}  # by full name of the root op, in order of trial


def rule(text: str, *ops: str) -> Callable[[Callable[[Site], Any]], Callable[[Site], Any]]:
    """Enter a rule into the table under each of its root ops."""

    def enter(fn: Callable[[Site], Any]) -> Callable[[Site], Any]:
        made = Rule(text, ops, fn)
        for name in ops:
            RULES.setdefault(f"axe.{name}", []).append(made)
        return fn

    return enter


def all_rules() -> list[Rule]:
    """Every rule once, in order of declaration."""
    return list(dict.fromkeys(r for rules in RULES.values() for r in rules))


class Sweep(IrEmit):
    """One pass over a function. Replaced ops stay (dead) until the sweep is over, so that values
    may serve as keys."""

    def __init__(self, limit: int) -> None:
        super().__init__(ir.Location.unknown())
        self.limit = limit  # largest number of elements that folding may create
        self.hits: Counter[str] = Counter()
        self._at: Any = None  # the op that is looked at; what rules emit goes before it
        self._literals: dict[Any, Array] = {}  # by attribute
        self._constants: dict[Value, bool] = {}
        self._splats: dict[Value, Array | None] = {}  # value -> 0-d array

    def run(self, block: Any) -> None:
        for op in [o.operation for o in block.operations][:-1]:
            if op.name not in RULES or next(op.results[0].uses, None) is None:
                continue
            self._at = op
            found = self.simplified(op)
            if found is not None:
                op.results[0].replace_all_uses_with(found)

    def __call__(self, op: OpDef, *operands: Any, **given: Any) -> Any:
        """Create an op in its simplest form."""
        self.loc = self._at.location
        with ir.InsertionPoint(self._at):
            made = super().__call__(op, *operands, **given)
        found = self.simplified(made.owner)
        return made if found is None else found

    def simplified(self, op: Any) -> Value | None:
        """What replaces the op's result, or None."""
        site = Site(op, self)
        for one in RULES.get(op.name, ()):
            found = one.apply(site)
            if found is not None:
                self.hits[one.text] += 1
                return found
        return None

    def is_constant(self, value: Value) -> bool:
        """The value is known: an axe.constant or axe.iota, maybe broadcast."""
        if value not in self._constants:
            op = value.owner if isinstance(value, ir.OpResult) else None
            if op is not None and op.name == "axe.broadcast":
                self._constants[value] = self.is_constant(op.operands[0])
            else:
                self._constants[value] = op is not None and op.name in ("axe.constant", "axe.iota")
        return self._constants[value]

    def literal(self, value: Value) -> Array | None:
        """The array of an axe.constant."""
        op = value.owner if isinstance(value, ir.OpResult) else None
        if op is None or op.name != "axe.constant":
            return None
        attr = op.attributes["value"]
        if attr not in self._literals:
            self._literals[attr] = attrs.read("Array", attr)
        return self._literals[attr]

    def splat(self, value: Value) -> Array | None:
        """The 0-d array that all elements of a value equal, where that is known: splats have one
        form, a broadcast 0-d constant."""
        if value not in self._splats:
            self._splats[value] = self._find_splat(value)
        return self._splats[value]

    def _find_splat(self, value: Value) -> Array | None:
        if isinstance(value, ir.OpResult) and value.owner.name == "axe.broadcast":
            value = value.owner.operands[0]
        found = self.literal(value)
        return found if found is not None and found.ndim == 0 else None

    def fill(self, value: Array | float, t: TensorType) -> Value:
        """A constant of one number."""
        scalar = np.asarray(value, t.dtype.numpy)
        made = self(constant, value=scalar)
        return made if t.rank == 0 else self(broadcast, made, shape=t.shape, axes=())


class Site:
    """The op that a rule looks at."""

    __slots__ = ("op", "operands", "sweep")

    def __init__(self, op: Any, sweep: Sweep) -> None:
        self.op = op
        self.sweep = sweep
        self.operands: list[Value] = list(op.operands)

    @property
    def name(self) -> str:
        """The op's name without the dialect."""
        return str(self.op.name)[4:]

    @property
    def definition(self) -> OpDef:
        return OPS[self.op.name]

    @property
    def emit(self) -> Sweep:
        return self.sweep

    @property
    def type(self) -> TensorType:
        """The type of the result."""
        return types.of(self.op.results[0])

    def operand_type(self, i: int = 0) -> TensorType:
        return types.of(self.operands[i])

    def attr(self, name: str) -> Any:
        """An attribute as a Python value."""
        return attrs.read(self.definition.attrs[name], self.op.attributes[name])

    def made_by(self, i: int, *names: str) -> Site | None:
        """The site of the op that makes operand i, if it is one of the named ones."""
        value = self.operands[i]
        if not isinstance(value, ir.OpResult):
            return None
        owner = value.owner
        return Site(owner, self.sweep) if owner.name[4:] in names else None

    def splat(self, i: int) -> Array | None:
        """The number that all elements of operand i equal, as a 0-d array."""
        return self.sweep.splat(self.operands[i])

    def is_splat(self, i: int, number: float) -> bool:
        """Operand i is this number everywhere; -0.0 and 0.0 are two numbers."""
        found = self.sweep.splat(self.operands[i])
        if found is None or found != number:
            return False
        return math.copysign(1, float(found)) == math.copysign(1, number)

    def fill(self, number: Array | float) -> Value:
        """A constant of the result's type."""
        return self.sweep.fill(number, self.type)

    @property
    def attrs(self) -> dict[str, Any]:
        """All attributes as Python values."""
        return {name: self.attr(name) for name in self.definition.attrs}

    def used_once(self) -> bool:
        """The result has exactly one use."""
        return used_once(self.op.results[0])


def used_once(value: Value) -> bool:
    """The value is made by an op and has exactly one use."""
    uses = value.uses
    if not isinstance(value, ir.OpResult) or next(uses, None) is None:
        return False
    return next(uses, None) is None


def static_shape(t: TensorType) -> tuple[int, ...] | None:
    """The shape, if no named dim occurs in it."""
    known = tuple(n for n in t.shape if isinstance(n, int))
    return known if len(known) == t.rank else None


def drop_unused(function: Any) -> None:
    """Erase ops whose results nobody uses. All ops in a function are free of side effects."""
    for op in reversed([o.operation for o in function.regions[0].blocks[0].operations][:-1]):
        if all(next(r.uses, None) is None for r in op.results):
            op.erase()
