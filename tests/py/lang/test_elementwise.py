"""Elementwise functions, broadcasting and promotion against NumPy."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import axec as axe

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
Both = Callable[..., Any]

FLOATS = st.floats(-4, 4, width=32)
UNARY = {
    "abs": np.abs,
    "arctan": np.arctan,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "floor": np.floor,
    "negative": np.negative,
    "positive": np.positive,
    "round": np.round,
    "sign": np.sign,
    "signbit": np.signbit,
    "sin": np.sin,
    "sinh": np.sinh,
    "square": np.square,
    "tan": np.tan,
    "tanh": np.tanh,
    "trunc": np.trunc,
}
POSITIVE = {
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "reciprocal": np.reciprocal,
    "sqrt": np.sqrt,
}
BINARY = {
    "add": np.add,
    "divide": np.divide,
    "equal": np.equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "multiply": np.multiply,
    "not_equal": np.not_equal,
    "subtract": np.subtract,
}
OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv,
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
]  # fmt: skip
TWO_FLOATS = {
    "atan2": np.arctan2,
    "copysign": np.copysign,
    "hypot": np.hypot,
    "logaddexp": np.logaddexp,
    "nextafter": np.nextafter,
}
ON_UNIT_INTERVAL = {"acos": np.arccos, "asin": np.arcsin, "atanh": np.arctanh}
INTEGER_OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.and_, operator.or_, operator.xor,
    operator.floordiv, operator.mod,
]  # fmt: skip


def floats(shape: Any) -> st.SearchStrategy[Any]:
    return hnp.arrays(np.float32, shape, elements=FLOATS)


@pytest.mark.parametrize("name", UNARY)
def test_unary(both: Both, name: str) -> None:
    x = np.array([-2.5, -1.0, -0.0, 0.0, 0.5, 1.5, 3.25], np.float32)
    np.testing.assert_allclose(both(getattr(axe, name), x), UNARY[name](x), rtol=2e-6)


@pytest.mark.parametrize("name", POSITIVE)
def test_unary_of_positive_numbers(both: Both, name: str) -> None:
    x = np.array([0.25, 1.0, 2.0, 1e3], np.float32)
    np.testing.assert_allclose(both(getattr(axe, name), x), POSITIVE[name](x), rtol=2e-6)


@pytest.mark.parametrize("name", ON_UNIT_INTERVAL)
def test_unary_on_the_unit_interval(both: Both, name: str) -> None:
    x = np.array([-1, -0.999, -0.5, -1e-6, -0.0, 0.0, 1e-20, 0.25, 0.99999, 1, 1.5], np.float64)
    with np.errstate(all="ignore"):
        found, wanted = both(getattr(axe, name), x), ON_UNIT_INTERVAL[name](x)
    np.testing.assert_allclose(found, wanted, rtol=2e-15)
    np.testing.assert_array_equal(np.signbit(found[:-1]), np.signbit(wanted[:-1]))


EDGES = [0.0, -0.0, 1.0, -1.0, 2.5, -1e30, 3e-39, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("name", TWO_FLOATS)
def test_two_floats(both: Both, name: str) -> None:
    x, y = (np.array(side, np.float32) for side in np.meshgrid(EDGES, EDGES))
    with np.errstate(all="ignore"):
        found, wanted = both(getattr(axe, name), x, y), TWO_FLOATS[name](x, y)
    np.testing.assert_allclose(found, wanted, rtol=3e-7)


@pytest.mark.parametrize("name", ["sinh", "cosh", "atanh", "acosh", "asinh"])
def test_hyperbolic_functions_far_out(both: Both, name: str) -> None:
    x = np.array([-np.inf, -89.2, -1e-5, 0.0, 1e-3, 1, 89.2, 3e38, np.inf, np.nan], np.float32)
    with np.errstate(all="ignore"):
        wanted = getattr(np, name)(x)
        np.testing.assert_allclose(both(getattr(axe, name), x), wanted, rtol=4e-6)


def test_narrow_formulas_round_once(both: Both) -> None:
    x = np.linspace(-0.9, 0.9, 31).astype(np.float16)
    for name in ("tan", "asin", "acos", "sinh", "cosh", "atanh"):
        wanted = getattr(axe, name)(x.astype(np.float32))
        np.testing.assert_array_equal(both(getattr(axe, name), x), np.float16(wanted))


def test_unsigned_signs(both: Both) -> None:
    x = np.array([0, 3, 255], np.uint8)
    np.testing.assert_array_equal(both(axe.abs, x), x)
    np.testing.assert_array_equal(both(axe.sign, x), [0, 1, 1])
    np.testing.assert_array_equal(both(axe.negative, x), [0, 253, 1])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_shifts(both: Both, dtype: str) -> None:
    info = np.iinfo(dtype)
    x = np.array([info.min, info.max, 1, 5, 0], dtype)[:, None]
    y = np.array([0, 1, 3, info.bits - 1, info.bits, info.max], dtype)
    np.testing.assert_array_equal(both(axe.bitwise_left_shift, x, y), np.left_shift(x, y))
    np.testing.assert_array_equal(both(axe.bitwise_right_shift, x, y), np.right_shift(x, y))
    np.testing.assert_array_equal(both(axe.bitwise_right_shift, x, 0 * y + 1), x >> (0 * y + 1))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_integer_powers(both: Both, dtype: str) -> None:
    x = np.array([0, 1, 2, 3, 7, np.iinfo(dtype).max], dtype)[:, None]
    y = np.array([0, 1, 2, 5, 31], dtype)
    np.testing.assert_array_equal(both(axe.pow, x, y), np.power(x, y))
    if dtype != "uint8":
        base = np.array([-2, -1, 0, 1, 2], dtype)
        np.testing.assert_array_equal(both(axe.pow, base, base * 0 - 1), [0, -1, 0, 1, 0])


def test_integers_are_finite(both: Both) -> None:
    x = np.array([-1, 7])
    assert both(axe.isfinite, x).all()
    assert not both(axe.isinf, x).any()
    assert not both(axe.isnan, x).any()


def test_rsqrt_sigmoid_erf(both: Both) -> None:
    x = np.array([0.25, 1.0, 4.0], np.float32)
    np.testing.assert_allclose(both(axe.rsqrt, x), [2, 1, 0.5])
    np.testing.assert_allclose(both(axe.sigmoid, x), 1 / (1 + np.exp(-x)), rtol=1e-6)
    np.testing.assert_allclose(both(axe.erf, x), [0.276326, 0.842701, 1.0], rtol=1e-5)


@QUICK
@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0),
    st.sampled_from(sorted(BINARY)),
    st.data(),
)
def test_broadcasting(both: Both, shapes: Any, name: str, data: st.DataObject) -> None:
    x, y = (data.draw(floats(s)) for s in shapes.input_shapes)
    with np.errstate(all="ignore"):
        expected = BINARY[name](x, y)
    found = both(getattr(axe, name), x, y)
    assert found.shape == shapes.result_shape
    np.testing.assert_array_equal(found, expected)


@QUICK
@given(st.sampled_from(OPERATORS), floats((2, 3)), FLOATS)
def test_operators_with_python_numbers(both: Both, op: Any, x: Any, number: float) -> None:
    number = np.float32(number).item()
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(both(lambda v: op(v, number), x), op(x, np.float32(number)))
        np.testing.assert_array_equal(both(lambda v: op(number, v), x), op(np.float32(number), x))


@QUICK
@given(
    st.sampled_from(INTEGER_OPERATORS),
    hnp.arrays(np.int32, (4,), elements=st.integers(-9, 9)),
    hnp.arrays(np.int32, (4,), elements=st.integers(-9, 9).filter(bool)),
)
def test_integer_operators(both: Both, op: Any, x: Any, y: Any) -> None:
    np.testing.assert_array_equal(both(op, x, y), op(x, y))


def test_division_by_zero_of_integers_is_zero(both: Both) -> None:
    x, zero = np.array([7, -7, 0], np.int32), np.zeros(3, np.int32)
    np.testing.assert_array_equal(both(operator.floordiv, x, zero), 0)
    np.testing.assert_array_equal(both(operator.mod, x, zero), 0)


@QUICK
@given(hnp.arrays(np.float32, (5,), elements=st.floats(-8, 8, width=16)))
def test_float_remainder_has_the_sign_of_the_divisor(both: Both, x: Any) -> None:
    # Multiples of a power of two: the quotient is exact, so NumPy's fmod route gives the same.
    np.testing.assert_array_equal(both(lambda v: v % 2.0, x), np.mod(x, np.float32(2)))
    np.testing.assert_array_equal(both(lambda v: v // -2.0, x), np.floor_divide(x, np.float32(-2)))


@pytest.mark.parametrize("power", [0, 1, 2, 3, 7])
def test_integer_power(both: Both, power: int) -> None:
    x = np.array([-3, -1, 0, 2, 5], np.int32)
    np.testing.assert_array_equal(both(lambda v: v**power, x), x**power)


def test_float_power(both: Both) -> None:
    x = np.array([0.5, 2.0, 3.0], np.float32)
    np.testing.assert_allclose(both(lambda v: v**2.5, x), x**2.5, rtol=1e-6)
    np.testing.assert_allclose(both(lambda v: 2**v, x), 2**x, rtol=1e-6)


# The join of every pair that the standard defines, as NumPy has it; None: an error here.
KINDS = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("a", KINDS)
@pytest.mark.parametrize("b", KINDS)
def test_promotion(both: Both, a: str, b: str) -> None:
    x, y = np.ones(2, a), np.ones(2, b)
    kinds = {x.dtype.kind, y.dtype.kind}
    if len(kinds) > 1 and kinds != {"i", "u"}:
        with pytest.raises(axe.AxecError) as caught:
            axe.equal(x, y)
        assert caught.value.code == "dtype-mix"
        return
    wanted = np.int32 if {a, b} == {"uint8", "int8"} else np.promote_types(a, b)
    assert both(axe.maximum, x, y).dtype == wanted


def test_bfloat16_promotion(both: Both) -> None:
    narrow = axe.astype(np.ones(2, np.float32), axe.bfloat16)
    assert (narrow + narrow).dtype is axe.bfloat16
    assert (narrow + np.ones(2, np.float16)).dtype is axe.float32
    assert (narrow * 2.5).dtype is axe.bfloat16


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "float16", "float32"])
def test_python_ints_take_the_dtype(both: Both, dtype: str) -> None:
    assert both(lambda v: v + 3, np.ones(2, dtype)).dtype == dtype


def test_numpy_scalars_keep_theirs(both: Both) -> None:
    # As in NumPy 2: np.float64(2) is a float64, not a Python number.
    assert both(lambda v: v * np.float64(2), np.ones(2, np.float32)).dtype == np.float64


def test_numbers_alone() -> None:
    assert axe.add(1, 2).dtype is axe.int64
    assert axe.add(1, 2.5).dtype is axe.float32
    assert axe.logical_not(True).dtype is axe.bool


def test_a_number_that_does_not_fit() -> None:
    with pytest.raises(axe.AxecError, match="300 does not fit uint8"):
        axe.add(np.ones(2, np.uint8), 300)
    with pytest.raises(axe.AxecError, match="-1 does not fit uint8"):
        axe.full((2,), -1, dtype=axe.uint8)
    with pytest.raises(axe.AxecError, match="inf does not fit int32"):
        axe.full((2,), float("inf"), dtype=axe.int32)
    with pytest.raises(axe.AxecError, match="does not fit int64"):
        axe.asarray(1 << 70)
    assert (axe.ones(1) * 1e300).item() == float("inf")


@QUICK
@given(hnp.arrays(np.bool_, (3, 1)), floats((3, 2)), floats((2,)))
def test_where(both: Both, condition: Any, x: Any, y: Any) -> None:
    np.testing.assert_array_equal(both(axe.where, condition, x, y), np.where(condition, x, y))


def test_where_with_numbers(both: Both) -> None:
    x = np.array([-1.0, 2.0], np.float32)
    np.testing.assert_array_equal(both(lambda v: axe.where(v > 0, v, 0), x), [0, 2])


@QUICK
@given(floats((2, 3)), FLOATS, FLOATS)
def test_clip(both: Both, x: Any, low: float, high: float) -> None:
    low, high = np.float32(min(low, high)).item(), np.float32(max(low, high)).item()
    np.testing.assert_array_equal(both(lambda v: axe.clip(v, low, high), x), x.clip(low, high))
    np.testing.assert_array_equal(both(lambda v: v.clip(max=high), x), x.clip(max=high))
    np.testing.assert_array_equal(both(lambda v: v.clip(low), x), x.clip(low))


def test_nan_inf(both: Both) -> None:
    x = np.array([0, np.nan, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(both(axe.isnan, x), np.isnan(x))
    np.testing.assert_array_equal(both(axe.isinf, x), np.isinf(x))
    np.testing.assert_array_equal(both(axe.isfinite, x), np.isfinite(x))


@pytest.mark.parametrize("target", [axe.int32, axe.float64, axe.bool, "uint8", np.int64])
def test_astype(both: Both, target: Any) -> None:
    x = np.array([0.0, 1.75, 3.0], np.float32)
    found = both(lambda v: v.astype(target), x)
    name = target if isinstance(target, str) else getattr(target, "numpy", target)
    np.testing.assert_array_equal(found, x.astype(name))
    assert found.dtype == name
