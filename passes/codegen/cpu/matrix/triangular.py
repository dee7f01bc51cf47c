"""Solution of triangular systems, in place. An upper triangle is a lower one from its end, and a
transpose has its strides exchanged: all are solved downwards.

    result = b
    for every panel of rows:
        for each row i in it: subtract the part of the panel's rows above, divide by the diagonal
        subtract the panel's part from the rows below

A single right side has rows of one element: there the vectors run along the triangle's rows (or
columns, in a transpose).
"""

from __future__ import annotations

from axec.passes.codegen.cpu.matrix.rows import Mask, Rows, View
from axec.passes.codegen.llvm import I64, Value, constant, vec, zero


def emit(m: Rows) -> None:
    """One matrix."""
    b, x, n, count = m.b, m.result, m.size(-2), m.size(-1)
    m.copy(m.input(1), x, n, count)
    a, op = m.input(0), m.op
    downwards = op["lower"] != op["transpose"]
    if count.const == 1:
        _Single(m, a, x, n).solve(downwards)
        return
    a = a.transposed if op["transpose"] else a
    if not downwards:
        a = a.from_end(n, n)
        x = View(b, x.at(b.sub(n, 1), 0), b.neg(x.row), x.column)
    m.panels(n, lambda first, last, n: _panel(m, (a, x), first, last, n))


def _panel(m: Rows, views: tuple[View, View], first: Value, last: Value, n: Value) -> None:
    b, (a, x), count = m.b, views, m.size(-1)
    start = constant(I64, 0)
    span = m.span(start, count)
    with b.for_(first, last, name="i") as loop:
        i = loop.index
        with b.for_(first, i, name="k") as above:
            m.subtract(x, i, above.index, m.load(a.at(i, above.index)), span)
        if not m.op["unit"]:
            by = m.splat(m.load(a.at(i, i)))

            def divide(j: Value, mask: Mask) -> None:
                at = x.at(i, j)
                m.write(b.div(m.read(at, mask), by), at, mask)

            span.each(divide)
    if last is not n:
        m.update(x, a, (last, n), (lambda i: start, count), (first, last))


class _Single:
    """One right side: x is a vector."""

    def __init__(self, m: Rows, a: View, x: View, n: Value) -> None:
        self.m, self.a, self.n = m, a, n
        self.x = View(m.b, x.base, x.row, x.row)  # of n rows of one element, or one row of n
        size = m.f.body.inputs[0].shape[-1]
        m.lanes = m.f.target.lanes(m.type.size)
        while isinstance(size, int) and m.lanes // 2 >= size and m.lanes > 1:
            m.lanes //= 2
        m.vector = vec(m.type, m.lanes)

    def solve(self, downwards: bool) -> None:
        """Row by row, each with all that is solved, or each taken from all that is not."""
        m, b, n = self.m, self.m.b, self.n
        with b.for_(0, n, name="t") as loop:
            i = loop.index if downwards else b.sub(b.sub(n, 1), loop.index)
            lower, upper = (constant(I64, 0), i), (b.add(i, 1), n)
            solved, others = (lower, upper) if downwards else (upper, lower)
            at = self.x.at(0, i)
            value = m.load(at)
            if not m.op["transpose"]:
                value = b.sub(value, self._dot(i, *solved))
            if not m.op["unit"]:
                value = b.div(value, m.load(self.a.at(i, i)))
            m.store(value, at)
            if m.op["transpose"]:
                self._subtract(i, value, *others)

    def _dot(self, i: Value, lo: Value, hi: Value) -> Value:
        """The sum of a[i, lo:hi] * x[lo:hi], in the order of lanes."""
        m, b = self.m, self.m.b
        rest = b.and_(b.sub(hi, lo), m.lanes - 1)
        middle = b.sub(hi, rest)

        def add(j: Value, mask: Mask, total: Value) -> Value:
            return b.fma(m.read(self.a.at(i, j), mask), m.read(self.x.at(0, j), mask), total)

        with b.for_(lo, middle, m.lanes, carried=[zero(m.vector)], name="j") as loop:
            loop.yield_(add(loop.index, None, loop.carried[0]))
        (total,) = loop.results
        if m.lanes > 1:
            with b.if_(b.cmp("gt", rest, 0), [total]) as arm:
                arm.yield_(add(middle, b.tail_mask(rest, m.lanes), total))
            (total,) = arm.results
        return b.reduce(total, b.add)

    def _subtract(self, i: Value, value: Value, lo: Value, hi: Value) -> None:
        """x[lo:hi] -= value * a[i, lo:hi]"""
        m, b = self.m, self.m.b
        by = m.splat(b.neg(value))

        def step(j: Value, mask: Mask) -> None:
            at = self.x.at(0, j)
            m.write(b.fma(by, m.read(self.a.at(i, j), mask), m.read(at, mask)), at, mask)

        m.columns(lo, hi, step)
