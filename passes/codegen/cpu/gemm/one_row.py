"""Products with one row: `right` is read once, so the order of reading it decides.

Weights lie in panels, which a tile of one row reads as one stream (tiled.py; 9.4 MB from the third
cache at 91 GB/s, Zen 4). Here are the products whose `right` lies as its program made it:

Columns are neighbours: y += x[k] * right[k, :] for several k at a time, along all columns of a
part: long sequential streams (64 columns of every row at a time read at 10-14 GB/s).
k are neighbours: dot products, several columns at a time.

Both ask for what they read next while they read: 28 and 24 GB/s from memory instead of 22 and 19,
where reading alone has 34 (one core, 1x768x3072 and 1x768x50257, other work beside).
"""

from __future__ import annotations

from collections.abc import Callable

from axec.passes.codegen.cpu.gemm.control import when
from axec.passes.codegen.cpu.gemm.setting import Panel, Setting, load, store
from axec.passes.codegen.llvm import I64, Value, constant, zero
from axec.passes.kernel.weight_layouts import PANEL

STREAMS = 8  # rows of `right` that are read side by side
DOTS = 8  # columns of `right` that are read side by side


def multiply(s: Setting, p: Panel) -> None:
    """Columns [p.column, p.end_column) of the only row; they may be many panels."""
    assert p.sums is not None, "the sums of one row are built up in memory"
    way = _add_rows if s.problem.layout == "row" else _dots
    way(s, p, p.sums)
    if s.epilogue:
        place = s.b.at(p.sums, s.sum, p.column)
        s.epilogue.row(place, [p.batch], p.column, p.end_column, PANEL)


def _add_rows(s: Setting, p: Panel, sums: Value) -> None:
    b = s.b
    _across(s, p, lambda at, mask: store(b, b.at(sums, s.sum, at), zero(s.vector), mask))
    most = b.sub(s.k, b.urem(s.k, STREAMS))
    for lo, hi, count in ((constant(I64, 0), most, STREAMS), (most, s.k, 1)):
        if lo.const is None or lo.const != hi.const:
            with b.for_(lo, hi, count, name="k") as loop:
                _add(s, p, sums, [b.add(loop.index, i) for i in range(count)])


def _add(s: Setting, p: Panel, sums: Value, steps: list[Value]) -> None:
    """Add the products of some k to the sums."""
    b, single = s.b, s.single
    factors = [
        single.left(
            b, b.splat(b.load(s.element, b.offset(p.left, b.mul(k, s.steps.left_k))), s.tile.lanes)
        )
        for k in steps
    ]
    rows = [b.offset(p.right, b.mul(k, s.steps.right_k)) for k in steps]

    def add(column: Value, mask: Value | None) -> None:
        place = b.at(sums, s.sum, column)
        found = load(b, s.vector, place, mask)
        for factor, row in zip(factors, rows, strict=True):
            here = b.at(row, s.element, column)
            b.prefetch(b.offset(here, b.mul(s.steps.right_k, len(steps))), locality=2)
            vector = load(b, s.elements, here, mask)
            found = single.add(b, found, factor, single.right(b, vector))
        store(b, place, found, mask)

    _across(s, p, add)


def _across(s: Setting, p: Panel, step: Callable[[Value, Value | None], None]) -> None:
    """`step` for every vector of columns, the last one masked."""
    b, lanes = s.b, s.tile.lanes
    n = s.problem.gemm.n
    rest = constant(I64, 0)
    if not isinstance(n, int) or n % lanes:
        rest = b.urem(b.sub(p.end_column, p.column), lanes)
    end = b.sub(p.end_column, rest)
    with b.for_(p.column, end, lanes, name="column") as loop:
        step(loop.index, None)
    when(b, b.cmp("gt", rest, 0), lambda: step(end, b.tail_mask(rest, lanes)))


def _dots(s: Setting, p: Panel, sums: Value) -> None:
    """Columns beyond the end are the last one once more."""
    b, lanes = s.b, s.tile.lanes
    last = b.sub(p.end_column, 1)
    whole = b.sub(s.k, b.urem(s.k, lanes))
    with b.for_(p.column, p.end_column, DOTS, name="column") as outer:
        columns = [b.min(b.add(outer.index, i), last) for i in range(DOTS)]
        starts = [b.offset(p.right, b.mul(c, s.steps.right_n)) for c in columns]
        with b.for_(0, whole, lanes, carried=[zero(s.vector)] * DOTS, name="k") as loop:
            loop.yield_(*_products(s, p, starts, loop.index, None, loop.carried))
        mask = b.tail_mask(b.sub(s.k, whole), lanes)
        found = _products(s, p, starts, whole, mask, loop.results)
        for column, vector in zip(columns, found, strict=True):
            b.store(b.reduce(vector, b.add), b.at(sums, s.sum, column))


def _products(
    s: Setting,
    p: Panel,
    starts: list[Value],
    k: Value,
    mask: Value | None,
    sums: tuple[Value, ...],
) -> list[Value]:
    """`sums` plus a vector's worth of k for some columns."""
    b, single = s.b, s.single
    x = single.left(b, load(b, s.elements, b.at(p.left, s.element, k), mask))
    found = []
    for start, total in zip(starts, sums, strict=True):
        here = b.at(start, s.element, k)
        b.prefetch(b.offset(here, b.mul(s.steps.right_n, DOTS)), locality=2)
        y = single.right(b, load(b, s.elements, here, mask))
        found.append(single.add(b, total, x, y))
    return found
