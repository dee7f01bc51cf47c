"""Products of 8- and 16-bit numbers: words and rests of words along k, layouts, roundings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.tensors import t

from axec.dialects import dims, dtypes
from axec.dialects.opdef import Array
from axec.dialects.types import TensorType
from axec.passes.kernel.templates.gemm import GROUPS
from axec.passes.kernel.weight_layouts import Panels

Make = Any
PAIRS = [  # factors and result
    ("bf16", "bf16", "bf16"), ("bf16", "bf16", "f32"), ("f16", "f16", "f16"), ("i8", "i8", "i32"),
    ("u8", "i8", "i32"), ("i8", "u8", "i32"), ("u8", "u8", "i32"),
]  # fmt: skip
SHAPES = [  # m, k, n: nothing, one, rests of words, of tiles, of parts of k
    (0, 5, 7), (5, 0, 7), (1, 7, 5), (13, 18, 71), (64, 64, 64), (1, 301, 333), (17, 1031, 11),
    (30, 386, 130),
]  # fmt: skip


def numbers(type_: TensorType, seed: int, **sizes: int) -> Array:
    """All values of a byte; floats around 1."""
    rng, dtype = np.random.default_rng(seed), type_.dtype
    shape = [dims.evaluate(n, sizes) for n in type_.shape]
    if dtype.is_float:
        return rng.standard_normal(shape).astype(dtype.numpy)
    limits = np.iinfo(dtype.numpy)
    return rng.integers(limits.min, limits.max + 1, shape).astype(dtype.numpy)


def dot(op: Any, x: Any, y: Any, result: str, cx: int = 1, cy: int = 0) -> Any:
    """The product of matrices; wider than the factors if the result is."""
    if result in ("f32", "i32"):
        x, y = (op("cast", v, dtype=dtypes.of(result)) for v in (x, y))
    axes = {"contract_x": (cx,), "contract_y": (cy,), "batch_x": (), "batch_y": ()}
    return op("dot_general", x, y, **axes)


def check(found: Array, x: Array, y: Array, result: str) -> None:
    """Integers are exact. Sums of floats are of f32 (here within 2**-20 per product of numbers
    around 1), then maybe rounded once."""
    wide = np.int64 if result == "i32" else np.float64
    wanted = x.astype(wide) @ y.astype(wide)
    assert found.dtype == dtypes.of(result).numpy
    if result == "i32":
        assert np.array_equal(found, wanted)
        return
    near = 0.0 if result == "f32" else float(dtypes.float_limits(dtypes.of(result)).eps)
    bound = 2**-20 * (1 + x.shape[1]) + near * np.abs(wanted)
    assert (np.abs(found.astype(np.float64) - wanted) <= bound).all()


def every(units: int) -> Sequence[int]:
    return range(units + 1)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_shapes(make: Make, level: str, pair: tuple[str, str, str]) -> None:
    left, right, result = pair
    for m, k, n in SHAPES:
        types = [t(m, k, dtype=left), t(k, n, dtype=right)]
        code = make(level, types, lambda op, x, y: dot(op, x, y, result))
        x, y = (numbers(type_, i) for i, type_ in enumerate(types))
        (found,) = code(x, y)
        check(found, x, y, result)
        assert np.array_equal(code(x, y, cuts=every)[0], found)


@pytest.mark.parametrize("pair", [PAIRS[1], PAIRS[2], PAIRS[3]], ids="-".join)
@pytest.mark.parametrize("turned", [(0, 1), (1, 0), (1, 1)], ids=str)
def test_transposed(
    make: Make, level: str, pair: tuple[str, str, str], turned: tuple[int, int]
) -> None:
    left, right, result = pair
    for m, k, n in [(5, 99, 70), (40, 131, 6), (81, 433, 17), (24, 64, 64)]:
        shapes = (k, m) if turned[0] else (m, k), (n, k) if turned[1] else (k, n)
        types = [t(*s, dtype=d) for s, d in zip(shapes, (left, right), strict=True)]
        code = make(level, types, lambda op, x, y: dot(op, x, y, result, 1 - turned[0], turned[1]))
        x, y = (numbers(type_, i) for i, type_ in enumerate(types))
        (found,) = code(x, y)
        check(found, x.T if turned[0] else x, y.T if turned[1] else y, result)
        assert np.array_equal(code(x, y, cuts=every)[0], found)


@pytest.mark.parametrize("pair", [PAIRS[0], PAIRS[2], PAIRS[3]], ids="-".join)
@pytest.mark.parametrize("transposed", [False, True])
def test_right_factor_in_panels(
    make: Make, level: str, pair: tuple[str, str, str], transposed: bool
) -> None:
    left, right, result = pair
    for (m, k, n), rows in itertools.product([(5, 41, 70), (30, 800, 128)], (None, "d0")):
        types = [t(rows or m, k, dtype=left), t(*((n, k) if transposed else (k, n)), dtype=right)]
        layout = Panels(k, n, transposed, GROUPS.get(dtypes.of(right), 1))
        code = make(
            level, types, lambda op, x, y: dot(op, x, y, result, 1, int(transposed)),
            layouts=["", str(layout)],
        )  # fmt: skip
        for count in (m, 1) if rows else (m,):
            sizes = {"d0": count} if rows else {}
            x, y = (numbers(type_, i, **sizes) for i, type_ in enumerate(types))
            (found,) = code(x, layout.apply(y), **sizes)
            check(found, x, y.T if transposed else y, result)
            assert np.array_equal(code(x, layout.apply(y), cuts=every, **sizes)[0], found)


@pytest.mark.parametrize("pair", [PAIRS[1], PAIRS[3]], ids="-".join)
def test_sizes_by_dim(make: Make, level: str, pair: tuple[str, str, str]) -> None:
    left, right, result = pair
    types = [t(7, "d0", dtype=left), t("d0", "d1", dtype=right)]
    code = make(level, types, lambda op, x, y: dot(op, x, y, result))
    for k, n in [(0, 5), (1, 1), (7, 64), (500, 65), (386, 3), (1000, 130)]:
        x, y = (numbers(type_, i, d0=k, d1=n) for i, type_ in enumerate(types))
        check(code(x, y, d0=k, d1=n)[0], x, y, result)


def test_not_a_number_stays_in_its_row(make: Make, level: str) -> None:
    """Words that reach beyond the end of a row bring nothing of the next one."""
    types = [t(6, 13, dtype="bf16"), t(13, 70, dtype="bf16")]
    x, y = (numbers(type_, i) for i, type_ in enumerate(types))
    x[3, 0] = np.nan
    (found,) = make(level, types, lambda op, x, y: dot(op, x, y, "f32"))(x, y)
    assert np.isnan(found[3]).all()
    assert np.isfinite(np.delete(found, 3, axis=0)).all()


@pytest.mark.parametrize("m", [1, 40])
def test_dequantised_epilogue(make: Make, level: str, m: int) -> None:
    """i32 sums times a scale per column, plus a bias, rounded to bf16."""
    k, n = 100, 70
    types = [t(m, k, dtype="u8"), t(k, n, dtype="i8"), t(n, dtype="f32"), t(n, dtype="f32")]

    def build(op: Any, x: Any, y: Any, scale: Any, bias: Any) -> Any:
        wide = op("cast", dot(op, x, y, "i32"), dtype=dtypes.f32)
        scale, bias = (op("broadcast", v, shape=(m, n), axes=(1,)) for v in (scale, bias))
        return op("cast", op("add", op("mul", wide, scale), bias), dtype=dtypes.bf16)

    x, y, scale, bias = arrays = [numbers(type_, i) for i, type_ in enumerate(types)]
    (found,) = make(level, types, build)(*arrays)
    sums = (x.astype(np.int32) @ y.astype(np.int32)).astype(np.float32)
    assert np.array_equal(found, (sums * scale + bias).astype(dtypes.bf16.numpy))
