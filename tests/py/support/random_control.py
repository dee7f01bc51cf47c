"""Loops and branches with random bodies, as further steps of random programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from support.programs import Builder, Value
from support.random_programs import STEPS, Choose

from axec.dialects import control, dtypes, types
from axec.dialects.dims import Size
from axec.dialects.functions import define, name_of
from axec.dialects.types import TensorType
from axec.mlir import ir, unknown_location

I32 = TensorType(dtypes.i32, ())
_DEPTH = 3  # of bodies in bodies

Fill = Callable[[Builder, list[Value]], Sequence[Value]]


def _module() -> Any:
    """The module that is being written."""
    module = ir.InsertionPoint.current.block.owner.operation
    while module.name != "builtin.module":
        module = module.parent.operation
    return module


def _function(b: Builder, name: str, inputs: Sequence[TensorType], fill: Fill) -> str:
    """A private function; its name."""
    module = _module()
    count = len(list(module.opview.body.operations))
    kinds = [t.ir() for t in inputs]
    with unknown_location(), ir.InsertionPoint(module.opview.body):
        made = define(f"{name}{count}", kinds, lambda *xs: fill(b, list(xs)), private=True)
    return name_of(made)


def _some(choose: Choose, pool: Sequence[Value], most: int) -> list[Value]:
    floats = [v for v in pool if types.of(v).dtype is dtypes.f32][-5:]
    return [choose(floats) for _ in range(choose(range(most + 1)))] if floats else []


def _grow(b: Builder, choose: Choose, pool: list[Value], depth: int) -> list[Value]:
    """A few more ops, loops and branches among them."""
    for _ in range(choose((0, 1, 3, 5))):
        if depth < _DEPTH and choose((True, False, False, False)):
            pool += choose(CONTROL)(b, choose, pool, depth + 1)
        elif (made := choose(STEPS)(b, choose, pool)) is not None:
            pool.append(made)
    return pool


def _carried(b: Builder, choose: Choose, pool: Sequence[Value], start: Sequence[Any]) -> list[Any]:
    """What the next turn gets for the arguments `start`: small numbers, or these themselves."""
    found = []
    for own in start:
        like = [v for v in pool if types.of(v) == types.of(own)]
        value = choose(like[-4:])
        found.append(choose((value, b.tanh(value), b.tanh(value))))
    return found


def _scan(b: Builder, choose: Choose, pool: list[Value], depth: int = 0) -> list[Value]:
    init, rows, consts = (_some(choose, pool, n) for n in (3, 2, 1))
    long = [v for v in rows if types.of(v).rank]
    length: Size = types.of(long[0]).shape[0] if long else choose((1, 2, 5))
    xs = [v for v in long if types.of(v).shape[0] == length]
    ins = [types.of(v) for v in init]
    row = [t.with_shape(t.shape[1:]) for t in map(types.of, xs)]
    outs: list[TensorType] = []

    def fill(b: Builder, arguments: list[Value]) -> list[Value]:
        inside = _grow(b, choose, list(arguments), depth)
        ys = _some(choose, inside, 2)
        found = [*_carried(b, choose, inside, arguments[1 : 1 + len(init)]), *ys]
        outs.extend(types.of(v) for v in found)
        return found

    declared = [control.INDEX, *ins, *row, *map(types.of, consts)]
    body = _function(b, "scan", declared, fill)
    loop = control.Scan(body, len(init), len(xs), length, choose((True, False)))
    return list(loop.create([*init, *xs, *consts], outs, unknown_location()).results)


def _while(b: Builder, choose: Choose, pool: list[Value], depth: int = 0) -> list[Value]:
    init, consts = (_some(choose, pool, n) for n in (3, 1))
    turns = choose((0, 1, 2, 5))
    number = b.constant(value=np.int32(0))
    operands = [number, *init, *consts]
    declared = [types.of(v) for v in operands]

    def test(b: Builder, arguments: list[Value]) -> list[Value]:
        limit = b.constant(value=np.int32(turns))
        return [b.compare(arguments[0], limit, direction="lt")]

    def fill(b: Builder, arguments: list[Value]) -> list[Value]:
        first, *own = arguments[: 1 + len(init)]
        following = b.add(first, b.constant(value=np.int32(1)))
        inside = _grow(b, choose, arguments[1:], depth)
        return [following, *_carried(b, choose, inside, own)]

    condition = _function(b, "while_condition", declared, test)
    loop = control.While(condition, _function(b, "while_body", declared, fill), 1 + len(init))
    return list(loop.create(operands, unknown_location()).results)


def _switch(b: Builder, choose: Choose, pool: list[Value], depth: int = 0) -> list[Value]:
    arguments = _some(choose, pool, 3)
    found = [v for v in pool if types.of(v) in (I32, control.INDEX)]
    index = choose([*found, b.constant(value=np.int32(choose((-1, 0, 1, 7))))])
    wanted = [types.of(v) for v in arguments]

    def fill(b: Builder, given: list[Value]) -> list[Value]:
        return _carried(b, choose, _grow(b, choose, list(given), depth), given)

    names = [_function(b, "branch", wanted, fill) for _ in range(choose((1, 2, 3)))]
    made = control.Switch(tuple(names)).create([index, *arguments], wanted, unknown_location())
    return list(made.results)


CONTROL = (_scan, _scan, _while, _switch)
