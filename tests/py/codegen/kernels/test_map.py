"""Template map: shapes, index maps, named dims, splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.kernels import Kernels, Make, Ops, check

from axec.dialects import dtypes
from axec.dialects.dims import dim
from axec.passes.codegen.cpu import map as map_

Value = Any
SHAPES = (
    "", "0", "1", "7", "16", "1000", "1024", "5000", "3, 1", "1, 5", "3, 0, 5", "33, 50", "5, 1030",
    "2, 3, 4", "7, 8, 9", "2, 1, 3, 64", "70, 3",
)  # fmt: skip


def run(target: str, cases: Sequence[tuple[Sequence[str], Make]], **sizes: int) -> None:
    """Each case (input types, body) as a map kernel, on random inputs."""
    kernels = Kernels()
    for inputs, make in cases:
        kernels.add("map", inputs, make)
    for loaded in kernels.load(target):
        check(loaded, loaded.random(sizes), sizes)


def test_pointwise_shapes(target: str) -> None:
    run(target, [([f"f32[{s}]"] * 2, lambda b, x, y: b.add(x, b.mul(y, y))) for s in SHAPES])


@pytest.mark.parametrize("dtype", dtypes.BY_NAME)
def test_mixed_widths(dtype: str, target: str) -> None:
    """Lanes follow the widest value; masks and narrow values go along."""

    def body(b: Ops, x: Value, y: Value) -> list[Value]:
        wide = b.cast(x, dtype=dtypes.f64)
        found = b.select(b.compare(y, b.number(0, y), direction="gt"), wide, b.neg(wide))
        return [found, b.cast(found, dtype=dtypes.of(dtype)), b.cast(y, dtype=dtypes.bool_)]

    run(target, [([f"{dtype}[{s}]", f"i32[{s}]"], body) for s in ("3", "100", "17, 5")])


def bell(b: Ops, x: Value) -> Value:
    """A long chain: tanh's gelu, and what exp makes of its square."""
    cube = b.mul(b.mul(x, x), x)
    y = b.mul(x, b.add(b.tanh(b.add(x, cube)), b.number(1, x)))
    return b.add(b.mul(b.exp(b.mul(b.neg(y), y)), x), y)


@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16"])
def test_long_chains(dtype: str, target: str) -> None:
    """Bodies that run as pipelines of several vectors: also where there are fewer, where rows end
    inside of vectors, and where a stage reads, masks or stores what none computes."""
    sizes = ("0", "1", "15", "16", "33", "64", "1000", "2048", "3, 70", "5, 0", "n", "n, 24")

    def masked(b: Ops, x: Value, number: Value) -> list[Value]:
        y = bell(b, x)
        above = b.compare(y, b.number(0, y), direction="gt")
        added = b.add(x, b.cast(number, dtype=dtypes.of(dtype)))
        return [above, b.select(above, b.log(y), added), x]

    def rearranged(b: Ops, x: Value, y: Value, number: Value) -> Value:
        far = b.reverse(bell(b, b.add(x, b.columns(y, x))), axes=(0,))
        return b.mul(bell(b, far), b.cast(b.rows(number, x), dtype=dtypes.of(dtype)))

    run(target, [
        *[([f"{dtype}[{s}]"], bell) for s in sizes],
        *[([f"{dtype}[{s}]", f"i32[{s}]"], masked) for s in sizes],
        *[([f"{dtype}[{m}, {n}]", f"{dtype}[{n}]", f"i32[{m}]"], rearranged)
          for m, n in [(7, 50), (3, 256), (40, 3), ("n", 19)]],
    ], n=77)  # fmt: skip


@pytest.mark.parametrize("dtype", ["f32", "i8", "bool", "f64"])
def test_concatenations(dtype: str, target: str) -> None:
    """A loop per part, or vectors of all parts in turn; also nested, by dims, of parts that are
    computed, beside others, and where masks are left."""

    def joined(axis: int) -> Make:
        def make(b: Ops, *parts: Value) -> Value:
            return (
                parts[0] if len(parts) == 1 else b.concat(parts[0], make(b, *parts[1:]), axis=axis)
            )

        return make

    def beside(b: Ops, x: Value, y: Value, z: Value, w: Value) -> list[Value]:
        both = b.concat(b.reverse(x, axes=(0,)), y, axis=1)
        kept = b.select(b.compare(both, w, direction="lt"), both, w)
        return [kept, b.concat(y, x, axis=1), b.concat(b.columns(z, x), y, axis=1)]

    cases = [
        (0, "3", "70", "1"), (0, "33, 5", "2, 5", "0, 5"), (0, "n, 5", "m, 5"), (0, "1", "1"),
        (0, "1, 40", "1, 40"), (1, "9, 40", "9, 24"), (1, "9, 33", "9, 1", "9, 47"),
        (1, "70, 5", "70, 11"), (1, "5, n", "5, m"), (1, "2, 1", "2, 1"), (1, "n, 1", "n, 1"),
        (1, "4, 3, 50", "4, 2, 50"), (1, "4, 1, 2, 5", "4, 1, 2, 5"), (2, "3, 9, 1", "3, 9, 1"),
        (1, "70, 1", "70, 1", "70, 1"), (1, *["33, 1"] * 4), (2, *["n, m, 1"] * 3),
    ]  # fmt: skip
    square = [f"{dtype}[{s}]" for s in ("20, 24", "20, 40", "24", "20, 64")]
    run(target, [
        *[([f"{dtype}[{s}]" for s in shapes], joined(axis)) for axis, *shapes in cases],
        (square, beside),
        (["f32[30, 20]", "f32[20, 30]"],
         lambda b, x, y: b.concat(b.transpose(x, perm=(1, 0)), y, axis=1)),
    ], n=37, m=19)  # fmt: skip


def test_short_last_axes(target: str) -> None:
    """Lanes along the axes before them, stored in turn; gathers stay rows."""
    run(target, [
        *[([f"f32[{s}]"], lambda b, x, n=n: b.broadcast(x, shape=(*b.shape(x), n), axes=(0, 1)))
          for s, n in [("9, 40", 2), ("3, 33", 3), ("n, 5", 4)]],
        (["f32[300, 3]", "f32[3]"], lambda b, x, y: b.mul(x, b.columns(y, x))),
        (["i8[n, 4]", "i8[n]"], lambda b, x, y: [b.add(x, b.rows(y, x)), b.reverse(x, axes=(0,))]),
        (["f32[2, 290]"], lambda b, x: b.transpose(x, perm=(1, 0))),
        (["f32[90, 7]"], lambda b, x: b.exp(b.slice(x, start=(0, 1), stop=(90, 4), step=(1, 1)))),
        (["f32[90, 2]", "i32[70]"], lambda b, x, i: b.take(x, i, axis=0)),
    ], n=37)  # fmt: skip


def test_results_around_the_caches(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What results beyond the caches take, where they begin with a line and where they do not."""
    monkeypatch.setattr(map_, "_BEYOND_CACHES", 0)
    run(target, [
        (["f32[4096]"] * 2, lambda b, x, y: b.add(x, y)),
        (["f32[4099]"] * 2, lambda b, x, y: b.add(x, y)),
        (["f32[64, 80]"], bell),
        (["i8[5120]"], lambda b, x: [b.neg(x), b.cast(x, dtype=dtypes.f64)]),
        (["f32[n, 16]"], lambda b, x: b.neg(x)),
    ], n=70)  # fmt: skip


def test_broadcasts(target: str) -> None:
    def beside(axes: tuple[int, ...], shape: tuple[int, ...]) -> Make:
        return lambda b, x, y: b.sub(x, b.broadcast(y, shape=shape, axes=axes))

    run(target, [
        (["f32[6, 50]", "f32[50]"], beside((1,), (6, 50))),
        (["f32[6, 50]", "f32[6]"], beside((0,), (6, 50))),
        (["f32[6, 50]", "f32[]"], beside((), (6, 50))),
        (["f32[6, 50]", "f32[1, 50]"], beside((0, 1), (6, 50))),
        (["f32[6, 50]", "f32[50, 1]"], beside((1, 0), (6, 50))),
        (["f32[2, 5, 6, 7]", "f32[5]"], beside((1,), (2, 5, 6, 7))),
        (["f32[2, 5, 6, 7]", "f32[2, 6]"], beside((0, 2), (2, 5, 6, 7))),
        (["f32[2, 5, 6, 7]", "f32[7, 6]"], beside((3, 2), (2, 5, 6, 7))),
        (["f32[2000, 3]", "f32[3]"], beside((1,), (2000, 3))),
    ])  # fmt: skip


def test_rearrangements(target: str) -> None:
    run(target, [
        (["f32[33, 50]"], lambda b, x: b.transpose(x, perm=(1, 0))),
        (["f32[130, 70]"], lambda b, x: b.transpose(x, perm=(1, 0))),
        (["f32[4, 33, 20]"], lambda b, x: b.transpose(x, perm=(0, 2, 1))),
        (["f32[3, 300, 270]"], lambda b, x: b.transpose(x, perm=(0, 2, 1))),
        (["bf16[70, 290]"], lambda b, x: b.transpose(x, perm=(1, 0))),
        (["bool[100, 40]"], lambda b, x: b.transpose(x, perm=(1, 0))),
        (["f64[50, 2, 60]"], lambda b, x: b.exp(b.transpose(x, perm=(2, 1, 0)))),
        (["i64[40, 50]", "i64[50, 40]"], lambda b, x, y: b.add(b.transpose(x, perm=(1, 0)), y)),
        (["f32[4, 33, 20]"], lambda b, x: b.transpose(x, perm=(1, 0, 2))),
        (["f32[64]"], lambda b, x: b.reverse(x, axes=(0,))),
        (["f32[5, 37]"], lambda b, x: b.reverse(x, axes=(0, 1))),
        (["f32[100]"], lambda b, x: b.slice(x, start=(3,), stop=(98,), step=(2,))),
        (["f32[9, 100]"], lambda b, x: b.slice(x, start=(1, 2), stop=(9, 99), step=(3, 3))),
        (["f32[9, 100]"], lambda b, x: b.slice(x, start=(0, 2), stop=(9, 99), step=(1, 7))),
        (["f32[9, 40]", "f32[]"], lambda b, x, v: b.pad(x, v, low=(1, 3), high=(2, 30))),
        (["f32[3, 40]", "f32[3, 7]"], lambda b, x, y: b.concat(x, y, axis=1)),
        (["f32[3, 40]", "f32[5, 40]"], lambda b, x, y: b.concat(x, y, axis=0)),
        (["f32[3, 40]", "f32[3, 40]"], lambda b, x, y: b.add(b.transpose(b.reshape(
            b.concat(x, y, axis=0), shape=(40, 6)), perm=(1, 0)), b.concat(y, x, axis=0))),
        (["f32[6, 20]"], lambda b, x: b.reshape(b.transpose(x, perm=(1, 0)), shape=(4, 30))),
        (["f32[6, 20]"], lambda b, x: b.transpose(b.reshape(x, shape=(3, 40)), perm=(1, 0))),
        (["f32[2, 3, 4, 5]"], lambda b, x: b.reverse(b.reshape(x, shape=(6, 20)), axes=(1,))),
    ])  # fmt: skip


def test_positions(target: str) -> None:
    def ramp(dtype: dtypes.DType, axis: int) -> Make:
        return lambda b, x: b.mul(x, b.iota(shape=b.shape(x), dtype=dtype, axis=axis))

    kinds = ("f32", "f64", "i32", "i64", "f16", "u8")
    run(target, [
        ([f"{k}[3, 40, 5]"], ramp(dtypes.of(k), axis)) for k in kinds for axis in range(3)
    ])  # fmt: skip


def test_lookups(target: str) -> None:
    def window(b: Ops, x: Value, *starts: Value) -> Value:
        return b.dynamic_slice(x, *starts, size=(4, 21))

    def update(b: Ops, x: Value, y: Value, *starts: Value) -> Value:
        return b.dynamic_update(x, y, *starts)

    run(target, [
        (["f32[7, 64]", "i64[9]"], lambda b, x, i: b.take(x, i, axis=0)),
        (["f32[7, 64]", "i32[3, 20]"], lambda b, x, i: b.take(x, i, axis=1)),
        (["f32[64]", "i64[50]"], lambda b, x, i: b.take(x, i, axis=0)),
        (["i8[64]", "i64[50]"], lambda b, x, i: b.take(x, i, axis=0)),
        (["f32[5, 40]", "i64[]", "i64[]"], window),
        (["f32[5, 40]", "f32[2, 33]", "i32[]", "i32[]"], update),
        (["f32[5, 40]", "i64[30]"],
         lambda b, x, i: b.exp(b.take(b.neg(b.take(x, i, axis=1)), i, axis=1))),
    ])  # fmt: skip


@pytest.mark.parametrize("sizes", [(0, 5), (4, 0), (1, 1), (3, 16), (40, 7), (2, 1500)])
def test_named_dims(sizes: tuple[int, int], target: str) -> None:
    n, m = dim("n"), dim("m")
    run(target, [
        (["f32[n, m]"], lambda b, x: b.exp(x)),
        (["f32[n, m]", "f32[m]"], lambda b, x, y: b.add(x, b.columns(y, x))),
        (["f32[n, m]", "f32[n]"], lambda b, x, y: b.add(x, b.rows(y, x))),
        (["f32[n, m]"], lambda b, x: b.transpose(x, perm=(1, 0))),
        (["f32[n, m]"], lambda b, x: b.reshape(x, shape=(n * m,))),
        (["f32[n, 2*m]"], lambda b, x: b.slice(x, start=(0, 1), stop=(n, 2 * m), step=(1, 2))),
        (["f32[n, m]", "f32[n, 3]"], lambda b, x, y: b.concat(x, y, axis=1)),
        (["f32[2*n + 1, m]"], lambda b, x: b.reverse(x, axes=(0, 1))),
    ], n=sizes[0], m=sizes[1])  # fmt: skip


def test_long_chain(target: str) -> None:
    """Longer than Python's stack is deep."""

    def body(b: Ops, x: Value) -> Value:
        for i in range(1500):
            x = b.sub(b.number(i % 3, x), x) if i % 2 else b.abs(x)
        return x

    run(target, [(["f32[50]"], body)])


def test_results_that_are_inputs_or_equal(target: str) -> None:
    def body(b: Ops, x: Value) -> list[Value]:
        y = b.neg(x)
        return [x, y, y]

    run(target, [(["f32[3, 40]"], body), (["bool[]"], lambda b, x: [x, b.not_(x)])])


def test_tables(target: str) -> None:
    table = np.arange(60, dtype=np.float32).reshape(3, 20) ** 2

    def body(b: Ops, x: Value) -> Value:
        return b.add(x, b.transpose(b.constant(value=table), perm=(1, 0)))

    numbers = [-0.0, np.nan, np.inf, -np.inf, 1e-45, 3.4e38]
    cases = [(["f32[20, 3]"], body)]
    for v in numbers:
        cases.append((["f32[5]"], lambda b, x, v=v: b.mul(b.number(v, x), b.abs(x))))
    run(target, cases)
