"""Products of few rows or columns, as dot products, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from axec.dialects import dims, dtypes
from axec.dialects.opdef import Array
from axec.dialects.types import TensorType
from axec.passes.kernel import templates

Make = Any


def t(*shape: int | str, dtype: str) -> TensorType:
    return TensorType(dtypes.of(dtype), tuple(dims.parse(str(n)) for n in shape))


def numbers(type_: TensorType, seed: int, **sizes: int) -> Array:
    shape = [dims.evaluate(n, sizes) for n in type_.shape]
    return np.random.default_rng(seed).standard_normal(shape).astype(type_.dtype.numpy)


def check(make: Make, target: str, shapes: Any, dtype: str, **sizes: int) -> None:
    """x @ y.T over a batch, with an epilogue and without, in any pieces. The second factor may lie
    as [n, k] (`turned`) or as [k, n]."""
    left, right, turned = shapes
    types = t(*left, dtype=dtype), t(*right, dtype=dtype)
    batch = tuple(range(len(left) - 2))
    axes = {"contract_x": (len(left) - 1,), "contract_y": (len(right) - 1 - (not turned),)}
    x, y = (numbers(type_, i, **sizes) for i, type_ in enumerate(types))
    wanted = x @ (y.swapaxes(-1, -2) if turned else y)
    for sign in (1, -1):

        def body(op: Any, a: Any, b: Any, sign: int = sign) -> Any:
            found = op("dot_general", a, b, batch_x=batch, batch_y=batch, **axes)
            return op("neg", found) if sign < 0 else found

        code = make(target, types, body)
        assert templates.product(code.define).by_dots
        (found,) = code(x, y, **sizes)
        tolerance = 32 * np.finfo(x.dtype).eps * (1 + x.shape[-1])
        np.testing.assert_allclose(found, sign * wanted, rtol=0, atol=tolerance)
        pieces = code(x, y, cuts=lambda units: range(units + 1), **sizes)[0]
        assert np.array_equal(pieces, found)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_random_shapes(make: Make, target: str, dtype: str) -> None:
    rng = np.random.default_rng(7)
    for number in range(12):
        few, many, k = (int(rng.integers(*r)) for r in ((2, 9), (9, 150), (32, 200)))
        narrow, turned = number % 2 == 0, number % 3 != 0
        m, n = (many, few) if narrow or not turned else (few, many)
        lead = [3] if number % 4 == 3 else []
        right = [*lead, n, k] if turned else [*lead, k, n]
        check(make, target, ([*lead, m, k], right, turned), dtype)


@pytest.mark.parametrize("shape", [(9, 128, 12), (9, 64, 8), (1000, 32, 2), (8, 33, 8)], ids=str)
def test_limits(make: Make, target: str, shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    check(make, target, ((m, k), (n, k), True), "f32")


def test_sizes_by_dim(make: Make, target: str) -> None:
    for rows in (0, 1, 2, 77):
        check(make, target, (("d0", 45), (45, 5), False), "f32", d0=rows)
        check(make, target, (("d0", 45), (5, 45), True), "f32", d0=rows)
        check(make, target, ((5, 45), ("d0", 45), True), "f32", d0=rows)
    for k in (0, 1, 63, 64, 70):
        check(make, target, ((5, "d0"), (33, "d0"), True), "f32", d0=k)


def test_values_beyond_k_do_not_count(make: Make, target: str) -> None:
    """Infinities in what follows a row in memory are in no sum."""
    types = t(3, 37, dtype="f32"), t(20, 37, dtype="f32")
    axes = {"contract_x": (1,), "contract_y": (1,), "batch_x": (), "batch_y": ()}
    code = make(target, types, lambda op, a, b: op("dot_general", a, b, **axes))
    x, y = (numbers(type_, i) for i, type_ in enumerate(types))
    x[1], y[7] = np.inf, np.nan
    (found,) = code(x, y)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(found, x @ y.T, rtol=1e-4, atol=1e-4)
