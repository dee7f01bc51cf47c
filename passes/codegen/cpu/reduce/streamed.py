"""Folds down columns that come from memory: whole rows are added to a row of sums.

    for every piece of the results: sums of the piece = start
        for the positions along the folded axes, a few at a time: for every vector of the piece:
            add the elements at these positions to its sum
        apply the ops after the fold, store

A walk down a few columns touches a page per row, where a CPU reads ahead little; rows as they lie
come as fast as memory gives them. The sums stay in the first cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from axec.passes.codegen.cpu.graph.nodes import Node
from axec.passes.codegen.cpu.lanes.fold import add_lanes
from axec.passes.codegen.cpu.lanes.loops import Values, strided_loop
from axec.passes.codegen.llvm import Value, constant, vec
from axec.passes.codegen.llvm.types import I64

if TYPE_CHECKING:
    from axec.passes.codegen.cpu.reduce import ReduceKernel

PIECE = 1 << 14  # bytes of the sums of a piece


class Streamed:
    """The loops of a kernel over ranges of results. `sums`: of a piece."""

    def __init__(self, kernel: ReduceKernel) -> None:
        self.kernel, self.e = kernel, kernel.f.emission
        (self.point,) = kernel.points
        (start,) = kernel.c.fold.start(self.e.lanes)
        self.start, self.type = start, vec(start.type.element, self.e.lanes)
        self.vectors = PIECE // self.type.size
        self.sums = kernel.f.b.alloca(self.type, self.vectors, 64, "sums")

    def results(self, first: Value, last: Value) -> None:
        """The results [first, last) of the innermost run."""
        b = self.e.b
        with b.for_(first, last, self.vectors * self.e.lanes, name="piece") as piece:
            end = b.min(b.add(piece.index, self.vectors * self.e.lanes), last)
            self._each(piece.index, end, self._begin)
            self._fold(0, piece.index, end)
            self._each(piece.index, end, self._finish)

    def _each(self, first: Value, last: Value, do: Callable[[Value], None]) -> None:
        """`do` for the sum of every vector."""
        e, lane = self.e, self.kernel.along[-1]

        def step(_: Values) -> Values:
            at = e.b.udiv(e.b.sub(e.value(lane), first), e.lanes)
            do(e.b.at(self.sums, self.type, at))
            return ()

        strided_loop(e, lane, first, last, step, (), e.lanes)

    def _begin(self, sum_: Value) -> None:
        self.e.b.store(self.start, sum_)

    def _finish(self, sum_: Value) -> None:
        e, fold = self.e, self.kernel.c.fold
        e.bind(self.point.total, fold.finish(e.b, [e.b.load(self.type, sum_)]))
        self.kernel.store(self.point)

    def _fold(self, level: int, first: Value, last: Value) -> None:
        """Loops over the folded runs, from `level` inwards."""
        e, kernel = self.e, self.kernel
        e.emit(kernel.roots)
        variable, end = kernel.depth[level], kernel.f.size(kernel.space.depth[level].extent)
        if level < len(kernel.depth) - 1:
            with e.loop(variable, 0, end, name="k"):
                self._fold(level + 1, first, last)
            return
        count = kernel.plan.streamed
        whole = e.b.sub(end, e.b.and_(end, count - 1))
        for lo, hi, rows in (constant(I64, 0), whole, count), (whole, end, 1):
            with e.loop(variable, lo, hi, rows, name="k"):
                e.emit(kernel.roots)
                self._each(first, last, partial(self._add, self.point.elements[:rows]))

    def _add(self, elements: Sequence[Sequence[Node]], sum_: Value) -> None:
        """Add the elements at some positions to a vector's sum."""
        e = self.e
        e.emit([n for one in elements for n in one])
        found = [e.b.load(self.type, sum_)]
        for one in elements:
            found = add_lanes(e, self.kernel.c.fold, found, one)
        e.b.store(found[0], sum_)
