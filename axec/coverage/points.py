"""Where ops are checked: their samples in a dtype, at places where derivatives exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.axe import OPS
from axec.dialects.axe.cases import Case, bind, cases, taken, values
from axec.dialects.dtypes import DType
from axec.dialects.emit import EvalEmit
from axec.dialects.opdef import OpDef

# Where a function is defined and smooth: operands of these ops are moved away from 0.
_POSITIVE = ("pow", "log", "log1p", "sqrt", "rsqrt", "div", "log2", "log10", "acosh")

# Their derivative is 0 by decree.
STEPWISE = ("floor", "ceil", "round", "trunc", "sign", "stop_gradient")


@dataclass(frozen=True, eq=False)
class Point:
    """One application at one place: sizes of named dims, operands."""

    case: Case
    bound: dict[str, int]
    xs: list[Any]

    @property
    def wrt(self) -> list[int]:
        """The operands that have derivatives."""
        return [i for i, t in enumerate(self.case.operands) if t.dtype.is_float]

    @property
    def floats(self) -> list[Any]:
        """Their values."""
        return [self.xs[i] for i in self.wrt]

    def value(self, *xs: Any) -> tuple[Any]:
        """The reference."""
        op = self.case.op
        return (EvalEmit()(op, *xs, **op.attrs_at(self.case.attrs, self.bound)),)

    def wide(self) -> Point:
        """The same application in f64 at the same place."""
        case, dtype = self.case, self.case.dtype
        types = [t.with_dtype(dtypes.f64) if t.dtype is dtype else t for t in case.operands]
        xs = [x.astype(np.float64) if x.dtype == dtype.numpy else x for x in self.xs]
        attrs = {k: dtypes.f64 if v is dtype else v for k, v in case.attrs.items()}
        return Point(Case(case.op, dtypes.f64, tuple(types), attrs), self.bound, xs)

    def like(self, arrays: Sequence[Any], seed: int) -> list[Any]:
        """Random directions at arrays."""
        rng = np.random.default_rng(seed)
        return [np.asarray(rng.standard_normal(a.shape)).astype(a.dtype) for a in arrays]


def applications(op: OpDef, dtype: DType) -> Iterator[Point]:
    """The samples of an op in a dtype, with operands of any value that cases.py draws."""
    for case in cases(op):
        bound = bind(case.operands)
        if case.dtype is dtype and dims.names(_all_sizes(case)) <= bound.keys():
            yield Point(case, bound, values(case.operands, bound, op))


def places(op: OpDef, dtype: DType) -> Iterator[Point]:
    """The same, with operands where the op is defined and smooth."""
    for point in applications(op, dtype):
        yield Point(point.case, point.bound, _moved(op, point.xs))


def points(op: OpDef, dtype: DType = dtypes.f64) -> Iterator[Point]:
    """Those of them that have derivatives: the result is of the dtype, which is a float one."""
    for point in places(op, dtype):
        if dtype.is_float and point.case.results[0].dtype is dtype and point.case.operands:
            yield point


def dtypes_of(op: OpDef) -> list[DType]:
    """The dtypes that an op is checked in: the floating point ones; of an op that takes none, the
    first."""
    found = taken(op)
    return [d for d in found if d.is_float] or found[:1]


def _all_sizes(case: Case) -> Any:
    return dims.product(s for t in case.results for s in t.shape)


def _moved(op: OpDef, xs: list[Any]) -> list[Any]:
    if op.name not in _POSITIVE:
        return xs
    up = 1.5 if op.name == "acosh" else 0.5
    return [np.abs(x) + x.dtype.type(up) if dtypes.of(x.dtype).is_float else x for x in xs]


DIFFERENTIABLE = [op for op in OPS.values() if any(True for _ in points(op))]
