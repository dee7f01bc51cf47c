"""Calls with pytrees: dicts, lists and tuples of arrays, as they were at compile time."""

from collections.abc import Iterator, Mapping
from typing import Any

from .errors import AxecError


def names(tree: Mapping[str, Any]) -> list[str]:
    """The keys of a tree's dicts, each node's before those of its children."""
    own = tree["keys"] if tree["kind"] == "dict" else []
    return [*own, *(name for child in tree.get("children", ()) for name in names(child))]


def flatten(tree: Mapping[str, Any], value: Any, where: str) -> Iterator[Any]:
    """The arrays of a value in the tree's order; AxecError `input-structure` where they differ."""
    kind, children = tree["kind"], tree.get("children", ())
    if kind == "leaf":
        yield value
        return
    keys = tree.get("keys", range(len(children)))
    if kind == "none":
        fits, wanted = value is None, "None"
    elif kind == "dict":
        fits = isinstance(value, Mapping) and value.keys() == set(keys)
        wanted = f"a dict with the keys {', '.join(keys)}"
    else:
        fits = isinstance(value, (list, tuple)) and len(value) == len(children)
        wanted = f"a {kind} of {len(children)}"
    if not fits:
        raise AxecError("input-structure", f"{where} must be {wanted}, as it was compiled for")
    for key, child in zip(keys, children, strict=True):
        yield from flatten(child, value[key], f"{where}[{key!r}]")


def unflatten(tree: Mapping[str, Any], leaves: Iterator[Any]) -> Any:
    """The inverse of `flatten`."""
    kind = tree["kind"]
    if kind in ("leaf", "none"):
        return next(leaves) if kind == "leaf" else None
    items = [unflatten(child, leaves) for child in tree["children"]]
    if kind == "dict":
        return dict(zip(tree["keys"], items, strict=True))
    return items if kind == "list" else tuple(items)
