"""What is done with gradients before a rule: clipping, accumulation."""

from __future__ import annotations

from typing import Any

from axec.lang import tree
from axec.lang.arrays import elementwise as ew
from axec.lang.arrays import reduce, static
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.optim.base import GradientTransformation, Tree, stateless, zero_count, zeros_like

_TINY = 1e-6  # torch's: a norm of 0 divides nothing


def global_norm(updates: Tree) -> Tensor:
    """sqrt(sum of all squares) over all arrays of a tree, float32 scalar."""
    squares = [_square(leaf) for leaf in tree.leaves(updates)]
    if not squares:
        raise error("argument-type", "there is no array to take the norm of")
    total = squares[0]
    for s in squares[1:]:
        total = total + s
    return ew.sqrt(total)


def _square(x: Any) -> Tensor:
    t = as_tensor(x)
    wide = t.astype("float32") if t.dtype.size < 4 else t
    return reduce.sum(wide * wide)


def _shrunk(x: Any, norm: Tensor, most: float) -> Tensor:
    factor = ew.minimum(most / (norm + _TINY), 1.0)
    t = as_tensor(x)
    return t * factor.astype(t.dtype)


def clip(most: float) -> GradientTransformation:
    """Each element between -most and most."""
    limit = _limit(most)
    return stateless(lambda updates, _: tree.map(lambda u: ew.clip(u, -limit, limit), updates))


def clip_by_norm(most: float) -> GradientTransformation:
    """Each array by itself shrunk to the norm `most` where it is longer (layer by layer)."""
    limit = _limit(most)

    def shrink(u: Any) -> Tensor:
        return _shrunk(u, ew.sqrt(_square(u)), limit)

    return stateless(lambda updates, _: tree.map(shrink, updates))


def clip_by_global_norm(most: float) -> GradientTransformation:
    """All arrays shrunk by one factor to the global norm `most` where it is larger. Source: arXiv
    1211.5063, section 3.2."""
    limit = _limit(most)

    def shrink(updates: Tree, params: Tree) -> Tree:
        norm = global_norm(updates)
        return tree.map(lambda u: _shrunk(u, norm, limit), updates)

    return stateless(shrink)


def _limit(most: float) -> float:
    limit = static.real("the largest norm", most)
    if limit <= 0:
        raise error("bad-attribute", f"the largest norm must be positive, got {most}")
    return limit


def accumulate(inner: GradientTransformation, every: int) -> GradientTransformation:
    """`inner` on the mean of `every` gradients; the updates between are 0. State: count, sum (of
    what was given since, over `every`), inner."""
    if static.integer("every", every) < 1:
        raise error("bad-attribute", f"accumulate needs one or more steps, got {every}")

    def init(params: Tree) -> Tree:
        return {"count": zero_count(), "sum": zeros_like(params), "inner": inner.init(params)}

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        total = tree.map(lambda u, s: s + u / every, updates, state["sum"])
        due = as_tensor(state["count"]) == every - 1
        moved, after = inner.update(total, state["inner"], params)

        def when_due(new: Tree, old: Tree) -> Tree:
            return tree.map(lambda a, b: ew.where(due, a, b), new, old)

        return tree.map(lambda u: ew.where(due, u, 0.0), moved), {
            "count": ew.where(due, 0, state["count"] + 1),
            "sum": tree.map(lambda s: ew.where(due, 0.0, s), total),
            "inner": when_due(after, state["inner"]),
        }

    return GradientTransformation(init, update)
