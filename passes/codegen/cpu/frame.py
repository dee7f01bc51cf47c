"""What the code of one kernel function is written with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from axec.dialects.dims import Size
from axec.passes.codegen.cpu.graph.body import Body
from axec.passes.codegen.cpu.graph.emission import Emission
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import Graph, Node
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I1, I64, PTR, Builder, Value

_LEAST_BITS = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One function under construction: the kernel, its values as nodes, the instructions so far.
    lo, hi: the units that a call does."""

    define: Any
    body: Body
    target: Target
    b: Builder
    graph: Graph
    evaluator: Evaluator
    emission: Emission
    lo: Value
    hi: Value

    def size(self, size: Size) -> Value:
        """A dim expression as an i64, a constant where it is one."""
        return self.emission.value(self.graph.index(self.graph.size(size)))

    def choose_lanes(self, roots: Iterable[Node], extent: Size) -> None:
        """Set the number of lanes: as many as one register holds of the widest varying value, but
        no more than the loop over `extent` needs."""
        widest = max((_bits(n) for n in reachable(roots) if n.varying), default=_LEAST_BITS)
        lanes = self.target.vector_bytes * 8 // widest
        while isinstance(extent, int) and lanes // 2 >= extent and lanes > 1:
            lanes //= 2
        self.emission.lanes = lanes


def reachable(roots: Iterable[Node]) -> set[Node]:
    """The nodes that the roots need, themselves included."""
    found = set(roots)
    stack = list(found)
    while stack:
        for i in stack.pop().inputs:
            if i not in found:
                found.add(i)
                stack.append(i)
    return found


#: Index arithmetic: vectors of it may take several registers.
_POSITIONS = {"lanes", "add", "mul", "udiv", "urem", "min", "max", "convert", "compare"}


def _bits(node: Node) -> int:
    if node.type in (I1, PTR) or (node.type is I64 and node.kind in _POSITIONS):
        return _LEAST_BITS
    return node.type.bits
