"""Donated arguments: the caller gives their memory away, and results take it.

    @axe.entry(donate=("state",), state=..., x=...)
    def step(state, x):
        ...
        return loss, new_state       # lies where `state` was

A result takes the memory of the argument whose structure, shapes and dtypes it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from axec.dialects.types import TensorType
from axec.lang.errors import did_you_mean, error
from axec.lang.signature import Argument
from axec.lang.tree import TreeDef


def donors_of(
    entry: str,
    donate: Sequence[str],
    inputs: Sequence[Argument],
    out_tree: TreeDef,
    results: Sequence[TensorType],
) -> dict[int, int]:
    """For every leaf of the results that takes the memory of an input: the number of that input
    leaf. AxecError `donate-invalid` for a name that is no input, or an input that no part of the
    results is like."""
    starts, end = {}, 0
    for argument in inputs:
        starts[argument.name] = end, argument
        end += len(argument.leaves)
    found: dict[int, int] = {}
    for name in donate:
        if name not in starts:
            message = f"`{entry}` has no input `{name}` to donate"
            raise error("donate-invalid", message, hint=did_you_mean(name, list(starts)))
        first, argument = starts[name]
        types = [leaf.type for leaf in argument.leaves]
        places = (
            at
            for at, part in _parts(out_tree)
            if part == argument.treedef
            and list(results[at : at + part.count]) == types
            and found.keys().isdisjoint(range(at, at + part.count))
        )
        at = next(places, None)
        if at is None:
            raise error(
                "donate-invalid",
                f"no part of what `{entry}` returns is like `{name}`",
                hint=f"return a tree with the structure, shapes and dtypes of `{name}`",
            )
        found.update((at + i, first + i) for i in range(len(types)))
    return dict(sorted(found.items()))


def _parts(tree: TreeDef, first: int = 0) -> Iterator[tuple[int, TreeDef]]:
    """All trees in a tree, each with the number of its first leaf."""
    yield first, tree
    for child in tree.children:
        yield from _parts(child, first)
        first += child.count
