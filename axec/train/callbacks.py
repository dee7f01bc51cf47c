"""What happens around the steps of a training: evaluation, stopping, a bar on the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from axec.runtime.errors import AxecError
from axec.train.data import arguments, as_data

if TYPE_CHECKING:
    from axec.train.loop import Run


class Callback:
    """Methods that `fit` calls; what `state` gives (JSON) is kept in checkpoints and comes back
    through `restore`."""

    saves = False  # comes after the others, and restores before them

    def start(self, run: Run) -> None:
        """Before the first step; the run is restored already."""

    def step(self, run: Run) -> None:
        """After each step."""

    def epoch(self, run: Run) -> None:
        """After each epoch; `run.metrics` are its means, to which a callback may add."""

    def end(self, run: Run) -> None:
        """When the run ends, also by an error."""

    def state(self) -> dict[str, Any]:
        """What it has to remember."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Remember again."""


class Evaluate(Callback):
    """After each epoch the means of `fn(state, *batch)`, a scalar or a dict of scalars, over other
    data, as the metrics `{name}_loss` or `{name}_{metric}`. A batch counts by its examples."""

    def __init__(self, fn: Callable[..., Any], data: Any, name: str = "val") -> None:
        self._fn, self._data, self._name = fn, as_data(data), name

    def epoch(self, run: Run) -> None:
        from axec.train.loop import numbers

        totals: dict[str, float] = {}
        count = 0
        for batch in self._data.batches(0):
            positional, named = arguments(batch)
            examples = len([*positional, *named.values()][0])
            for key, value in numbers(self._fn(run.state, *positional, **named)).items():
                totals[key] = totals.get(key, 0.0) + value * examples
            count += examples
        run.metrics |= {f"{self._name}_{key}": total / count for key, total in totals.items()}


class Best:
    """The best value so far of a metric; `mode` is "min" or "max"."""

    def __init__(self, monitor: str, mode: str = "min") -> None:
        if mode not in ("min", "max"):
            raise AxecError("option-invalid", f'mode is "min" or "max", not {mode!r}')
        self.monitor, self._sign = monitor, 1.0 if mode == "min" else -1.0
        self.value: float | None = None

    def better(self, metrics: dict[str, float], by: float = 0.0) -> bool:
        """Whether the metric improved by more than `by`; then it is the best. AxecError
        `metric-unknown` where there is none of that name."""
        if self.monitor not in metrics:
            raise AxecError(
                "metric-unknown",
                f"there is no metric `{self.monitor}`",
                hint=f"there is {', '.join(f'`{name}`' for name in metrics)}",
            )
        now = metrics[self.monitor]
        if self.value is not None and not self._sign * (self.value - now) > by:
            return False
        self.value = now
        return True


class EarlyStopping(Callback):
    """Ends the run when a metric has not improved by more than `by` for `patience` epochs."""

    def __init__(
        self, monitor: str = "val_loss", patience: int = 5, *, mode: str = "min", by: float = 0.0
    ) -> None:
        self._best, self._patience, self._by = Best(monitor, mode), patience, by
        self._waited = 0

    def start(self, run: Run) -> None:
        self._check(run)

    def epoch(self, run: Run) -> None:
        self._waited = 0 if self._best.better(run.metrics, self._by) else self._waited + 1
        self._check(run)

    def _check(self, run: Run) -> None:
        if self._waited >= self._patience and self._best.value is not None:
            run.stopped = (
                f"{self._best.monitor} has not improved on {self._best.value:.6g} for "
                f"{self._waited} epochs"
            )

    def state(self) -> dict[str, Any]:
        return {"best": self._best.value, "waited": self._waited}

    def restore(self, state: dict[str, Any]) -> None:
        self._best.value, self._waited = state["best"], state["waited"]


class Progress(Callback):
    """A bar (package rich) on standard error where that is a terminal, and a line per epoch."""

    def __init__(self, every: int = 1) -> None:
        self._every = every  # epochs per line
        self._bar: Any = None

    def start(self, run: Run) -> None:
        self._began, self._first = time.perf_counter(), run.step
        if run.step:
            self._print(f"resumed at step {run.step}, epoch {run.epoch + 1} of {run.epochs}")
        if sys.stderr.isatty():
            self._bar = _bar()
            if self._bar is not None:
                self._bar.start()
                self._task = self._bar.add_task("", total=run.epochs, completed=run.epoch)

    def step(self, run: Run) -> None:
        if self._bar is not None:
            text = f"step {run.step}  {_shown(run.metrics)}"
            self._bar.update(self._task, description=text)

    def epoch(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=run.epoch)
        if run.epoch % self._every == 0 or run.epoch == run.epochs or run.stopped:
            rate = (time.perf_counter() - self._began) / max(run.step - self._first, 1)
            figures = f"{_shown(run.metrics)}  {rate * 1e3:.3g} ms a step"
            self._print(f"epoch {run.epoch} of {run.epochs}  {figures}")

    def end(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if run.stopped:
            self._print(f"stopped after epoch {run.epoch}: {run.stopped}")

    def _print(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)


def _bar() -> Any:
    """A bar over epochs; None without rich."""
    try:
        from rich import progress
        from rich.console import Console
    except ImportError:
        return None
    columns = (progress.BarColumn(), progress.TextColumn("{task.description}"))
    return progress.Progress(
        *columns, progress.TimeRemainingColumn(), console=Console(stderr=True), transient=True
    )


def _shown(metrics: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())
