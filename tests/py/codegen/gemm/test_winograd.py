"""Convolutions in Winograd's way, against the NumPy reference."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.convolutions import (
    ONE,
    PAD,
    attributes,
    every,
    expected,
    reference,
)
from support.guarded import fenced
from support.tensors import arrays, t

from axec.dialects import types
from axec.dialects.opdef import Array
from axec.passes.kernel.templates.channels_last import panel_width
from axec.passes.kernel.weight_layouts import Winograd

Make = Any
Case = tuple[tuple[Any, ...], tuple[int, ...], Any]
LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)

CASES: list[Case] = [  # x [N, H, W, C], w, padding
    ((1, 8, 8, 16), (16, 16, 3, 3), PAD),
    ((2, 7, 9, 32), (70, 32, 3, 3), PAD),  # results at odd edges are none
    ((3, 5, 6, 48), (40, 48, 3, 3), ((0, 0), (0, 0))),
    ((1, 9, 4, 16), (33, 16, 3, 3), ((2, 0), (1, 3))),
    ((1, 30, 26, 16), (130, 16, 3, 3), PAD),  # several blocks of tiles, several panels
    ((14, 26, 20, 16), (64, 16, 3, 3), PAD),  # units of two parts
    ((1, 6, 6, 400), (64, 400, 3, 3), PAD),
    ((0, 6, 6, 16), (16, 16, 3, 3), PAD),
]


def build(op: Any, x: Any, w: Any, bias: Any, given: dict[str, Any]) -> Any:
    found = op("transpose", op("conv", op("transpose", x, perm=FIRST), w, **given), perm=LAST)
    return op("add", found, op("broadcast", bias, shape=types.of(found).shape, axes=(3,)))


def made(make: Make, target: str, case: Case, dtype: str = "f32") -> tuple[Any, Any, Any, Any]:
    """The code, its input types, the layout of the filters, the attributes."""
    x, w, padding = case
    given = attributes(ONE, padding, ONE, 1)
    shapes = [t(*x, dtype=dtype), t(*w, dtype=dtype), t(w[0], dtype=dtype)]
    layout = Winograd(w[0], w[1], panel_width(w[0]))
    layouts = ("", str(layout), "")
    code = make(target, shapes, lambda op, *v: build(op, *v, given), layouts)
    return code, shapes, layout, given


def wanted(inputs: Sequence[Array], given: dict[str, Any]) -> Array:
    x, w, bias = (v.astype(np.float64) for v in inputs)
    return expected(x.transpose(FIRST), w, bias, given).transpose(LAST)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_conv(make: Make, target: str, case: Case, dtype: str) -> None:
    """The declared error for normal numbers: 2^-20 (f64: 2^-49) of the largest sum of absolute
    products."""
    code, shapes, layout, given = made(make, target, case, dtype)
    x, w, bias = arrays(shapes)
    stored = [x, layout.apply(w), bias]
    (found,) = code(*stored)
    right = wanted((x, w, bias), given)
    assert found.shape == right.shape
    assert reference.eval is not None
    sums = np.asarray(reference.eval(abs(x.transpose(FIRST)), abs(w), **given))
    bound = (2.0**-20 if dtype == "f32" else 2.0**-49) * np.max(sums, initial=1.0)
    assert np.max(abs(found - right), initial=0.0) <= bound
    assert np.array_equal(code(*stored, cuts=every)[0], found)


def test_sizes_by_dim(make: Make, target: str) -> None:
    case: Case = (("d0", "d1", "d2", 16), (20, 16, 3, 3), PAD)
    code, shapes, layout, given = made(make, target, case)
    for sizes in [(0, 3, 3), (2, 3, 70), (3, 8, 60), (1, 1, 1)]:
        named = dict(zip(("d0", "d1", "d2"), sizes, strict=True))
        x, w, bias = arrays(shapes, **named)
        stored = [x, layout.apply(w), bias]
        (found,) = code(*stored, **named)
        np.testing.assert_allclose(found, wanted((x, w, bias), given), atol=1e-4)
        assert np.array_equal(code(*stored, cuts=every, **named)[0], found)


@pytest.mark.parametrize("case", CASES[1:4], ids=str)
def test_nothing_beyond_the_arrays_is_touched(make: Make, target: str, case: Case) -> None:
    code, shapes, layout, given = made(make, target, case)
    x, w, bias = arrays(shapes)
    right, values = wanted((x, w, bias), given), [x, layout.apply(w), bias]
    child = os.fork()
    if child == 0:  # a stray access kills the child, not the tests
        for at_end in (False, True):
            inputs = [fenced(np.zeros(v.shape, np.float32), low=not at_end) for v in values]
            for guarded, value in zip(inputs, values, strict=True):
                guarded[...] = value
            out = fenced(np.zeros(right.shape, np.float32), low=not at_end)
            (size,) = code.workspace
            room = fenced(np.zeros((size // 4,), np.float32), low=not at_end)
            code.call([*inputs, out, room], (0, code.units))
            if not np.allclose(out, right, atol=1e-3):
                os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
