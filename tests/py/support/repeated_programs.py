"""Random programs that repeat themselves: layers of random ops, with weights of their own."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import axec as axe
from axec.dialects.opdef import Array

ROWS, WIDTH = 3, 8

Layer = Callable[[Any, Any, Any, int], Any]  # (x, what the layers share, its weights, its number)

STEPS: dict[str, Layer] = {
    "product": lambda x, s, w, i: x @ w[0],
    "square": lambda x, s, w, i: x @ (s.mT @ s) / 8,
    "tanh": lambda x, s, w, i: axe.tanh(x),
    "scale": lambda x, s, w, i: 0.5 * x,
    "bias": lambda x, s, w, i: x + w[1],
    "norm": lambda x, s, w, i: axe.nn.layer_norm(x, w[1], w[2]),
    "softmax": lambda x, s, w, i: axe.nn.softmax(x),
    "shared": lambda x, s, w, i: x * axe.sin(s),
    "masked": lambda x, s, w, i: axe.where(axe.arange(WIDTH) < 5, x, -x),
    "numbered": lambda x, s, w, i: x + float(i),
    "turned": lambda x, s, w, i: axe.permute_dims(axe.permute_dims(x, (1, 0)) * 2.0, (1, 0)),
}


@dataclass(frozen=True)
class Repeated:
    """`layers` times the same steps. `residual`: the input of every layer is added to its result;
    `keep`: the results of all layers are results of the program."""

    steps: tuple[str, ...]
    layers: int
    residual: bool
    keep: bool

    @staticmethod
    def of(seed: int) -> Repeated:
        """The program that a seed stands for."""
        choose = random.Random(seed)
        steps = choose.choices(tuple(STEPS), k=choose.randint(2, 7))
        steps.insert(choose.randrange(len(steps)), "product")
        return Repeated(
            tuple(steps), choose.randint(3, 6), choose.random() < 0.6, choose.random() < 0.3
        )

    def __call__(self, x: Any, shared: Any, weights: Any) -> Any:
        found = []
        for i in range(self.layers):
            y = x
            for step in self.steps:
                y = STEPS[step](y, shared, [w[i] for w in weights], i)
            x = x + y if self.residual else y
            found.append(x)
        return found if self.keep else x

    def arguments(self, seed: int) -> tuple[Array, Array, list[Array]]:
        """x, what the layers share, and the weights of all layers: a matrix and two vectors."""
        rng = np.random.default_rng(seed)

        def arrays(*shape: int) -> list[Array]:
            return [rng.standard_normal(shape) / 3 for _ in range(self.layers)]

        x, shared = rng.standard_normal((2, ROWS, WIDTH)) / 2
        return x, shared, [arrays(WIDTH, WIDTH), arrays(WIDTH), arrays(WIDTH)]  # type: ignore[list-item]
