"""Template reduce: axes, windows, convolutions, products, positions of extremes, scatter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.kernels import Kernels, Make, Ops, check

import axec as axe
from axec.passes.codegen.cpu.reduce import strategy

Value = Any


def run(target: str, cases: Sequence[tuple[Sequence[str], Make]], **sizes: int) -> None:
    """Each case (input types, body) as a reduce kernel, on random inputs."""
    kernels = Kernels()
    for inputs, make in cases:
        kernels.add("reduce", inputs, make)
    for loaded in kernels.load(target):
        check(loaded, loaded.random(sizes), sizes)


def fold(kind: str, *axes: int) -> Make:
    return lambda b, x: b.reduce(x, kind=kind, axes=axes)


def test_axes(target: str) -> None:
    run(target, [
        (["f32[40, 300]"], fold("sum", 0)),
        (["f32[5, 3]"], fold("sum", 0)),
        (["f32[1000, 7]"], fold("max", 0)),
        (["f32[3, 50, 64]"], fold("sum", 1)),
        (["f32[3, 50, 64]"], fold("min", 0, 2)),
        (["f32[3, 50, 64]"], fold("prod", 0)),
        (["f32[6, 5, 4, 33]"], fold("sum", 0, 2)),
        (["f32[6, 5, 4, 33]"], fold("sum", 1, 3)),
        (["f32[6, 1, 4, 1]"], fold("sum", 1, 2)),
        (["f32[0, 5]"], fold("sum", 0)),
        (["f32[4, 0, 5]"], fold("max", 1)),
        (["f32[4, 5]"], fold("sum", 0, 1)),
        (["i64[70, 90]"], fold("sum", 0)),
        (["bool[70, 90]"], fold("max", 0)),
        (["bf16[70, 90]"], fold("sum", 0)),
    ])  # fmt: skip


@pytest.mark.parametrize("rows", [1, 4])
def test_rows_added_to_a_row_of_sums(
    rows: int, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What large operands take: pieces of rows, rests of rows and of vectors, folds of several
    axes, ops around the fold."""
    monkeypatch.setattr(strategy, "_FAR", 0)
    monkeypatch.setattr(strategy, "_FARTHEST", 0 if rows == 1 else 1 << 40)

    def around(b: Ops, x: Value, y: Value) -> list[Value]:
        total = b.reduce(b.mul(x, b.columns(y, x)), kind="sum", axes=(0,))
        return [b.exp(total), b.neg(total)]

    run(target, [
        (["f32[41, 300]"], fold("sum", 0)),
        (["f32[6, 5000]"], fold("sum", 0)),
        (["f32[3, 50, 320]"], fold("max", 1)),
        (["f32[7, 3, 6, 290]"], fold("sum", 0, 2)),
        (["f32[1, 290]"], fold("sum", 0)),
        (["f32[3, 290]"], fold("prod", 0)),
        (["f64[23, 150]"], fold("sum", 0)),
        (["i8[19, 1100]"], fold("sum", 0)),
        (["bool[70, 1090]"], fold("max", 0)),
        (["bf16[23, 590]"], fold("min", 0)),
        (["f32[23, 301]", "f32[301]"], around),
        (["f32[9, 300, 5]"], fold("sum", 0)),
        (["f32[300, 9]"], lambda b, x: fold("sum", 0)(b, b.transpose(x, perm=(1, 0)))),
    ])  # fmt: skip


@pytest.mark.parametrize("columns", [64, 128, 192, 256])
def test_a_unit_writes_what_it_covers(columns: int) -> None:
    """Two threads, a unit each at least: nothing is written behind the last one's results, also
    where vectors side by side fill a row but no unit."""
    passes = ("fuse", "outline", "pack_weights", "schedule", "plan{grain=1}")
    f = axe.compile(lambda x: axe.sum(x, axis=0), axe.spec((40, columns)), passes=passes)
    x, room = np.ones((40, columns), np.float32), np.full(columns + 256, 7, np.float32)
    start = -(room.ctypes.data // 4) % 16  # 64-byte aligned, so that it is written to directly
    f.load(threads=2)(x, out=room[start : start + columns])
    np.testing.assert_array_equal(room[start : start + columns], 40)
    np.testing.assert_array_equal(room[start + columns :], 7)


@pytest.mark.parametrize("size", [0, 1, 5, 33, 130])
def test_named_dims(size: int, target: str) -> None:
    run(target, [
        (["f32[n, 5]"], fold("sum", 0)),
        (["f32[3, n]"], fold("max", 0)),
        (["f32[n, 3, n + 1]"], fold("sum", 1)),
        (["f32[n, 3, n + 1]"], fold("sum", 0, 2)),
        (["f32[n + 1, 7]"], lambda b, x: b.argreduce(x, kind="max", axis=0)),
        (["f32[7, n + 1]"], lambda b, x: b.argreduce(x, kind="min", axis=1)),
        (["f32[2, 3, n + 2]", "f32[4, 3, 3]"], conv1(2, 1)),
        (["i32[n, 5]", "i32[5, n]"], dot((1,), (0,))),
    ], n=size)  # fmt: skip


def test_around_the_fold(target: str) -> None:
    """Ops before it (broadcasts, transposes, positions) and after it."""

    def body(b: Ops, x: Value, y: Value, z: Value) -> list[Value]:
        source = b.mul(b.transpose(x, perm=(1, 0)), b.broadcast(y, shape=(40, 30), axes=(0,)))
        total = b.reduce(b.exp(source), kind="sum", axes=(0,))
        return [b.add(b.log(total), z), b.neg(total)]

    run(target, [(["f32[30, 40]", "f32[40]", "f32[30]"], body)])


def test_extremes(target: str) -> None:
    def arg(kind: str, axis: int) -> Make:
        return lambda b, x: b.argreduce(x, kind=kind, axis=axis)

    shapes = ("5, 3", "5, 40", "40, 5", "3, 50, 7", "2, 1, 9", "1, 1000")
    dtypes = ("f32", "f64", "i32", "u8", "bool", "f16")
    cases = [
        ([f"{d}[{s}]"], arg(kind, axis))
        for s in shapes for kind in ("max", "min") for axis in (0, s.count(","))
        for d in (dtypes if s == "5, 40" else dtypes[:1])
    ]  # fmt: skip
    run(target, cases)


@pytest.mark.parametrize("axis", [0, 1])
def test_first_of_equals_and_first_nan(axis: int, target: str) -> None:
    kernels = Kernels()
    for kind in ("max", "min"):
        make = lambda b, x, kind=kind: b.argreduce(x, kind=kind, axis=axis)  # noqa: E731
        kernels.add("reduce", ["f32[70, 70]"], make)
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, (70, 70)).astype(np.float32)
    x[5:7, 3:60] = np.nan
    x[20, :] = -np.inf
    for loaded in kernels.load(target):
        check(loaded, [x], {})
        check(loaded, [np.full((70, 70), -np.inf, np.float32)], {})
        check(loaded, [np.full((70, 70), np.nan, np.float32)], {})


def window(kind: str, size: Sequence[int], stride: Sequence[int], pad: int, spread: int) -> Make:
    n = len(size)
    given = {"padding": ((pad, pad),) * n, "dilation": (spread,) * n}
    return lambda b, x: b.window(x, kind=kind, size=tuple(size), stride=tuple(stride), **given)


def test_windows(target: str) -> None:
    run(target, [
        ([f"f32[2, 3, {n}]"], window(kind, size, stride, pad, spread))
        for n in ("9, 9", "17, 40", "4, 33")
        for kind in ("max", "sum")
        for size, stride, pad, spread in (
            ((2, 2), (2, 2), 0, 1), ((3, 3), (2, 2), 1, 1), ((3, 3), (1, 1), 1, 1),
            ((2, 4), (1, 3), 1, 1), ((2, 2), (2, 1), 1, 2), ((3, 1), (1, 5), 0, 1),
        )
    ])  # fmt: skip


def conv1(stride: int, pad: int) -> Make:
    return lambda b, x, w: b.conv(
        x, w, stride=(stride,), padding=((pad, pad),), dilation=(1,), groups=1
    )


def conv2(stride: int, pad: int, spread: int = 1, groups: int = 1) -> Make:
    return lambda b, x, w: b.conv(
        x, w, stride=(stride,) * 2, padding=((pad, pad),) * 2, dilation=(spread,) * 2, groups=groups
    )


@pytest.mark.parametrize("dtype", ["f32", "i32"])
def test_convolutions(dtype: str, target: str) -> None:
    cases = [
        ("2, 3, 8, 8", "5, 3, 3, 3", conv2(1, 1)),
        ("1, 4, 20, 20", "6, 4, 3, 3", conv2(2, 1)),
        ("1, 4, 7, 7", "8, 4, 1, 1", conv2(1, 0)),
        ("1, 2, 40, 70", "4, 2, 5, 5", conv2(1, 2)),
        ("1, 3, 30, 30", "4, 3, 7, 7", conv2(2, 3)),
        ("1, 3, 9, 12", "4, 3, 3, 3", conv2(1, 2, spread=2)),
        ("2, 6, 9, 9", "6, 1, 3, 3", conv2(1, 1, groups=6)),
        ("2, 8, 9, 9", "8, 4, 3, 3", conv2(1, 1, groups=2)),
        ("2, 6, 5, 5", "9, 2, 2, 2", conv2(1, 0, groups=3)),
        ("2, 3, 3, 3", "5, 3, 3, 3", conv2(1, 0)),
    ]
    given = [([f"{dtype}[{x}]", f"{dtype}[{w}]"], make) for x, w, make in cases]
    given.append(([f"{dtype}[3, 2, 50]", f"{dtype}[5, 2, 4]"], conv1(3, 2)))
    run(target, given)


def test_convolution_with_ops_around(target: str) -> None:
    def body(b: Ops, x: Value, w: Value, bias: Value) -> Value:
        y = conv2(1, 1)(b, b.exp(x), b.reverse(w, axes=(2,)))
        return b.max(b.add(y, b.broadcast(bias, shape=b.shape(y), axes=(1,))), b.number(0, y))

    run(target, [(["f32[2, 3, 9, 20]", "f32[6, 3, 3, 3]", "f32[6]"], body)])


def dot(x: tuple[int, ...], y: tuple[int, ...], bx: tuple[int, ...] = (), by: tuple[int, ...] = ()
        ) -> Make:  # fmt: skip
    given = {"contract_x": x, "contract_y": y, "batch_x": bx, "batch_y": by}
    return lambda b, p, q: b.dot_general(p, q, **given)


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "i8", "bf16"])
def test_products(dtype: str, target: str) -> None:
    cases = [
        ("9, 20", "20, 70", dot((1,), (0,))),
        ("9, 20", "70, 20", dot((1,), (1,))),
        ("20, 9", "20, 70", dot((0,), (0,))),
        ("1, 300", "300, 5", dot((1,), (0,))),
        ("300", "300, 40", dot((0,), (0,))),
        ("6, 300", "300", dot((1,), (0,))),
        ("300", "300", dot((0,), (0,))),
        ("5", "7", dot((), ())),
        ("3, 5, 20", "3, 20, 33", dot((2,), (1,), (0,), (0,))),
        ("2, 3, 5, 8", "8, 3, 4, 2", dot((3,), (0,), (0, 1), (3, 1))),
        ("4, 6, 5", "6, 4, 9", dot((0, 1), (1, 0))),
        ("3, 0", "0, 5", dot((1,), (0,))),
    ]
    run(target, [([f"{dtype}[{x}]", f"{dtype}[{y}]"], make) for x, y, make in cases])


def test_scatter(target: str) -> None:
    def scatter(axis: int, kind: str = "add") -> Make:
        return lambda b, x, i, u: b.scatter(x, i, u, axis=axis, kind=kind)

    def step(b: Ops, x: Value, i: Value, u: Value, w: Value) -> list[Value]:
        total = b.scatter(b.number(0, x), i, b.neg(u), axis=0, kind="add")
        return [b.add(w, b.mul(total, b.number(0.5, total))), b.compare(total, x, direction="lt")]

    def counted(b: Ops, x: Value, i: Value, u: Value) -> Value:
        return b.compare(b.scatter(x, i, u, axis=0, kind="add"), x, direction="gt")

    run(target, [
        (["f32[50, 70]", "i64[9]", "f32[9, 70]"], scatter(0)),
        (["f32[5, 6, 130]", "i32[3, 4]", "f32[5, 3, 4, 130]"], scatter(1)),
        (["f32[5, 60]", "i32[200]", "f32[5, 200]"], scatter(1)),
        *[
            ([f"{d}[5, 60]", "i32[200]", f"{d}[5, 200]"], scatter(1, kind))
            for d in ("f32", "u8", "bf16")
            for kind in ("set", "mul", "max", "min")
        ],
        (["bool[60, 33]", "i64[20]", "bool[20, 33]"], scatter(0, "set")),
        (["bf16[5, 60]", "i32[200]", "bf16[5, 200]"], scatter(1)),
        (["i32[9]", "i64[500]", "i32[500]"], scatter(0)),
        (["f32[50, 70]", "i64[9]", "f32[9, 70]", "f32[50, 70]"], step),
        (["f32[50, 7]", "i64[9]", "f32[9, 7]"], counted),
    ])  # fmt: skip
