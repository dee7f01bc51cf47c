"""Groups that grow: one op after another joins from behind (producers join their consumers).

Every group has an exit, the op whose result leaves it; all other members are read inside only. Such
groups cannot wait for each other in a circle, so no search for cycles is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from axec.passes.kernel.fuse.graph import Graph, Node
from axec.passes.kernel.strides import is_window
from axec.passes.kernel.templates import Rows

# Additions per element that may be repeated where a value is read at several places, or several
# times. A kernel of its own and a trip through memory cost more than that.
REPEATS = 2

Path = tuple[object, ...]  # how an index of a member follows from the index of the exit


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member is evaluated: `paths` are the different index maps, () is the iteration's own
    index; `many`: one element is evaluated several times."""

    paths: frozenset[Path]
    many: bool

    @property
    def extra(self) -> int:
        """Evaluations beyond the first."""
        return len(self.paths) - 1 + self.many


HOME = Place(frozenset([()]), many=False)


@dataclass(slots=True, eq=False)
class Group:
    """Ops that become one kernel. `exits` are node indices, in ascending order."""

    graph: Graph
    exits: list[int]
    template: str = "map"
    places: dict[int, Place] = field(default_factory=dict)  # members
    rows: Rows | None = None  # row: its rows
    anchor: int | None = None  # reduce, gemm: the op that folds
    repeats: int = 0  # additions per element that are repeated so far

    @property
    def exit(self) -> int:
        return self.exits[-1]

    def nodes(self) -> list[Node]:
        """Members in the order of the program."""
        return [self.graph.nodes[i] for i in sorted(self.places)]

    def body(self) -> list[Node]:
        """Members in an order that only their own structure decides, operands first: equal groups
        have equal bodies wherever their ops stood in the program."""
        found: dict[int, Node] = {}

        def visit(value: int) -> None:
            if value in self.places and value not in found:
                node = self.graph.nodes[value]
                for v in node.operands:
                    visit(v)
                found[value] = node

        for e in self.exits:
            visit(e)
        return list(found.values())

    def inputs(self, body: Sequence[Node] | None = None) -> list[int]:
        """Values from outside, in order of first use in the body."""
        nodes = self.body() if body is None else body
        found = [v for n in nodes for v in n.operands if v not in self.places]
        return list(dict.fromkeys(found))

    def settle(self) -> None:
        """A row group whose reductions all stayed outside is a map; a product whose windows stayed
        outside is no longer known to be strided (where lanes run along channels it need not be)."""
        if self.template == "row" and all(n.kind != "contract" for n in self.nodes()):
            self.template, self.rows = "map", None
        if self.template == "gemm" and not self._holds_windows():
            self.template = "reduce"

    def _holds_windows(self) -> bool:
        assert self.anchor is not None
        product = self.graph.nodes[self.anchor]
        if product.turned is not None and product.turned in self.places:
            return True
        factors = list(product.operands)
        for v in factors:
            node = self.graph.nodes[v] if v >= 0 else None
            if node is not None and node.op.name in product.through and is_window(node.op):
                if v not in self.places:
                    return False
                factors += node.operands
        return True

    def user_edges(self, node: Node) -> list[tuple[Node, int]]:
        """(member that reads `node`, operand number), all of them."""
        found, last = [], -1
        for u in node.users:  # ascending, once per operand
            if u != last and u in self.places:
                user = self.graph.nodes[u]
                found += [(user, k) for k, v in enumerate(user.operands) if v == node.index]
            last = u
        return found
