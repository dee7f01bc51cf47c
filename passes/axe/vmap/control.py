"""Batching of branches and loops.

Where all indices of the batch go the same way, bodies are batched and the op stays what it is.
Where they go their own ways, all branches run and each index picks its own; a while goes on until
the last is done, and those that are done keep their carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axec.dialects import control, types
from axec.dialects.axe.arrange import broadcast
from axec.dialects.axe.constants import constant
from axec.dialects.axe.elementwise import compare, select
from axec.dialects.axe.reduce import reduce
from axec.passes.axe.depend import every, of_function, of_op
from axec.passes.axe.vmap.batch import CONTROL, Batch
from axec.passes.axe.vmap.rules import Lane
from axec.passes.axe.walk import Value, results_of


def _varying(b: Batch, op: Any, operands: Sequence[Lane]) -> list[bool]:
    """The results that differ over the batch."""
    given = [i for i, lane in enumerate(operands) if lane.batched]
    return [not places.isdisjoint(given) for places in of_op(b.functions, op, every)]


def _call(b: Batch, op: Any, operands: list[Lane]) -> Sequence[Lane]:
    outs = _varying(b, op, operands)
    name = b.function(control.Call.of(op).callee, [lane.batched for lane in operands], outs)
    kinds = results_of(b.functions, name)
    call = control.Call(name).create([x.value for x in operands], kinds, op.location)
    return [Lane(v, wide) for v, wide in zip(call.results, outs, strict=True)]


def _switch(b: Batch, op: Any, operands: list[Lane]) -> Sequence[Lane]:
    index, *args = operands
    names = control.Switch.of(op).branches
    if index.batched:
        return _all_branches(b, names, index, args)
    outs = _varying(b, op, operands)
    given = [lane.batched for lane in args]
    branches = tuple(b.function(name, given, outs) for name in names)
    kinds = results_of(b.functions, branches[0])
    switch = control.Switch(branches).create([x.value for x in operands], kinds, op.location)
    return [Lane(v, wide) for v, wide in zip(switch.results, outs, strict=True)]


def _all_branches(b: Batch, names: Sequence[str], index: Lane, args: list[Lane]) -> list[Lane]:
    *others, last = [b.block(b.functions.block(name), args) for name in names]
    dtype = types.of(index.value).dtype.numpy
    for i in reversed(range(len(others))):
        limit = b.plain(constant, value=np.asarray(i, dtype))
        limits = b.plain(broadcast, limit, shape=(b.size,), axes=())
        test = b.plain(compare, index.value, limits, direction="le")
        last = [_picked(b, test, x, y) for x, y in zip(others[i], last, strict=True)]
    return [Lane(b.full(x), True) for x in last]


def _picked(b: Batch, test: Value, x: Lane, y: Lane) -> Lane:
    """x where a test, one bool per index, holds, otherwise y."""
    whole = b.full(x)
    tests = b.plain(broadcast, test, shape=types.of(whole).shape, axes=(0,))
    return Lane(b.plain(select, tests, whole, b.full(y)), True)


def _scan(b: Batch, op: Any, operands: list[Lane]) -> Sequence[Lane]:
    loop = control.Scan.of(op)
    outs = _varying(b, op, operands)
    wide = outs[: loop.carries] + [lane.batched for lane in operands[loop.carries :]]
    body = b.function(loop.body, [False, *wide], outs)
    _, xs, _ = loop.split(range(len(operands)))
    given = [b.as_wanted(x, w) for x, w in zip(operands, wide, strict=True)]
    for i in xs:
        if wide[i]:
            given[i] = _exchanged(b, given[i])
    batched = control.Scan(body, loop.carries, loop.xs, loop.length, loop.reverse)
    made = batched.create(given, results_of(b.functions, body), op.location)
    found = list(made.results)
    for j in range(loop.carries, len(found)):
        if outs[j]:
            found[j] = _exchanged(b, found[j])
    return [Lane(v, w) for v, w in zip(found, outs, strict=True)]


def _exchanged(b: Batch, x: Value) -> Value:
    """The first two axes, batch and position, in the other order."""
    return b.to_front(x, 1)


def _while(b: Batch, op: Any, operands: list[Lane]) -> Sequence[Lane]:
    loop = control.While.of(op)
    outs = _varying(b, op, operands)
    wide = outs + [lane.batched for lane in operands[loop.carries :]]
    test = of_function(b.functions, loop.condition, every)[0]
    if any(wide[i] for i in test):
        test_name, body = _until_all_are_done(b, loop, wide, outs)
    else:
        test_name = b.function(loop.condition, wide, [False])
        body = b.function(loop.body, wide, outs)
    wanted = [b.as_wanted(x, w) for x, w in zip(operands, wide, strict=True)]
    made = control.While(test_name, body, loop.carries).create(wanted, op.location)
    return [Lane(v, w) for v, w in zip(made.results, outs, strict=True)]


def _until_all_are_done(
    b: Batch, loop: control.While, wide: list[bool], outs: list[bool]
) -> tuple[str, str]:
    """Condition and body for indices that each have a number of rounds of their own."""
    assert all(outs)  # as they depend on the condition
    test, step = b.functions.block(loop.condition), b.functions.block(loop.body)
    pairs = list(zip(step.arguments, wide, strict=True))
    kinds = [b.widened(types.of(a)).ir() if w else a.type for a, w in pairs]

    def lanes(xs: Sequence[Value]) -> list[Lane]:
        return [Lane(x, w) for x, w in zip(xs, wide, strict=True)]

    def going_on(inner: Batch, xs: Sequence[Value]) -> Value:
        return inner.full(inner.block(test, lanes(xs))[0])

    def condition(*xs: Value) -> list[Value]:
        inner = Batch(b.functions, b.size)
        return [inner.plain(reduce, going_on(inner, xs), kind="max", axes=(0,))]

    def body(*xs: Value) -> list[Value]:
        inner = Batch(b.functions, b.size)
        found = inner.block(step, lanes(xs))
        test = going_on(inner, xs)
        before = lanes(xs)[: loop.carries]
        return [_picked(inner, test, x, y).value for x, y in zip(found, before, strict=True)]

    key = (*wide,)
    return (
        b.functions.add(f"{loop.condition}.any", kinds, condition, key),
        b.functions.add(f"{loop.body}.each", kinds, body, (loop.condition, *key)),
    )


CONTROL["control.call"] = _call
CONTROL["control.switch"] = _switch
CONTROL["control.while"] = _while
CONTROL["control.scan"] = _scan
