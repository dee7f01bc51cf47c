"""Rows of matrices in vectors: what the decompositions are written with.

A `View` is a matrix in memory with strides in bytes, so that a transpose, or a matrix that is gone
through from its end, is a view too. Vectors run along rows of elements that follow each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from axec.dialects.dims import Size
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.lanes.registers import memory_type
from axec.passes.codegen.llvm import I64, PTR, Builder, Type, Value, constant, vec, zero
from axec.passes.codegen.llvm.values import Operand

PANEL = 32  # rows or columns that are handled before the rest learns of them
_ROWS, _VECTORS = 4, 2  # of a register tile: 8 sums, as many as hide the latency of an fma

Mask = Value | None


@dataclass(frozen=True, slots=True)
class View:
    """A matrix in memory: element (i, j) lies at base + i * row + j * column, in bytes."""

    b: Builder
    base: Value
    row: Value
    column: Value

    def at(self, i: Operand, j: Operand) -> Value:
        """The address of an element."""
        b = self.b
        start = b.offset(self.base, b.mul(self.row, i))
        return b.offset(start, b.mul(self.column, j))

    @property
    def transposed(self) -> View:
        return View(self.b, self.base, self.column, self.row)

    def from_end(self, rows: Value, columns: Value) -> View:
        """The same with both indices counted from the last; sizes in elements."""
        last = self.at(self.b.sub(rows, 1), self.b.sub(columns, 1))
        return View(self.b, last, self.b.neg(self.row), self.b.neg(self.column))


@dataclass(frozen=True, slots=True)
class Span:
    """Columns as whole vectors from lo to middle, and `rest` more under a mask."""

    m: Rows
    lo: Value
    middle: Value
    rest: Value
    mask: Mask

    def each(self, step: Callable[[Value, Mask], None]) -> None:
        """`step(column, mask)` for every vector."""
        b = self.m.b
        with b.for_(self.lo, self.middle, self.m.lanes, name="j") as loop:
            step(loop.index, None)
        if self.mask is not None:
            with b.if_(b.cmp("gt", self.rest, 0)):
                step(self.middle, self.mask)


class Rows:
    """The code of one unit of a kernel. `type`: of an element; `lanes`: of a vector, no more than
    a row of the result has."""

    def __init__(self, f: Frame, op: Def, unit: Value) -> None:
        self.f, self.op, self.b, self.unit = f, op, f.b, unit
        self.type: Type = memory_type(op.type.dtype)
        self.lanes = f.target.lanes(op.type.dtype.size)
        width = op.shape[-1]
        while isinstance(width, int) and self.lanes // 2 >= width and self.lanes > 1:
            self.lanes //= 2
        self.vector = vec(self.type, self.lanes)

    # The matrices of this unit.

    def input(self, number: int) -> View:
        """This unit's matrix of an operand."""
        return self._view(number, self.f.body.inputs[number].shape)

    @property
    def result(self) -> View:
        """This unit's matrix of the result."""
        return self._view(len(self.f.body.inputs), self.op.shape)

    def size(self, axis: int) -> Value:
        """A size of the result's matrices."""
        return self.f.size(self.op.shape[axis])

    def _view(self, slot: int, shape: tuple[Size, ...]) -> View:
        b, each = self.b, self.type.size
        base = self.f.emission.value(self.f.graph.slot(slot, PTR))
        row = b.mul(self.f.size(shape[-1]), each)
        matrix = b.mul(self.f.size(shape[-2]), row)
        return View(b, b.offset(base, b.mul(matrix, self.unit)), row, constant(I64, each))

    # Elements.

    def load(self, at: Value) -> Value:
        return self.b.load(self.type, at)

    def store(self, value: Value, at: Value) -> None:
        self.b.store(value, at)

    def read(self, at: Value, mask: Mask) -> Value:
        """A vector of elements; lanes outside of the mask are 0."""
        if mask is None:
            return self.b.load(self.vector, at)
        return self.b.masked_load(self.vector, at, mask, zero(self.vector))

    def write(self, value: Value, at: Value, mask: Mask) -> None:
        if mask is None:
            self.b.store(value, at)
        else:
            self.b.masked_store(value, at, mask)

    def splat(self, x: Value) -> Value:
        return self.b.splat(x, self.lanes)

    # Loops.

    def panels(self, n: Value, panel: Callable[[Value, Value, Value], None]) -> None:
        """`panel(first, last, n)` for every PANEL positions; `last` is n in the only one of a
        matrix that is known to be small."""
        b = self.b
        if n.const is not None and n.const <= PANEL:
            panel(constant(I64, 0), n, n)
            return
        with b.for_(0, n, PANEL, name="panel") as loop:
            panel(loop.index, b.min(b.add(loop.index, PANEL), n), n)

    def span(self, lo: Value, hi: Value) -> Span:
        """Columns lo to hi, cut into vectors here: outside of the loops over rows that use it."""
        b, lanes = self.b, self.lanes
        if lanes == 1:
            return Span(self, lo, hi, constant(I64, 0), None)
        rest = b.and_(b.sub(hi, lo), lanes - 1)
        return Span(self, lo, b.sub(hi, rest), rest, b.tail_mask(rest, lanes))

    def columns(self, lo: Value, hi: Value, step: Callable[[Value, Mask], None]) -> None:
        """`step(column, mask)` for vectors of columns: whole ones, then a masked rest."""
        self.span(lo, hi).each(step)

    def copy(self, source: View, target: View, rows: Value, columns: Value) -> None:
        """Copy a matrix whose rows follow each other in both."""
        count = self.b.mul(rows, columns)
        self.columns(
            constant(I64, 0),
            count,
            lambda j, mask: self.write(self.read(source.at(0, j), mask), target.at(0, j), mask),
        )

    def subtract(self, x: View, i: Value, k: Value, factor: Value, span: Span) -> None:
        """x[i, j] -= factor * x[k, j] for the columns of a span."""
        by = self.splat(self.b.neg(factor))

        def step(j: Value, mask: Mask) -> None:
            at = x.at(i, j)
            found = self.b.fma(by, self.read(x.at(k, j), mask), self.read(at, mask))
            self.write(found, at, mask)

        span.each(step)

    # What a panel changes in the rest.

    def update(
        self,
        x: View,
        factors: View,
        rows: tuple[Value, Value],
        columns: tuple[Callable[[Value], Value], Value],
        depth: tuple[Value, Value],
    ) -> None:
        """x[i, j] -= sum over k of factors[i, k] * x[k, j], for i in `rows`, k in `depth`, and j
        from columns[0](i) on, where i is the first row of a tile, to columns[1]."""
        b, (lo, hi) = self.b, rows
        rest = b.and_(b.sub(hi, lo), _ROWS - 1)
        middle = b.sub(hi, rest)
        for first, last, count in ((lo, middle, _ROWS), (middle, hi, 1)):
            with b.for_(first, last, count, name="row") as loop:
                i = loop.index
                self._tiles(x, factors, i, count, (columns[0](i), columns[1]), depth)

    def _tiles(
        self,
        x: View,
        factors: View,
        i: Value,
        count: int,
        columns: tuple[Value, Value],
        depth: tuple[Value, Value],
    ) -> None:
        """The tiles of `count` rows from i: two vectors wide, then one by one."""
        b, (lo, hi), wide = self.b, columns, _VECTORS * self.lanes
        middle = b.add(lo, b.mul(b.udiv(b.sub(hi, lo), wide), wide))
        with b.for_(lo, middle, wide, name="j") as loop:
            self._tile(x, factors, (i, count), loop.index, _VECTORS, None, depth)
        self.columns(
            middle, hi, lambda j, mask: self._tile(x, factors, (i, count), j, 1, mask, depth)
        )

    def _tile(
        self,
        x: View,
        factors: View,
        rows: tuple[Value, int],
        j: Value,
        vectors: int,
        mask: Mask,
        depth: tuple[Value, Value],
    ) -> None:
        b, (i, count), each = self.b, rows, self.lanes * self.type.size
        places = [
            b.offset(x.at(b.add(i, r), j), v * each) for r in range(count) for v in range(vectors)
        ]
        steps = [b.mul(factors.row, r) for r in range(count)]
        start = [self.read(at, mask) for at in places]
        pointers = [factors.at(i, depth[0]), x.at(depth[0], j)]
        with b.for_(*depth, carried=[*pointers, *start], name="k") as loop:
            left, above, *sums = loop.carried
            others = [self.read(b.offset(above, v * each), mask) for v in range(vectors)]
            found: list[Value] = []
            for r, step in enumerate(steps):
                factor = self.splat(b.neg(self.load(b.offset(left, step))))
                row = sums[r * vectors : (r + 1) * vectors]
                found += [b.fma(factor, o, s) for o, s in zip(others, row, strict=True)]
            loop.yield_(b.offset(left, factors.column), b.offset(above, x.row), *found)
        for value, at in zip(loop.results[2:], places, strict=True):
            self.write(value, at, mask)
