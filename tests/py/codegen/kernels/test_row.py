"""Template row: phases, kept values, lengths, accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.kernels import Kernels, Loaded, Make, Ops, check

from axec.dialects.opdef import Array

Value = Any
LENGTHS = (1, 3, 8, 10, 16, 31, 64, 100, 257, 1024)


def softmax(b: Ops, x: Value) -> Value:
    e = b.exp(b.sub(x, b.rows(b.fold(x, "max"), x)))
    return b.div(e, b.rows(b.fold(e, "sum"), x))


def log_softmax(b: Ops, x: Value) -> Value:
    y = b.sub(x, b.rows(b.fold(x, "max"), x))
    return b.sub(y, b.rows(b.log(b.fold(b.exp(y), "sum")), x))


def layer_norm(b: Ops, x: Value, scale: Value, bias: Value) -> Value:
    d = b.sub(x, b.rows(mean(b, x), x))
    variance = mean(b, b.mul(d, d))
    y = b.mul(d, b.rows(b.rsqrt(b.add(variance, b.number(1e-5, variance))), x))
    return b.add(b.mul(y, b.columns(scale, x)), b.columns(bias, x))


def mean(b: Ops, x: Value) -> Value:
    total = b.fold(x, "sum")
    return b.div(total, b.number(float(b.shape(x)[-1]), total))


def one(target: str, inputs: list[str], make: Make) -> Loaded:
    kernels = Kernels()
    kernels.add("row", inputs, make)
    return kernels.load(target)[0]


@pytest.mark.parametrize("rows", ["5", "2, 3", ""])
def test_lengths(rows: str, target: str) -> None:
    kernels = Kernels()
    lead = f"{rows}, " if rows else ""
    for n in LENGTHS:
        kernels.add("row", [f"f32[{lead}{n}]"], softmax)
        kernels.add("row", [f"f32[{lead}{n}]"], log_softmax)
        kernels.add("row", [f"f32[{lead}{n}]", f"f32[{n}]", f"f32[{n}]"], layer_norm)
    for loaded in kernels.load(target):
        check(loaded, loaded.random({}), {})


@pytest.mark.parametrize("size", [0, 1, 7, 16, 70])
def test_named_lengths(size: int, target: str) -> None:
    kernels = Kernels()
    for shape in ("3, n", "n, 10", "n, n + 1", "n, 2, 3*n"):
        kernels.add("row", [f"f32[{shape}]"], softmax)
    for loaded in kernels.load(target):
        check(loaded, loaded.random({"n": size}), {"n": size})


def test_several_trailing_axes(target: str) -> None:
    def centred(b: Ops, x: Value, y: Value) -> list[Value]:
        total = b.reduce(b.mul(x, y), kind="sum", axes=(1, 2))
        return [b.sub(x, b.broadcast(total, shape=b.shape(x), axes=(0,))), total]

    def turned(b: Ops, x: Value, y: Value) -> list[Value]:
        across = b.broadcast(b.exp(y), shape=b.shape(x), axes=(2, 1))
        return [b.reduce(b.add(x, across), kind="max", axes=(1, 2))]

    kernels = Kernels()
    kernels.add("row", ["f32[5, 6, 7]"] * 2, centred)
    kernels.add("row", ["f32[5, 6, 40]", "f32[40, 6]"], turned)
    for loaded in kernels.load(target):
        check(loaded, loaded.random({}), {})


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "i64", "u8", "bf16", "f16"])
def test_kinds(dtype: str, target: str) -> None:
    """Several reductions in one phase, of all kinds."""

    def body(b: Ops, x: Value) -> list[Value]:
        return [b.fold(x, kind) for kind in ("sum", "prod", "max", "min")]

    kernels = Kernels()
    for n in (1, 5, 40, 200):
        kernels.add("row", [f"{dtype}[4, {n}]"], body)
    kernels.add("row", ["bool[4, 70]"], lambda b, x: [b.fold(x, "max"), b.fold(x, "min")])
    kernels.add("row", [f"{dtype}[4, 0]"], body)
    for loaded in kernels.load(target):
        check(loaded, loaded.random({}), {})


def test_row_results_keep_their_unit_axes(target: str) -> None:
    def body(b: Ops, x: Value) -> list[Value]:
        total = b.fold(b.tanh(x), "sum")
        column = b.reshape(total, shape=(5, 1))
        return [total, column, b.sub(x, b.broadcast(column, shape=(5, 40), axes=(0, 1)))]

    loaded = one(target, ["f32[5, 40]"], body)
    check(loaded, loaded.random({}), {})


def test_a_kept_value_may_be_a_result(target: str) -> None:
    """exp is wanted by a sum, as a result, and by another result."""

    def body(b: Ops, x: Value) -> list[Value]:
        e, t = b.exp(x), b.tanh(x)
        return [e, b.div(t, b.rows(b.fold(b.add(e, t), "sum"), x)), b.fold(t, "max")]

    loaded = one(target, ["f32[6, 75]"], body)
    check(loaded, loaded.random({}), {})


def test_dear_values_are_computed_once(target: str) -> None:
    """softmax has one exp: its row is kept in the output."""
    kernels = Kernels()
    kernels.add("row", ["f32[4, 64]"], softmax)
    text = kernels.emit(target)[0].text()
    assert text.count("0x3FF7154760000000") == 1  # log2(e), once per exp


def test_nan_and_infinity(target: str) -> None:
    loaded = one(target, ["f32[5, 21]"], softmax)
    x = loaded.random({})[0]
    x[0, 3], x[1, 20], x[2, 0], x[3, :] = np.nan, np.inf, -np.inf, -np.inf
    found = check(loaded, [x], {})[0]
    assert np.isnan(found[[0, 1, 3]]).all()
    assert np.isfinite(found[[2, 4]]).all()


def test_sums_are_accurate(target: str) -> None:
    """Far better than adding up one by one: the error grows with the length per accumulator."""
    loaded = one(target, ["f32[2, 100000]"], lambda b, x: b.fold(x, "sum"))
    x = (np.random.default_rng(0).random((2, 100000)) + 0.5).astype(np.float32)
    found = loaded.run([x], {})[0]
    exact = x.astype(np.float64).sum(1)
    assert relative(found, exact) < 4e-7
    assert relative(np.cumsum(x, 1, dtype=np.float32)[:, -1], exact) > 4e-6


def relative(found: Array, exact: Array) -> float:
    return float(np.max(abs(found - exact) / exact))
