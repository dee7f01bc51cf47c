"""Cholesky decomposition, as x = U^T U in the upper triangle, whose rows are what a step changes.

U = upper triangle from x's lower one
for every panel of rows:
    for each row k in it: U[k, k:] /= sqrt(U[k, k]); subtract its part from the panel's rows
    subtract the panel's part from the rows below
result = U^T, or NaN where a pivot was not positive and finite
"""

from __future__ import annotations

import math

from axec.passes.codegen.cpu.matrix.rows import Mask, Rows, View
from axec.passes.codegen.llvm import I1, Value, constant


def emit(m: Rows) -> None:
    """One matrix."""
    b, u, n = m.b, m.result, m.size(-1)
    source = m.input(0)
    with b.for_(0, n, name="i") as row, b.for_(0, b.add(row.index, 1), name="j") as column:
        m.store(m.load(source.at(row.index, column.index)), u.at(column.index, row.index))
    m.panels(n, lambda first, last, n: _panel(m, u, first, last, n))
    with b.for_(0, n, carried=[constant(I1, 1)], name="i") as check:
        i = check.index
        # The root of a pivot that is not positive is NaN, or 0.
        root = m.load(u.at(i, i))
        found = b.and_(b.cmp("gt", root, 0), b.cmp("lt", root, constant(m.type, math.inf)))
        check.yield_(b.and_(check.carried[0], found))
    _transpose(m, u, n, check.results[0])


def _panel(m: Rows, u: View, first: Value, last: Value, n: Value) -> None:
    b = m.b
    with b.for_(first, last, name="k") as loop:
        k = loop.index
        root = b.sqrt(m.load(u.at(k, k)))
        m.store(root, u.at(k, k))
        by = m.splat(root)

        def divide(j: Value, mask: Mask) -> None:
            at = u.at(k, j)
            m.write(b.div(m.read(at, mask), by), at, mask)

        m.columns(b.add(k, 1), n, divide)
        with b.for_(b.add(k, 1), last, name="i") as below:
            i = below.index
            m.subtract(u, i, k, m.load(u.at(k, i)), m.span(i, n))
    if last is not n:
        m.update(u, u.transposed, (last, n), (lambda i: i, n), (first, last))


def _transpose(m: Rows, u: View, n: Value, is_right: Value) -> None:
    """The upper triangle into the lower one, where zeros take its place."""
    b, nan, zero = m.b, constant(m.type, math.nan), constant(m.type, 0)
    with b.for_(0, n, name="i") as loop:
        i = loop.index
        m.store(b.select(is_right, m.load(u.at(i, i)), nan), u.at(i, i))
        with b.for_(b.add(i, 1), n, name="j") as inner:
            j = inner.index
            m.store(b.select(is_right, m.load(u.at(i, j)), nan), u.at(j, i))
            m.store(zero, u.at(i, j))
