"""Transformations of some parameters, which are picked by patterns of their paths: `*` stands for
any text, as in "encoder.*" or "*.bias"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from axec.lang import tree
from axec.lang.errors import error, nearest
from axec.lang.optim.base import GradientTransformation, Tree, stateless


def matching(params: Tree, *patterns: str) -> set[str]:
    """The paths that match a pattern. AxecError `argument-name` for a pattern without any."""
    paths = tree.paths(params)
    selected: set[str] = set()
    for pattern in patterns:
        hits = {p for p in paths if fnmatchcase(p, pattern)}
        if not hits:
            raise error(
                "argument-name",
                f"no parameter matches {pattern!r}",
                hint=_closest(pattern, paths),
            )
        selected |= hits
    return selected


def _closest(pattern: str, paths: list[str]) -> str:
    if any(p.startswith(pattern + ".") for p in paths):
        return f"write {pattern + '.*'!r} for everything below it"
    close = nearest(pattern, paths)
    return f"did you mean {close!r}?" if close else f"there is {', '.join(paths[:8])}"


def select(params: Tree, keep: Callable[[str], bool]) -> Tree:
    """The tree with None at the paths that are not kept."""
    leaves = zip(tree.paths(params), tree.leaves(params), strict=True)
    kept = [leaf if keep(path) else None for path, leaf in leaves]
    return tree.unflatten(tree.structure(params), kept)


def freeze(inner: GradientTransformation, *patterns: str) -> GradientTransformation:
    """`inner` for all parameters but those that match: they get no update and have no state, and
    since nothing reads their gradients, a compiled step does not compute them."""

    def init(params: Tree) -> Tree:
        frozen = matching(params, *patterns)
        return inner.init(select(params, lambda path: path not in frozen))

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        frozen = matching(updates, *patterns)

        def rest(t: Tree) -> Tree:
            return None if t is None else select(t, lambda path: path not in frozen)

        return inner.update(rest(updates), state, rest(params))

    return GradientTransformation(init, update)


def masked(inner: GradientTransformation, *patterns: str) -> GradientTransformation:
    """`inner` for the parameters that match; the updates of the others pass as they are."""

    def init(params: Tree) -> Tree:
        return inner.init(select(params, matching(params, *patterns).__contains__))

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        picked = matching(updates, *patterns).__contains__
        some = None if params is None else select(params, picked)
        changed, state = inner.update(select(updates, picked), state, some)
        new = dict(zip(tree.paths(changed), tree.leaves(changed), strict=True))
        leaves = zip(tree.paths(updates), tree.leaves(updates), strict=True)
        merged = [new.get(path, leaf) for path, leaf in leaves]
        return tree.unflatten(tree.structure(updates), merged), state

    return GradientTransformation(init, update)


def scale_by_path(factors: Mapping[str, float]) -> GradientTransformation:
    """updates * factor for the parameters that match a pattern: {"encoder.*": 0.1}."""

    def scaled(updates: Tree, params: Tree) -> Tree:
        total: dict[str, Any] = {}
        for pattern, factor in factors.items():
            for path in matching(updates, pattern):
                total[path] = total.get(path, 1.0) * factor
        leaves = zip(tree.paths(updates), tree.leaves(updates), strict=True)
        new = [leaf * total[path] if path in total else leaf for path, leaf in leaves]
        return tree.unflatten(tree.structure(updates), new)

    return stateless(scaled)
