"""Updates that write a window only, and results that lie on operands, against plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import axec as axe

FINEST = ("fuse", "outline", "pack_weights", "schedule", "plan{grain=1}")
PASSES = ("transform", "decompose", "simplify", *FINEST)


def compiled(fn: Any, *specs: Any) -> Any:
    return axe.compile(fn, *specs, passes=PASSES)


@given(st.data())
@settings(max_examples=12, deadline=None)
def test_windows_written_in_loops(data: Any) -> None:
    """Any window of any array of up to three axes, at starts that may lie outside."""
    draw = data.draw
    shape = tuple(draw(st.lists(st.integers(1, 40), min_size=1, max_size=3)))
    size = tuple(draw(st.integers(1, n)) for n in shape)
    turns = 3
    starts = [[draw(st.integers(-3, n + 3)) for n in shape] for _ in range(turns)]

    def fill(c: Any, windows: Any, at: Any) -> Any:
        def body(c: Any, one: Any) -> Any:
            window, begin = one
            placed = tuple(begin[a] for a in range(len(shape)))
            return axe.dynamic_update_slice(c, axe.exp(window), placed), None

        return axe.scan(body, c, (windows, at))[0]

    specs = (
        axe.spec(shape, axe.float32),
        axe.spec((turns, *size), axe.float32),
        axe.spec((turns, len(shape)), axe.int64),
    )
    artifact = compiled(fill, *specs)
    (entry,) = artifact.manifest["entries"].values()
    whole = 4 * int(np.prod(shape))
    assert entry["arena_bytes"] < whole + 256 + 192, "the carry is the result"
    rng = np.random.default_rng(0)
    c = rng.standard_normal(shape, "f4")
    windows, at = rng.standard_normal((turns, *size), "f4"), np.array(starts, "i8")
    wanted = c.copy()
    for window, begin in zip(windows, starts, strict=True):
        firsts = [min(max(b, 0), n - k) for b, n, k in zip(begin, shape, size, strict=True)]
        wanted[tuple(slice(b, b + k) for b, k in zip(firsts, size, strict=True))] = np.exp(window)
    program = artifact.load()
    before = c.copy()
    for threads in (1, 2):
        found = program(c, windows, at, threads=threads)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    np.testing.assert_array_equal(c, before)


@pytest.mark.parametrize("size", [1, 7, 64, 1025, 5000])
def test_chains_written_over_each_other(size: int) -> None:
    """Each kernel of the chain ends at a row reduction, so that it cannot join the next one."""

    def chain(x: Any) -> Any:
        for _ in range(4):
            x = axe.cumulative_sum(x, axis=0)
            x = axe.tanh(x) * 0.5 + x / (1.0 + axe.abs(x))
        return x

    program = compiled(chain, axe.spec((size,), axe.float32)).load()
    x = wanted = np.random.default_rng(size).standard_normal(size, "f4")
    for _ in range(4):
        wanted = np.cumsum(wanted, dtype="f4")
        wanted = np.tanh(wanted) * np.float32(0.5) + wanted / (1 + np.abs(wanted))
    one, two = (program(x, threads=n) for n in (1, 2))
    np.testing.assert_allclose(one, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(one, two)


def test_an_operand_that_is_read_later_stays() -> None:
    def run(c: Any, x: Any) -> Any:
        new = axe.dynamic_update_slice(c * 2.0, x, (3,))
        return new, axe.cumulative_sum(new, axis=0), axe.dynamic_update_slice(new, x, (0,))

    program = compiled(run, axe.spec((16,), axe.float32), axe.spec((2,), axe.float32)).load()
    c, x = np.arange(16, dtype="f4"), np.array([100, 200], "f4")
    new, sums, other = program(c, x)
    wanted = 2 * c
    wanted[3:5] = x
    np.testing.assert_array_equal(new, wanted)
    np.testing.assert_allclose(sums, np.cumsum(wanted))
    wanted[:2] = x
    np.testing.assert_array_equal(other, wanted)


@pytest.mark.parametrize("depth", [20, 70])
def test_loops_nest_as_deep_as_a_table_holds(depth: int) -> None:
    def nested(n: int, x: Any) -> Any:
        return axe.fori_loop(0, 1 + n % 2, lambda i, v: nested(n - 1, v), x) if n else x + 1.0

    # Without `simplify`, which would put loops of one turn in line.
    passes = ("transform", "decompose", *FINEST)
    options = {"name": "deep", "passes": passes}
    if depth > 64:
        with pytest.raises(axe.AxecError, match=r"program-depth.*nest 70 deep"):
            axe.compile(lambda x: nested(depth, x), axe.spec((4,)), **options)
        return
    program = axe.compile(lambda x: nested(depth, x), axe.spec((4,)), **options).load()
    assert program(np.zeros(4, "f4")).tolist() == [2.0 ** (depth // 2)] * 4
