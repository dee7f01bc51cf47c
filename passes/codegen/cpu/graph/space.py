"""Iteration spaces: which neighbouring axes can be walked as one, so that inner loops are long.

A body is evaluated once with symbolic positions, only to see how it uses them. Two neighbouring
axes join where every access walks both as one run of elements and nothing else looks at them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.passes.codegen.cpu.graph.body import Body
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import ZERO, Affine, Buffer, Graph, Index, Mask, Node
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.codegen.llvm import Module


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring axes that are walked as one, and the number of elements along them."""

    axes: tuple[int, ...]
    extent: Size


class _Probe(Graph):
    """A graph that records how positions are used instead of computing with them."""

    def __init__(self) -> None:
        super().__init__()
        self.accesses: list[tuple[Index, Shape]] = []
        self.examined: set[Node] = set()

    def index(self, a: Affine) -> Node:
        self.examined |= {n for n, _ in a.terms}
        return super().index(a)

    def _compare(self, predicate: str, a: Affine) -> Node:
        self.examined |= {n for n, _ in a.terms}
        return super()._compare(predicate, a)

    def load(self, buffer: Buffer, index: Index, mask: Mask = ()) -> Node:
        self.accesses.append((index, buffer.shape))
        type_ = register_type(buffer.dtype)
        return self.node("load", type_, (buffer.base, *mask), (buffer.dtype, index))


def runs(
    body: Body, shape: Shape, pull: Callable[[Evaluator, Index], object], split: Iterable[int] = ()
) -> list[Run]:
    """The axes of `shape` as runs, outermost first; axes of size 1 belong to none. `pull` evaluates
    everything that the loops over `shape` will, given an index; axes before and after each
    position in `split` stay apart."""
    axes = [a for a, n in enumerate(shape) if n != 1]
    if len(axes) < 2:
        return [Run((a,), shape[a]) for a in axes]
    probe = _Probe()
    at = {a: probe.variable() for a in axes}
    pull(
        Evaluator(body, probe, Module("probe")),
        tuple([Affine(0, ((at[a], 1),)) if a in at else ZERO for a in range(len(shape))]),
    )
    found = [[axes[0]]]
    for a, b in itertools.pairwise(axes):
        apart = any(a < s <= b for s in split) or not _joins(probe, at[a], at[b], shape[b])
        if apart:
            found.append([b])
        else:
            found[-1].append(b)
    return [Run(tuple(r), dims.product(shape[a] for a in r)) for r in found]


def positions(rank: int, groups: Sequence[Run], at: Sequence[Affine]) -> Index:
    """The index that stands for a position along each run: that of the run's last axis counts
    beyond its size, in place of the axes before it."""
    found = [ZERO] * rank
    for run, position in zip(groups, at, strict=True):
        found[run.axes[-1]] = position
    return tuple(found)


def _joins(probe: _Probe, a: Node, b: Node, size: Size) -> bool:
    if a in probe.examined or b in probe.examined:
        return False
    return all(_walks_as_one(index, shape, a, b, size) for index, shape in probe.accesses)


def _walks_as_one(index: Index, shape: Shape, a: Node, b: Node, size: Size) -> bool:
    """Axes a and b are neighbours in the operand too, b whole; or the access uses neither."""
    used = [(p, n) for p, n in zip(index, shape, strict=True) if n != 1]
    where = [i for i, (p, _) in enumerate(used) if any(n in (a, b) for n, _ in p.terms)]
    if not where:
        return True
    plain = [Affine(0, ((v, 1),)) for v in (a, b)]
    first = where[0]
    pair = used[first : first + 2]
    return len(where) == 2 and [p for p, _ in pair] == plain and pair[1][1] == size
