"""The orthogonal factor by reflections H = 1 - tau v v^T, in place. v[k] is 1, so that tau takes
its place on the diagonal; what becomes R is never looked at again and is not kept.

    result = x
    for k = 0, 1, ...: v, tau from column k; apply H to the columns behind it
    for k = ..., 1, 0: the columns behind k hold Q so far; apply H; column k is H e_k

A reflection goes through the rows below twice, along the rows, as memory is read fastest.
"""

from __future__ import annotations

from axec.passes.codegen.cpu.matrix.rows import Mask, Rows, Span, View
from axec.passes.codegen.llvm import Value, constant

_TOGETHER = 4  # rows whose products with v are summed before the sum is stored


def emit(m: Rows) -> None:
    """One matrix."""
    b, x, rows, n = m.b, m.result, m.size(-2), m.size(-1)
    m.copy(m.input(0), x, rows, n)
    with b.for_(0, n, name="k") as loop:
        k = loop.index
        below = _largest(m, x, k, rows)
        with b.if_else(b.cmp("ne", below, 0)) as way:
            with way.then():
                _reflector(m, x, k, rows, below)
                _reflect(m, x, k, rows, n)
            with way.else_():
                m.store(constant(m.type, 0), x.at(k, k))
    with b.for_(0, n, name="t") as loop:
        k = b.sub(b.sub(n, 1), loop.index)
        zeros = constant(m.vector, 0)  # in place of what row k held
        m.columns(b.add(k, 1), n, lambda j, mask: m.write(zeros, x.at(k, j), mask))
        _reflect(m, x, k, rows, n)
        _first_column(m, x, k, rows)


def _largest(m: Rows, x: View, k: Value, rows: Value) -> Value:
    """The largest magnitude in column k below row k."""
    b = m.b
    with b.for_(b.add(k, 1), rows, carried=[constant(m.type, 0)], name="i") as loop:
        loop.yield_(b.max(loop.carried[0], b.abs(m.load(x.at(loop.index, k)))))
    return loop.results[0]


def _reflector(m: Rows, x: View, k: Value, rows: Value, below: Value) -> None:
    """v and tau of the reflection that takes column k from row k on to (beta, 0, ...); beta has the
    sign that alpha = x[k, k] has not, so that alpha - beta loses no digits."""
    b = m.b
    alpha = m.load(x.at(k, k))
    scale = b.max(below, b.abs(alpha))  # so that no square is too large
    with b.for_(k, rows, carried=[constant(m.type, 0)], name="i") as loop:
        value = b.div(m.load(x.at(loop.index, k)), scale)
        loop.yield_(b.fma(value, value, loop.carried[0]))
    norm = b.mul(scale, b.sqrt(loop.results[0]))
    beta = b.neg(b.copysign(norm, alpha))
    m.store(b.div(b.sub(beta, alpha), beta), x.at(k, k))
    by = b.sub(alpha, beta)
    with b.for_(b.add(k, 1), rows, name="i") as loop:
        at = x.at(loop.index, k)
        m.store(b.div(m.load(at), by), at)


def _reflect(m: Rows, x: View, k: Value, rows: Value, n: Value) -> None:
    """Apply reflection k to the columns behind column k. Row k, whose own elements nobody needs
    afterwards, holds their products with v, and then -tau times these."""
    b, below = m.b, m.b.add(k, 1)
    span = m.span(below, n)
    rest = b.and_(b.sub(rows, below), _TOGETHER - 1)
    middle = b.sub(rows, rest)
    for first, last, count in ((below, middle, _TOGETHER), (middle, rows, 1)):
        with b.for_(first, last, count, name="i") as loop:
            _add(m, x, k, [b.add(loop.index, r) for r in range(count)], span)
    share = m.splat(b.neg(m.load(x.at(k, k))))

    def scale(j: Value, mask: Mask) -> None:
        m.write(b.mul(m.read(x.at(k, j), mask), share), x.at(k, j), mask)

    span.each(scale)
    with b.for_(below, rows, name="i") as loop:
        i = loop.index
        m.subtract(x, i, k, b.neg(m.load(x.at(i, k))), span)


def _add(m: Rows, x: View, k: Value, group: list[Value], span: Span) -> None:
    """x[k, j] += the sum of v[i] * x[i, j] over a group of rows, for the columns of a span."""
    b = m.b
    factors = [m.splat(m.load(x.at(i, k))) for i in group]

    def step(j: Value, mask: Mask) -> None:
        total = m.read(x.at(k, j), mask)
        for i, factor in zip(group, factors, strict=True):
            total = b.fma(factor, m.read(x.at(i, j), mask), total)
        m.write(total, x.at(k, j), mask)

    span.each(step)


def _first_column(m: Rows, x: View, k: Value, rows: Value) -> None:
    """Column k of Q: the reflection of the k-th unit vector."""
    b = m.b
    tau = m.load(x.at(k, k))
    with b.for_(0, k, name="i") as above:
        m.store(constant(m.type, 0), x.at(above.index, k))
    m.store(b.sub(constant(m.type, 1), tau), x.at(k, k))
    with b.for_(b.add(k, 1), rows, name="i") as below:
        at = x.at(below.index, k)
        m.store(b.neg(b.mul(tau, m.load(at))), at)
