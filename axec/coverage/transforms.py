"""The transformations of one application of an op, through the IR: applied by fn ops, resolved by
the pass, run by the interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axec.coverage.functions import Functions, apply
from axec.coverage.points import Point
from axec.dialects.axe.cases import Case

Arrays = Sequence[Any]


def module(point: Point) -> Functions:
    """A module with the op as the private function f."""
    case, made = point.case, Functions()
    made.define("f", case.operands, lambda e, *xs: e(case.op, *xs, **case.attrs), private=True)
    return made


def cotangents(point: Point) -> Functions:
    """`main(*xs, seed)`: the value, and the cotangents of the float operands, through fn.vjp."""
    made = module(point)

    def main(e: Any, *xs: Any) -> Any:
        results = made.results["f"] + [xs[i].type for i in point.wrt]
        return apply("vjp", "f", xs, results, wrt=point.wrt, seeds=[0])

    made.define("main", [*point.case.operands, point.case.results[0]], main, private=False)
    return made


def gradients(point: Point, seed: Any) -> tuple[Any, list[Any]]:
    """The value at the point and the cotangents of its float operands."""
    y, *found = cotangents(point).run([*point.xs, seed])
    return y, found


def tangent(point: Point, directions: Arrays) -> Any:
    """The tangent of the result along directions of the float operands, through fn.jvp."""
    made, case = module(point), point.case

    def main(e: Any, *xs: Any) -> Any:
        return apply("jvp", "f", xs, made.results["f"] * 2, wrt=point.wrt, outs=[0])

    floats = [case.operands[i] for i in point.wrt]
    made.define("main", [*case.operands, *floats], main, private=False)
    return made.run([*point.xs, *directions])[1]


def second(point: Point, order: str) -> Functions:
    """`main(*xs, g, *ts)`: the cotangents of the float operands, then those of <vjp(g), t> once
    more, by reverse mode ("vjp") over reverse mode or by forward mode ("jvp") over it."""
    made, case, count = module(point), point.case, len(point.case.operands)
    floats = [case.operands[i] for i in point.wrt]

    def first(e: Any, *xs: Any) -> Any:
        (y,) = made.results["f"]
        types = [y, *(xs[i].type for i in point.wrt)]
        return apply("vjp", "f", xs, types, wrt=point.wrt, seeds=[0])[1:]

    made.define("first", [*case.operands, case.results[0]], first, private=True)

    def main(e: Any, *xs: Any) -> Any:
        args, ts, types = xs[: count + 1], xs[count + 1 :], made.results["first"]
        which = {"seeds" if order == "vjp" else "outs": range(len(types))}
        return apply(order, "first", [*args, *ts], types * 2, wrt=point.wrt, **which)

    made.define("main", [*case.operands, case.results[0], *floats], main, private=False)
    return made


def batched(case: Case, which: Sequence[bool], size: Any) -> Functions:
    """`main`: the op for all indices of a batch axis, which some operands have first."""
    made = Functions()
    made.define("f", case.operands, lambda e, *xs: e(case.op, *xs, **case.attrs), private=True)
    inputs = [
        t.with_shape((size, *t.shape)) if b else t
        for t, b in zip(case.operands, which, strict=True)
    ]
    wide = [t.with_shape((size, *t.shape)).ir() for t in case.results]
    axes = [0 if b else -1 for b in which]

    def main(e: Any, *xs: Any) -> Any:
        return apply("vmap", "f", xs, wide, in_axes=axes, out_axes=[0] * len(wide))

    made.define("main", inputs, main, private=False)
    return made
