"""References against definitions from elsewhere: SciPy, mpmath-like identities, naive loops."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

from axec.dialects import dtypes
from axec.dialects.axe import arrange, composite, contract, indexing, reduce
from axec.dialects.axe import elementwise as ew
from axec.dialects.dtypes import DType
from axec.dialects.emit import EvalEmit
from axec.dialects.opdef import OpDef

Examples = Callable[..., list[tuple[list[np.ndarray], dict[str, Any]]]]
run = EvalEmit()
INTEGERS = [d for d in dtypes.ALL if d.is_integer]


def _close(found: np.ndarray, expected: Any, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-14, strict=False)


# Pointwise

LINE = np.concatenate(
    [np.linspace(-9, 9, 1001), [0.0, -0.0, 1e-300, 1e300, np.inf, -np.inf, np.nan]]
)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("op", "oracle"),
    [
        (ew.erf, scipy.special.erf),
        (ew.sigmoid, scipy.special.expit),
        (ew.rsqrt, lambda x: x**-0.5 if x > 0 else (math.inf if x == 0 else math.nan)),
        (ew.round_, lambda x: x if not math.isfinite(x) else float(round(x))),
        (ew.exp, scipy.special.exp10),
    ],
    ids=lambda v: getattr(v, "name", ""),
)
def test_pointwise(op: OpDef, oracle: Any) -> None:
    x = np.abs(LINE) if op is ew.rsqrt else LINE
    scale = math.log(10) if op is ew.exp else 1
    _close(run(op, x * scale), np.vectorize(oracle)(x), rtol=1e-11)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_division(dtype: DType) -> None:
    info = np.iinfo(dtype.numpy)
    row = sorted(
        {info.min, info.min + 1, 0, 1, 2, 7, info.max} | ({-1, -2, -7} if info.min else set())
    )
    pairs = list(itertools.product(row, row))
    x, y = (np.array(side, dtype.numpy) for side in zip(*pairs, strict=True))
    exact = [
        0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) for a, b in pairs
    ]
    expected = np.array([_wrap(v, dtype) for v in exact], dtype.numpy)
    np.testing.assert_array_equal(run(ew.div, x, y), expected)


def _wrap(value: int, dtype: DType) -> int:
    info = np.iinfo(dtype.numpy)
    return (value - info.min) % (info.max - info.min + 1) + info.min


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("source", [dtypes.f64, dtypes.f32, dtypes.f16, dtypes.bf16], ids=str)
def test_float_to_integer_saturates(dtype: DType, source: DType) -> None:
    info = np.iinfo(dtype.numpy)
    row = [0.0, 0.9, -0.9, 1.5, -1.5, 127.5, -128.9, 255.5, 1e3, 3e9, -3e9, 1e30, -1e30, 2.0**63,
           -(2.0**63), 2.0**31, np.inf, -np.inf, np.nan]  # fmt: skip
    with np.errstate(over="ignore"):
        x = np.array(row).astype(source.numpy)
    exact = [float(v) for v in x.astype(np.float64)]
    expected = [_saturate(v, info.min, info.max) for v in exact]
    np.testing.assert_array_equal(run(ew.cast, x, dtype=dtype), np.array(expected, dtype.numpy))


def _saturate(value: float, low: int, high: int) -> int:
    if math.isnan(value):
        return 0
    return min(max(int(value), low), high) if math.isfinite(value) else (high if value > 0 else low)


def test_casts_to_and_from_bool_and_between_integers() -> None:
    x = np.array([0.0, -0.0, 0.5, np.nan])
    np.testing.assert_array_equal(run(ew.cast, x, dtype=dtypes.bool_), [False, False, True, True])
    flags = np.array([True, False])
    np.testing.assert_array_equal(run(ew.cast, flags, dtype=dtypes.bf16).astype("f4"), [1, 0])
    wide = np.array([300, -1, 128])
    np.testing.assert_array_equal(
        run(ew.cast, wide, dtype=dtypes.u8), np.array([44, 255, 128], "u1")
    )
    np.testing.assert_array_equal(
        run(ew.cast, wide, dtype=dtypes.i8), np.array([44, -1, -128], "i1")
    )


def test_casts_to_narrow_floats_go_through_f32() -> None:
    # Just above the middle of two f16; f32 drops what is above, and the tie goes to even.
    x = np.array([1 + 2.0**-11 + 2.0**-40])
    assert run(ew.cast, x, dtype=dtypes.f16) == 1
    x = np.array([1 + 2.0**-8 + 2.0**-40])
    assert run(ew.cast, x, dtype=dtypes.bf16) == 1


@pytest.mark.parametrize("dtype", [d for d in dtypes.ALL if d.is_float])
def test_nan_propagates(dtype: DType) -> None:
    nan, one = np.array(np.nan, dtype.numpy), np.array(1, dtype.numpy)
    for op in (ew.max_, ew.min_):
        assert np.isnan(run(op, nan, one).astype("f4"))
        assert np.isnan(run(op, one, nan).astype("f4"))
    assert np.isnan(run(ew.clamp, one, nan, one).astype("f4"))
    assert np.isnan(run(composite.relu, nan).astype("f4"))
    for kind in ("sum", "prod", "max", "min"):
        x = np.array([1, np.nan, 3], dtype.numpy)
        assert np.isnan(run(reduce.reduce, x, kind=kind, axes=(0,)).astype("f4"))
    assert not run(ew.compare, nan, nan, direction="eq")
    assert run(ew.compare, nan, nan, direction="ne")


# Arranging and indexing: element by element from the formula in the docstring


def test_arrange_against_formulas(examples: Examples) -> None:
    for (x,), a in examples(arrange.transpose):
        found = run(arrange.transpose, x, **a)
        for i in np.ndindex(found.shape):
            assert found[i] == x[tuple(i[a["perm"].index(k)] for k in range(x.ndim))]
    for (x,), a in examples(arrange.broadcast):
        found = run(arrange.broadcast, x, **a)
        for i in np.ndindex(found.shape):
            at = [0 if n == 1 else i[axis] for n, axis in zip(x.shape, a["axes"], strict=True)]
            assert found[i] == x[tuple(at)]
    for (x,), a in examples(arrange.slice_):
        found = run(arrange.slice_, x, **a)
        for i in np.ndindex(found.shape):
            at = [s + j * by for s, j, by in zip(a["start"], i, a["step"], strict=True)]
            assert found[i] == x[tuple(at)]
    for (x, value), a in examples(arrange.pad):
        widths = np.array([a["low"], a["high"]], int).T
        expected = np.pad(x, widths, constant_values=value) if x.ndim else x
        np.testing.assert_array_equal(run(arrange.pad, x, value, **a), expected)
    for (x,), a in examples(arrange.reverse):
        found = run(arrange.reverse, x, **a)
        for i in np.ndindex(found.shape):
            at = [x.shape[k] - 1 - j if k in a["axes"] else j for k, j in enumerate(i)]
            assert found[i] == x[tuple(at)]


def test_take_clamps(examples: Examples) -> None:
    x = np.arange(12.0).reshape(4, 3)
    indices = np.array([[-5, 0], [3, 99]])
    found = run(indexing.take, x, indices, axis=0)
    np.testing.assert_array_equal(found, x[np.array([[0, 0], [3, 3]])])
    for (x, indices), a in examples(indexing.take):
        found = run(indexing.take, x, indices, **a)
        for i in np.ndindex(found.shape):
            front, back = i[: a["axis"]], i[a["axis"] + indices.ndim :]
            at = int(indices[i[a["axis"] : a["axis"] + indices.ndim]])
            clamped = min(max(at, 0), x.shape[a["axis"]] - 1)
            assert found[i] == x[(*front, clamped, *back)]


@pytest.mark.parametrize(("start", "first"), [(-3, 0), (0, 0), (2, 2), (4, 3), (2**31 - 1, 3)])
def test_windows_are_moved_inside(start: int, first: int) -> None:
    x, at = np.arange(5.0), np.array(start, np.int32)
    np.testing.assert_array_equal(
        run(indexing.dynamic_slice, x, at, size=(2,)), x[first : first + 2]
    )
    expected = x.copy()
    expected[first : first + 2] = -1
    found = run(indexing.dynamic_update, x, np.full(2, -1.0), at)
    np.testing.assert_array_equal(found, expected)


# Folds


def _naive_window(x: np.ndarray, a: dict[str, Any]) -> np.ndarray:
    lead = x.ndim - len(a["size"])
    sizes = [
        (n + low + high - d * (k - 1) - 1) // s + 1
        for n, k, s, (low, high), d in zip(
            x.shape[lead:], a["size"], a["stride"], a["padding"], a["dilation"], strict=True
        )
    ]
    found = np.full((*x.shape[:lead], *sizes), -np.inf if a["kind"] == "max" else 0.0)
    for i in np.ndindex(found.shape):
        for k in np.ndindex(*a["size"]):
            at = [
                p * s + j * d - low
                for p, s, j, d, (low, _) in zip(
                    i[lead:], a["stride"], k, a["dilation"], a["padding"], strict=True
                )
            ]
            if all(0 <= q < n for q, n in zip(at, x.shape[lead:], strict=True)):
                value = x[(*i[:lead], *at)]
                found[i] = max(found[i], value) if a["kind"] == "max" else found[i] + value
    return found


def test_window_against_loops(examples: Examples) -> None:
    for (x,), a in examples(reduce.window):
        _close(run(reduce.window, x, **a), _naive_window(x, a))


def test_reduce_against_python() -> None:
    fold = {"sum": math.fsum, "prod": math.prod, "max": max, "min": min}
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    for kind, one in fold.items():
        found = run(reduce.reduce, x, kind=kind, axes=(2, 0))
        _close(found, [one(x[:, j, :].ravel().tolist()) for j in range(4)])


@pytest.mark.parametrize(
    ("dtype", "kind", "value"),
    [
        (dtypes.f32, "sum", 0), (dtypes.f32, "prod", 1), (dtypes.bf16, "max", -np.inf),
        (dtypes.f16, "min", np.inf), (dtypes.i8, "max", -128), (dtypes.u8, "min", 255),
        (dtypes.u8, "max", 0), (dtypes.bool_, "max", False), (dtypes.bool_, "min", True),
    ],
)  # fmt: skip
def test_empty_folds(dtype: DType, kind: str, value: Any) -> None:
    found = run(reduce.reduce, np.zeros((0, 2), dtype.numpy), kind=kind, axes=(0,))
    np.testing.assert_array_equal(found.astype("f8"), np.full(2, value, "f8"))
    assert found.dtype == dtype.numpy


def test_integer_folds_wrap_and_narrow_floats_accumulate_wide() -> None:
    x = np.full(3, 100, np.int8)
    assert run(reduce.reduce, x, kind="sum", axes=(0,)) == 44  # 300 - 256
    ones = np.ones(4096, dtypes.bf16.numpy)
    assert run(reduce.reduce, ones, kind="sum", axes=(0,)) == 4096  # stops at 256 in bf16
    found = run(contract.dot_general, ones, ones, batch_x=(), batch_y=(), contract_x=(0,),
                contract_y=(0,))  # fmt: skip
    assert found == 4096


@pytest.mark.parametrize("dtype", dtypes.ALL)
@pytest.mark.parametrize("kind", ["max", "min"])
def test_argreduce_takes_the_first(dtype: DType, kind: str) -> None:
    x = np.array([[1, 0, 1, 0], [0, 0, 0, 0]], dtype.numpy)
    found = run(reduce.argreduce, x, kind=kind, axis=1)
    np.testing.assert_array_equal(found, [0, 0] if kind == "max" else [1, 0])
    if dtype.is_float:
        x = np.array([[3, np.nan, 9, np.nan]], dtype.numpy)
        assert run(reduce.argreduce, x, kind=kind, axis=1) == [1]


# Products


def _naive_dot(x: np.ndarray, y: np.ndarray, a: dict[str, Any]) -> np.ndarray:
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    in_x, in_y = [next(letters) for _ in x.shape], [next(letters) for _ in y.shape]
    for i, j in zip(a["batch_x"] + a["contract_x"], a["batch_y"] + a["contract_y"], strict=True):
        in_y[j] = in_x[i]
    out = [in_x[i] for i in a["batch_x"]]
    out += [c for i, c in enumerate(in_x) if i not in a["batch_x"] + a["contract_x"]]
    out += [c for i, c in enumerate(in_y) if i not in a["batch_y"] + a["contract_y"]]
    return np.einsum(f"{''.join(in_x)},{''.join(in_y)}->{''.join(out)}", x, y)


@pytest.mark.parametrize("dtype", [dtypes.f64, dtypes.i64, dtypes.i8, dtypes.u8])
def test_dot_general_against_einsum(dtype: DType, examples: Examples) -> None:
    for (x, y), a in examples(contract.dot_general, dtype):
        _close(run(contract.dot_general, x, y, **a), _naive_dot(x, y, a))


def _naive_conv(x: np.ndarray, w: np.ndarray, a: dict[str, Any]) -> np.ndarray:
    (n, _), (out, inner), spatial = x.shape[:2], w.shape[:2], x.shape[2:]
    sizes = [
        (size + low + high - d * (k - 1) - 1) // s + 1
        for size, k, s, (low, high), d in zip(
            spatial, w.shape[2:], a["stride"], a["padding"], a["dilation"], strict=True
        )
    ]
    found = np.zeros((n, out, *sizes), x.dtype)
    for b, o, *p in np.ndindex(found.shape):
        group = o // (out // a["groups"])
        for c, *k in np.ndindex(w.shape[1:]):
            at = [
                q * s + j * d - low
                for q, s, j, d, (low, _) in zip(
                    p, a["stride"], k, a["dilation"], a["padding"], strict=True
                )
            ]
            if all(0 <= q < m for q, m in zip(at, spatial, strict=True)):
                found[(b, o, *p)] += w[(o, c, *k)] * x[(b, group * inner + c, *at)]
    return found


@pytest.mark.parametrize("dtype", [dtypes.f64, dtypes.i32])
def test_conv_against_loops(dtype: DType, examples: Examples) -> None:
    for (x, w), a in examples(contract.conv, dtype):
        _close(run(contract.conv, x, w, **a), _naive_conv(x, w, a))
