"""Group ops into kernels.

    graph.py    the function as nodes with users
    group.py    a group that grows
    rules.py    who may join, per template
    sweep.py    producers join their consumers, from the last op to the first
    merge.py    groups that read each other become one with several results
    rewrite.py  groups become kernel.fused ops

After this pass a function holds kernel.fused ops, and reshapes, which are views and cost nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from axec.dialects.kernel import TEMPLATES, functions
from axec.passes.base import Pass, register
from axec.passes.kernel.fuse.graph import build
from axec.passes.kernel.fuse.merge import merge
from axec.passes.kernel.fuse.rewrite import rewrite
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
        for function in functions(module):
            block = function.regions[0].blocks[0]
            graph = build(block)
            groups = grow(graph, self.max_ops, self.enable)
            groups = merge(graph, groups, self.max_ops, self.enable)
            for group in groups:
                group.settle()
            rewrite(block, graph, groups)
            report.ops += len(graph.nodes)
            report.placed += sum(len(g.places) for g in groups)
            report.kernels.update(g.template for g in groups)
        return report
