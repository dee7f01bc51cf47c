"""Template `row`: reductions over trailing axes and pointwise ops around them, row by row.

A row is walked in phases (phases.py): first the reductions that need no other, then those that need
the first, at last the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import ZERO, Affine, Buffer, Index, Node
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.graph.space import Run, positions, runs
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.cpu.lanes.fold import Reduction, across, add_lanes, join
from axec.passes.codegen.cpu.lanes.loops import Step, Values, lanes_loop, weight
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.codegen.cpu.row.phases import Phase, plan
from axec.passes.codegen.llvm import NULL, constant
from axec.passes.codegen.llvm.types import I64, VOID
from axec.passes.kernel import templates

_LIGHT = 12  # instructions per vector below which a fold waits for its accumulator
_COPIES = 4  # accumulators that take turns then
_NEAR = 1 << 14  # bytes of a row that the first cache holds beside what else a walk reads


def emit(f: Frame) -> None:
    """Write the loops of a row kernel."""
    space = templates.rows(f.define)
    if 0 not in space.lead:
        _RowKernel(f, space).emit()


def _beyond(size: Size, most: int) -> bool:
    return isinstance(size, int) and size > most


@dataclass(frozen=True, slots=True)
class _Walk:
    """One phase as nodes: its loop variables (`done` is bound after it), the elements to fold, the
    values to store and where to."""

    phase: Phase
    index: Index
    outer: list[Node]
    lane: Node
    done: Node
    elements: list[Node]
    values: list[Node]
    places: list[Node]

    @property
    def roots(self) -> list[Node]:
        return [*self.elements, *self.values, *self.places]


class _RowKernel:
    """The code of one row kernel. `results`: a reduction's result as a variable of its row."""

    def __init__(self, f: Frame, space: templates.Rows) -> None:
        self.f = f
        self.shape = (*space.lead, *space.trail)
        self.rank = len(space.lead)
        self.row = f.graph.variable()
        groups = runs(f.body, self.shape, self._probe, split=[self.rank])
        self.lead = [g for g in groups if g.axes[0] < self.rank]
        self.trail = groups[len(self.lead) :]
        extents = [g.extent for g in self.lead]
        self.lead_at = split(f.graph, Affine(0, ((self.row, 1),)), extents)
        row = positions(len(self.shape), self.lead, self.lead_at)[: self.rank]
        self.results = {d: self._result(d) for d in f.body.ops if d.name == "reduce"}
        f.evaluator.given |= {(d, row): node for d, node in self.results.items()}
        self.walks = [self._walk(phase) for phase in plan(f.body, self.shape)]
        small = [(i, r) for i, r in enumerate(f.body.results) if r.shape != self.shape]
        self.small = [
            self._target(i, f.evaluator.at(r, at := self._at(r, row)), at) for i, r in small
        ]

    def _result(self, d: Def) -> Node:
        return self.f.graph.variable(register_type(d.type.dtype), under=self.row.vars)

    def _probe(self, ev: Evaluator, index: Index) -> None:
        """Evaluate all that the loops will (see `runs`)."""
        row = index[: self.rank]
        for d in self.f.body.ops:
            if d.name == "reduce":
                ev.at(d.operands[0], index)
                ev.given[d, row] = ev.graph.variable(register_type(d.type.dtype))
        for r in self.f.body.results:
            ev.at(r, index if r.shape == self.shape else self._at(r, row))

    def _at(self, d: Def, row: Index) -> Index:
        """The index of a tensor with one element per row: axes of size 1 may follow."""
        return row + (ZERO,) * (len(d.shape) - self.rank)

    def _target(self, number: int, value: Node, index: Index) -> tuple[Buffer, Node, Node]:
        """An output, the value for it and the address."""
        output = self.f.evaluator.output(number)
        return output, value, self.f.graph.address(output, self.f.graph.offset(output, index))

    def _walk(self, phase: Phase) -> _Walk:
        """The nodes of one phase, with loop variables of its own."""
        graph, ev = self.f.graph, self.f.evaluator
        outer = [graph.variable() for _ in self.trail[:-1]]
        lane, done = graph.variable(), graph.variable(VOID)
        along = [Affine(0, ((v, 1),)) for v in outer]
        if self.trail:
            along.append(Affine(0, ((lane, 1),), 1))
        index = positions(len(self.shape), [*self.lead, *self.trail], [*self.lead_at, *along])
        elements = [ev.at(d.operands[0], index) for d in phase.folds]
        targets = [self._target(i, ev.at(d, index), index) for d, i in phase.stores]
        for (d, _), (output, _, _) in zip(phase.stores, targets, strict=True):
            ev.buffers[d] = Buffer(output.base, output.dtype, output.shape, after=done)
        values, places = [t[1] for t in targets], [t[2] for t in targets]
        return _Walk(phase, index, outer, lane, done, elements, values, places)

    def emit(self) -> None:
        f, e = self.f, self.f.emission
        roots = [n for walk in self.walks for n in walk.roots]
        roots += [n for _, value, place in self.small for n in (value, place)]
        f.choose_lanes(roots, self.trail[-1].extent if self.trail else 1)
        e.emit(roots)
        with e.loop(self.row, f.lo, f.hi, name="row"):
            e.emit(roots)
            for walk in self.walks:
                self._emit_walk(walk)
            for output, value, place in self.small:
                memory.store(e, output.dtype, e.value(place), e.value(value))

    def _emit_walk(self, walk: _Walk) -> None:
        e, reduces = self.f.emission, walk.phase.folds
        folds = [Reduction(d["kind"], d.type.dtype) for d in reduces]
        cost = weight(walk.roots)
        copies = self._copies(cost) if folds else 1
        starts = [value for fold in folds for value in fold.start(e.lanes)] * copies
        found = self._nest(walk, self._step(walk, folds), 0, starts, cost, copies)
        for i, (d, fold) in enumerate(zip(reduces, folds, strict=True)):
            total = join(fold, e.b, [[value] for value in found[i :: len(folds)]])
            e.bind(self.results[d], fold.finish(e.b, across(fold, e.b, total)))
        e.bind(walk.done, NULL)

    def _copies(self, cost: int) -> int:
        """How many accumulators take turns: enough to hide an addition's latency, where there is
        enough to add."""
        extent, copies = self.trail[-1].extent if self.trail else 1, _COPIES
        if cost > _LIGHT:
            return 1
        while isinstance(extent, int) and copies > 1 and copies * self.f.emission.lanes > extent:
            copies //= 2
        return copies

    def _step(self, walk: _Walk, folds: Sequence[Reduction]) -> Step:
        e = self.f.emission
        claimed = self._claimed(walk)

        def step(carried: Values) -> Values:
            e.emit([*walk.roots, *claimed])
            for place in claimed:
                e.b.prefetch(e.value(place), write=True)
            for value, place, (_, i) in zip(
                walk.values, walk.places, walk.phase.stores, strict=True
            ):
                dtype = self.f.evaluator.output(i).dtype
                memory.store(e, dtype, e.value(place), e.vector(value))
            parts = zip(folds, carried, walk.elements, strict=True)
            return [v for fold, acc, x in parts for v in add_lanes(e, fold, [acc], [x])]

        return step

    def _claimed(self, walk: _Walk) -> list[Node]:
        """Lines of the results that a walk asks for, so that they are there when the next one, the
        last, stores to them: stores that wait for memory hold up the loads behind them, of other
        addresses that agree in their last 12 bits. The first walk has its own loads to wait for."""
        if len(self.walks) < 3 or walk is not self.walks[-2]:
            return []
        graph, ev = self.f.graph, self.f.evaluator
        outputs = [ev.output(i) for _, i in self.walks[-1].phase.stores]
        length = dims.product(self.shape[self.rank :])
        near = [o for o in outputs if not _beyond(length * o.dtype.size, _NEAR)]
        return [graph.address(o, graph.offset(o, walk.index)) for o in near]

    def _nest(
        self, walk: _Walk, step: Step, depth: int, carried: Values, cost: int, copies: int
    ) -> Values:
        """The loops over the runs of a row, from `depth` inwards."""
        f, e = self.f, self.f.emission
        e.emit(walk.roots)
        last = self.trail[-1] if self.trail else Run((), 1)
        if depth == len(walk.outer):
            zero, end = constant(I64, 0), f.size(last.extent)
            return lanes_loop(
                e, walk.lane, zero, end, step, weight=cost, carried=carried, copies=copies
            )
        extent = f.size(self.trail[depth].extent)
        with e.loop(walk.outer[depth], 0, extent, carried=carried, name="t") as loop:
            loop.yield_(*self._nest(walk, step, depth + 1, loop.carried, cost, copies))
        return loop.results
