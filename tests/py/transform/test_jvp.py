"""Tangents of every op against its cotangents, and derivatives of derivatives, in f64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.functions import Functions, apply, central_difference
from support.points import DIFFERENTIABLE, STEPWISE, Point, points

from axec.dialects.opdef import OpDef

ops = pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: op.name)


def module(point: Point) -> tuple[Functions, list[Any]]:
    """A module with the op as the function f, and the types of its float operands."""
    case, made = point.case, Functions()
    made.define("f", case.operands, lambda e, *xs: e(case.op, *xs, **case.attrs), private=True)
    return made, [case.operands[i] for i in point.wrt]


def both(point: Point, directions: list[Any], seed: Any) -> tuple[Any, list[Any]]:
    """The tangent of the result by fn.jvp, and the cotangents of the operands by fn.vjp."""
    made, floats = module(point)
    inputs = [*point.case.operands, *floats, point.case.results[0]]
    count = len(point.case.operands)

    def main(e: Any, *xs: Any) -> Any:
        (y,) = made.results["f"]
        args, ts, g = xs[:count], xs[count:-1], xs[-1]
        found = apply("jvp", "f", [*args, *ts], [y, y], wrt=point.wrt, outs=[0])
        types = [y, *(args[i].type for i in point.wrt)]
        return found[1:] + apply("vjp", "f", [*args, g], types, wrt=point.wrt, seeds=[0])[1:]

    made.define("main", inputs, main, private=False)
    ty, *gx = made.run([*point.xs, *directions, seed])
    return ty, gx


@ops
def test_tangents_and_cotangents_are_transposes(op: OpDef) -> None:
    """<g, jvp(t)> = <vjp(g), t>: the dot-product identity."""
    for point in points(op):
        (y,) = point.value(*point.xs)
        (g,) = point.like([y], 1)
        directions = point.like([point.xs[i] for i in point.wrt], 2)
        ty, gx = both(point, directions, g)
        along = sum(float(np.sum(a * t)) for a, t in zip(gx, directions, strict=True))
        np.testing.assert_allclose(along, np.sum(g * ty), 1e-11, 1e-11, err_msg=str(point.case))


def gradient(point: Point, order: str) -> Any:
    """`run(xs, g, ts)`: the cotangents of the operands, then those of <vjp(g), t> once more, by
    reverse mode over reverse mode or by forward mode over it."""
    made, floats = module(point)
    case, count = point.case, len(point.case.operands)

    def first(e: Any, *xs: Any) -> Any:
        (y,) = made.results["f"]
        types = [y, *(xs[i].type for i in point.wrt)]
        return apply("vjp", "f", xs, types, wrt=point.wrt, seeds=[0])[1:]

    made.define("first", [*case.operands, case.results[0]], first, private=True)

    def main(e: Any, *xs: Any) -> Any:
        args, ts, types = xs[: count + 1], xs[count + 1 :], made.results["first"]
        outs = range(len(types))
        found = apply(order, "first", [*args, *ts], types * 2, wrt=point.wrt,
                      **{"seeds" if order == "vjp" else "outs": outs})  # fmt: skip
        return found

    made.define("main", [*case.operands, case.results[0], *floats], main, private=False)
    return made


@ops
@pytest.mark.parametrize("order", ["vjp", "jvp"])
def test_second_order_against_central_differences(op: OpDef, order: str) -> None:
    """d/dx <vjp(g), t> along s, which both orders give for t = s."""
    for point in points(op):
        (y,) = point.value(*point.xs)
        (g,) = point.like([y], 1)
        floats = [point.xs[i] for i in point.wrt]
        ts = point.like(floats, 2)
        count = len(floats)
        made = gradient(point, order)
        found = made.run([*point.xs, g, *ts])
        second = sum(float(np.sum(a * t)) for a, t in zip(found[count:], ts, strict=True))

        first, directions = gradient(point, order), [None] * (len(point.xs) + 1 + count)
        for i, t in zip(point.wrt, ts, strict=True):
            directions[i] = t
        first.run([*point.xs, g, *ts])
        change = central_difference(first.again, [*point.xs, g, *ts], directions)[:count]
        expected = sum(float(np.sum(a * t)) for a, t in zip(change, ts, strict=True))
        if op.name in STEPWISE:
            expected = 0.0
        np.testing.assert_allclose(second, expected, 1e-5, 1e-6, err_msg=str(point.case))
