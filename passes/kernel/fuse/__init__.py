"""Group ops into kernels.

    segments.py a function in stretches between loops and branches
    graph.py    a stretch as nodes with users
    group.py    a group that grows
    rules.py    who may join, per template
    sweep.py    producers join their consumers, from the last op to the first
    merge.py    groups that read each other become one with several results
    rewrite.py  groups become kernel.fused ops

After this pass a function holds kernel.fused ops, control ops, and reshapes, which are views and
cost nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from axec.dialects.control import Scan, While
from axec.dialects.functions import functions
from axec.dialects.kernel import TEMPLATES
from axec.passes.base import Pass, register
from axec.passes.kernel.fuse.graph import build
from axec.passes.kernel.fuse.merge import merge
from axec.passes.kernel.fuse.rewrite import own_results, rewrite
from axec.passes.kernel.fuse.segments import Segment, segments
from axec.passes.kernel.fuse.sweep import grow


@dataclass(slots=True)
class FuseReport:
    """What the pass did: ops before it, kernels after it, by template; ops that several kernels
    compute count once per kernel in `placed`."""

    ops: int = 0
    placed: int = 0
    kernels: Counter[str] = field(default_factory=Counter)


@register
@dataclass(frozen=True)
class Fuse(Pass):
    """Group ops into kernels of the templates map, row, reduce and gemm."""

    name = "fuse"
    max_ops: int = 48  # ops per kernel; constants, broadcasts and the like do not count
    enable: tuple[str, ...] = tuple(TEMPLATES)  # templates that fuse; others hold one op each

    def run(self, module: Any) -> FuseReport:
        report = FuseReport()
        kept = _carried(module)
        for function in functions(module):
            block = function.regions[0].blocks[0]
            for segment in segments(block):
                self._fuse(segment, report)
            own_results(block, kept.get(function.operation.attributes["sym_name"].value))
        return report

    def _fuse(self, segment: Segment, report: FuseReport) -> None:
        graph = build(segment.ops, segment.inputs, segment.wanted)
        groups = grow(graph, self.max_ops, self.enable)
        groups = merge(graph, groups, self.max_ops, self.enable)
        for group in groups:
            group.settle()
        rewrite(segment, graph, groups)
        report.ops += len(graph.nodes)
        report.placed += sum(len(g.places) for g in groups)
        report.kernels.update(g.template for g in groups)


def _carried(module: Any) -> dict[str, int]:
    """How far the carry among the arguments of a loop's body lies behind that among its results:
    what a body hands on unchanged stays where it is. Bodies of one kind of loop only."""
    found: dict[str, set[int]] = {}
    for function in functions(module):
        for o in function.regions[0].blocks[0].operations:
            if o.operation.name == "control.while":
                found.setdefault(While.of(o.operation).body, set()).add(0)
            elif o.operation.name == "control.scan":
                found.setdefault(Scan.of(o.operation).body, set()).add(1)
    return {name: offsets.pop() for name, offsets in found.items() if len(offsets) == 1}
