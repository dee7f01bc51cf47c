"""Every op of the axe dialect, every sample and dtype, as a kernel of its own."""

from __future__ import annotations

import pytest
from support.kernels import Kernels, check

from axec.dialects.axe import OPS
from axec.dialects.axe.cases import Case, bind, cases, values
from axec.dialects.opdef import OpDef

CORE = [op for op in OPS.values() if op.group != "composite"]


def templates_of(case: Case) -> list[str]:
    """The templates that may hold the op."""
    if case.op.group == "matrix":
        return ["matrix"]
    if case.op.group != "contract":
        return ["map"]
    if case.op.name == "reduce":
        rank, axes = case.operands[0].rank, sorted(case.attrs["axes"])
        if axes and axes == list(range(rank - len(axes), rank)):
            return ["row", "reduce"]
    return ["reduce"]


@pytest.mark.parametrize("op", CORE, ids=lambda op: op.name)
def test_samples(op: OpDef, target: str) -> None:
    kernels = Kernels()
    placed = [(case, t) for case in cases(op) for t in templates_of(case)]
    for case, template in placed:
        operands = [str(t) for t in case.operands]
        kernels.add(template, operands, lambda ops, *xs, c=case: ops.emit(op, *xs, **c.attrs))
    for (case, _), loaded in zip(placed, kernels.load(target), strict=True):
        bound = bind((*case.operands, *case.results))
        check(loaded, values(case.operands, bound, case.op), bound)
