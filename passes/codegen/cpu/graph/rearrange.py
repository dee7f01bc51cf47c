"""Rearranging ops as index arithmetic: which element of which operand a result element is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.nodes import ZERO, Affine, Graph, Index, Mask, Node
from axec.passes.codegen.llvm import I64

if TYPE_CHECKING:
    from axec.passes.codegen.cpu.graph.evaluate import Evaluator

Question = tuple[Def, Index, Mask]
Answer = Generator[Question, Node, Node]
Rule = Callable[["Evaluator", Def, Index, Mask], Answer]


def _broadcast(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    (x,) = d.operands
    source = [ZERO if n == 1 else index[a] for n, a in zip(x.shape, d["axes"], strict=True)]
    return (yield x, tuple(source), mask)


def _transpose(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    source = [ZERO] * len(index)
    for i, a in zip(index, d["perm"], strict=True):
        source[a] = i
    return (yield d.operands[0], tuple(source), mask)


def _slice(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    axes = zip(index, d["start"], d["step"], strict=True)
    source = [ev.graph.size(start) + i * step for i, start, step in axes]
    return (yield d.operands[0], tuple(source), mask)


def _reverse(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    source = list(index)
    for a in d["axes"]:
        source[a] = ev.graph.size(d.shape[a]) - 1 - index[a]
    return (yield d.operands[0], tuple(source), mask)


def _pad(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    x, value = d.operands
    inside: list[Node] = []
    source = list(index)
    for a, (low, high) in enumerate(zip(d["low"], d["high"], strict=True)):
        source[a] = index[a] - low
        if low:
            inside.append(ev.graph.at_least(source[a], 0))
        if high:
            inside.append(ev.graph.below(source[a], ev.graph.size(x.shape[a])))
    found = yield x, tuple(source), ev.graph.both(mask, *inside)
    fill = yield value, (), mask
    return ev.graph.select(inside, found, fill)


def _concat(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    graph, axis = ev.graph, d["axis"]
    position, start = index[axis], ZERO
    parts: list[tuple[Node, Node]] = []  # below its end, the element
    for x in d.operands:
        end = start + graph.size(x.shape[axis])
        before = graph.below(position, end)
        where = graph.both(mask, graph.at_least(position, start), before)
        source = (*index[:axis], position - start, *index[axis + 1 :])
        parts.append((before, (yield x, source, where)))
        start = end
    found = parts[-1][1]
    for before, element in reversed(parts[:-1]):
        found = graph.select([before], element, found)
    return found


def _take(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    x, indices = d.operands
    axis, rank = d["axis"], len(indices.shape)
    number = yield indices, index[axis : axis + rank], mask
    position = clamped(ev.graph, number, x.shape[axis] - 1)
    source = (*index[:axis], position, *index[axis + rank :])
    return (yield x, source, mask)


def _dynamic_slice(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    x, *starts = d.operands
    source = list(index)
    for a, start in enumerate(starts):
        if x.shape[a] != d.shape[a]:
            first = yield start, (), mask
            source[a] = index[a] + clamped(ev.graph, first, x.shape[a] - d.shape[a])
    return (yield x, tuple(source), mask)


def _dynamic_update(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    x, update, *starts = d.operands
    inside: list[Node] = []
    source = list(index)
    for a, start in enumerate(starts):
        size = update.shape[a]
        if x.shape[a] != size:
            first = yield start, (), mask
            source[a] = index[a] - clamped(ev.graph, first, x.shape[a] - size)
            inside.append(ev.graph.at_least(source[a], 0))
            inside.append(ev.graph.below(source[a], ev.graph.size(size)))
    new = yield update, tuple(source), ev.graph.both(mask, *inside)
    old = yield x, index, mask
    return ev.graph.select(inside, new, old)


def clamped(graph: Graph, number: Node, last: Size) -> Affine:
    """An i32 or i64 element as a position in [0, last]."""
    wide = number if number.type is I64 else graph.node("convert", I64, (number,))
    return graph.of_node(graph.clamp(wide, graph.integer(0), graph.index(graph.size(last))))


def _reshape(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    (x,) = d.operands
    source: list[Affine] = []
    for inner, outer in _aligned(x.shape, d.shape):
        sizes, parts = d.shape[outer], index[outer]
        source += split(ev.graph, joined(ev.graph, parts, sizes), x.shape[inner])
    return (yield x, tuple(source), mask)


def _aligned(x: Sequence[Size], y: Sequence[Size]) -> list[tuple[slice, slice]]:
    """Cut both shapes into the shortest runs of axes with equal element counts, pairwise."""
    found: list[tuple[slice, slice]] = []
    after_x, after_y = ([dims.product(s[i:]) for i in range(len(s) + 1)] for s in (x, y))
    cuts = [(i, j) for i in range(len(x) + 1) for j in range(len(y) + 1)]
    i = j = 0
    for m, n in cuts[1:]:
        if n < j or after_x[m] != after_y[n]:
            continue
        if dims.product(x[i:m]) == dims.product(y[j:n]):
            found.append((slice(i, m), slice(j, n)))
            i, j = m, n
    return found


def joined(graph: Graph, parts: Sequence[Affine], sizes: Sequence[Size]) -> Affine:
    """The row-major number of an index."""
    found = ZERO
    stride: Size = 1
    for position, size in zip(reversed(parts), reversed(sizes), strict=True):
        found += graph.scale(position, stride)
        stride = stride * size
    return found


def split(graph: Graph, number: Affine, sizes: Sequence[Size]) -> list[Affine]:
    """The index that has a row-major number."""
    found: list[Affine] = []
    for a in range(len(sizes) - 1, 0, -1):
        if sizes[a] == 1:
            found.append(ZERO)
        elif all(n == 1 for n in sizes[:a]):
            found.append(number)
            number = ZERO
        else:
            number, rest = graph.divide(number, sizes[a], dims.product(sizes[: a + 1]))
            found.append(rest)
    return [number, *found[::-1]] if sizes else []


RULES: dict[str, Rule] = {
    "broadcast": _broadcast,
    "transpose": _transpose,
    "slice": _slice,
    "reverse": _reverse,
    "pad": _pad,
    "concat": _concat,
    "take": _take,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update": _dynamic_update,
    "reshape": _reshape,
}
