"""The coverage matrix: every op of the axe dialect, in every floating point dtype, against every
check. Nothing here names an op: rows come from the op tables, places from the samples beside them.
Branches and loops (control.py) are rows, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import axec.passes.axe.grad.families  # noqa: F401  (enters the rules into their tables)
from axec.coverage import checks, compiled, control
from axec.coverage.checks import Check, Gap
from axec.coverage.points import Point, applications, dtypes_of, places, points
from axec.diag import AxecError
from axec.dialects import dtypes
from axec.dialects.axe import OPS
from axec.dialects.dtypes import DType
from axec.dialects.opdef import OpDef
from axec.lang.errors import did_you_mean
from axec.passes.axe.grad.rules import NO_GRADIENT

#: Check -> (the function, where it looks), in the order of the columns.
AT_POINTS: dict[str, tuple[Check, Callable[[OpDef, DType], Iterator[Point]]]] = {
    "value": (checks.value, places),
    "vjp": (checks.vjp, points),
    "jvp": (checks.jvp, points),
    "dot": (checks.dot, points),
    "second": (checks.second, points),
    "vmap": (checks.vmap, applications),
}
COLUMNS = (*AT_POINTS, *compiled.CHECKS)
DERIVATIVES = ("vjp", "jvp", "dot", "second")

FLOATS = [d for d in dtypes.ALL if d.is_float]

NO_ORACLE = "nothing but the reference itself defines it"
NO_OPERANDS = "it has no operands"


@dataclass(frozen=True)
class Cell:
    """The outcome of one check of one op in one dtype. `status`: "ok", "reason" (it does not apply,
    `detail` says why) or "gap" (`detail` says what is wrong); `samples` that were compared."""

    op: str
    dtype: str
    check: str
    status: str
    detail: str = ""
    samples: int = 0


@dataclass(frozen=True)
class Matrix:
    """All cells of a run."""

    cells: list[Cell]

    @property
    def gaps(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.status == "gap"]

    def of(self, op: str, check: str) -> list[Cell]:
        """The cells of an op and a check, one per dtype."""
        return [c for c in self.cells if (c.op, c.check) == (op, check)]

    def json(self) -> dict[str, Any]:
        """`{"checks", "ops", "gaps", "cells": [{op, dtype, check, status, detail, samples}]}`."""
        return {
            "checks": list(COLUMNS),
            "ops": list(dict.fromkeys(cell.op for cell in self.cells)),
            "gaps": len(self.gaps),
            "cells": [asdict(cell) for cell in self.cells],
        }


Row = OpDef | control.Sample


def select(names: Sequence[str]) -> list[Row]:
    """The ops of these names, all ops for none. AxecError `op-unknown`."""
    known: dict[str, Row] = {op.name: op for op in OPS.values()} | control.SAMPLES
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise AxecError("op-unknown", f"there is no op {name!r}", hint=hint)
    return [known[name] for name in names] or list(known.values())


def run(ops: Sequence[Row], tell: Callable[[str], None] = lambda _: None) -> Matrix:
    """Check ops in all their dtypes; `tell` hears what is being done."""
    pairs = [(op, d) for op in ops if isinstance(op, OpDef) for d in dtypes_of(op)]
    samples = [op for op in ops if isinstance(op, control.Sample)]
    cells = []
    with np.errstate(all="ignore"):
        for op, dtype in pairs:
            tell(f"{op.name} {dtype}")
            cells += [_at_points(op, dtype, name) for name in AT_POINTS]
        tell("machine code")
        for runs in compiled.run_all(pairs):
            tell(f"machine code of {runs.program.op.name}")
            cells += [_of_code(runs, name) for name in compiled.CHECKS]
        for sample in samples:
            tell(sample.name)
            cells += [c for d in FLOATS for c in _of_sample(sample, d)]
    return Matrix(cells)


def reason(op: OpDef, check: str) -> str:
    """Why a check has nothing to look at in an op; empty where it must have."""
    if check in DERIVATIVES:
        return NO_GRADIENT.get(op, "")
    if check == "value":
        return NO_ORACLE
    return "" if op.operands else NO_OPERANDS


def _at_points(op: OpDef, dtype: DType, name: str) -> Cell:
    check, where = AT_POINTS[name]
    compared = 0
    if not (name in DERIVATIVES and op in NO_GRADIENT):
        for point in where(op, dtype):
            if not point.case.operands:
                continue
            try:
                compared += check(point) is not False
            except Gap as e:
                return Cell(op.name, dtype.name, name, "gap", f"{point.case}: {e}", compared)
            except Exception as e:  # a rule that is missing or that emits wrong IR
                detail = f"{point.case}: {type(e).__name__}: {e}"
                return Cell(op.name, dtype.name, name, "gap", detail, compared)
    if compared:
        return Cell(op.name, dtype.name, name, "ok", "", compared)
    why = reason(op, name)
    return Cell(op.name, dtype.name, name, "reason" if why else "gap", why or "no sample fits it")


def _of_code(runs: compiled.Runs, name: str) -> Cell:
    program = runs.program
    at = (program.op.name, program.dtype.name, name)
    try:
        compiled.CHECKS[name](runs)
    except Gap as e:
        return Cell(*at, "gap", str(e))
    return Cell(*at, "ok", "", len(program.cases))


def _of_sample(sample: control.Sample, dtype: DType) -> Iterator[Cell]:
    """The cells of a branch or loop."""
    at = (sample.name, dtype.name)
    for name, check in control.CHECKS.items():
        why = control.reason(sample, name)
        if why:
            yield Cell(*at, name, "reason", why)
            continue
        try:
            check(sample, dtype)
        except Exception as e:  # a Gap, or what a wrong rule raises
            yield Cell(*at, name, "gap", f"{type(e).__name__}: {e}")
        else:
            yield Cell(*at, name, "ok", "", 1)
    try:
        gaps = dict(control.code(sample, dtype))
    except Exception as e:
        gaps = dict.fromkeys(compiled.CHECKS, f"{type(e).__name__}: {e}")
    for name in compiled.CHECKS:
        yield Cell(*at, name, "gap" if name in gaps else "ok", gaps.get(name, ""), 1)
