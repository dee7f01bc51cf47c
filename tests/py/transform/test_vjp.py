"""Cotangents of every op against central differences, in f64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from axec.coverage.points import DIFFERENTIABLE, STEPWISE, points
from axec.coverage.transforms import gradients
from axec.dialects import dtypes
from axec.dialects.axe import OPS
from axec.dialects.opdef import OpDef
from axec.lang.differences import central_difference
from axec.passes.axe.grad.rules import JVP, NO_GRADIENT, VJP, VJP_OF_ALL

ops = pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: op.name)


@ops
def test_against_central_differences(op: OpDef) -> None:
    """<g, dy> = <vjp(g), dx> for random directions dx and cotangents g."""
    for point in points(op):
        (y,) = point.value(*point.xs)
        (g,) = point.like([y], 1)
        found_y, found = gradients(point, g)
        np.testing.assert_allclose(found_y, y, 1e-14)  # a product becomes a tree
        directions: list[Any] = [None] * len(point.xs)
        floats = [point.xs[i] for i in point.wrt]
        for i, t in zip(point.wrt, point.like(floats, 2), strict=True):
            directions[i] = t
        (dy,) = central_difference(point.value, point.xs, directions)
        if op.name in STEPWISE:
            dy = np.zeros_like(dy)
        dy = np.where(np.isfinite(y), dy, 0)  # the maximum of nothing does not vary
        pairs = zip(found, (directions[i] for i in point.wrt), strict=True)
        along = sum(float(np.sum(a * t)) for a, t in pairs)
        np.testing.assert_allclose(along, np.sum(g * dy), 2e-6, 1e-7, err_msg=str(point.case))


@ops
@pytest.mark.parametrize("dtype", [dtypes.f32, dtypes.f16, dtypes.bf16], ids=str)
def test_narrower_dtypes(op: OpDef, dtype: Any) -> None:
    """The gradient has the operand's type and is near that of f64 at the same place."""
    for point in points(op, dtype):
        (y,) = point.value(*point.xs)
        (g,) = point.like([y], 1)
        _, found = gradients(point, g)
        _, expected = gradients(point.wide(), g.astype(np.float64))
        limit = 40 * float(np.finfo("f4").eps if dtype is dtypes.f32 else 2.0**-8)
        for a, b in zip(found, expected, strict=True):
            scale = 1 + np.max(np.abs(b), initial=0)
            np.testing.assert_allclose(
                a.astype("f8"), b, limit, limit * scale, err_msg=str(point.case)
            )


def test_every_op_has_rules_or_a_reason() -> None:
    for op in OPS.values():
        known = op in VJP or op in VJP_OF_ALL or op.expand is not None
        forward = op in JVP or op.expand is not None
        assert (known and forward) != (op in NO_GRADIENT), op.name


def test_a_reason_is_true() -> None:
    """Ops without gradient have no float results that depend on float operands."""
    for op in NO_GRADIENT:
        assert op not in DIFFERENTIABLE, op.name
