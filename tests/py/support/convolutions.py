"""Convolutions to test kernels with, and what they must give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axec.dialects.axe.contract import conv as reference
from axec.dialects.opdef import Array


def attributes(
    stride: Sequence[int], padding: Sequence[tuple[int, int]], dilation: Sequence[int], groups: int
) -> dict[str, Any]:
    return {
        "stride": tuple(stride),
        "padding": tuple(padding),
        "dilation": tuple(dilation),
        "groups": groups,
    }


def every(units: int) -> Sequence[int]:
    return range(units + 1)


ONE, PAD = (1, 1), ((1, 1), (1, 1))
CASES = [  # x, w, (stride, padding, dilation, groups)
    ((1, 64, 56, 56), (24, 64, 3, 3), (ONE, PAD, ONE, 1)),
    ((2, 3, 17, 19), (7, 3, 3, 3), (ONE, PAD, ONE, 1)),
    ((2, 3, 17, 39), (7, 3, 7, 7), ((2, 3), ((3, 2), (1, 4)), (1, 2), 1)),
    ((1, 3, 40, 40), (16, 3, 7, 7), ((2, 2), ((3, 3), (3, 3)), ONE, 1)),
    ((2, 4, 5, 7), (6, 2, 3, 2), ((1, 2), ((1, 1), (0, 3)), (2, 1), 2)),
    ((2, 6, 9, 9), (6, 1, 3, 3), (ONE, PAD, ONE, 6)),
    ((5, 1, 8, 8), (16, 1, 3, 3), (ONE, PAD, ONE, 1)),
    ((5, 16, 4, 4), (48, 16, 3, 3), (ONE, PAD, ONE, 1)),
    ((1, 40, 7, 7), (200, 40, 3, 3), (ONE, PAD, ONE, 1)),
    ((2, 4, 8, 8), (6, 4, 1, 1), (ONE, ((0, 0), (0, 0)), ONE, 1)),
    ((2, 4, 8, 9), (6, 4, 1, 1), ((5, 5), ((0, 0), (0, 0)), ONE, 1)),
    ((3, 2, 16), (4, 2, 1), ((1,), ((0, 0),), (1,), 1)),
    ((3, 2, 700), (4, 2, 5), ((1,), ((2, 2),), (1,), 1)),
    ((3, 2, 2000), (4, 2, 5), ((6,), ((0, 0),), (3,), 1)),
    ((2, 2, 5, 6, 7), (3, 2, 2, 3, 2), ((1, 2, 1), ((0, 1), (1, 0), (1, 1)), (1, 1, 2), 1)),
    ((2, 3, 4, 4), (5, 3, 4, 4), (ONE, ((0, 0), (0, 0)), ONE, 1)),
    ((2, 0, 5, 5), (6, 0, 3, 3), (ONE, PAD, ONE, 1)),
    ((0, 2, 5, 5), (6, 2, 3, 3), (ONE, PAD, ONE, 1)),
]  # fmt: skip


def expected(x: Array, w: Array, bias: Array, given: dict[str, Any]) -> Array:
    assert reference.eval is not None
    found = reference.eval(x, w, **given)
    assert isinstance(found, np.ndarray)
    return found + bias.reshape((1, -1) + (1,) * (x.ndim - 2))


NARROW = [("bf16", "bf16", "f32"), ("bf16", "bf16", "bf16"), ("f16", "f16", "f16"),
          ("u8", "i8", "i32")]  # fmt: skip
