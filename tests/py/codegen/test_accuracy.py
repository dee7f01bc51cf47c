"""Machine code of the elementary functions: its error in ulp, and what it gives at the edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.dialects.axe import OPS
from axec.dialects.axe.accuracy import EXACT, ULP
from axec.dialects.axe.cases import cases

COUNT = 20_000
RNG = np.random.default_rng(7)

# Function -> (of numpy, exponents of the operands' magnitudes, are they positive)
RANGES: dict[str, tuple[str, tuple[float, float], bool]] = {
    "exp2": ("exp2", (-20, 7), False),
    "log2": ("log2", (-120, 120), True),
    "log10": ("log10", (-120, 120), True),
    "atan": ("arctan", (-30, 30), False),
    "atan2": ("arctan2", (-30, 30), False),
    "asinh": ("arcsinh", (-30, 120), False),
    "acosh": ("arccosh", (0.001, 120), True),
    "hypot": ("hypot", (-60, 60), False),
}
FORMULAS: dict[str, tuple[str, float]] = {  # of numpy, ulp
    "tan": ("tan", 4), "asin": ("arcsin", 4), "acos": ("arccos", 4), "sinh": ("sinh", 6),
    "cosh": ("cosh", 4), "atanh": ("arctanh", 3),
}  # fmt: skip
PAIRS = ("atan2", "hypot")
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 3e-39, 2.5, -200.0, 3e38, -3e38, math.inf, -math.inf, math.nan]


def _spread(low: float, high: float, positive: bool, dtype: Any) -> Any:
    x = np.exp2(RNG.uniform(low, high, COUNT))
    near = np.exp2(RNG.uniform(max(low, -2), 2, COUNT))
    signs = 1 if positive else RNG.choice([-1, 1], 2 * COUNT)
    return (np.concatenate([x, near]) * signs).astype(dtype)


def _ulp(found: Any, exact: Any) -> float:
    """The largest error; `exact` in extended precision."""
    with np.errstate(all="ignore"):
        unit = np.spacing(np.abs(exact.astype(found.dtype)))
        error = np.abs(found - exact) / unit
    return float(np.max(np.where(np.isfinite(found) & np.isfinite(unit), error, 0)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ulp(dtype: Any) -> None:
    """Not above what the table of the library says."""
    inputs = {
        name: [_spread(low, high, positive, dtype) for _ in range(1 + (name in PAIRS))]
        for name, (_, (low, high), positive) in RANGES.items()
    }
    fast = axe.jit(lambda given: {n: getattr(axe, n)(*xs) for n, xs in given.items()})
    found = fast(inputs)
    for name, (oracle, _, _) in RANGES.items():
        exact = getattr(np, oracle)(*(x.astype(np.longdouble) for x in inputs[name]))
        limit = ULP[name][dtype is np.float64]
        assert limit / 4 < _ulp(np.asarray(found[name]), exact) <= limit, name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ulp_of_formulas(dtype: Any) -> None:
    x = np.concatenate([RNG.uniform(-1, 1, COUNT), np.exp2(RNG.uniform(-30, 0, COUNT))])
    x = x.astype(dtype)
    fast = axe.jit(lambda v: {name: getattr(axe, name)(v) for name in FORMULAS})
    found = fast(x)
    for name, (oracle, limit) in FORMULAS.items():
        exact = getattr(np, oracle)(x.astype(np.longdouble))
        assert _ulp(np.asarray(found[name]), exact) <= limit, name


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_edges(dtype: str) -> None:
    """Infinities, NaN, signed zeros, denormals and numbers whose squares overflow, as in NumPy."""
    x, y = (axe.asarray(np.ravel(s)).astype(dtype) for s in np.meshgrid(EDGES, EDGES))
    ones = {*RANGES, *FORMULAS, "trunc", "signbit"} - {*PAIRS, "tan"}  # tan: NaN beyond 2**45
    twos = (*PAIRS, "copysign", "nextafter", "logaddexp")

    def all_of(x: Any, y: Any) -> Any:
        first = {n: getattr(axe, n)(x) for n in sorted(ones)}
        return first | {n: getattr(axe, n)(x, y) for n in twos}

    found = axe.jit(all_of)(x, y)
    with np.errstate(all="ignore"):
        wanted = all_of(x, y)
    narrow = {"float16": 2e-3, "bfloat16": 2e-2}
    for name, value in found.items():
        a, b = (np.asarray(v).astype(np.float64) for v in (value, wanted[name]))
        np.testing.assert_allclose(a, b, narrow.get(dtype, 1e-6), err_msg=name)
        here = ~np.isnan(b)
        np.testing.assert_array_equal(np.signbit(a[here]), np.signbit(b[here]), err_msg=name)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_integer_functions(dtype: str) -> None:
    info = np.iinfo(dtype)
    row = [
        0,
        1,
        2,
        3,
        7,
        info.bits - 1,
        info.bits,
        info.max,
        info.min,
        *([-1, -3] * (info.min < 0)),
    ]
    x, y = (np.ravel(s).astype(dtype) for s in np.meshgrid(row, row))
    names = ("bitwise_left_shift", "bitwise_right_shift", "pow", "floor_divide", "remainder")

    def all_of(x: Any, y: Any) -> Any:
        return {n: getattr(axe, n)(x, y) for n in names}

    found, wanted = axe.jit(all_of)(x, y), all_of(axe.asarray(x), axe.asarray(y))
    for name in names:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)


def test_every_op_declares_its_accuracy() -> None:
    """Every pointwise op that computes with floats is exact or has an entry."""
    no_numbers = {"compare", "select"}
    floats = {
        op.name
        for op in OPS.values()
        if op.group == "pointwise" and any(c.dtype.is_float for c in cases(op))
    }
    assert floats - no_numbers == set(ULP) | EXACT
    assert not set(ULP) & EXACT


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_remainders_are_exact(dtype: Any) -> None:
    """For quotients of any size, and denormals."""
    low, high = (-140, 127) if dtype is np.float32 else (-1070, 1020)
    x, y = (np.exp2(RNG.uniform(low, high, COUNT)).astype(dtype) for _ in range(2))
    x *= RNG.choice([-1, 1], COUNT).astype(dtype)
    y *= RNG.choice([-1, 1], COUNT).astype(dtype)
    with np.errstate(all="ignore"):
        near = RNG.integers(-99, 99, COUNT).astype(dtype) * y
    for a, c in ((x, y), (near, y)):
        with np.errstate(all="ignore"):
            wanted = np.fmod(a, c), np.remainder(a, c), np.floor_divide(a, c)
        fast = axe.jit(lambda v, w: (axe.fmod(v, w), v % w, v // w))(a, c)
        for found, exact in zip(fast, wanted, strict=True):
            np.testing.assert_array_equal(np.asarray(found), exact)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("target", ["x86-64-v3", "native"])
def test_limits_are_reached(dtype: str, target: str) -> None:
    """What a function tends to it gives, where the difference is less than half a unit: 1 - tanh(x)
    is 0 and its logarithm infinite as in NumPy."""
    x = axe.astype(np.float32([-math.inf, -1e30, -50, 50, 1e30, math.inf]), getattr(axe, dtype))
    tends = {axe.tanh: (-1, 1), axe.erf: (-1, 1), axe.nn.sigmoid: (0, 1)}
    limits = axe.compile(lambda x: [f(x) for f in tends], axe.spec((6,), dtype), target=target)
    for (low, high), found in zip(tends.values(), limits.load()(np.asarray(x)), strict=True):
        wanted = [low, low, found[2] if low == 0 else low, high, high, high]
        np.testing.assert_array_equal(np.asarray(found, np.float64), np.float64(wanted))
