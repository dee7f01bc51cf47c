"""Optimisers: chains that end in a step downhill. `learning_rate` is a number or a schedule
(`axe.optim.schedules`). Rules and defaults are those of torch.optim where it has the algorithm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from axec.lang.arrays import static
from axec.lang.optim.base import GradientTransformation, Rate, Tree, at, chain
from axec.lang.optim.transforms import (
    add_decayed_weights,
    scale_by_adafactor,
    scale_by_adam,
    scale_by_learning_rate,
    scale_by_lion,
    scale_by_rms,
    scale_by_rss,
    scale_by_trust_ratio,
    trace,
)

_EPSILON = 2.0**-23  # f32's distance from 1 to the next number


def sgd(
    learning_rate: Rate,
    *,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> GradientTransformation:
    """p -= rate * m with m = momentum * m + (1 - dampening) * (g + weight_decay * p)."""
    parts = [add_decayed_weights(weight_decay)] if weight_decay else []
    if momentum:
        parts.append(trace(momentum, dampening=dampening, nesterov=nesterov))
    return chain(*parts, scale_by_learning_rate(learning_rate))


def adam(
    learning_rate: Rate = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    *,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
) -> GradientTransformation:
    """Adam, see `scale_by_adam`; weight_decay is added to the gradient (L2)."""
    parts = [add_decayed_weights(weight_decay)] if weight_decay else []
    rule = scale_by_adam(b1, b2, eps, amsgrad=amsgrad)
    return chain(*parts, rule, scale_by_learning_rate(learning_rate))


def amsgrad(
    learning_rate: Rate = 1e-3, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> GradientTransformation:
    """Adam with the largest second moment so far. Source: arXiv 1904.09237."""
    return adam(learning_rate, b1, b2, eps, amsgrad=True)


def adamw(
    learning_rate: Rate = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    *,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
) -> GradientTransformation:
    """Adam whose weight decay is no part of the gradient: p -= rate * (adam(g) + weight_decay * p).
    Source: arXiv 1711.05101, algorithm 2."""
    return chain(
        scale_by_adam(b1, b2, eps, amsgrad=amsgrad),
        add_decayed_weights(weight_decay),
        scale_by_learning_rate(learning_rate),
    )


def rmsprop(
    learning_rate: Rate = 1e-2,
    decay: float = 0.99,
    eps: float = 1e-8,
    *,
    momentum: float = 0.0,
    centered: bool = False,
    weight_decay: float = 0.0,
) -> GradientTransformation:
    """RMSprop, see `scale_by_rms`, then momentum."""
    parts = [add_decayed_weights(weight_decay)] if weight_decay else []
    parts.append(scale_by_rms(decay, eps, centered=centered))
    if momentum:
        parts.append(trace(momentum))
    return chain(*parts, scale_by_learning_rate(learning_rate))


def adagrad(
    learning_rate: Rate = 1e-2,
    *,
    decay: float = 0.0,
    initial: float = 0.0,
    eps: float = 1e-10,
    weight_decay: float = 0.0,
) -> GradientTransformation:
    """Adagrad, see `scale_by_rss`; the rate falls as 1 / (1 + step * decay)."""
    parts = [add_decayed_weights(weight_decay)] if weight_decay else []
    rate = learning_rate
    if decay:

        def falling(step: Any) -> Any:
            return at(learning_rate, step) / (1 + step.astype("float32") * decay)

        rate = falling
    return chain(*parts, scale_by_rss(initial, eps), scale_by_learning_rate(rate))


def lamb(
    learning_rate: Rate = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-6,
    *,
    weight_decay: float = 0.0,
) -> GradientTransformation:
    """AdamW whose step of each parameter is as long as the parameter, times the rate. Source: arXiv
    1904.00962, algorithm 2."""
    return chain(
        scale_by_adam(b1, b2, eps),
        add_decayed_weights(weight_decay),
        scale_by_trust_ratio(),
        scale_by_learning_rate(learning_rate),
    )


def lion(
    learning_rate: Rate = 1e-4, b1: float = 0.9, b2: float = 0.99, *, weight_decay: float = 0.0
) -> GradientTransformation:
    """p -= rate * (sign(b1 * m + (1 - b1) * g) + weight_decay * p). Source: arXiv 2302.06675."""
    return chain(
        scale_by_lion(b1, b2),
        add_decayed_weights(weight_decay),
        scale_by_learning_rate(learning_rate),
    )


def adafactor(
    learning_rate: Rate = 1e-2,
    *,
    decay: float = -0.8,
    eps: tuple[float, float] = (_EPSILON, 1e-3),
    clip: float = 1.0,
    weight_decay: float = 0.0,
) -> GradientTransformation:
    """Steps relative to the size of each parameter, with second moments that take rows + columns in
    place of rows * columns; 1 - t^decay is the moving means' memory at step t. Source: arXiv
    1804.04235, algorithm 5, with the root mean square clipped at `clip`."""
    return scale_by_adafactor(
        learning_rate, decay=decay, eps=eps, clip=clip, weight_decay=weight_decay
    )


def adjustable(
    make: Callable[[Rate], GradientTransformation], learning_rate: float
) -> GradientTransformation:
    """An optimiser whose learning rate is part of its state, where a run can read and set it:
    `adjustable(axe.optim.adamw, 1e-3)`. State: rate (float32 scalar), inner."""
    start = np.float32(static.real("learning_rate", learning_rate))

    def init(params: Tree) -> Tree:
        return {"rate": start, "inner": make(lambda step: start).init(params)}

    def update(updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        rate = state["rate"]
        updates, inner = make(lambda step: rate).update(updates, state["inner"], params)
        return updates, {"rate": rate, "inner": inner}

    return GradientTransformation(init, update)
