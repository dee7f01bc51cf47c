"""Batching of every op against a loop over the batch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from axec.coverage.points import applications
from axec.coverage.transforms import batched
from axec.dialects import dims, dtypes
from axec.dialects.axe import OPS
from axec.dialects.axe.cases import taken, values
from axec.dialects.emit import EvalEmit
from axec.dialects.opdef import OpDef

ops = pytest.mark.parametrize(
    "op", [op for op in OPS.values() if op.operands], ids=lambda op: op.name
)


@ops
@pytest.mark.parametrize("size", [3, dims.dim("lanes")], ids=["static", "named"])
def test_against_a_loop(op: OpDef, size: Any) -> None:
    """For every choice of operands that have the batch axis."""
    dtype = dtypes.f64 if dtypes.f64 in taken(op) else taken(op)[0]
    for point in applications(op, dtype):
        case, bound = point.case, point.bound
        for which in itertools.product((False, True), repeat=len(case.operands)):
            if not any(which):
                continue
            types = [
                t.with_shape((3, *t.shape)) if b else t
                for t, b in zip(case.operands, which, strict=True)
            ]
            xs = values(types, bound)
            lanes = [[x[i] if b else x for x, b in zip(xs, which, strict=True)] for i in range(3)]
            given = op.attrs_at(case.attrs, bound)
            one_by_one = [EvalEmit()(op, *map(np.asarray, lane), **given) for lane in lanes]
            (found,) = batched(case, which, size).run(xs)
            np.testing.assert_allclose(
                found, np.stack(one_by_one), 1e-13, 1e-13, err_msg=f"{case} {which}"
            )
