"""argsort and top against the reference: short and long lines, equals, NaN, both zeros, whole
ranges, lines that are in order already."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.dialects import dtypes
from axec.dialects.axe.sequence import argsort, top
from axec.dialects.dtypes import DType

_SPECIAL = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-40, -1e-40]
_DTYPES = [dtypes.f32, dtypes.f64, dtypes.bf16, dtypes.i32, dtypes.i64, dtypes.u8, dtypes.bool_]
#: Sizes and directions: in registers, part of one and more than all of them, beyond.
SIZES = [(1, False), (2, True), (3, False), (21, True), (64, False), (65, True), (128, False)]
SIZES += [(129, True), (256, False), (300, True), (512, False), (700, False)]


def _lines(dtype: DType, size: int) -> np.ndarray[Any, Any]:
    """Lines of many different elements, of few, and of the largest and smallest."""
    rng = np.random.default_rng(size)
    if dtype is dtypes.bool_:
        return rng.random((3, size)) < np.array([[0.0], [0.5], [1.0]])
    if dtype.is_float:
        special = rng.choice(np.array(_SPECIAL), (2, size))
        normal = rng.standard_normal((2, size))
        return np.concatenate([normal, np.round(normal), special]).astype(dtype.numpy)
    info = np.iinfo(dtype.numpy)
    found = rng.integers(info.min, info.max, (2, size), dtype.numpy, endpoint=True)
    return np.concatenate([found, found % 3, np.sort(found)])


@pytest.mark.parametrize("target", ["x86-64-v3", "native"])
@pytest.mark.parametrize("dtype", _DTYPES, ids=str)
def test_lines_are_put_in_order(dtype: DType, target: str) -> None:
    for size, descending in SIZES:
        x = _lines(dtype, size)
        artifact = axe.compile(
            lambda x, down=descending: axe.argsort(x, descending=down),
            axe.spec_like(x),
            name="order",
            target=target,
        )
        assert argsort.eval is not None
        expected = argsort.eval(x, descending=descending)
        np.testing.assert_array_equal(artifact.load()(x), expected)


@pytest.mark.parametrize("target", ["x86-64-v3", "native"])
@pytest.mark.parametrize("dtype", _DTYPES, ids=str)
def test_the_largest_are_found(dtype: DType, target: str) -> None:
    assert argsort.eval is not None
    assert top.eval is not None
    for size, k in ((70, 1), (129, 16), (200, 40), (1000, 17), (3000, 900)):
        x = _lines(dtype, size)
        ascending = np.take_along_axis(x, argsort.eval(x, descending=False), -1)
        artifact = axe.compile(
            lambda x, k=k: axe.top_k(x, k), axe.spec_like(x), name="top", target=target
        )
        find = artifact.load()
        assert "axe.top" in artifact.emit("axe")
        for lines in (x, ascending):  # every element of the latter is one of the largest so far
            values, found = find(lines)
            np.testing.assert_array_equal(found, top.eval(lines, k=k))
            chosen = np.take_along_axis(lines, found, -1)
            assert values.tobytes() == chosen.tobytes()


@pytest.mark.parametrize("target", ["x86-64-v3", "native"])
def test_every_short_line(target: str) -> None:
    """Many lines of each size, next to each other: no line's words reach into another's."""
    assert argsort.eval is not None
    for size in (5, 9, 31, 64, 97, 200):
        x = np.random.default_rng(size).integers(-9, 9, (200, size)).astype(np.float32)
        artifact = axe.compile(axe.sort, axe.spec_like(x), name="order", target=target)
        assert artifact.load()(x).tolist() == np.sort(x).tolist()
        few = axe.compile(
            lambda x: axe.argsort(x, descending=True),
            axe.spec((axe.dim("n", 1, 300), axe.dim("m", 1, 200)), axe.float32),
            name="order",
            target=target,
        )
        for lines in (x, x[:3, :1], x[:1]):
            lines = np.ascontiguousarray(lines)
            np.testing.assert_array_equal(few.load()(lines), argsort.eval(lines, descending=True))
