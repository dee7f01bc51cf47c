"""Batching of every op against a loop over the batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.functions import Functions, apply

from axec.dialects import dims, dtypes
from axec.dialects.axe import OPS
from axec.dialects.axe.cases import Case, bind, cases, values
from axec.dialects.emit import EvalEmit
from axec.dialects.opdef import OpDef

ops = pytest.mark.parametrize(
    "op", [op for op in OPS.values() if op.operands], ids=lambda op: op.name
)


def applications(op: OpDef) -> Iterator[tuple[Case, dict[str, int]]]:
    """Every sample in f64, and in i32 where the op has no floats."""
    found = {case.dtype for case in cases(op)}
    for case in cases(op):
        if case.dtype is (dtypes.f64 if dtypes.f64 in found else dtypes.i32):
            bound = bind(case.operands)
            named = dims.product(s for t in case.results for s in t.shape)
            if dims.names(named) <= bound.keys():
                yield case, bound


def batched(case: Case, which: tuple[bool, ...], size: Any) -> Functions:
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


@ops
@pytest.mark.parametrize("size", [3, dims.dim("lanes")], ids=["static", "named"])
def test_against_a_loop(op: OpDef, size: Any) -> None:
    """For every choice of operands that have the batch axis."""
    for case, bound in applications(op):
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
