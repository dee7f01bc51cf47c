"""The step of a model, a loss and an optimiser, for examples with targets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

import axec as axe
from axec.artifact import Artifact
from axec.train.callbacks import Callback, Evaluate
from axec.train.data import Arrays
from axec.train.loop import Run, fit
from axec.train.state import Array, State

Pair = tuple[Array, Array]  # inputs and targets, [examples, ...]


@dataclass(frozen=True, slots=True)
class Supervised:
    """A model in training: `Supervised(model, axe.nn.cross_entropy, axe.optim.adamw(1e-3))`.

    The state is {"params", "state" (of modules that have any), "optimiser", "step"}; random numbers
    of a step (dropout) come from (seed, step). `loss(model's result, targets)` is a scalar.
    `precision`: of products while training, as `axe.amp` takes it; float16 wants an optimiser under
    `axe.optim.loss_scaling`.
    """

    model: Any
    loss: Callable[[Any, Any], Any]
    optimiser: Any
    seed: int = 0
    precision: Any = "float32"

    def start(self) -> State:
        """The state before the first step: NumPy arrays."""
        params = self.model.init(self.seed)
        return {
            "params": params,
            "state": self.model.init_state(),
            "optimiser": self.optimiser.init(params),
            "step": np.int64(0),
        }

    def step(self, state: State, x: Any, y: Any) -> Any:
        """One step on a batch: loss, next state."""
        key = axe.random.fold_in(axe.random.key(self.seed), state["step"])

        def loss(params: Any) -> Any:
            found, new = self.model(params, x, state=state["state"], train=True, key=key)
            return self.loss(found, y), new

        rounded, tx = axe.amp(loss, policy=self.precision), self.optimiser
        if isinstance(tx, axe.optim.LossScaling):
            gradient = tx.value_and_grad(rounded, state["optimiser"], has_aux=True)
        else:
            gradient = axe.value_and_grad(rounded, has_aux=True)
        (value, new), grads = gradient(state["params"])
        updates, optimiser = tx.update(grads, state["optimiser"], state["params"])
        params = axe.optim.apply_updates(state["params"], updates)
        count = state["step"] + 1
        return value, {"params": params, "state": new, "optimiser": optimiser, "step": count}

    def evaluate(self, params: Any, state: Any, x: Any, y: Any) -> Any:
        """The model as it predicts: {"loss"}, and "accuracy" where targets are integers."""
        found = self.model(params, x, state=state)[0]
        metrics = {"loss": self.loss(found, y)}
        if not y.dtype.is_float:
            metrics["accuracy"] = axe.mean((axe.argmax(found, axis=-1) == y).astype(axe.float32))
        return metrics

    def predict(self, params: Any, state: Any, x: Any) -> Any:
        """The model's result for inputs."""
        return self.model(params, x, state=state)[0]

    def entries(self, x: Any, y: Any, batch: int) -> list[axe.Entry]:
        """Entries `step` for batches of `batch`, `evaluate` and `predict` for up to as many, from
        examples of inputs and targets (or specs of one batch)."""
        state = axe.spec_like(self.start())
        parts = {"params": state["params"], "state": state["state"]}
        rows = axe.dim("rows", 1, batch)

        def like(a: Any, size: Any) -> axe.Spec:
            return axe.spec((size, *a.shape[1:]), a.dtype)

        bindings = {
            "step": {"state": state, "x": like(x, batch), "y": like(y, batch)},
            "evaluate": {**parts, "x": like(x, rows), "y": like(y, rows)},
            "predict": {**parts, "x": like(x, rows)},
        }
        return [axe.entry(**b)(_function(getattr(self, name))) for name, b in bindings.items()]

    def compile(self, x: Any, y: Any, batch: int, **options: Any) -> Artifact:
        """The artifact of `entries`; options as of `axe.compile`."""
        return axe.compile(self.entries(x, y, batch), **options)

    def fit(
        self,
        data: Pair,
        test: Pair | None = None,
        *,
        batch: int,
        epochs: int,
        callbacks: Iterable[Callback] = (),
        shuffle: bool = True,
        program: Any = None,
    ) -> Run:
        """Compile (unless the loaded `program` is given) and train on (inputs, targets), from
        `start` or from where a `Checkpoints` callback ended; with `test` there are `val_` metrics
        after each epoch."""
        program = program or self.compile(*data, batch).load()
        watching = [] if test is None else [self.evaluation(program, test, batch)]
        batches = Arrays(*data, batch=batch, shuffle=shuffle, seed=self.seed)
        return fit(
            program["step"], self.start(), batches, epochs, [*watching, *callbacks],
            source=self.step,
        )  # fmt: skip

    def evaluation(self, program: Any, test: Pair, batch: int) -> Evaluate:
        """The callback that evaluates on (inputs, targets)."""
        rows = Arrays(*test, batch=batch, shuffle=False, drop_last=False)
        return Evaluate(lambda s, x, y: program["evaluate"](s["params"], s["state"], x, y), rows)


def _function(method: Callable[..., Any]) -> Callable[..., Any]:
    """A bound method as a function, which can carry an entry's attributes."""

    def call(*args: Any) -> Any:
        return method(*args)

    call.__name__ = method.__name__
    call.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]
    return call
