"""Gradient transformations: pairs of functions that chain, in optax's words.

    tx = axe.optim.chain(axe.optim.clip_by_global_norm(1.0), axe.optim.adam(3e-4))
    state = tx.init(params)                                   # at build time: NumPy arrays
    updates, state = tx.update(grads, state, params)          # inside the compiled step
    params = axe.optim.apply_updates(params, updates)

State is a pytree of arrays with the names of what they are. Numbers that a transformation keeps per
parameter have its shape and dtype; counts are int32 scalars.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from axec.lang import tree
from axec.lang.arrays import create
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.elementwise import expm1
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error

Tree = Any  # a pytree of arrays
Schedule = Callable[[Any], Any]  # int32 scalar step, from 0 -> float32 scalar
Rate = float | Schedule


class GradientTransformation(NamedTuple):
    """`init(params)` gives the state; `update(updates, state, params)` gives the next updates and
    the next state."""

    init: Callable[[Tree], Tree]
    update: Callable[..., tuple[Tree, Tree]]


def chain(*transformations: GradientTransformation) -> GradientTransformation:
    """One transformation after another; the state is the tuple of their states."""

    def init(params: Tree) -> Tree:
        return tuple(t.init(params) for t in transformations)

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        new = []
        for t, own in zip(transformations, state, strict=True):
            updates, own = t.update(updates, own, params)
            new.append(own)
        return updates, tuple(new)

    return GradientTransformation(init, update)


def stateless(fn: Callable[[Tree, Tree], Tree]) -> GradientTransformation:
    """A transformation from `fn(updates, params) -> updates`."""

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        return fn(updates, params), state

    return GradientTransformation(lambda params: (), update)


def apply_updates(params: Tree, updates: Tree) -> Tree:
    """params + updates, in the dtypes of params. Where a frozen parameter has no update it stays as
    it is."""
    known = dict(zip(tree.paths(updates), tree.leaves(updates), strict=True))
    paths = tree.paths(params)
    unknown = sorted(known.keys() - set(paths))
    if unknown:
        raise error("tree-structure", f"there is an update of `{unknown[0]}`, but no parameter")
    moved = [
        (as_tensor(p) + known[path]).astype(as_tensor(p).dtype) if path in known else p
        for path, p in zip(paths, tree.leaves(params), strict=True)
    ]
    return tree.unflatten(tree.structure(params), moved)


# ---- what transformations share ------------------------------------------------------------------


def zeros_like(params: Tree, value: float = 0.0) -> Tree:
    """A tree of arrays of one value: NumPy arrays at build time, traced ones inside a trace."""

    def of(p: Any) -> Any:
        if isinstance(p, Tensor):
            return create.full_like(p, value)
        return np.full(np.shape(p), value, np.asarray(p).dtype)

    return tree.map(of, params)


def zero_count() -> Any:
    """The number of steps before the first."""
    return np.zeros((), np.int32)


def need_params(name: str, params: Tree) -> None:
    """Some transformations read the parameters."""
    if params is None:
        raise error(
            "argument-type",
            f"{name} reads the parameters",
            hint="pass them: `tx.update(grads, state, params)`",
        )


def at(rate: Rate, step: Any) -> Any:
    """A constant, or the value of a schedule at a step."""
    return rate(step) if callable(rate) else rate


def without_power(decay: float, count: Any) -> Tensor:
    """1 - decay ** count, precise where decay is close to 1 (f32's power would lose 4 digits)."""
    exponent = as_tensor(count).astype("float32")
    return -expm1(exponent * float(np.log(decay))) if decay > 0 else exponent * 0 + 1
