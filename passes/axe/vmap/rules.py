"""The table of batching rules, and what they work with.

    @vmap(transpose)
    def _(b, x, *, perm): return b.plain(transpose, b.full(x), perm=(0, *(p + 1 for p in perm)))

A value is a `Lane`: one for the whole batch, or one per index along a new first axis. A rule is
called where some operand has that axis, with attributes that know nothing of it, and gives a value
that has it. `b` is an emitter too: as such it takes and gives lanes, types and attributes without
the axis, so that a rule may be written as a decomposition (`EXPAND`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from axec.dialects.opdef import OpDef
from axec.passes.axe.walk import Value


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """A value; `batched`: its first axis is the batch."""

    value: Value
    batched: bool


Rule = Callable[..., Value]  # (b, *lanes, **attrs) -> value with the batch axis

VMAP: dict[OpDef, Rule] = {}
EXPAND: dict[OpDef, Callable[..., Lane]] = {}  # (b, *lanes, **attrs) -> lane, in terms of other ops


def vmap(op: OpDef) -> Callable[[Rule], Rule]:
    """Enter the rule of an op."""

    def enter(rule: Rule) -> Rule:
        VMAP[op] = rule
        return rule

    return enter


def same(op: OpDef) -> None:
    """The op does not mind a further leading axis, if all operands have it."""

    def rule(b: Any, *lanes: Lane, **attrs: Any) -> Value:
        return b.plain(op, *map(b.full, lanes), **attrs)

    VMAP[op] = rule


def moved(op: OpDef, attr: str) -> None:
    """The op is the same but for the axis, or the axes, that an attribute names."""

    def rule(b: Any, *lanes: Lane, **attrs: Any) -> Value:
        axes = attrs[attr]
        behind = axes + 1 if isinstance(axes, int) else tuple(a + 1 for a in axes)
        return b.plain(op, *map(b.full, lanes), **attrs | {attr: behind})

    VMAP[op] = rule
