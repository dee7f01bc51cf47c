"""Map kernels of concatenations: a loop per part, in which no element asks what part it is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.graph.body import Body, Def
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import Affine, Index, Node
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.graph.space import Run, positions, runs
from axec.passes.codegen.cpu.lanes.loops import Step, lanes_loop, over_rows, stores, weight
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.codegen.cpu.map import turned
from axec.passes.codegen.llvm import Value
from axec.passes.kernel import templates

_MOST = 32  # parts: each has code of its own
_MORE = 1.25  # times as many vectors of parts as of whole rows: from here on masks cost less


def emit(f: Frame, walk: templates.Loop) -> bool:
    """Write the loops of a map kernel whose results are concatenated, or pointwise ops of what is.
    False, and nothing written, where there is none or rows are not whole pieces of its parts."""
    concats = _concats(f.body)
    if not concats or len(_pieces(concats[0])) > _MOST:
        return False
    axis, shape = concats[0]["axis"], f.body.results[0].shape
    groups = runs(f.body, shape, lambda ev, index: _probe(ev, concats, index), split=[axis])
    if not groups or groups[-1].axes[0] != axis or not all(_is_piece(f.body, d) for d in concats):
        return False
    row = f.graph.variable()
    parts = _parts(f, concats, groups, row)
    values = [n for part in parts for n in part.values]
    if any(turned.is_turned(n, row) for n in reachable(values)):
        return False
    f.choose_lanes(values, groups[-1].extent)
    if _vectors([p.size for p in parts], f) > _MORE * _vectors([groups[-1].extent], f):
        return False
    roots = [n for part in parts for n in (*part.values, *part.places)]
    over_rows(f, walk, groups, row, roots, partial(_along, f, parts))
    return True


def _vectors(sizes: Sequence[Size], f: Frame) -> int:
    """How many vectors rows of these sizes take; nothing where they are not known."""
    return sum(-(-n // f.emission.lanes) for n in sizes if isinstance(n, int))


def _concats(body: Body) -> list[Def]:
    """The concatenations that the results are, or are pointwise ops of: those cut as the first."""
    found: list[Def] = []
    seen = set(body.results)
    stack = list(seen)
    while stack:
        d = stack.pop()
        if d.name == "concat" and (not found or _cuts(d) == _cuts(found[0])):
            found.append(d)
        elif d.op and d.op.group == "pointwise":
            stack += [x for x in d.operands if x not in seen]
            seen |= set(d.operands)
    return found


def _cuts(concat: Def) -> tuple[Size, ...]:
    axis = concat["axis"]
    return (axis, *[x.shape[axis] for x in _pieces(concat)])


def _pieces(concat: Def) -> list[Def]:
    """What is concatenated, also by concatenations inside of concatenations, in order."""
    found: list[Def] = []
    stack = [concat]
    while stack:
        d = stack.pop()
        if d.name == "concat" and d["axis"] == concat["axis"]:
            stack += reversed(d.operands)
        else:
            found.append(d)
    return found


def _probe(ev: Evaluator, concats: Sequence[Def], index: Index) -> None:
    """Evaluate all that the loops will, as if each part were the whole (see `runs`)."""
    for d in concats:
        wide = [x for x in _pieces(d) if x.shape[d["axis"]] != 1]
        found = [ev.at(x, index) for x in wide]
        ev.given[d, index] = (
            found[0] if found else ev.graph.constant(register_type(d.type.dtype), 0)
        )
    for number, result in enumerate(ev.body.results):
        ev.at(result, index)
        ev.graph.load(ev.output(number), index)


def _is_piece(body: Body, concat: Def) -> bool:
    """Do the axes behind the cut one join in parts of size 1 too? These tell nothing about the cut
    axis, so that `_probe` leaves them out."""
    axis = concat["axis"]
    for x in _pieces(concat):
        if x.shape[axis] != 1:
            continue
        found = runs(body, x.shape, partial(_pull, x), split=[axis])
        if len([run for run in found if run.axes[-1] > axis]) > 1:
            return False
    return True


def _pull(x: Def, ev: Evaluator, index: Index) -> Node:
    return ev.at(x, index)


@dataclass(frozen=True, slots=True)
class _Part:
    """The elements [start, start + size) of a row: its loop's variable, the results and their
    addresses as nodes, and what computes and stores one vector of them."""

    start: Size
    size: Size
    lane: Node
    values: list[Node]
    places: list[Node]
    step: Step


def _parts(f: Frame, concats: Sequence[Def], groups: Sequence[Run], row: Node) -> list[_Part]:
    graph, ev, results = f.graph, f.evaluator, f.body.results
    axis, shape = concats[0]["axis"], results[0].shape
    outer = split(graph, graph.of_node(row), [run.extent for run in groups[:-1]])[: len(groups) - 1]
    found: list[_Part] = []
    start: Size = 0
    for k, operand in enumerate(_pieces(concats[0])):
        size = operand.shape[axis] * dims.product(shape[axis + 1 :])
        lane = graph.variable()
        at = Affine(0, ((lane, 1),), 1)
        index = positions(len(shape), groups, [*outer, at])
        inside = positions(len(shape), groups, [*outer, at - graph.size(start)])
        for d in concats:
            ev.given[d, index] = ev.at(_pieces(d)[k], inside)
        values = [ev.at(r, index) for r in results]
        step, places = stores(f, values, [index] * len(results))
        found.append(_Part(start, size, lane, values, places, step))
        start = start + size
    return [part for part in found if part.size != 0]


def _along(f: Frame, parts: Sequence[_Part], first: Value, last: Value) -> None:
    """The elements [first, last) of a row."""
    b = f.b
    for part in parts:
        lo = b.max(first, f.size(part.start))
        hi = b.max(lo, b.min(last, f.size(part.start + part.size)))
        lanes_loop(f.emission, part.lane, lo, hi, part.step, weight=weight(part.values))
