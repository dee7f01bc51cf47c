"""LU decomposition with exchanged rows, in place.

result = x, and below it the numbers of its rows
for every panel of columns:
    for each column k in it: exchange rows for the largest pivot, divide the column by it,
        subtract its part from the panel's columns
    finish the panel's rows to the right of it, subtract their part from the rest
"""

from __future__ import annotations

from axec.passes.codegen.cpu.matrix.rows import Mask, Rows, View
from axec.passes.codegen.llvm import Value, constant


def emit(m: Rows) -> None:
    """One matrix."""
    b, x, n = m.b, m.result, m.size(-1)
    m.copy(m.input(0), x, n, n)
    with b.for_(0, n, name="i") as loop:
        m.store(b.convert(loop.index, m.type), x.at(n, loop.index))
    m.panels(n, lambda first, last, n: _panel(m, x, first, last, n))


def _panel(m: Rows, x: View, first: Value, last: Value, n: Value) -> None:
    b = m.b
    with b.for_(first, last, name="k") as loop:
        k = loop.index
        _exchange(m, x, k, _largest(m, x, k, n), n)
        pivot, span = m.load(x.at(k, k)), m.span(b.add(k, 1), last)
        with b.if_(b.cmp("ne", pivot, 0)), b.for_(b.add(k, 1), n, name="i") as below:
            i = below.index
            factor = b.div(m.load(x.at(i, k)), pivot)
            m.store(factor, x.at(i, k))
            m.subtract(x, i, k, factor, span)
    if last is n:
        return
    span = m.span(last, n)
    with b.for_(first, last, name="k") as right, b.for_(b.add(right.index, 1), last) as below:
        factor = m.load(x.at(below.index, right.index))
        m.subtract(x, below.index, right.index, factor, span)
    m.update(x, x, (last, n), (lambda i: last, n), (first, last))


def _largest(m: Rows, x: View, k: Value, n: Value) -> Value:
    """The row of the largest element of column k from row k on; NaN is none."""
    b = m.b
    with b.for_(k, n, carried=[constant(m.type, -1), k], name="i") as loop:
        value = b.abs(m.load(x.at(loop.index, k)))
        larger = b.cmp("gt", value, loop.carried[0])
        pairs = zip((value, loop.index), loop.carried, strict=True)
        loop.yield_(*[b.select(larger, new, old) for new, old in pairs])
    return loop.results[1]


def _exchange(m: Rows, x: View, k: Value, other: Value, n: Value) -> None:
    b = m.b
    with b.if_(b.cmp("ne", k, other)):

        def step(j: Value, mask: Mask) -> None:
            places = (x.at(k, j), x.at(other, j))
            above, below = (m.read(at, mask) for at in places)
            m.write(below, places[0], mask)
            m.write(above, places[1], mask)

        m.columns(constant(n.type, 0), n, step)
        places = (x.at(n, k), x.at(n, other))
        first, second = (m.load(at) for at in places)
        m.store(second, places[0])
        m.store(first, places[1])
