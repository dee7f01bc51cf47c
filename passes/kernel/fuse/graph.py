"""A stretch of a function as a list of nodes with users: what the fuser decides on before it
touches the IR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from axec.dialects import attrs, dims, types
from axec.dialects.attrs import Ints
from axec.dialects.axe import OPS
from axec.dialects.types import Shape, TensorType
from axec.passes.kernel import cost
from axec.passes.kernel.strides import WIDENING, WINDOWS, is_window, turned
from axec.passes.kernel.templates import Rows, attention, product_of, rows_of

CONSTANT = 1024  # elements of a constant that kernels hold in their code, one copy each
_NUMERIC = 8  # additions that are repeated in every kernel rather than stored: masks from iota


@dataclass(slots=True, eq=False)
class Node:
    """One op. Operands are node indices; value k from outside is ~k (negative)."""

    index: int
    op: Any
    name: str  # without dialect
    kind: str  # group of the op: pointwise, arrange, ...
    type: TensorType
    operands: tuple[int, ...]
    users: list[int] = field(default_factory=list)
    returned: bool = False
    # Additions per element of a value that depends on no input (constants, iota); None otherwise.
    numeric: int | None = None
    rows: Rows | None = None  # of a value with one element per row: the reduction it comes from
    template: str = "map"  # of a kernel that holds this op alone
    through: frozenset[str] = frozenset()  # of a product: ops whose strides it takes in
    turned: int | None = None  # of a convolution: the transposition in whose order it is written
    views: frozenset[int] = frozenset()  # of an attention: nodes that it takes in as strides
    read_in_place: bool = False  # some attention does so with this node

    @property
    def shape(self) -> Shape:
        return self.type.shape

    def ints(self, name: str) -> Ints:
        """An attribute that is a list of integers."""
        return attrs.ints(self.op, name)


@dataclass(slots=True, eq=False)
class Graph:
    """The ops of one stretch of a function in order; `returns` are read by others."""

    nodes: list[Node]
    arguments: list[TensorType]
    returns: tuple[int, ...]

    def type_of(self, value: int) -> TensorType:
        return self.nodes[value].type if value >= 0 else self.arguments[~value]


def build(operations: Sequence[Any], inputs: Sequence[Any], wanted: Sequence[Any]) -> Graph:
    """The graph of core ops of the axe dialect, in order. `inputs`: the values from outside that
    they read; `wanted`: those of their results that others read."""
    ids: dict[Any, int] = {v: ~k for k, v in enumerate(inputs)}
    nodes: list[Node] = []
    for i, op in enumerate(operations):
        operands = tuple([ids[v] for v in op.operands])
        result = op.results[0]
        ids[result] = i
        kind = OPS[op.name].group
        nodes.append(Node(i, op, op.name[4:], kind, types.of(result), operands))
        for v in operands:
            if v >= 0:
                nodes[v].users.append(i)
    returns = tuple(ids[v] for v in wanted)
    for v in returns:
        nodes[v].returned = True
    graph = Graph(nodes, [types.of(a) for a in inputs], returns)
    known: dict[Any, _Template] = {}
    for node in nodes:
        node.numeric = _numeric(graph, node)
        node.rows = _rows(graph, node)
        if node.kind == "matrix":
            node.template = "matrix"
        if node.kind == "contract":
            node.template, node.through = _template(graph, node, known)
            if node.name == "conv" and node.template == "gemm" and turned(node.op) is not None:
                node.turned = next(iter(node.users), None)
        elif node.op.name in attention.PARTS:
            node.template = "attention"
            found = attention.read_in_place(node.op)
            node.views = frozenset([ids[op.results[0]] for op in found])
            for i in node.views:
                nodes[i].read_in_place = True
    return graph


_Template = tuple[str, frozenset[str]]
_ABSORBED = WINDOWS | WIDENING


def _template(graph: Graph, node: Node, known: dict[Any, _Template]) -> _Template:
    if node.name == "reduce" and node.rows is not None:
        return "row", frozenset()
    key = _key(graph, node)  # layers repeat their products: decide once
    if key not in known:
        product = product_of(node.op)
        known[key] = ("reduce", frozenset()) if product is None else ("gemm", product.through)
    return known[key]


def _key(graph: Graph, node: Node) -> tuple[Any, ...]:
    """Equal for equal ops on operands that are made alike, as far as products look."""
    parts: list[Any] = [node.name, *(node.op.attributes[a] for a in OPS[node.op.name].attrs)]
    for v in node.operands:
        maker = graph.nodes[v] if v >= 0 else None
        absorbed = maker is not None and maker.op.name in _ABSORBED
        parts.append(graph.type_of(v))
        parts.append(_key(graph, maker) if maker is not None and absorbed else None)
    return tuple(parts)


def _numeric(graph: Graph, node: Node) -> int | None:
    if node.kind == "constant":
        return 0
    if node.kind not in ("pointwise", "alias") and node.name != "broadcast":
        return None
    total = cost.weight(node.name)
    for v in node.operands:
        part = graph.nodes[v].numeric if v >= 0 else None
        if part is None:
            return None
        total += part
    return total


def _rows(graph: Graph, node: Node) -> Rows | None:
    if node.name == "reduce":
        return rows_of(node.op)
    if node.kind != "pointwise" and not is_unit_reshape(graph, node):
        return None
    found = {graph.nodes[v].rows for v in node.operands if v >= 0} - {None}
    if len(found) != 1:
        return None
    rows = found.pop()
    return rows if rows is not None and is_row_shape(node.shape, rows) else None


def is_row_shape(shape: Shape, rows: Rows) -> bool:
    """One element per row: the leading axes, maybe with axes of size 1 after them."""
    lead = len(rows.lead)
    full = lead + len(rows.trail)
    return len(shape) <= full and shape[:lead] == rows.lead and all(n == 1 for n in shape[lead:])


def squeezed(shape: Sequence[dims.Size]) -> list[dims.Size]:
    """The shape without axes of size 1."""
    return [n for n in shape if n != 1]


def is_unit_reshape(graph: Graph, node: Node) -> bool:
    """A reshape that only inserts or drops axes of size 1: kernels can take it in."""
    if node.kind != "alias":
        return False
    return squeezed(graph.type_of(node.operands[0]).shape) == squeezed(node.shape)


def is_cheap(graph: Graph, node: Node) -> bool:
    """Computed anew in every kernel that reads it, rather than stored once and loaded."""
    if node.kind == "constant":
        return node.name == "iota" or _is_small(node.type)
    if node.numeric is not None and node.numeric <= _NUMERIC:
        return True
    if node.read_in_place or feeds_product(graph, node):
        return True
    return node.name in ("broadcast", "cast", "slice") or is_unit_reshape(graph, node)


def feeds_product(graph: Graph, node: Node) -> bool:
    """A transpose, slice or reshape that some product takes in as strides."""
    if node.op.name not in WINDOWS or not is_window(node.op):
        return False
    users = [graph.nodes[u] for u in node.users]
    return any(node.op.name in u.through or feeds_product(graph, u) for u in users)


def _is_small(t: TensorType) -> bool:
    return isinstance(t.count, int) and t.count <= CONSTANT
