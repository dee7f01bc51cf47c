"""Tangents of every op against its cotangents, and derivatives of derivatives, in f64."""

from __future__ import annotations

import numpy as np
import pytest

from axec.coverage.points import DIFFERENTIABLE, STEPWISE, points
from axec.coverage.transforms import gradients, second, tangent
from axec.dialects.opdef import OpDef
from axec.lang.differences import central_difference

ops = pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: op.name)


@ops
def test_tangents_and_cotangents_are_transposes(op: OpDef) -> None:
    """<g, jvp(t)> = <vjp(g), t>: the dot-product identity."""
    for point in points(op):
        (y,) = point.value(*point.xs)
        (g,) = point.like([y], 1)
        directions = point.like([point.xs[i] for i in point.wrt], 2)
        ty, (_, gx) = tangent(point, directions), gradients(point, g)
        along = sum(float(np.sum(a * t)) for a, t in zip(gx, directions, strict=True))
        np.testing.assert_allclose(along, np.sum(g * ty), 1e-11, 1e-11, err_msg=str(point.case))


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
        made = second(point, order)
        found = made.run([*point.xs, g, *ts])
        found_second = sum(float(np.sum(a * t)) for a, t in zip(found[count:], ts, strict=True))

        first, directions = second(point, order), [None] * (len(point.xs) + 1 + count)
        for i, t in zip(point.wrt, ts, strict=True):
            directions[i] = t
        first.run([*point.xs, g, *ts])
        change = central_difference(first.again, [*point.xs, g, *ts], directions)[:count]
        expected = sum(float(np.sum(a * t)) for a, t in zip(change, ts, strict=True))
        if op.name in STEPWISE:
            expected = 0.0
        np.testing.assert_allclose(found_second, expected, 1e-5, 1e-6, err_msg=str(point.case))
