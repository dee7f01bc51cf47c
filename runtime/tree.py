"""Calls with pytrees: dicts, lists and tuples of arrays, as they were at compile time."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .call import bind
from .errors import AxecError


def is_flat(spec: Mapping[str, Any]) -> bool:
    """Whether the native stub's own signature (arrays in, array or tuple out) is the entry's."""
    out = spec["out_tree"]
    leaves = [*spec["in_tree"]["children"], *out.get("children", ())]
    simple = out["kind"] == "leaf" or (out["kind"] == "tuple" and len(out["children"]) > 1)
    return simple and all(child["kind"] == "leaf" for child in leaves)


class TreeCall:
    """An entry whose arguments or result are trees, on top of its flat native function."""

    def __init__(self, name: str, spec: Mapping[str, Any], function: Callable[..., Any]) -> None:
        self._name, self._function = name, function
        self._in, self._out = spec["in_tree"], spec["out_tree"]

    def __call__(self, *args: Any, out: Any = None, threads: Any = None, **kwargs: Any) -> Any:
        names = self._in["keys"]
        bound = bind(self._name, names, args, kwargs)
        values = zip(self._in["children"], bound, names, strict=True)
        flat = [leaf for triple in values for leaf in flatten(*triple)]
        options = {} if threads is None else {"threads": threads}
        if out is not None:
            self._function(*flat, out=tuple(flatten(self._out, out, "out")), **options)
            return out
        result = self._function(*flat, **options)
        return unflatten(self._out, iter(result if isinstance(result, tuple) else (result,)))


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
