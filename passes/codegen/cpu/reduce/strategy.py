"""How a reduce kernel uses lanes and registers, decided from a trial evaluation.

Lanes run along the results' innermost run of axes where that reads memory in order, else along the
innermost run of folded axes. Several results are computed together, so that what one reads serves
the others and additions do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.graph.body import Body, Def
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import Affine, Graph, Index, Node
from axec.passes.codegen.cpu.graph.space import Run, positions, runs
from axec.passes.codegen.cpu.lanes.loops import weight
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.codegen.cpu.reduce.contraction import Contraction
from axec.passes.codegen.cpu.reduce.streamed import PIECE
from axec.passes.codegen.llvm import Module
from axec.passes.kernel.templates import Loop, Strips

Along = Literal["results", "depth"]

_WAITING = 4  # accumulators that hide an addition's latency
_WIDE = 8  # vectors side by side where a fold walks down columns: whole pieces of memory per row
_FAR, _FARTHEST = 1 << 20, 3 << 23  # bytes that come from the third cache, and from memory
_ROWS = 4  # that are added to a row of sums at a time; memory gives one after another faster
_LIGHT = 12  # instructions per element; heavier ones hide the latency themselves
_UNROLLED = 5  # a folded run up to this extent is written out
# Cost of reading a vector: one scalar for all lanes, in order, every few elements, anywhere.
_SCALAR, _ORDERED, _STRIDED, _ANYWHERE = 0.25, 1.0, 3.0, 16.0
_FEW = 4


@dataclass(frozen=True, slots=True)
class Space:
    """The iteration space of a folding op as runs of axes: of its `rank` result axes, and of the
    folded ones, which are counted on from there."""

    rank: int
    results: tuple[Run, ...]
    depth: tuple[Run, ...]

    def index(self, results: Sequence[Affine], depth: Sequence[Affine], folded: int) -> Index:
        """The joint index of a position per run; `folded`: how many folded axes there are."""
        return positions(self.rank + folded, [*self.results, *self.depth], [*results, *depth])


@dataclass(frozen=True, slots=True)
class Plan:
    """along: where lanes run. rows, lines, vectors: results computed together along a strip's rows,
    the last run but one, the last run. copies: accumulators per result that take turns. unrolled:
    the innermost folded run is written out. streamed: rows that are added to a row of sums at a
    time (streamed.py), or 0."""

    along: Along
    rows: int
    lines: int
    vectors: int
    copies: int
    unrolled: bool
    streamed: int = 0


def space_of(body: Body, op: Def, c: Contraction, walk: Loop | Strips) -> Space:
    """Find the runs; a strip's rows stay a run of their own."""
    rank = len(op.shape)

    def pull(ev: Evaluator, index: Index) -> None:
        at = index[:rank]
        c.elements(ev, at, index[rank:], ())
        ev.given[op, at] = ev.graph.variable(register_type(op.type.dtype))
        for result in body.results:
            ev.at(result, at)

    cuts = [walk.axis, walk.axis + 1] if isinstance(walk, Strips) else []
    found = runs(body, (*op.shape, *c.depth), pull, split=[rank, *cuts])
    results = tuple([g for g in found if g.axes[0] < rank])
    return Space(rank, results, tuple(found[len(results) :]))


def inner_runs(space: Space, walk: Loop | Strips) -> tuple[Run, ...]:
    """The runs that a unit covers whole: all behind a strip's axis, else the last."""
    if isinstance(walk, Strips):
        return tuple([g for g in space.results if g.axes[0] > walk.axis])
    return space.results[-1:]


def plan(f: Frame, op: Def, c: Contraction, space: Space, walk: Loop | Strips) -> Plan:
    """Choose, and set the number of lanes."""
    inner = inner_runs(space, walk)
    extents: dict[Along, Size] = {"results": inner[-1].extent} if inner else {}
    if space.depth or not inner:
        extents["depth"] = space.depth[-1].extent if space.depth else 1
    trials = {a: _trial(f.body, c, space, a) for a in extents}
    lanes = f.target.lanes(4)
    along = min(extents, key=lambda a: _reading(trials[a]) * _waste(extents[a], lanes))
    f.choose_lanes(trials[along], extents[along])
    lanes, budget = f.emission.lanes, f.target.vector_registers // (2 * len(c.fold.start()))
    rows = _at_most(walk.shape[walk.axis], walk.rows) if isinstance(walk, Strips) else 1
    lines = vectors = 1
    last = space.depth[-1].extent if space.depth else 1
    unrolled = along == "results" and isinstance(last, int) and last <= _UNROLLED
    if along == "results":
        most = _WAITING if unrolled or isinstance(walk, Strips) else _WIDE
        vectors = _vectors(extents[along], lanes, min(most, budget // rows))
        if len(inner) > 1:
            lines = _at_most(inner[-2].extent, max(1, min(_WAITING, budget // (rows * vectors))))
    streamed = _streamed(op, c, extents[along], lanes)
    if streamed and space.depth and along == "results" and not unrolled:
        return Plan(along, 1, 1, 1, 1, unrolled, streamed)
    copies = 1
    if not unrolled and rows * lines * vectors < _WAITING and weight(trials[along]) <= _LIGHT:
        each = lanes if along == "depth" else 1
        copies = _copies(space.depth[-1].extent, each) if space.depth else 1
    return Plan(along, rows, lines, vectors, copies, unrolled)


def _streamed(op: Def, c: Contraction, extent: Size, lanes: int) -> int:
    """How many rows of a reduction's operand are added to a row of sums at a time: none where it
    stays in the second cache, or where as many columns as go into registers are whole rows."""
    read = dims.product((*op.shape, *c.depth)) * op.operands[0].type.dtype.size
    if op.name != "reduce" or not isinstance(read, int) or not isinstance(extent, int):
        return 0
    sums = c.fold.start()
    if len(sums) > 1 or sums[0].type.bits == 1 or read < _FAR or extent <= 2 * _WIDE * lanes:
        return 0
    in_order = extent * sums[0].type.size <= PIECE  # the operand is read from end to end
    return 1 if in_order and read >= _FARTHEST else _ROWS


def _trial(body: Body, c: Contraction, space: Space, along: Along) -> list[Node]:
    """The elements of one result, with lanes along one run."""
    graph = Graph()
    results, depth = (
        [Affine(0, ((graph.variable(), 1),)) for _ in group]
        for group in (space.results, space.depth)
    )
    chosen = results if along == "results" else depth
    if chosen:
        chosen[-1] += Affine(step=1)
    index = space.index(results, depth, len(c.depth))
    evaluator = Evaluator(body, graph, Module("trial"))
    return c.elements(evaluator, index[: space.rank], index[space.rank :], ())


def _reading(roots: Sequence[Node]) -> float:
    return sum(_reading_of(n) for n in reachable(roots))


def _reading_of(node: Node) -> float:
    if node.kind == "load":
        return _SCALAR
    if node.kind == "gather":
        return _ANYWHERE
    if node.kind != "load_lanes":
        return 0
    step = abs(node.data[1])
    return _ORDERED if step <= 1 else _STRIDED if step <= _FEW else _ANYWHERE


def _waste(extent: Size, lanes: int) -> float:
    """Lanes computed per lane used."""
    if not isinstance(extent, int) or extent == 0:
        return 1
    return -(-extent // lanes) * lanes / extent


def _vectors(extent: Size, lanes: int, most: int) -> int:
    """The number of vectors side by side, at most `most`, that leaves the fewest idle."""
    if not isinstance(extent, int):
        return most
    needed = -(-extent // lanes)
    return min(range(1, most + 1), key=lambda n: (-(-needed // n) * n, -n))


def _at_most(size: Size, most: int) -> int:
    return min(size, most) if isinstance(size, int) else most


def _copies(extent: Size, each: int) -> int:
    copies = _WAITING
    while isinstance(extent, int) and copies > 1 and copies * each > extent:
        copies //= 2
    return copies
