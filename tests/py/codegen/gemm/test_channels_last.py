"""Convolutions whose result is written channels last, against the NumPy reference."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.convolutions import (
    CASES,
    NARROW,
    ONE,
    PAD,
    attributes,
    every,
    expected,
    reference,
)
from support.guarded import fenced
from support.tensors import arrays, t

from axec.dialects import dtypes, types
from axec.dialects.opdef import Array
from axec.passes.kernel.templates.channels_last import panel_width
from axec.passes.kernel.weight_layouts import Filters, Taps

Make = Any
Walk = tuple[Any, ...]

MORE = [  # wide panels, several of them, some cut off; filters larger than a slice; groups
    ((1, 16, 9, 8), (64, 16, 3, 3), (ONE, PAD, ONE, 1)),
    ((1, 200, 7, 7), (72, 200, 3, 3), (ONE, PAD, ONE, 1)),
    ((3, 1500, 2, 5), (96, 1500, 1, 1), (ONE, ((0, 0), (0, 0)), ONE, 1)),
    ((1, 8, 20, 12), (80, 4, 3, 3), ((2, 1), ((1, 0), (0, 1)), (1, 2), 2)),
    ((2, 70, 9, 8), (70, 1, 3, 3), ((2, 1), PAD, (1, 2), 70)),
    ((1, 128, 11, 5), (128, 1, 5, 1), (ONE, ((0, 0), (0, 0)), ONE, 128)),
    ((1, 6, 6, 6), (9, 2, 1, 1), (ONE, PAD, ONE, 3)),
    ((1, 3, 20, 20), (40, 3, 5, 5), ((2, 2), ((0, 0), (0, 0)), ONE, 1)),
]  # fmt: skip


def order(rank: int) -> tuple[int, ...]:
    """Channels last."""
    return (0, *range(2, rank), 1)


def inverse(rank: int) -> tuple[int, ...]:
    return (0, rank - 1, *range(1, rank - 1))


def build(op: Any, x: Any, w: Any, bias: Any, given: dict[str, Any], *, last: bool) -> Any:
    rank = types.of(x).rank
    if last:
        x = op("transpose", x, perm=inverse(rank))
    found = op("transpose", op("conv", x, w, **given), perm=order(rank))
    return op("add", found, op("broadcast", bias, shape=types.of(found).shape, axes=(rank - 1,)))


def wanted(inputs: Sequence[Array], given: dict[str, Any], *, last: bool) -> Array:
    x, w, bias = inputs
    x = x.transpose(inverse(x.ndim)) if last else x
    return expected(x, w, bias, given).transpose(order(x.ndim))


def filters(w: Sequence[int], groups: int, *, last: bool) -> Filters | Taps:
    outputs = w[0] // groups
    if last and w[0] == groups and w[1] == 1:  # depthwise
        return Taps(w[0], 1, math.prod(w[2:]))
    return Filters(groups, outputs, w[1], math.prod(w[2:]), panel_width(outputs))


@pytest.mark.parametrize("case", [*CASES, *MORE], ids=str)
@pytest.mark.parametrize(("dtype", "last"), [("f32", True), ("f64", False)])
def test_conv(make: Make, target: str, case: Walk, dtype: str, last: bool) -> None:
    """Filters row by row and in panels give the same bits; so does every cut into parts."""
    x, w, walk = case
    given = attributes(*walk)
    x = [x[a] for a in order(len(x))] if last else x
    shapes = [t(*x, dtype=dtype), t(*w, dtype=dtype), t(w[0], dtype=dtype)]
    layout = filters(w, given["groups"], last=last)
    inputs = arrays(shapes)
    found = []
    for layouts, weight in [((), inputs[1]), (("", str(layout), ""), layout.apply(inputs[1]))]:
        code = make(target, shapes, lambda op, *v: build(op, *v, given, last=last), layouts)
        found += code(inputs[0], weight, inputs[2])
        found += code(inputs[0], weight, inputs[2], cuts=every)
    tolerance = 1e-3 if dtype == "f32" else 1e-11
    right = wanted(inputs, given, last=last)
    np.testing.assert_allclose(found[0], right, rtol=tolerance, atol=tolerance)
    assert all(np.array_equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("pair", NARROW, ids="-".join)
def test_narrow_factors(make: Make, target: str, pair: tuple[str, str, str]) -> None:
    left, right, result = pair
    x, w, walk = MORE[0]
    shapes, given = [t(*x, dtype=left), t(*w, dtype=right)], attributes(*walk)

    def narrow(op: Any, x: Any, w: Any) -> Any:
        if result in ("f32", "i32"):
            x, w = (op("cast", v, dtype=dtypes.of(result)) for v in (x, w))
        return op("transpose", op("conv", x, w, **given), perm=order(4))

    rng = np.random.default_rng(0)
    inputs = [rng.integers(0, 4, s.shape).astype(s.dtype.numpy) for s in shapes]
    assert reference.eval is not None
    exact = np.asarray(reference.eval(*[v.astype(np.float32) for v in inputs], **given))
    (found,) = make(target, shapes, narrow)(*inputs)
    assert np.array_equal(found, exact.transpose(order(4)).astype(dtypes.of(result).numpy))


@pytest.mark.parametrize("padding", [PAD, ((0, 0), (0, 0))], ids=["padded", "bare"])
def test_sizes_by_dim(make: Make, target: str, padding: Any) -> None:
    shapes = [t("d0", "d1", "d2", 4), t(20, 4, 3, 3), t(20)]
    given = attributes((2, 1), padding, ONE, 1)
    code = make(target, shapes, lambda op, *v: build(op, *v, given, last=True))
    for sizes in [(0, 3, 3), (2, 3, 70), (3, 8, 60), (7, 5, 3)]:
        named = dict(zip(("d0", "d1", "d2"), sizes, strict=True))
        inputs = arrays(shapes, **named)
        (found,) = code(*inputs, **named)
        np.testing.assert_allclose(found, wanted(inputs, given, last=True), atol=1e-4)
        assert np.array_equal(code(*inputs, cuts=every, **named)[0], found)


@pytest.mark.parametrize("case", [CASES[2], CASES[4], MORE[0], MORE[3]], ids=str)
def test_nothing_beyond_the_arrays_is_touched(make: Make, target: str, case: Walk) -> None:
    x, w, walk = case
    given = attributes(*walk)
    shapes = [t(*x), t(*w), t(w[0])]
    code = make(target, shapes, lambda op, *v: build(op, *v, given, last=False))
    child = os.fork()
    if child == 0:  # a stray access kills the child, not the tests
        right = wanted(arrays(shapes), given, last=False)
        for at_end in (False, True):
            inputs = [fenced(np.zeros(v.shape, np.float32), low=not at_end) for v in shapes]
            for guarded, values in zip(inputs, arrays(shapes), strict=True):
                guarded[...] = values
            out = fenced(np.zeros(right.shape, np.float32), low=not at_end)
            code.call([*inputs, out], (0, code.units))
            if not np.allclose(out, right, atol=1e-3):
                os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
