"""Who may join which group: one rule per template (dialects/kernel.py says what each may hold).

A producer joins the group of its consumers when that repeats at most REPEATS additions per element.
A `map` group becomes `row`, `reduce` or `gemm` when the op that folds joins it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from axec.passes.kernel import cost
from axec.passes.kernel.fuse.graph import Graph, Node, is_row_shape, is_unit_reshape
from axec.passes.kernel.fuse.group import HOME, REPEATS, Group, Path, Place
from axec.passes.kernel.strides import is_window
from axec.passes.kernel.templates import Rows

_MAX_PATHS = 4  # index maps of one member; beyond that the code repeats too much
_SCALAR_ROW = (
    4096  # one row that is longer than this stays a kernel of its own: others run parallel
)


def start(graph: Graph, node: Node) -> Group:
    """A group of one op."""
    group = Group(graph, [node.index], node.template, {node.index: HOME})
    if group.template == "row":
        group.rows = node.rows
    elif node.kind == "contract" or group.template == "attention":
        group.anchor = node.index
    return group


def join(group: Group, node: Node, enable: Collection[str]) -> bool:
    """Let the producer of members into the group, if its rules allow; tells whether they did.
    `enable`: the templates that fuse at all."""
    if group.template not in enable:
        return False
    if node.template == "attention":
        return _attend(group, node)
    if node.kind == "matrix":
        return False
    if (product := _turned_by(group.graph, node)) is not None and node.index not in group.places:
        return product.template in enable and _fold_turned(group, node, product)
    if node.index == group.anchor:
        return True
    if node.kind == "contract" and group.template == "map":
        return node.template in enable and _fold(group, node)
    if node.rows is not None and group.template == "map" and "row" in enable:
        become_rows(group, node.rows)
    return RULES[group.template](group, node)


# ---- map -----------------------------------------------------------------------------------------


def _join_map(group: Group, node: Node) -> bool:
    if node.kind == "contract" or (node.kind == "alias" and not _is_computed_unit(group, node)):
        return False
    return _admit(group, node, place_of(group, node))


def _admit(group: Group, node: Node, place: Place) -> bool:
    repeats = group.repeats + place.extra * cost.weight(node.name)
    if repeats > REPEATS or len(place.paths) > _MAX_PATHS:
        return False
    group.repeats = repeats
    group.places[node.index] = place
    return True


def place_of(group: Group, node: Node) -> Place:
    """Where the members that read `node` evaluate it."""
    paths: set[Path] = set()
    many = False
    for user, k in group.user_edges(node):
        outer = group.places[user.index]
        many = many or outer.many or _repeats(group, user, k)
        if user.index == group.anchor:
            paths.add((("fold", k),))
        elif user.kind == "arrange" and user.index != node.turned:
            paths.update((*p, (user.index, k)) for p in outer.paths)
        else:
            paths |= outer.paths
    return Place(frozenset(paths), many)


_FACTORS: tuple[Path, ...] = (("fold", 0), ("fold", 1))


def _repeats(group: Group, user: Node, k: int) -> bool:
    """Does `user` read elements of its operand k more than once?"""
    read = group.graph.type_of(user.operands[k])
    if user.name in ("broadcast", "take"):
        return k == 0 if user.name == "take" else read.count != user.type.count
    if user.name in ("pad", "dynamic_slice"):
        return k > 0
    if user.name == "dynamic_update":
        return k > 1
    if user.name == "scatter":
        return k == 1
    return user.kind == "contract" and user.name not in ("reduce", "argreduce", "cumulate")


def _is_computed_unit(group: Group, node: Node) -> bool:
    """Such a reshape of a value that is made here: another view of an input leads to nothing that
    could join, and costs nothing outside."""
    return node.operands[0] >= 0 and _is_unit(group, node)


def _is_unit(group: Group, node: Node) -> bool:
    return is_unit_reshape(group.graph, node)


# ---- reduce, gemm --------------------------------------------------------------------------------


def _fold(group: Group, node: Node) -> bool:
    """The first folding op of a map group: what reads it becomes the epilogue."""
    if node.rows is not None:
        return become_rows(group, node.rows) and join_row(group, node)
    shape = group.graph.nodes[group.exit].shape
    if place_of(group, node) != HOME or shape != _written(group, node).shape:
        return False
    if node.template == "gemm" and not all(_in_epilogue(group, n) for n in group.nodes()):
        return False
    group.template, group.anchor = node.template, node.index
    group.places[node.index] = HOME
    return True


def _turned_by(graph: Graph, node: Node) -> Node | None:
    """The convolution that is written in the order of a transposition."""
    maker = (
        graph.nodes[node.operands[0]]
        if node.name == "transpose" and node.operands[0] >= 0
        else None
    )
    return maker if maker is not None and maker.turned == node.index else None


def _fold_turned(group: Group, node: Node, product: Node) -> bool:
    """Such a transposition joins with its convolution, or not at all."""
    if group.template != "map" or place_of(group, node) != HOME:
        return False
    group.places[node.index] = HOME
    if _fold(group, product):
        return True
    del group.places[node.index]
    return False


def _written(group: Group, product: Node) -> Node:
    """What a folding op hands on: its result, or that in another order."""
    return product if product.turned is None else group.graph.nodes[product.turned]


def _in_epilogue(group: Group, node: Node) -> bool:
    """May a member stand beside a matrix product? Pointwise on its result, broadcast to it; the
    transposition in whose order it is written."""
    if node.kind == "pointwise":
        result = group.graph.nodes[group.exit].shape
        return node.shape == result or group.places[node.index].many
    if node.kind == "alias":
        return all(u.name == "broadcast" for u, _ in group.user_edges(node))
    if _turned_by(group.graph, node) is not None:
        return True
    return node.kind == "constant" or node.name == "broadcast"


def _join_gemm(group: Group, node: Node) -> bool:
    place = place_of(group, node)
    if any(path and path[0] in _FACTORS for path in place.paths):
        # A factor is read where it lies: strides absorb windows, nothing is computed.
        assert group.anchor is not None
        through = group.graph.nodes[group.anchor].through
        if node.op.name not in through or not is_window(node.op) or () in place.paths:
            return False
        group.places[node.index] = place
        return True
    if not _join_map(group, node):
        return False
    if not _in_epilogue(group, node):
        del group.places[node.index]
        return False
    return True


# ---- attention -----------------------------------------------------------------------------------


def _attend(group: Group, node: Node) -> bool:
    """A transpose of the result says how it is written."""
    if group.template != "map" or any(n.name != "transpose" for n in group.nodes()):
        return False
    last = node.type.rank - 1
    if any(n.ints("perm")[last] != last for n in group.nodes()):
        return False  # rows of the result stay rows
    group.template, group.anchor = "attention", node.index
    group.places[node.index] = HOME
    return True


def _join_attention(group: Group, node: Node) -> bool:
    """What reads the node is the anchor, or leads to it: operands are read as strides say."""
    assert group.anchor is not None
    if node.index not in group.graph.nodes[group.anchor].views:
        return False
    group.places[node.index] = HOME
    return True


# ---- row -----------------------------------------------------------------------------------------

_BESIDE = Place(frozenset([("beside",)]), many=True)  # read at another index than the row's own


def become_rows(group: Group, rows: Rows) -> bool:
    """Turn a map group into a row group where every member fits."""
    found = Group(group.graph, group.exits, "row", dict.fromkeys(group.exits, HOME), rows)
    inner = [n for n in reversed(group.nodes()) if n.index not in found.places]
    if not fits_exits(found) or not all(join_row(found, n) for n in inner):
        return False
    group.template, group.rows = "row", rows
    group.places, group.repeats = found.places, found.repeats
    return True


def fits_exits(group: Group) -> bool:
    """Do the results have the shapes that the template may hand out?"""
    nodes = [group.graph.nodes[i] for i in group.exits]
    if group.rows is not None:
        full = (*group.rows.lead, *group.rows.trail)
        if any(n.shape == full for n in nodes) and _is_long_scalar(group.rows):
            return False
        return all(has_row_shape(group.graph, n, group.rows) for n in nodes)
    if group.template == "gemm" and not all(
        n.index == group.anchor or _in_epilogue(group, n) for n in nodes
    ):
        return False
    shapes = {n.shape for n in nodes}
    if group.anchor is not None:
        shapes.add(_written(group, group.graph.nodes[group.anchor]).shape)
    return len(shapes) == 1


def reads_home(group: Group, node: Node) -> bool:
    """Is a member read by others at the iteration's own index (its own row) only?"""
    edges = group.user_edges(node)
    if group.rows is not None:
        return all(group.places[u.index] == HOME and _is_local(group, node, u) for u, _ in edges)
    return not edges or place_of(group, node) == HOME


def _is_long_scalar(rows: Rows) -> bool:
    length = rows.length
    return rows.units == 1 and not (isinstance(length, int) and length <= _SCALAR_ROW)


def join_row(group: Group, node: Node) -> bool:
    assert group.rows is not None
    if reads_home(group, node) and has_row_shape(group.graph, node, group.rows):
        group.places[node.index] = HOME
        return True
    simple = node.kind in ("pointwise", "constant") or node.name == "broadcast"
    if not simple and not _is_unit(group, node):
        return False
    return _admit(group, node, _BESIDE)


def has_row_shape(graph: Graph, node: Node, rows: Rows) -> bool:
    """The op works row by row: pointwise on full rows or on one element per row, a broadcast to
    either, or a reduction of the rows."""
    if is_row_shape(node.shape, rows):
        if node.kind == "alias":
            return is_row_shape(graph.type_of(node.operands[0]).shape, rows)
    elif node.shape != (*rows.lead, *rows.trail) or node.kind == "alias":
        return False
    if node.kind == "contract":
        return node.rows == rows
    return node.kind != "arrange" or node.name == "broadcast"


def _is_local(group: Group, node: Node, user: Node) -> bool:
    """Does `user` read from `node` only what belongs to the row that it computes?"""
    assert group.rows is not None
    if user.name != "broadcast":
        return True
    axes = user.ints("axes")
    return is_row_shape(node.shape, group.rows) and axes == tuple(range(len(axes)))


RULES: dict[str, Callable[[Group, Node], bool]] = {
    "map": _join_map,
    "row": join_row,
    "reduce": _join_map,
    "gemm": _join_gemm,
    "attention": _join_attention,
    "matrix": lambda group, node: False,
}
