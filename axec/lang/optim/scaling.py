"""Loss scaling: gradients of 16 bits that would vanish are made larger, and steps that overflow are
left out. Rule and defaults: torch.amp.GradScaler. Source: arXiv 1710.03740, section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.lang import tree
from axec.lang.arrays import reduce, static
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.elementwise import isfinite, where
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.optim.base import GradientTransformation, Tree
from axec.lang.transform.derivatives import value_and_grad


@dataclass(frozen=True)
class LossScaling:
    """`init` and `update` as a gradient transformation has them, for gradients of a scaled loss;
    `loss_scaling` makes it. State: scale (float32), good (int32: steps without overflow since the
    scale changed), inner (that of `tx`)."""

    tx: GradientTransformation
    first: float
    growth: float
    backoff: float
    interval: int | None

    def init(self, params: Tree) -> Tree:
        """The state before the first step."""
        start = {"scale": np.asarray(self.first, np.float32), "good": np.asarray(0, np.int32)}
        return start | {"inner": self.tx.init(params)}

    def scale(self, loss: Any, state: Tree) -> Tensor:
        """loss * scale: what gradients are taken of."""
        value = as_tensor(loss)
        return value * as_tensor(state["scale"]).astype(value.dtype)

    def value_and_grad(
        self, fn: Callable[..., Any], state: Tree, *, has_aux: bool = False
    ) -> Callable[..., Any]:
        """As `axe.value_and_grad(fn)`: the value of `fn` as it is, gradients of it times the
        scale."""

        def scaled(*args: Any) -> Any:
            result = fn(*args)
            return self.scale(result[0] if has_aux else result, state), result

        both = value_and_grad(scaled, has_aux=True)

        def run(*args: Any) -> Any:
            (_, found), grads = both(*args)
            return found, grads

        return run

    def update(self, updates: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        """The updates of `tx` for gradients / scale, and the next state. Where a gradient is not
        finite: updates of 0, and the inner state as it was."""
        finite, scale = all_finite(updates), as_tensor(state["scale"])
        # What is left out must not reach the inner rule as NaN, which no selection removes again.
        fair = tree.map(lambda u: where(finite, u / scale.astype(u.dtype), 0.0), updates)
        moved, inner = self.tx.update(fair, state["inner"], params)
        moved = tree.map(lambda u: where(finite, u, 0.0), moved)
        inner = tree.map(lambda new, old: where(finite, new, old), inner, state["inner"])
        return moved, self._adjusted(finite, scale, as_tensor(state["good"])) | {"inner": inner}

    def _adjusted(self, finite: Tensor, scale: Tensor, good: Tensor) -> dict[str, Any]:
        if self.interval is None:
            return {"scale": scale, "good": good}
        count = where(finite, good + 1, 0)
        due, grown = count == self.interval, scale * self.growth
        up = where(due & isfinite(grown), grown, scale)
        new = where(finite, up, scale * self.backoff)
        return {"scale": new, "good": where(due, 0, count)}


def loss_scaling(
    tx: GradientTransformation,
    scale: float = 65536.0,
    *,
    growth: float = 2.0,
    backoff: float = 0.5,
    interval: int | None = 2000,
) -> LossScaling:
    """`tx` on the gradients of a scaled loss, which it divides by the scale.

    The scale begins at `scale`, is multiplied by `backoff` after a step that overflowed and by
    `growth` after `interval` steps in a row that did not; with `interval=None` it stays. Steps that
    overflow change nothing else. AxecError `bad-attribute` for numbers that do not fit.
    """
    first = static.real("loss_scaling: scale", scale)
    if interval is not None:
        static.integer("loss_scaling: interval", interval)
    if first <= 0 or not 0 < backoff < 1 < growth or (interval is not None and interval < 1):
        raise error(
            "bad-attribute",
            f"loss_scaling: scale {scale}, growth {growth}, backoff {backoff}, interval {interval}",
            hint="scale > 0, growth > 1, 0 < backoff < 1, and interval at least 1, or None",
        )
    return LossScaling(tx, first, growth, backoff, interval)


def all_finite(updates: Tree) -> Tensor:
    """Is no element of any array infinite or NaN? 0-d bool."""
    leaves = [reduce.all(isfinite(leaf)) for leaf in tree.leaves(updates)]
    if not leaves:
        raise error("argument-type", "there is no array to look for overflow in")
    everywhere = leaves[0]
    for leaf in leaves[1:]:
        everywhere = everywhere & leaf
    return everywhere
