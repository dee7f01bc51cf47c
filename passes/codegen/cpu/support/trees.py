"""Pytrees of a call: the arrays in the arguments' trees, and results as the tree that is declared.

NODE, four i64 words, of one tree after the other, each node in front of its children:
    kind      LEAF, NONE, DICT, LIST or TUPLE
    parent    a node's number in its forest, or -1: the next of the given objects
    place     where the parent holds it: the number of a name in a dict, else a position
    count     children; of a leaf 0

Leaves are numbered in order. Only dicts, lists and tuples themselves are opened, which run no
code of the caller's; their subclasses and all other mappings are left to the fallback.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from axec.passes.codegen.cpu.support.host import call_host, host_pointer
from axec.passes.codegen.llvm import I1, I32, I64, NULL, PTR, VOID, Builder, Module, Value, constant
from axec.runtime.abi import OBJECTS

__all__ = ["NODE_BYTES", "OBJECT_TYPE", "PARENT", "Tree", "emit_trees", "node_words"]

Tree = Mapping[str, Any]

KINDS = ("leaf", "none", "dict", "list", "tuple")
LEAF, NONE, DICT, LIST, TUPLE = range(len(KINDS))
NODE_BYTES = 32
PARENT, PLACE, COUNT = 8, 16, 24  # byte offsets in a node
OBJECT_TYPE = 8  # byte offset of `ob_type` in a PyObject (CPython with its global lock)


def node_words(trees: Iterable[Tree], first_name: int) -> list[int]:
    """The words of a forest. `first_name`: the number of its first key of a dict."""
    names, words = count(first_name), list[int]()
    for tree in trees:
        _append(words, tree, -1, 0, names)
    return words


def _append(words: list[int], tree: Tree, parent: int, place: int, names: Iterator[int]) -> None:
    children, own = tree.get("children", ()), len(words) // (NODE_BYTES // 8)
    words += KINDS.index(tree["kind"]), parent, place, len(children)
    places = [next(names) if tree["kind"] == "dict" else i for i in range(len(children))]
    for inner, child in zip(places, children, strict=True):
        _append(words, child, own, inner, names)


def emit_trees(module: Module) -> None:
    """Define the two functions below. The module must have the host table."""
    _emit_open(module)
    _emit_make(module)


class _Node:
    """Node `index` of a forest whose words begin at `nodes`."""

    def __init__(self, b: Builder, nodes: Value, index: Value) -> None:
        self.b, self.nodes = b, nodes
        self.at = b.offset(nodes, b.mul(index, NODE_BYTES), "node")
        self.kind = b.load(I64, self.at, name="kind")
        self.parent, self.place, self.count = (
            b.load(I64, b.offset(self.at, offset)) for offset in (PARENT, PLACE, COUNT)
        )
        self.is_root = b.cmp("lt", self.parent, 0)

    def parents(self, objects: Value) -> tuple[Value, Value]:
        """Kind and object of the parent."""
        b = self.b
        kind = b.load(I64, b.offset(self.nodes, b.mul(self.parent, NODE_BYTES)))
        return kind, b.load(PTR, b.at(objects, PTR, self.parent))

    def name(self, table: Value) -> Value:
        """What a dict calls it."""
        return self.b.load(PTR, self.b.at(table, PTR, self.b.add(self.place, len(OBJECTS))))


def _by_kind(b: Builder, kind: Value, ways: Sequence[tuple[int, Callable[[], Value]]]) -> Value:
    """The value that the way of this kind makes; the last way takes all kinds that are left."""
    (number, make), *others = ways
    if not others:
        return make()
    with b.if_else(b.cmp("eq", kind, number), 1) as way:
        with way.then() as arm:
            arm.yield_(make())
        with way.else_() as arm:
            arm.yield_(_by_kind(b, kind, others))
    return way.results[0]


def _emit_open(module: Module) -> None:
    """axe_open(nodes, count, roots, objects, leaves, table) -> i1: the leaves of the given objects,
    if these are the trees that are declared. `objects`, zeroed, gets all nodes; those that are no
    roots are new references, even if the answer is no."""
    params = {"nodes": PTR, "count": I64, "roots": PTR, "objects": PTR, "leaves": PTR, "table": PTR}
    b = module.function("axe_open", I1, params, "internal")
    nodes, total, roots, objects, leaves, table = b.args
    bad = b.label("bad")

    def need(cond: Value) -> None:
        b.branch_if(b.not_(cond), bad, unlikely=True)

    zero = constant(I64, 0)
    with b.for_(0, total, carried=[zero, zero], name="node") as loop:
        root, leaf = loop.carried
        node = _Node(b, nodes, loop.index)
        with b.if_else(node.is_root, 1) as way:
            with way.then() as arm:
                arm.yield_(b.load(PTR, b.at(roots, PTR, root)))
            with way.else_() as arm:
                arm.yield_(_item(node, objects, table))
        found = way.results[0]
        b.store(found, b.at(objects, PTR, loop.index))
        need(b.cmp("ne", found, NULL))
        is_leaf = b.cmp("eq", node.kind, LEAF)
        with b.if_else(is_leaf) as way:
            with way.then():
                b.store(found, b.at(leaves, PTR, leaf))
            with way.else_():
                need(_fits(node, found))
        loop.yield_(
            *(
                b.add(n, b.convert(c, I64, signed=False))
                for n, c in ((root, node.is_root), (leaf, is_leaf))
            )
        )
    b.ret(constant(I1, 1))
    b.place(bad)
    b.ret(constant(I1, 0))


def _item(node: _Node, objects: Value, table: Value) -> Value:
    """A new reference to what the parent holds there, or null."""
    b = node.b
    kind, above = node.parents(objects)
    ways = [
        (DICT, lambda: call_host(b, "PyObject_GetItem", PTR, [above, node.name(table)])),
        (LIST, lambda: call_host(b, "PySequence_GetItem", PTR, [above, node.place])),
    ]
    return _by_kind(b, kind, ways)


def _fits(node: _Node, found: Value) -> Value:
    """Whether an object is a node as declared: None, or of the kind with so many children."""
    b = node.b
    type_ = b.load(PTR, b.offset(found, OBJECT_TYPE), name="type")

    def is_a(*types: str) -> Value:
        same = [b.cmp("eq", type_, host_pointer(b, name)) for name in types]
        fits = functools.reduce(b.or_, same)
        with b.if_(fits, [fits]) as sized:
            size = call_host(b, "PyObject_Size", I64, [found])
            sized.yield_(b.cmp("eq", size, node.count))
        return sized.results[0]

    ways: list[tuple[int, Callable[[], Value]]] = [
        (NONE, lambda: b.cmp("eq", found, host_pointer(b, "None"))),
        (DICT, lambda: is_a("PyDict_Type")),
        (LIST, lambda: is_a("PyTuple_Type", "PyList_Type")),
    ]
    return _by_kind(b, node.kind, ways)


def _emit_make(module: Module) -> None:
    """axe_make(nodes, count, objects, leaves, table) -> a new tree with these leaves, or null."""
    params = {"nodes": PTR, "count": I64, "objects": PTR, "leaves": PTR, "table": PTR}
    b = module.function("axe_make", PTR, params, "internal")
    nodes, total, objects, leaves, table = b.args
    bad = b.label("bad")
    b.store(NULL, objects)
    with b.for_(0, total, carried=[constant(I64, 0)], name="node") as loop:
        (leaf,) = loop.carried
        node = _Node(b, nodes, loop.index)
        made = _new(node, b.at(leaves, PTR, leaf))
        b.branch_if(b.cmp("eq", made, NULL), bad, unlikely=True)
        b.store(made, b.at(objects, PTR, loop.index))
        with b.if_(b.not_(node.is_root)):
            status = _put(node, objects, table, made)
            b.branch_if(b.cmp("ne", status, 0), bad, unlikely=True)
        loop.yield_(b.add(leaf, b.convert(b.cmp("eq", node.kind, LEAF), I64, signed=False)))
    b.ret(b.load(PTR, objects))
    b.place(bad)  # the root holds all that was made
    call_host(b, "Py_DecRef", VOID, [b.load(PTR, objects)])
    b.ret(NULL)


def _new(node: _Node, leaf: Value) -> Value:
    """A new reference to a node that holds nothing yet."""
    b = node.b

    def another(found: Value) -> Value:
        call_host(b, "Py_IncRef", VOID, [found])
        return found

    ways: list[tuple[int, Callable[[], Value]]] = [
        (LEAF, lambda: another(b.load(PTR, leaf))),
        (NONE, lambda: another(host_pointer(b, "None"))),
        (DICT, lambda: call_host(b, "PyDict_New", PTR)),
        (LIST, lambda: call_host(b, "PyList_New", PTR, [node.count])),
        (TUPLE, lambda: call_host(b, "PyTuple_New", PTR, [node.count])),
    ]
    return _by_kind(b, node.kind, ways)


def _put(node: _Node, objects: Value, table: Value, made: Value) -> Value:
    """Hand a new reference to the parent; not 0 where that failed."""
    b = node.b
    kind, above = node.parents(objects)

    def named() -> Value:
        status = call_host(b, "PyDict_SetItem", I32, [above, node.name(table), made])
        call_host(b, "Py_DecRef", VOID, [made])
        return status

    ways: list[tuple[int, Callable[[], Value]]] = [
        (DICT, named),
        (LIST, lambda: call_host(b, "PyList_SetItem", I32, [above, node.place, made])),
        (TUPLE, lambda: call_host(b, "PyTuple_SetItem", I32, [above, node.place, made])),
    ]
    return _by_kind(b, kind, ways)
