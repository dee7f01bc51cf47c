"""Training state: dicts, lists, tuples and None with arrays as leaves, by path.

Paths are those of `axe.tree.paths`; this copy of the walk needs numpy alone, as everything here
that a training process needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from axec.runtime.errors import AxecError

Array = np.ndarray[Any, Any]
State = Any


def leaves(state: State, path: str = "") -> Iterator[tuple[str, Array]]:
    """Every (path, array) in order: dicts by sorted keys, paths joined by dots as in "params.0.w".
    AxecError `input-structure` for a leaf that is no array of numbers."""
    if isinstance(state, dict):
        for key in sorted(state):
            yield from leaves(state[key], f"{path}.{key}" if path else key)
    elif isinstance(state, (list, tuple)):
        for i, inner in enumerate(state):
            yield from leaves(inner, f"{path}.{i}" if path else str(i))
    elif state is not None:
        array = np.asarray(state)
        if array.dtype == object:
            raise AxecError("input-structure", f"`{path}` is a {type(state).__name__}, no array")
        yield path, array


def rebuilt(state: State, values: Callable[[str, Array], Array]) -> State:
    """A state of the same structure with `values(path, array)` in place of every array."""
    made = iter([values(path, array) for path, array in leaves(state)])
    return _filled(state, made)


def copied(state: State) -> State:
    """A state with arrays of its own."""
    return rebuilt(state, lambda _, array: np.array(array))


def _filled(state: State, made: Iterator[Array]) -> State:
    if isinstance(state, dict):
        found = {key: _filled(state[key], made) for key in sorted(state)}
        return {key: found[key] for key in state}
    if isinstance(state, (list, tuple)):
        children = [_filled(inner, made) for inner in state]
        if hasattr(state, "_fields"):  # a named tuple
            return type(state)(*children)
        return children if isinstance(state, list) else tuple(children)
    return None if state is None else next(made)
