"""Cotangents of consts are sums over the rounds. Where a round's term is a product, its factors
are collected and the sum is one product after the loop: it also runs over the rounds.

    sum over i of  a[i]^T b[i]  =  A^T B,  the rows of all rounds below each other

A loop that added up would read and write the whole sum in every round. Sums along axes of what is
collected anyway wait until after the loop likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from axec.dialects.axe import contract
from axec.dialects.axe.reduce import reduce
from axec.dialects.emit import IrEmit
from axec.dialects.opdef import OPS
from axec.mlir import ir
from axec.passes.axe.walk import Value

# Ops of one operand that may come after a sum as well as before it.
_LINEAR = ("axe.cast", "axe.transpose", "axe.reshape", "axe.neg")


@dataclass(frozen=True, slots=True)
class Term:
    """Part of a sum: `after(emit, stacks of the values)` gives it."""

    values: tuple[Value, ...]
    after: Callable[[IrEmit, Sequence[Value]], Value]


@dataclass(slots=True)
class Sum:
    """A sum over rounds: what is left until after the loop, and what is added up in it."""

    terms: list[Term]
    inside: list[Value]


def split(values: Sequence[Value], same: set[Value]) -> list[Sum]:
    """For each value of a round, how to add it up over all rounds; `same`: what does not change
    from round to round and is not collected."""
    sums = [Sum([], []) for _ in values]
    for one, value in zip(sums, values, strict=True):
        for part in _parts(value):
            product = _product(part, same)
            if product is None:
                one.inside.append(part)
            else:
                one.terms.append(product)
    collected = {v for one in sums for t in one.terms for v in t.values}
    for one in sums:
        waiting = [(v, _total(v, collected)) for v in one.inside]
        one.terms += [t for _, t in waiting if t is not None]
        one.inside = [v for v, t in waiting if t is None]
    return sums


def _parts(value: Value) -> list[Value]:
    """What a value is the sum of, in this round."""
    op = _maker(value, "axe.add")
    return [value] if op is None else [p for v in op.operands for p in _parts(v)]


def _maker(value: Value, name: str) -> Any:
    op = value.owner if isinstance(value, ir.OpResult) else None
    return op if op is not None and op.name == name else None


def _product(value: Value, same: set[Value]) -> Term | None:
    """A product of factors that change from round to round, maybe in another dtype or shape."""
    moved = value.owner if isinstance(value, ir.OpResult) else None
    if moved is not None and moved.name in _LINEAR:
        inner = _product(moved.operands[0], same)
        return None if inner is None else _behind(inner, moved)
    op = _maker(value, "axe.dot_general")
    if op is None or not same.isdisjoint(op.operands):
        return None
    axes_of = OPS[op.name].attrs_from_ir(op)
    for name in ("batch_x", "batch_y"):
        axes_of[name] = tuple(a + 1 for a in axes_of[name])
    for name in ("contract_x", "contract_y"):
        axes_of[name] = (0, *(a + 1 for a in axes_of[name]))

    def after(e: IrEmit, stacks: Sequence[Value]) -> Value:
        return e(contract.dot_general, *stacks, **axes_of)

    return Term(tuple(op.operands), after)


def _behind(inner: Term, op: Any) -> Term:
    """An op of one operand on a sum, instead of on each of its terms."""
    declared = OPS[op.name]
    given = declared.attrs_from_ir(op)
    return Term(inner.values, lambda e, stacks: e(declared, inner.after(e, stacks), **given))


def _total(value: Value, collected: set[Value]) -> Term | None:
    """A value that is collected, or its sum along axes."""
    op = _maker(value, "axe.reduce")
    axes: tuple[int, ...] = ()
    if value not in collected:
        given = {} if op is None else OPS[op.name].attrs_from_ir(op)
        if given.get("kind") != "sum" or op.operands[0] not in collected:
            return None
        value, axes = op.operands[0], given["axes"]

    def after(e: IrEmit, stacks: Sequence[Value]) -> Value:
        return e(reduce, stacks[0], kind="sum", axes=(0, *(a + 1 for a in axes)))

    return Term((value,), after)
