"""The loop: step after step, callbacks, and nothing that is not in a checkpoint.

    run = fit(step, state, Arrays(x, y, batch=64), epochs=10, callbacks=[Checkpoints("runs/a")])

`step(state, *batch)` gives (loss, next state), or (a dict of scalars with a "loss", next state). It
is an entry of a loaded artifact (then numpy and the runtime are all that a process needs), a
loaded artifact (its only entry, or the one called `step`), an `@axe.entry`, which is compiled here,
or any Python function.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import BuiltinFunctionType
from typing import Any

import numpy as np

from axec.runtime.errors import AxecError
from axec.runtime.loader import Program
from axec.train.callbacks import Callback
from axec.train.data import Batch, arguments, as_data, prefetched
from axec.train.state import State, copied, leaves, rebuilt


@dataclass
class Run:
    """Where a training is. `epoch`: whole epochs that are done; `batch`: batches of the one under
    way; `step`: steps in all; `metrics`: of the last step, and at an epoch's end their means and
    what callbacks added; `stopped`: why it ends before its last epoch."""

    state: State
    epochs: int
    epoch: int = 0
    batch: int = 0
    step: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)  # sums over the epoch under way
    stopped: str | None = None
    callbacks: list[Callback] = field(default_factory=list)

    def progress(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the state, as JSON."""
        names = ("epoch", "batch", "step", "metrics", "totals")
        return {name: getattr(self, name) for name in names}


def fit(
    step: Any,
    state: State,
    data: Any,
    epochs: int,
    callbacks: Iterable[Callback] = (),
    *,
    source: Any = None,
    prefetch: int = 2,
    finite: bool = True,
) -> Run:
    """Train for `epochs` epochs in all, from where the checkpoints of a `Checkpoints` callback end.

    `data`: see `axe.train.as_data`; `prefetch`: batches that a thread makes ahead (0: none).
    `finite`: a loss that is no finite number ends the run with AxecError `loss-not-finite`, or
    `label-range` where a label is the reason, at the line of the first op that made it; the checks
    are done on `source`, an @axe.entry or a function, when `step` is of an artifact. The arrays of
    `state` stay as they are.
    """
    run = Run(copied(state), epochs)
    stepper, batches = Stepper(step, source, finite), as_data(data)
    # What saves comes last, when the others have seen the step; what restores comes first.
    run.callbacks = sorted(callbacks, key=lambda c: c.saves)
    for callback in reversed(run.callbacks):
        callback.start(run)
    try:
        while run.epoch < epochs and run.stopped is None:
            first = run.batch
            ahead = prefetched(batches.batches(run.epoch, first), prefetch)
            with contextlib.closing(ahead):  # type: ignore[type-var]
                for batch in ahead:
                    _step(run, stepper, batch)
            _end_epoch(run, type(data).__name__)
    finally:
        for callback in run.callbacks:
            callback.end(run)
    return run


def _step(run: Run, stepper: Stepper, batch: Batch) -> None:
    found, run.state = stepper(run.state, batch, run.step + 1)
    run.metrics = found
    run.batch += 1
    run.step += 1
    for name, value in found.items():
        run.totals[name] = run.totals.get(name, 0.0) + value
    for callback in run.callbacks:
        callback.step(run)


def _end_epoch(run: Run, data: str) -> None:
    if not run.batch:
        raise AxecError(
            "data-empty",
            f"epoch {run.epoch + 1} has no batch: the {data} gave none",
            hint="an iterator is empty after one epoch; pass a function of the epoch that makes it",
        )
    run.metrics = {name: total / run.batch for name, total in run.totals.items()}
    run.totals, run.batch = {}, 0
    run.epoch += 1
    for callback in run.callbacks:
        callback.epoch(run)


class Stepper:
    """Calls a step. With an artifact's entry two states take turns as argument and as `out=`, so
    that a step allocates no array, and the state before it is there when something is wrong, also
    where the entry would take its memory (`donate`)."""

    def __init__(self, step: Any, source: Any = None, finite: bool = True) -> None:
        self._step, self._source = _callable(step, source)
        self._finite = finite
        self._reuses = isinstance(self._step, BuiltinFunctionType)  # an artifact's: takes `out=`
        self._spare: Any = None

    def __call__(self, state: State, batch: Batch, number: int) -> tuple[dict[str, float], State]:
        """Metrics and the next state; `number` is what errors call the step."""
        positional, named = arguments(batch)
        given = state
        if self._spare is not None:
            named = {**named, "out": self._spare}
        elif self._reuses:
            given = copied(state)  # a step that donates its state changes it where it lies
        result = self._step(given, *positional, **named)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise AxecError(
                "step-result",
                f"a step gives (loss, next state), this one a {type(result).__name__}",
                hint="return `loss, state`, or a dict of scalars and the state",
            )
        metrics, new = result
        found = numbers(metrics)
        if self._finite and not math.isfinite(found.get("loss", 0.0)):
            from axec.train.diagnose import diagnosis

            raise diagnosis(self._source, state, batch, number, found["loss"])
        if self._reuses:
            self._spare = (rebuilt(metrics, lambda _, a: np.empty_like(a)), state)
        return found, new


def _callable(step: Any, source: Any) -> tuple[Any, Any]:
    """What to call, and the function that it was compiled from."""
    if hasattr(step, "bindings"):  # an @axe.entry
        from axec.api import compile

        return compile(step).load().entries[step.name], source or step
    if isinstance(step, Program):
        step = next(iter(step.entries.values())) if len(step.entries) == 1 else step["step"]
    if not callable(step):
        raise AxecError("step-result", f"{step!r} is no step")
    return step, source or (None if isinstance(step, BuiltinFunctionType) else step)


def numbers(metrics: Any) -> dict[str, float]:
    """Scalars by name; a lone one is the loss."""
    named = metrics if isinstance(metrics, dict) else {"loss": metrics}
    found = {}
    for path, value in leaves(named):
        if value.size != 1:
            raise AxecError(
                "step-result", f"the metric `{path}` has shape {value.shape}; a step gives scalars"
            )
        found[path] = float(value.reshape(()))
    return found
