"""Rules for branches and loops, each one sentence. They look at an op and its bodies together.

A rule gives the op that takes the old one's place, `GONE` where nothing does, or None where it does
not apply. `simplify` (passes/axe/simplify/control/run.py) tries them until none does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import attrs, control, types
from axec.dialects.axe.arrange import broadcast, reshape
from axec.dialects.axe.constants import constant
from axec.dialects.emit import IrEmit
from axec.dialects.functions import terminator
from axec.mlir import ir
from axec.passes.axe.simplify.control.edit import (
    Bodies,
    Change,
    Value,
    changed,
    inlined,
    is_used,
    with_const,
)

GONE = "gone"


@dataclass(frozen=True, slots=True)
class Rule:
    """`text` is the whole truth about the rule; `ops` are those that it looks at."""

    text: str
    ops: tuple[str, ...]
    apply: Callable[[Bodies, Any], Any]


RULES: list[Rule] = []


def rule(text: str, *ops: str) -> Callable[[Callable[[Bodies, Any], Any]], Any]:
    """Enter a rule."""

    def enter(fn: Callable[[Bodies, Any], Any]) -> Callable[[Bodies, Any], Any]:
        RULES.append(Rule(text, tuple(f"control.{name}" for name in ops), fn))
        return fn

    return enter


def _literal(value: Value) -> Any:
    """The op that makes a number, maybe repeated; None for other values."""
    op = value.owner if isinstance(value, ir.OpResult) else None
    if op is not None and op.name == "axe.broadcast":
        return op if _literal(op.operands[0]) is not None and _is_0d(op.operands[0]) else None
    return op if op is not None and op.name == "axe.constant" and _is_0d(value) else None


def _number(value: Value) -> float | None:
    """The number that all elements of a value are, where that is known."""
    op = _literal(value)
    if op is not None and op.name == "axe.broadcast":
        op = op.operands[0].owner
    return None if op is None else float(attrs.read("Array", op.attributes["value"]))


def _is_0d(value: Value) -> bool:
    return types.of(value).rank == 0


def _carries(op: Any) -> int:
    """How many operands are also results."""
    if op.name == "control.switch":
        return 0
    return (control.While if op.name == "control.while" else control.Scan).of(op).carries


# ---- ops that go away ----------------------------------------------------------------------------


@rule("switch on a number, or of one body => that body", "switch")
def _(bodies: Bodies, op: Any) -> Any:
    branches = control.Switch.of(op).branches
    number = _number(op.operands[0])
    if number is None and len(set(branches)) > 1:
        return None
    block = bodies.block(branches[min(max(int(number or 0), 0), len(branches) - 1)])
    _replace(op, inlined(block, list(op.operands)[1:], op))
    return GONE


@rule("scan of no rounds => the carry at the start; of one round => its body", "scan")
def _(bodies: Bodies, op: Any) -> Any:
    loop = control.Scan.of(op)
    if loop.length not in (0, 1):
        return None
    emit = IrEmit(op.location)
    init, xs, consts = loop.split(op.operands)
    with ir.InsertionPoint(op):
        if loop.length == 0:
            ys = [_empty(emit, types.of(r)) for r in list(op.results)[loop.carries :]]
            _replace(op, [*init, *ys])
            return GONE
        rows = [emit(reshape, x, shape=types.of(x).shape[1:]) for x in xs]
        first = emit(constant, value=np.asarray(0, control.INDEX.dtype.numpy))
    found = inlined(bodies.block(loop.body), [first, *init, *rows, *consts], op)
    with ir.InsertionPoint(op):
        for j in range(loop.carries, len(found)):
            found[j] = emit(reshape, found[j], shape=types.of(op.results[j]).shape)
    _replace(op, found)
    return GONE


def _empty(emit: IrEmit, t: types.TensorType) -> Value:
    number = emit(constant, value=np.zeros((), t.dtype.numpy))
    return emit(broadcast, number, shape=t.shape, axes=())


def _replace(op: Any, values: Iterable[Value]) -> None:
    for old, new in zip(op.results, values, strict=True):
        old.replace_all_uses_with(new)
    op.erase()


# ---- operands and results that go away -----------------------------------------------------------


@rule("results that nobody uses, and carries that serve them alone => none", "switch", "while",
      "scan")  # fmt: skip
def _(bodies: Bodies, op: Any) -> Any:
    carries = _carries(op)
    live = {j for j, r in enumerate(op.results) if is_used(r)}
    waiting = list(live)
    if op.name == "control.while":
        test = bodies.blocks(op)[0]
        waiting += _read(op, test, terminator(test).operands, carries)
        live.update(waiting)
    while waiting and carries:
        j = waiting.pop()
        for block in bodies.giving(op):
            found = _read(op, block, [terminator(block).operands[j]], carries)
            waiting += set(found) - live
            live.update(found)
    dead = set(range(len(op.results))) - live
    if not dead:
        return None
    return changed(bodies, op, Change({k for k in dead if k < carries}, dead))


def _read(op: Any, block: Any, targets: Iterable[Value], carries: int) -> list[int]:
    """The carries that some values of a body depend on."""
    waiting, found = list(targets), set()
    while waiting:
        value = waiting.pop()
        if value not in found:
            found.add(value)
            if isinstance(value, ir.OpResult):
                waiting += value.owner.operands
    first = 1 if op.name == "control.scan" else 0
    return [k for k in range(carries) if block.arguments[k + first] in found]


@rule("operands that no body uses => none", "switch", "while", "scan")
def _(bodies: Bodies, op: Any) -> Any:
    first = max(_carries(op), op.name == "control.switch")
    unused = {
        i for i in range(first, len(op.operands))
        if not any(is_used(a) for a in bodies.arguments(op, i))
    }  # fmt: skip
    return changed(bodies, op, Change(operands=unused)) if unused else None


@rule("operands that are one value => one of them", "switch", "while", "scan")
def _(bodies: Bodies, op: Any) -> Any:
    groups = [("", range(max(_carries(op), op.name == "control.switch"), len(op.operands)))]
    if op.name == "control.scan":
        loop = control.Scan.of(op)
        middle = loop.carries + loop.xs
        groups = [("x", range(loop.carries, middle)), ("", range(middle, len(op.operands)))]
    known: dict[Any, int] = {}
    change = Change()
    for kind, places in groups:
        for i in places:
            first = known.setdefault((kind, op.operands[i]), i)
            if first != i:
                _become(bodies.arguments(op, i), bodies.arguments(op, first))
                change.operands.add(i)
    return changed(bodies, op, change) if change else None


@rule("operands that are numbers => numbers in the bodies", "switch", "while", "scan")
def _(bodies: Bodies, op: Any) -> Any:
    loop = control.Scan.of(op) if op.name == "control.scan" else None
    first = loop.carries + loop.xs if loop else max(_carries(op), op.name == "control.switch")
    change = Change()
    for i in range(first, len(op.operands)):
        literal = _literal(op.operands[i])
        if literal is not None:
            for block, argument in zip(bodies.blocks(op), bodies.arguments(op, i), strict=True):
                argument.replace_all_uses_with(_copied(literal, block))
            change.operands.add(i)
    return changed(bodies, op, change) if change else None


def _copied(literal: Any, block: Any) -> Value:
    """The same number at the start of a block."""
    with ir.InsertionPoint.at_block_begin(block):
        if literal.name == "axe.broadcast":
            number = literal.operands[0].owner.clone().operation
            copy = literal.clone().operation
            copy.operands[0] = number.results[0]
        else:
            copy = literal.clone().operation
    return copy.results[0]


@rule("a carry that stays as it is => a const", "while", "scan")
def _(bodies: Bodies, op: Any) -> Any:
    change = Change()
    for k in range(_carries(op)):
        arguments = bodies.arguments(op, k)
        if bodies.outs(op, k) != arguments[-1:]:
            continue
        value = op.operands[k]
        _become(arguments, with_const(bodies, op, change, value))
        op.results[k].replace_all_uses_with(value)
        change.operands.add(k)
        change.results.add(k)
    return changed(bodies, op, change) if change else None


@rule("xs that are one row repeated => that row as a const", "scan")
def _(bodies: Bodies, op: Any) -> Any:
    loop = control.Scan.of(op)
    change = Change()
    for i in range(loop.carries, loop.carries + loop.xs):
        source = op.operands[i]
        maker = source.owner if isinstance(source, ir.OpResult) else None
        if maker is None or maker.name != "axe.broadcast":
            continue
        axes = attrs.read("Ints", maker.attributes["axes"])
        if 0 in axes:
            continue
        shape = types.of(source).shape[1:]
        with ir.InsertionPoint(op):
            moved = tuple(a - 1 for a in axes)
            row = IrEmit(op.location)(broadcast, maker.operands[0], shape=shape, axes=moved)
        _become(bodies.arguments(op, i), with_const(bodies, op, change, row))
        change.operands.add(i)
    return changed(bodies, op, change) if change else None


@rule("ys that are one value => one of them", "scan")
def _(bodies: Bodies, op: Any) -> Any:
    carries = _carries(op)
    outs = list(terminator(bodies.block(control.Scan.of(op).body)).operands)
    change = Change()
    for j in range(carries, len(outs)):
        first = outs.index(outs[j], carries)
        if first != j:
            op.results[j].replace_all_uses_with(op.results[first])
            change.results.add(j)
    return changed(bodies, op, change) if change else None


@rule("ys that are the rows of xs => xs; that are the same in all rounds => it repeated", "scan")
def _(bodies: Bodies, op: Any) -> Any:
    loop = control.Scan.of(op)
    block = bodies.block(loop.body)
    sources = dict(zip(list(block.arguments)[1 + loop.carries :],
                       list(op.operands)[loop.carries :], strict=True))  # fmt: skip
    change = Change()
    for j in range(loop.carries, len(op.results)):
        t = types.of(op.results[j])
        source = sources.get(terminator(block).operands[j])
        if source is None:
            continue
        if source.type != op.results[j].type:
            with ir.InsertionPoint(op):
                axes = tuple(range(1, t.rank))
                source = IrEmit(op.location)(broadcast, source, shape=t.shape, axes=axes)
        op.results[j].replace_all_uses_with(source)
        change.results.add(j)
    return changed(bodies, op, change) if change else None


def _become(old: Iterable[Value], new: Iterable[Value]) -> None:
    for a, b in zip(old, new, strict=True):
        a.replace_all_uses_with(b)


@rule("position of a scan, plus numbers >= 0, less than a number <= 0 => false", "scan")
def _(bodies: Bodies, op: Any) -> Any:
    """An index that counts from the end if it is negative is no such thing here."""
    block = bodies.block(control.Scan.of(op).body)
    found = [o.operation for o in block.operations if o.operation.name == "axe.compare"]
    false = [o for o in found if _is_below(block.arguments[0], o) and is_used(o.results[0])]
    for one in false:
        with ir.InsertionPoint(one):
            number = IrEmit(one.location)(constant, value=np.asarray(False))
        one.results[0].replace_all_uses_with(number)
    return op if false else None


def _is_below(position: Value, compare: Any) -> bool:
    """Whether a compare asks whether a number that is not negative is less than one that is not
    positive."""
    low, limit = compare.operands
    bound = _number(limit)
    if ir.StringAttr(compare.attributes["direction"]).value != "lt" or bound is None or bound > 0:
        return False
    while low != position and isinstance(low, ir.OpResult) and low.owner.name == "axe.add":
        low, more = low.owner.operands
        added = _number(more)
        if added is None or added < 0:
            return False
    return bool(low == position)


# ---- what is the same in all rounds --------------------------------------------------------------

# What costs nothing to have in every round, or would be larger than what it is made of.
_STAYS = ("axe.constant", "axe.iota", "axe.broadcast")


@rule("ops on consts alone, but constants and broadcasts => before the loop", "scan")
def _(bodies: Bodies, op: Any) -> Any:
    loop = control.Scan.of(op)
    block = bodies.block(loop.body)
    _, _, consts = loop.split(op.operands)
    env = dict(zip(list(block.arguments)[1 + loop.carries + loop.xs :], consts, strict=True))
    inside = [o.operation for o in block.operations]
    same = [o for o in _same_in_all_rounds(inside[:-1], set(env)) if len(o.results)]
    moved = {r for o in same if o.name not in _STAYS for r in o.results}
    if not moved:
        return None
    with ir.InsertionPoint(op):
        for one in same:
            copy = one.clone().operation
            for i, value in enumerate(one.operands):
                copy.operands[i] = env[value]
            env.update(zip(one.results, copy.results, strict=True))
    change = Change()
    stays = [o for o in inside if o.name in _STAYS or moved.isdisjoint(o.results)]
    for value in dict.fromkeys(v for o in stays for v in o.operands if v in moved):
        value.replace_all_uses_with(with_const(bodies, op, change, env[value])[0])
    return changed(bodies, op, change)


def _same_in_all_rounds(operations: list[Any], same: set[Value]) -> list[Any]:
    """The ops that depend on some values alone, in order."""
    found = []
    for one in operations:
        if same.issuperset(one.operands):
            found.append(one)
            same.update(one.results)
    return found
