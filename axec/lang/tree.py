"""Pytrees: dicts, lists, tuples, None and registered dataclasses whose leaves are arrays.

    axe.tree.map(lambda p, g: p - 0.1 * g, params, grads)

Dicts are walked in sorted key order, dataclasses in field order. A leaf's path is its keys and
positions joined by dots, as in "layers.0.w".
"""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from axec.lang.errors import error

__all__ = [
    "TreeDef", "flatten", "leaves", "map", "paths", "register", "structure", "unflatten",
]  # fmt: skip

Json = dict[str, Any]
T = TypeVar("T")

# Classes whose instances are nodes, with the names of their children in order.
_NODES: dict[type, tuple[str, ...]] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class TreeDef:
    """The structure of a pytree. `kind`: leaf, none, tuple, list or dict; `keys` of a dict are its
    sorted keys, of a dataclass its fields; `type` is the class to build the node with."""

    kind: str
    keys: tuple[str, ...] = ()
    children: tuple[TreeDef, ...] = ()
    type: type | None = dataclasses.field(default=None, compare=False)

    @property
    def count(self) -> int:
        """The number of leaves."""
        return 1 if self.kind == "leaf" else sum([c.count for c in self.children])

    def json(self) -> Json:
        """The form that the manifest holds; dataclasses become dicts, named tuples tuples."""
        found: Json = {"kind": self.kind}
        if self.kind == "dict":
            found["keys"] = builtins.list(self.keys)
        if self.kind in ("dict", "tuple", "list"):
            found["children"] = [c.json() for c in self.children]
        return found

    def __str__(self) -> str:
        parts = [str(c) for c in self.children]
        match self.kind:
            case "leaf":
                return "*"
            case "none":
                return "None"
            case "list":
                return f"[{', '.join(parts)}]"
            case "tuple":
                return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
        items = (f"{k!r}: {p}" for k, p in zip(self.keys, parts, strict=True))
        return "{" + ", ".join(items) + "}"


LEAF = TreeDef("leaf")
NONE = TreeDef("none")


def register(cls: type[T]) -> type[T]:
    """Class decorator: a dataclass becomes a node whose children are its fields."""
    if not dataclasses.is_dataclass(cls):
        raise error(
            "tree-structure",
            f"{cls.__name__} is no dataclass",
            hint="put `@axe.tree.register` above `@dataclasses.dataclass`",
        )
    _NODES[cls] = tuple(f.name for f in dataclasses.fields(cls))
    return cls


def flatten(tree: Any) -> tuple[list[Any], TreeDef]:
    """The leaves of a pytree in order, and its structure."""
    found: list[Any] = []
    return found, _flatten(tree, found)


def unflatten(treedef: TreeDef, leaves: Sequence[Any]) -> Any:
    """The pytree of this structure with these leaves. AxecError `tree-structure` on a wrong number
    of leaves."""
    if len(leaves) != treedef.count:
        raise error("tree-structure", f"{treedef} has {treedef.count} leaves, got {len(leaves)}")
    return _unflatten(treedef, iter(leaves))


def leaves(tree: Any) -> list[Any]:
    """The leaves of a pytree in order."""
    return flatten(tree)[0]


def structure(tree: Any) -> TreeDef:
    """The structure of a pytree; equal for trees that differ in their leaves alone."""
    return flatten(tree)[1]


def paths(tree: Any) -> list[str]:
    """The path of every leaf, in order: keys and positions joined by dots; "" for a lone leaf."""
    found: list[str] = []
    _paths(tree if isinstance(tree, TreeDef) else structure(tree), "", found)
    return found


def map(fn: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """`fn` applied to each leaf of `tree` together with the leaves at the same place in `rest`.

    AxecError `tree-structure` when a tree in `rest` has another structure.
    """
    first, treedef = flatten(tree)
    columns = [first]
    for other in rest:
        found, other_def = flatten(other)
        if other_def != treedef:
            raise error(
                "tree-structure",
                f"pytrees differ: {treedef} and {other_def}",
                hint="the trees after the first need the same dicts, lists and tuples",
            )
        columns.append(found)
    return unflatten(treedef, [fn(*row) for row in zip(*columns, strict=True)])


def children(tree: Any) -> tuple[str, tuple[str, ...], Sequence[Any]]:
    """Kind, keys and children of a node; kind "leaf" for whatever is no node."""
    if isinstance(tree, dict):
        if not all(isinstance(k, str) for k in tree):
            raise error("tree-structure", f"the keys of a pytree's dict are strings: {[*tree]}")
        keys = tuple(sorted(tree))
        return "dict", keys, [tree[k] for k in keys]
    if isinstance(tree, tuple):
        return "tuple", (), tree
    if isinstance(tree, list):
        return "list", (), tree
    if type(tree) in _NODES:
        keys = _NODES[type(tree)]
        return "dict", keys, [getattr(tree, k) for k in keys]
    return ("none" if tree is None else "leaf"), (), ()


def _flatten(tree: Any, found: list[Any]) -> TreeDef:
    kind, keys, inner = children(tree)
    if kind == "leaf":
        found.append(tree)
        return LEAF
    if kind == "none":
        return NONE
    return TreeDef(kind, keys, tuple([_flatten(c, found) for c in inner]), type(tree))


def _unflatten(treedef: TreeDef, rest: Iterator[Any]) -> Any:
    if treedef.kind == "leaf":
        return next(rest)
    if treedef.kind == "none":
        return None
    children = [_unflatten(c, rest) for c in treedef.children]
    if treedef.kind == "dict":
        fields = dict(zip(treedef.keys, children, strict=True))
        return treedef.type(**fields) if treedef.type in _NODES else fields
    if treedef.type is not None and hasattr(treedef.type, "_fields"):  # a named tuple
        return treedef.type(*children)
    return tuple(children) if treedef.kind == "tuple" else children


def _paths(treedef: TreeDef, prefix: str, found: list[str]) -> None:
    if treedef.kind == "leaf":
        found.append(prefix)
        return
    names = treedef.keys or [str(i) for i in range(len(treedef.children))]
    for name, child in zip(names, treedef.children, strict=True):
        _paths(child, f"{prefix}.{name}" if prefix else name, found)
