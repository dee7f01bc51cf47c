"""The applications that derivatives are tested on: every sample of every op, in f64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.axe import OPS
from axec.dialects.axe.cases import Case, bind, cases, values
from axec.dialects.emit import EvalEmit
from axec.dialects.opdef import OpDef

# Where a function is defined and smooth: operands of these ops are moved away from 0.
_POSITIVE = ("pow", "log", "log1p", "sqrt", "rsqrt", "div", "log2", "log10", "acosh")

# Their derivative is 0 by decree.
STEPWISE = ("floor", "ceil", "round", "trunc", "sign", "stop_gradient")


@dataclass(frozen=True)
class Point:
    """One application at one place."""

    case: Case
    bound: dict[str, int]
    xs: list[Any]

    @property
    def wrt(self) -> list[int]:
        """The operands that have derivatives."""
        return [i for i, t in enumerate(self.case.operands) if t.dtype.is_float]

    def value(self, *xs: Any) -> tuple[Any]:
        """The reference."""
        op = self.case.op
        return (EvalEmit()(op, *xs, **op.attrs_at(self.case.attrs, self.bound)),)

    def like(self, arrays: Any, seed: int) -> list[Any]:
        """Random directions at arrays."""
        rng = np.random.default_rng(seed)
        return [np.asarray(rng.standard_normal(a.shape)).astype(a.dtype) for a in arrays]


def points(op: OpDef, dtype: Any = dtypes.f64) -> Iterator[Point]:
    """The samples of an op in a float dtype that keep it."""
    for case in cases(op):
        if case.dtype is dtype is case.results[0].dtype and case.operands:
            bound = bind(case.operands)
            if dims.names(_all_sizes(case)) <= bound.keys():
                yield Point(case, bound, _moved(op, values(case.operands, bound)))


def _all_sizes(case: Case) -> Any:
    return dims.product(s for t in case.results for s in t.shape)


def _moved(op: OpDef, xs: list[Any]) -> list[Any]:
    if op.name not in _POSITIVE:
        return xs
    up = 1.5 if op.name == "acosh" else 0.5
    return [np.abs(x) + x.dtype.type(up) if dtypes.of(x.dtype).is_float else x for x in xs]


DIFFERENTIABLE = [op for op in OPS.values() if any(True for _ in points(op))]
