"""Growing groups: one sweep from the last op to the first."""

from __future__ import annotations

from collections.abc import Collection

from axec.passes.kernel.fuse.graph import Graph, Node, is_cheap
from axec.passes.kernel.fuse.group import Group
from axec.passes.kernel.fuse.rules import join, start


def grow(graph: Graph, max_ops: int, enable: Collection[str]) -> list[Group]:
    """Groups in order of their exits; every op is in one or more, but for reshapes that no group
    took in (they stay in the function, as another view of the same bytes)."""
    sweep = _Sweep(graph, max_ops, enable)
    for node in reversed(graph.nodes):
        sweep.visit(node)
    return sweep.groups[::-1]


class _Sweep:
    def __init__(self, graph: Graph, max_ops: int, enable: Collection[str]) -> None:
        self.graph = graph
        self.max_ops = max_ops
        self.enable = enable
        self.groups: list[Group] = []
        self.homes: list[list[Group]] = [[] for _ in graph.nodes]  # groups that compute an op
        self.viewed = [False] * len(graph.nodes)  # reshapes that stay in the function

    def visit(self, node: Node) -> None:
        readers = list(dict.fromkeys(g for u in node.users for g in self.homes[u]))
        stored = node.returned or any(self.viewed[u] for u in node.users)
        if is_cheap(self.graph, node):
            self.homes[node.index] = [g for g in readers if join(g, node, self.enable)]
            stored = stored or len(self.homes[node.index]) < len(readers)
        elif not stored and len(readers) == 1 and self._joins(readers[0], node):
            self.homes[node.index] = readers
        else:
            stored = stored or bool(readers)
        if stored and node.kind == "alias":
            self.viewed[node.index] = True
        elif stored:
            self.groups.append(start(self.graph, node))
            self.homes[node.index].append(self.groups[-1])

    def _joins(self, group: Group, node: Node) -> bool:
        return len(group.places) < self.max_ops and join(group, node, self.enable)
