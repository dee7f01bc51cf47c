"""Rewriting rules: tables of one-sentence rules, and the one sweep that applies them.

    RULES = Rules()
    rule = RULES.enter

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

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
Owner = TypeVar("Owner")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Rule:
    """`text` is the whole truth about the rule, as `lhs => rhs`; `ops` are the roots of lhs."""

    text: str
    ops: tuple[str, ...]
    apply: Callable[[Site], Value | None]


class Rules(list[Rule]):
    """A table of rules, in order of trial. Tables add with `+`."""

    def enter(self, text: str, *ops: str) -> Callable[[Callable[[Site], Any]], Any]:
        """The decorator that enters a function as a rule."""

        def decorate(fn: Callable[[Site], Any]) -> Callable[[Site], Any]:
            self.append(Rule(text, ops, fn))
            return fn

        return decorate


def by_root(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """The rules by the full name of their root op, still in order of trial."""
    found: dict[str, list[Rule]] = {}
    for one in rules:
        for name in one.ops:
            found.setdefault(f"axe.{name}", []).append(one)
    return found


Table = Mapping[str, Sequence[Rule]]


class Sweep(IrEmit):
    """One pass over a function with the rules of a table (see `by_root`), and with those of another
    one over what rules emit. Replaced ops stay (dead) until the sweep is over, so that values may
    serve as keys."""

    def __init__(self, rules: Table, limit: int, emitted: Table | None = None) -> None:
        super().__init__(ir.Location.unknown())
        self.rules = rules
        self.emitted = rules if emitted is None else emitted
        self.limit = limit  # largest number of elements that folding may create
        self.hits: Counter[str] = Counter()
        self._at: Any = None  # the op that is looked at; what rules emit goes before it
        self._sites: dict[Value, Site | None] = {}  # by result; None: no op makes the value
        self._literals: dict[Any, Array] = {}  # by attribute

    def run(self, block: Any) -> None:
        for op in [o.operation for o in block.operations][:-1]:
            name = op.name
            if name not in self.rules:
                for result in op.results:
                    self.note(result, op, name)
                continue
            result = op.results[0]
            if next(result.uses, None) is None:
                continue
            self._at = op
            found = self.simplified(self.note(result, op, name), self.rules)
            if found is not None:
                result.replace_all_uses_with(found)

    def __call__(self, op: OpDef, *operands: Any, **given: Any) -> Any:
        """Create an op in its simplest form."""
        self.loc = self._at.location
        with ir.InsertionPoint(self._at):
            made = super().__call__(op, *operands, **given)
        found = self.simplified(self.note(made, made.owner, op.full_name), self.emitted)
        return made if found is None else found

    def simplified(self, site: Site, rules: Table) -> Value | None:
        """What replaces the result of a site's op, or None."""
        for one in rules.get(site.full_name, ()):
            found = one.apply(site)
            if found is not None:
                self.hits[one.text] += 1
                return found
        return None

    def note(self, value: Value, op: Any, name: str) -> Site:
        """The site of an op of that name, which makes `value`."""
        found = self._sites[value] = Site(op, self, name)
        return found

    def site(self, value: Value) -> Site | None:
        """The site of the op that makes a value; None for an argument."""
        try:
            return self._sites[value]
        except KeyError:
            if isinstance(value, ir.OpResult):
                return self.note(value, value.owner, value.owner.name)
            self._sites[value] = None
            return None

    def literal(self, attr: Any) -> Array:
        """The array that an attribute of an axe.constant holds."""
        if attr not in self._literals:
            self._literals[attr] = attrs.read("Array", attr)
        return self._literals[attr]

    def fill(self, value: Array | float, t: TensorType) -> Value:
        """A constant of one number."""
        scalar = np.asarray(value, t.dtype.numpy)
        made = self(constant, value=scalar)
        return made if t.rank == 0 else self(broadcast, made, shape=t.shape, axes=())


class Once(Generic[Owner, Result]):
    """A property that is computed once. (functools.cached_property takes a lock before Python 3.12,
    which is half of the time of a sweep.)"""

    def __init__(self, compute: Callable[[Owner], Result]) -> None:
        self.compute = compute
        self.name = compute.__name__

    def __get__(self, owner: Owner, kind: type[Owner]) -> Result:
        found = owner.__dict__[self.name] = self.compute(owner)
        return found


class Site:
    """An op that a rule looks at, or meets before its operands. What is read of the IR is read
    once: operands come before their users, so they are in simplest form and stay what they are."""

    def __init__(self, op: Any, sweep: Sweep, full_name: str) -> None:
        self.op = op
        self.sweep = sweep
        self.full_name = full_name
        self.name = full_name[4:]  # without the dialect
        self.operands: list[Value] = list(op.operands)
        #: The sites of the ops that make the operands; None for arguments.
        self.makers: list[Site | None] = [sweep.site(v) for v in self.operands]

    @property
    def definition(self) -> OpDef:
        return OPS[self.full_name]

    @property
    def emit(self) -> Sweep:
        return self.sweep

    @Once
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
        maker = self.makers[i]
        return maker if maker is not None and maker.name in names else None

    @Once
    def literal(self) -> Array | None:
        """The array of an axe.constant."""
        if self.full_name != "axe.constant":
            return None
        return self.sweep.literal(self.op.attributes["value"])

    @Once
    def number(self) -> Array | None:
        """The 0-d array that all elements of the result equal, where that is known: splats have one
        form, a broadcast 0-d constant."""
        source = self.makers[0] if self.full_name == "axe.broadcast" else self
        found = source.literal if source is not None else None
        return found if found is not None and found.ndim == 0 else None

    @Once
    def is_constant(self) -> bool:
        """The result is known: an axe.constant or axe.iota, maybe broadcast."""
        if self.full_name == "axe.broadcast":
            return self.operands_are_constant()
        return self.full_name in ("axe.constant", "axe.iota")

    def operands_are_constant(self) -> bool:
        return all(maker is not None and maker.is_constant for maker in self.makers)

    def splat(self, i: int) -> Array | None:
        """The number that all elements of operand i equal, as a 0-d array."""
        maker = self.makers[i]
        return None if maker is None else maker.number

    def is_splat(self, i: int, number: float) -> bool:
        """Operand i is this number everywhere; -0.0 and 0.0 are two numbers."""
        found = self.splat(i)
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
