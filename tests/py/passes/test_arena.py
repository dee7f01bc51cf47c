"""Placement: buffers in use at the same time never overlap, for any size of the dims, and little is
wasted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.programs import mlp, transformer

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.passes import base
from axec.passes.kernel.plan.arena import ALIGN, Bytes, Item, place
from axec.passes.kernel.plan.bounds import bound

RANGES = {"n": (1, 40), "m": (3, 17)}
SIZES = (
    "0", "1", "64", "100", "4096", "4*n", "64*n", "40*m + 12", "4*n*m", "256*n*m", "4*n*n",
    "4*floordiv(n + 1, 2)", "8*m*floordiv(n, 3) + 4", "4*n*m - 4*n", "4*m - 12",
    "12*n*n - 12*n + 64",
)  # fmt: skip


@st.composite
def items(draw: st.DrawFn, sizes: tuple[str, ...] = SIZES) -> list[Item]:
    found = []
    for _ in range(draw(st.integers(1, 14))):
        first = draw(st.integers(0, 10))
        size = dims.parse(draw(st.sampled_from(sizes)))
        found.append(Item(size, first, first + draw(st.integers(0, 5))))
    return found


def meet(a: Item, b: Item) -> bool:
    return a.first <= b.last and b.first <= a.last


def value(size: Bytes, at: dict[str, int]) -> int:
    return max(dims.evaluate(term, at) for term in size)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(items())
def test_no_overlap_for_any_dims(given_items: list[Item]) -> None:
    placed = place(given_items, RANGES)
    for n, m in itertools.product((1, 2, 3, 7, 13, 40), (3, 4, 9, 17)):
        at = {"n": n, "m": m}
        low = [value(o, at) for o in placed.offsets]
        high = [o + dims.evaluate(i.nbytes, at) for o, i in zip(low, given_items, strict=True)]
        total = value(placed.total, at)
        assert all(o >= 0 and o % ALIGN == 0 for o in low)
        assert all(h <= total for h in high)
        for a, b in itertools.combinations(range(len(low)), 2):
            if meet(given_items[a], given_items[b]):
                assert high[a] <= low[b] or high[b] <= low[a], f"{a} and {b} at {at}"


@settings(deadline=None, max_examples=100, derandomize=True)
@given(items(sizes=("0", "1", "64", "100", "192", "4096", "70000")))
def test_fixed_sizes_share(given_items: list[Item]) -> None:
    placed = place(given_items, {})
    rounded = [-(-dims.evaluate(i.nbytes, {}) // ALIGN) * ALIGN for i in given_items]
    alive = [
        sum(n for n, i in zip(rounded, given_items, strict=True) if i.first <= t <= i.last)
        for t in range(16)
    ]
    assert max(alive) <= placed.total[0] <= sum(rounded)  # type: ignore[operator]


@settings(deadline=None, max_examples=200, derandomize=True)
@given(st.sampled_from(SIZES), st.sampled_from(SIZES), st.integers(1, 40), st.integers(3, 17))
def test_bounds_are_above(a: str, b: str, n: int, m: int) -> None:
    size: Size = dims.parse(a) + dims.parse(b) * 3
    found = bound(size, RANGES)
    assert all(c >= 0 for c in found.values())
    at = {"n": n, "m": m}
    total = 0
    for monomial, c in found.items():
        for name in monomial:
            c *= at[str(name)]
        total += c
    assert dims.evaluate(size, at) <= total


@pytest.mark.parametrize(
    ("model", "ratio"),
    [
        (mlp("batch"), 1.01),
        (transformer(12), 1.0),
        (transformer(4, batch="batch", seq="seq"), 1.01),
    ],
)
def test_near_the_lower_bound(model: object, ratio: float) -> None:
    reports: dict[str, list[object]] = {}
    passes = base.parse_pipeline("decompose,simplify,fuse,outline,schedule,plan")
    base.run_pipeline(model, passes, reports=reports)
    report = reports["plan"][0]
    assert report.lower_bound <= report.arena <= ratio * report.lower_bound  # type: ignore[attr-defined]
    assert report.arena < report.unshared or report.unshared < 4 * report.lower_bound  # type: ignore[attr-defined]
