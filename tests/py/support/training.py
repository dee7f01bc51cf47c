"""A small training: a network with dropout and a schedule, whose state says all it depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import axec as axe
from axec import nn, optim

BATCH, EXAMPLES = 8, 60
MODEL = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 3))
OPTIMISER = optim.adamw(optim.schedules.cosine(1e-2, 200))


def start() -> Any:
    params = MODEL.init(0)
    return {"params": params, "optimiser": OPTIMISER.init(params), "step": np.int64(0)}


@axe.entry(
    state=lambda: axe.spec_like(start()),
    x=axe.spec((BATCH, 4), axe.float32),
    y=axe.spec((BATCH,), axe.int64),
)
def step(state: Any, x: Any, y: Any) -> Any:
    key = axe.random.fold_in(axe.random.key(7), state["step"])

    def loss(params: Any) -> Any:
        return nn.cross_entropy(MODEL(params, x, train=True, key=key), y)

    value, grads = axe.value_and_grad(loss)(state["params"])
    updates, optimiser = OPTIMISER.update(grads, state["optimiser"], state["params"])
    params = optim.apply_updates(state["params"], updates)
    return value, {"params": params, "optimiser": optimiser, "step": state["step"] + 1}


def examples() -> tuple[Any, Any]:
    """Points on the sides of two lines."""
    x = np.random.default_rng(1).standard_normal((EXAMPLES, 4), np.float32)
    return x, (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 0)


def save_parts(folder: Path) -> None:
    """What a process without the compiler trains from: step.axe, start.safetensors, data.npz."""
    axe.compile(step).save(folder / "step.axe")
    axe.train.save(folder / "start.safetensors", start())
    x, y = examples()
    np.savez(folder / "data.npz", x=x, y=y)
