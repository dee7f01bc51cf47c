"""The parts that optimisers are chains of; each is useful alone.

Rules follow torch.optim where it has the algorithm, so that runs agree step by step.
"""

from __future__ import annotations

from typing import Any

from axec.lang import tree
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.elementwise import maximum, minimum, rsqrt, sign, sqrt, where
from axec.lang.arrays.reduce import mean, sum
from axec.lang.arrays.tensor import Tensor
from axec.lang.optim.base import (
    GradientTransformation,
    Rate,
    Tree,
    at,
    need_params,
    stateless,
    without_power,
    zero_count,
    zeros_like,
)


def scale(factor: float) -> GradientTransformation:
    """updates * factor."""
    return stateless(lambda updates, _: tree.map(lambda u: u * factor, updates))


def scale_by_learning_rate(rate: Rate) -> GradientTransformation:
    """updates * -rate: downhill. `rate` is a number or a schedule, whose state is `count`."""
    return scale(-rate) if not callable(rate) else scale_by_schedule(lambda step: -rate(step))


def scale_by_schedule(schedule: Any) -> GradientTransformation:
    """updates * schedule(step), with steps from 0. State: count."""

    def init(params: Tree) -> Tree:
        return {"count": zero_count()}

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        factor = as_tensor(schedule(as_tensor(state["count"])))
        scaled = tree.map(lambda u: u * factor.astype(as_tensor(u).dtype), updates)
        return scaled, {"count": state["count"] + 1}

    return GradientTransformation(init, update)


def add_decayed_weights(decay: float) -> GradientTransformation:
    """updates + decay * params: L2 before a rule, decoupled decay after it."""

    def add(updates: Tree, params: Tree) -> Tree:
        need_params("weight decay", params)
        return tree.map(lambda u, p: u + decay * p, updates, params)

    return stateless(add if decay else lambda updates, _: updates)


def trace(
    momentum: float, *, dampening: float = 0.0, nesterov: bool = False
) -> GradientTransformation:
    """Momentum: m = momentum * m + (1 - dampening) * u, at the first step m = u; the update is m,
    with Nesterov u + momentum * m. State: momentum, and count where there is dampening."""

    def init(params: Tree) -> Tree:
        start = {"momentum": zeros_like(params)}
        return start | {"count": zero_count()} if dampening else start

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        fresh: Any = 1 - dampening
        new = {}
        if dampening:
            fresh = where(as_tensor(state["count"]) == 0, 1.0, 1 - dampening)
            new = {"count": state["count"] + 1}
        moved = tree.map(lambda u, m: momentum * m + fresh * u, updates, state["momentum"])
        ahead = tree.map(lambda u, m: u + momentum * m, updates, moved) if nesterov else moved
        return ahead, {"momentum": moved} | new

    return GradientTransformation(init, update)


def scale_by_adam(
    b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8, *, amsgrad: bool = False
) -> GradientTransformation:
    """m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) with moving means m of u and v of u^2; amsgrad
    puts the largest v so far in v's place. State: count, m, v (and v_max). Source: arXiv
    1412.6980, algorithm 1; 1904.09237, algorithm 2."""

    def init(params: Tree) -> Tree:
        names = ("m", "v", "v_max") if amsgrad else ("m", "v")
        return {"count": zero_count()} | {name: zeros_like(params) for name in names}

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        count = state["count"] + 1
        new = {
            "count": count,
            "m": tree.map(lambda u, m: b1 * m + (1 - b1) * u, updates, state["m"]),
            "v": tree.map(lambda u, v: b2 * v + (1 - b2) * (u * u), updates, state["v"]),
        }
        if amsgrad:
            new["v_max"] = tree.map(maximum, state["v_max"], new["v"])
        size, root = 1 / without_power(b1, count), 1 / sqrt(without_power(b2, count))

        def step(m: Any, v: Any) -> Any:
            return m * size.astype(m.dtype) / (sqrt(v) * root.astype(v.dtype) + eps)

        return tree.map(step, new["m"], new["v_max" if amsgrad else "v"]), new

    return GradientTransformation(init, update)


def scale_by_rms(
    decay: float = 0.99, eps: float = 1e-8, *, centered: bool = False
) -> GradientTransformation:
    """u / (sqrt(v) + eps) with the moving mean v of u^2, centred by the square of that of u. State:
    v (and mean). Source: Hinton, Neural Networks for Machine Learning, lecture 6; arXiv 1308.0850,
    equations 38-40."""

    def init(params: Tree) -> Tree:
        return {name: zeros_like(params) for name in (("v", "mean") if centered else ("v",))}

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        def follow(old: Tree, of: Any) -> Tree:
            return tree.map(lambda u, s: decay * s + (1 - decay) * of(u), updates, old)

        new = {"v": follow(state["v"], lambda u: u * u)}
        spread = new["v"]
        if centered:
            new["mean"] = follow(state["mean"], lambda u: u)
            spread = tree.map(lambda v, m: maximum(v - m * m, 0.0), new["v"], new["mean"])
        return tree.map(lambda u, v: u / (sqrt(v) + eps), updates, spread), new

    return GradientTransformation(init, update)


def scale_by_rss(initial: float = 0.0, eps: float = 1e-10) -> GradientTransformation:
    """u / (sqrt(sum of all u^2) + eps). State: sum. Source: JMLR 12 (2011), 2121."""

    def init(params: Tree) -> Tree:
        return {"sum": zeros_like(params, initial)}

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        total = tree.map(lambda u, s: s + u * u, updates, state["sum"])
        return tree.map(lambda u, s: u / (sqrt(s) + eps), updates, total), {"sum": total}

    return GradientTransformation(init, update)


def scale_by_lion(b1: float = 0.9, b2: float = 0.99) -> GradientTransformation:
    """sign(b1 * m + (1 - b1) * u), then m = b2 * m + (1 - b2) * u. State: m. Source: arXiv
    2302.06675, algorithm 2."""

    def init(params: Tree) -> Tree:
        return {"m": zeros_like(params)}

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        new = tree.map(lambda u, m: b2 * m + (1 - b2) * u, updates, state["m"])
        signs = tree.map(lambda u, m: sign(b1 * m + (1 - b1) * u), updates, state["m"])
        return signs, {"m": new}

    return GradientTransformation(init, update)


def scale_by_trust_ratio() -> GradientTransformation:
    """updates * |params| / |updates|, parameter by parameter, where both norms are positive.
    Source: arXiv 1904.00962, algorithm 2, with phi(z) = z."""

    def step(u: Any, p: Any) -> Tensor:
        length, size = (sqrt(sum(as_tensor(x) * x)) for x in (p, u))
        some = (length > 0) & (size > 0)
        return as_tensor(u) * where(some, length / where(some, size, 1.0), 1.0)

    def scaled(updates: Tree, params: Tree) -> Tree:
        need_params("the trust ratio", params)
        return tree.map(step, updates, params)

    return stateless(scaled)


def scale_by_adafactor(
    rate: Rate,
    *,
    decay: float,
    eps: tuple[float, float],
    clip: float = 1.0,
    weight_decay: float = 0.0,
) -> GradientTransformation:
    """The whole update of `adafactor`: second moments of matrices as rows times columns. State:
    count, and moments: by a parameter's path its row [..., m, 1] and column [..., 1, n], or v where
    it has fewer than two axes."""

    def init(params: Tree) -> Tree:
        leaves = zip(tree.paths(params), tree.leaves(params), strict=True)
        return {"count": zero_count(), "moments": {path: _no_moments(p) for path, p in leaves}}

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        need_params("adafactor", params)
        steps = (as_tensor(state["count"]) + 1).astype("float32")
        fresh = steps**decay
        now = at(rate, as_tensor(state["count"]))
        relative = minimum(now, rsqrt(steps))
        moved, moments = [], {}
        rows = zip(tree.paths(updates), tree.leaves(updates), tree.leaves(params), strict=True)
        for path, leaf, p in rows:
            u = as_tensor(leaf)
            moments[path], spread = _moments(u, state["moments"][path], fresh, eps[0])
            size = relative * maximum(_rms(as_tensor(p)), eps[1])
            step = u * rsqrt(maximum(spread, eps[0] * eps[0]))
            step = -size / maximum(1.0, _rms(step) / clip) * step
            moved.append(step - now * weight_decay * p if weight_decay else step)
        new = {"count": state["count"] + 1, "moments": moments}
        return tree.unflatten(tree.structure(updates), moved), new

    return GradientTransformation(init, update)


def _no_moments(p: Any) -> Tree:
    if p.ndim < 2:
        return {"v": zeros_like(p)}
    return {"row": zeros_like(p[..., :1]), "column": zeros_like(p[..., :1, :])}


def _moments(u: Tensor, old: Tree, fresh: Tensor, eps: float) -> tuple[Tree, Tensor]:
    """The new moments, and the second moment of each element that they stand for."""

    def follow(name: str, square: Tensor) -> Tensor:
        last = as_tensor(old[name])
        return last + fresh * (square - last)

    if u.ndim < 2:
        v = follow("v", u * u)
        return {"v": v}, v
    row = follow("row", mean(u * u, axis=-1, keepdims=True))
    column = follow("column", mean(u * u, axis=-2, keepdims=True))
    spread = row * column / maximum(mean(row, axis=-2, keepdims=True), eps)
    return {"row": row, "column": column}, spread


def _rms(x: Tensor) -> Tensor:
    return sqrt(mean(x * x))
