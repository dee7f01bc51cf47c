"""The checks that an op passes at one place (`Point`), in each dtype; one small function per check.

A check returns nothing where all is well, raises `Gap` where it is not, and returns False where it
has nothing to compare with. In f64 derivatives are held to central differences; in narrower dtypes
to the derivative in f64 at the same place.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axec.coverage import transforms
from axec.coverage.points import STEPWISE, Point
from axec.dialects import dtypes
from axec.dialects.axe.cases import values
from axec.dialects.dtypes import DType
from axec.dialects.emit import EvalEmit
from axec.lang.differences import central_difference

Check = Callable[[Point], bool | None]

_LANES = 3  # of the batch that vmap is checked with

#: Relative error that 16-bit and 32-bit derivatives and values may have, of the largest element: a
#: handful of roundings in sums of as many terms as the samples have.
NARROW = {dtypes.f32: 40 * 2.0**-23, dtypes.f16: 40 * 2.0**-11, dtypes.bf16: 40 * 2.0**-8}


class Gap(Exception):
    """What a check found to be wrong."""


def need_close(found: Any, wanted: Any, rtol: float, atol: float, what: str) -> None:
    """Raise `Gap` unless found is wanted within `atol + rtol * |wanted|`; NaN is equal to NaN."""
    a, b = (np.asarray(v, np.float64) for v in (found, wanted))
    if a.shape != b.shape:
        raise Gap(f"{what}: shape {list(a.shape)}, expected {list(b.shape)}")
    with np.errstate(all="ignore"):
        wrong = ~(
            (np.abs(a - b) <= atol + rtol * np.abs(b)) | (a == b) | (np.isnan(a) & np.isnan(b))
        )
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise Gap(f"{what}: {a[at]:.9g} at {list(at)}, expected {b[at]:.9g}")


def need_near(found: Any, wide: Any, dtype: DType, what: str, roundings: int = 1) -> None:
    """A result in a narrow dtype against that in f64, relative to the largest finite element."""
    if not dtypes.of(found.dtype).is_float:
        need_close(found, wide, 0, 0, what)
        return
    b = np.asarray(wide, np.float64)
    scale = 1 + np.max(np.abs(b), initial=0, where=np.isfinite(b))
    with np.errstate(over="ignore"):
        b = np.where(np.abs(b) > float(np.finfo("f4").max), b, b.astype(dtype.numpy))
    limit = roundings * NARROW[dtype]
    need_close(found, b, limit, limit * scale, what)


def _dot(xs: Sequence[Any], ys: Sequence[Any]) -> float:
    pairs = zip(xs, ys, strict=True)
    return float(sum(np.sum(x.astype(np.float64) * y.astype(np.float64)) for x, y in pairs))


def _cotangent(point: Point) -> Any:
    return point.like(point.value(*point.xs), 1)[0]


def _along(point: Point, f: Callable[..., Any], xs: Sequence[Any], ts: Sequence[Any]) -> list[Any]:
    """The central differences of f at xs along directions of the point's float operands; zeros for
    the ops whose derivative is zero by decree."""
    directions: list[Any] = [None] * len(xs)
    for i, t in zip(point.wrt, ts, strict=True):
        directions[i] = t
    found = central_difference(f, xs, directions)
    if point.case.op.name in STEPWISE:
        return [np.zeros_like(d) for d in found]
    # The maximum of nothing does not vary.
    return [np.where(np.isfinite(y), d, 0) for y, d in zip(f(*xs), found, strict=True)]


def value(point: Point) -> bool | None:
    """The reference against an oracle: in f64 the function of that name in Python's math module,
    in narrower dtypes the reference in f64."""
    (found,) = point.value(*point.xs)
    dtype = point.case.dtype
    if dtype is dtypes.f64:
        oracle = getattr(math, point.case.op.name, None)
        if oracle is None:
            return False
        need_close(found, np.vectorize(oracle, [np.float64])(*point.xs), 4e-15, 4e-16, "value")
    elif dtype.is_float:
        wide = point.wide()
        (wanted,) = wide.value(*wide.xs)
        need_near(found, wanted, dtype, "value")
    else:
        return False
    return None


def vjp(point: Point) -> None:
    """<g, dy> = <vjp(g), dx> for random directions dx and cotangents g."""
    g, ts = _cotangent(point), point.like(point.floats, 2)
    _, found = transforms.gradients(point, g)
    if point.case.dtype is not dtypes.f64:
        _, wanted = transforms.gradients(point.wide(), g.astype(np.float64))
        for i, a, b in zip(point.wrt, found, wanted, strict=True):
            need_near(a, b, point.case.dtype, f"vjp of operand {i}")
        return
    change = _along(point, point.value, point.xs, ts)
    need_close(_dot(found, ts), _dot([g], change), 2e-6, 1e-7, "<vjp(g), t>")


def jvp(point: Point) -> None:
    """jvp(t) = the derivative along random directions t."""
    ts = point.like(point.floats, 2)
    found = transforms.tangent(point, ts)
    if point.case.dtype is not dtypes.f64:
        wide = [t.astype(np.float64) for t in ts]
        need_near(found, transforms.tangent(point.wide(), wide), point.case.dtype, "jvp")
        return
    (change,) = _along(point, point.value, point.xs, ts)
    scale = np.max(np.abs(change), initial=0)
    need_close(found, change, 2e-6, 1e-7 + 1e-7 * scale, "jvp(t)")


def dot(point: Point) -> None:
    """<g, jvp(t)> = <vjp(g), t>: the dot-product identity."""
    g, ts = _cotangent(point), point.like(point.floats, 2)
    tangent, (_, found) = transforms.tangent(point, ts), transforms.gradients(point, g)
    limit = NARROW.get(point.case.dtype, 1e-11)
    scale = _dot([np.abs(g)], [np.abs(tangent)]) + _dot(
        [np.abs(c) for c in found], [np.abs(t) for t in ts]
    )
    need_close(_dot(found, ts), _dot([g], [tangent]), 0, limit * (1 + scale), "<vjp(g), t>")


def second(point: Point) -> None:
    """The derivative of <vjp(g), t> along t, by reverse and by forward mode over reverse mode."""
    g, ts = _cotangent(point), point.like(point.floats, 2)
    for order in ("vjp", "jvp"):
        found = _second(point, order, [*point.xs, g, *ts], ts)
        if point.case.dtype is dtypes.f64:
            continue
        wide = point.wide()
        inputs = [x.astype(np.float64) for x in (g, *ts)]
        made = transforms.second(wide, order).run([*wide.xs, *inputs])[len(ts) :]
        for i, a, b in zip(point.wrt, found, made, strict=True):
            # The first derivative's roundings are differentiated along with it.
            need_near(a, b, point.case.dtype, f"{order} of vjp, operand {i}", roundings=3)


def _second(point: Point, order: str, inputs: list[Any], ts: list[Any]) -> list[Any]:
    """The second derivatives; in f64, held to differences of the first ones."""
    made, count = transforms.second(point, order), len(ts)
    found = list(made.run(inputs)[count:])
    if point.case.dtype is dtypes.f64:
        change = _along(point, lambda *xs: made.again(*xs)[:count], inputs, ts)
        need_close(_dot(found, ts), _dot(change, ts), 1e-5, 1e-6, f"{order} of vjp")
    return found


def vmap(point: Point) -> None:
    """A batch at once against a loop over it, for every choice of operands that have the axis."""
    case, dtype = point.case, point.case.results[0].dtype
    for which in itertools.product((False, True), repeat=len(case.operands)):
        if any(which):
            types = [
                t.with_shape((_LANES, *t.shape)) if b else t
                for t, b in zip(case.operands, which, strict=True)
            ]
            xs = values(types, point.bound, case.op)
            (found,) = transforms.batched(case, which, _LANES).run(xs)
            limit = NARROW.get(dtype, 1e-13)
            need_close(found, _loop(point, xs, which), limit, limit, f"vmap of operands {which}")


def _loop(point: Point, xs: Sequence[Any], which: Sequence[bool]) -> Any:
    op = point.case.op
    given = op.attrs_at(point.case.attrs, point.bound)
    lanes = ([x[i] if b else x for x, b in zip(xs, which, strict=True)] for i in range(_LANES))
    return np.stack([EvalEmit()(op, *map(np.asarray, lane), **given) for lane in lanes])
