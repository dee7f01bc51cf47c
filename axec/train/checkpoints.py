"""Checkpoints: one safetensors file each, with the state by path, and all else as JSON in its
header.

A file is written beside, synced, and renamed; a checkpoint is there as a whole or not at all. Which
is the latest and which the best is read from the files, so no index can disagree with them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axec.runtime.errors import AxecError
from axec.train import safetensors
from axec.train.callbacks import Best, Callback
from axec.train.state import Array, State, leaves, rebuilt

if TYPE_CHECKING:
    from axec.train.loop import Run

_FILE = re.compile(r"step-(\d+)\.safetensors")
_KEY = "axec.progress"  # of the metadata


def save(path: safetensors.Path, state: State, progress: Mapping[str, Any] = {}) -> None:
    """Write a state and its progress (JSON). AxecError `checkpoint-write`."""
    safetensors.write(path, dict(leaves(state)), {_KEY: json.dumps(dict(progress), sort_keys=True)})


def load(path: safetensors.Path, like: State) -> tuple[State, dict[str, Any]]:
    """(state, progress) of a file, with the structure of `like`. AxecError `checkpoint-missing`,
    `checkpoint-corrupt`, `checkpoint-mismatch` where leaves, shapes or dtypes are not those of
    `like`."""
    file = safetensors.read(path)
    wanted = dict(leaves(like))
    faults = [
        *(f"`{name}` is missing" for name in wanted if name not in file.arrays),
        *(f"`{name}` is no part of the state" for name in file.arrays if name not in wanted),
        *(_difference(n, a, file.arrays[n]) for n, a in wanted.items() if n in file.arrays),
    ]
    found = [fault for fault in faults if fault]
    if found:
        more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
        raise AxecError(
            "checkpoint-mismatch",
            f"{path} is of another model: {'; '.join(found[:3])}{more}",
            hint="`axe.train.transfer` takes over what fits, by name",
        )
    state = rebuilt(like, lambda name, _: file.arrays[name].copy())
    return state, progress_of(file.metadata)


def progress_of(metadata: Mapping[str, str]) -> dict[str, Any]:
    """The progress in a file's metadata, {} where it has none (a file by others)."""
    try:
        found = json.loads(metadata.get(_KEY, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _difference(name: str, wanted: Array, found: Array) -> str:
    if (wanted.shape, wanted.dtype) == (found.shape, found.dtype):
        return ""
    return f"`{name}` is {_type(found)} there, {_type(wanted)} here"


def _type(array: Array) -> str:
    return f"{array.dtype}{list(array.shape)}"


def list_checkpoints(folder: safetensors.Path) -> list[Path]:
    """The checkpoints of a folder, oldest first."""
    steps = {int(m[1]): p for p in Path(folder).glob("*") if (m := _FILE.fullmatch(p.name))}
    return [steps[step] for step in sorted(steps)]


def latest(folder: safetensors.Path, like: State) -> tuple[Path, State, dict[str, Any]] | None:
    """The newest checkpoint that is whole, None if the folder has none at all. One that is not is
    named on standard error and stays where it is. AxecError `checkpoint-corrupt` if all are so."""
    corrupt: AxecError | None = None
    for path in reversed(list_checkpoints(folder)):
        try:
            return path, *load(path, like)
        except AxecError as e:
            if e.code != "checkpoint-corrupt":
                raise
            print(f"warning: {e.message}; taking the one before it", file=sys.stderr)
            corrupt = corrupt or e
    if corrupt is not None:
        raise corrupt
    return None


def best(folder: safetensors.Path, monitor: str, mode: str = "min") -> Path | None:
    """The checkpoint of a whole epoch with the best metric, None where no file has that metric."""
    found, seen = None, Best(monitor, mode)
    for path in list_checkpoints(folder):
        metrics = _epoch_metrics(path)
        if monitor in metrics and seen.better(metrics):
            found = path
    return found


def _epoch_metrics(path: Path) -> dict[str, float]:
    """The metrics of a checkpoint that ends an epoch; {} of any other, or of what is no file."""
    try:
        progress = progress_of(safetensors.read_metadata(path))
    except AxecError:
        return {}
    return {} if progress.get("batch") else dict(progress.get("metrics", {}))


class Checkpoints(Callback):
    """Saves the run in `folder` after each epoch, after every `every` steps, and when it ends by
    an error or Ctrl-C; keeps the `keep` newest and the best by `monitor`. A run that starts with
    checkpoints in its folder goes on from the latest, to the bit: state, order of the data, logs
    and callbacks; `resume=False` refuses such a folder instead (AxecError `checkpoint-exists`).
    """

    saves = True

    def __init__(
        self,
        folder: safetensors.Path,
        *,
        every: int | None = None,
        keep: int = 3,
        monitor: str | None = None,
        mode: str = "min",
        resume: bool = True,
    ) -> None:
        if keep < 1:
            raise AxecError("option-invalid", f"keep is 1 or more, not {keep}")
        self._folder, self._every, self._keep = Path(folder), every, keep
        self._monitor, self._mode, self._resume = monitor, mode, resume
        self._saved = -1

    def start(self, run: Run) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            message = f"cannot make {self._folder}: {e.strerror}"
            raise AxecError("checkpoint-write", message) from None
        if not self._resume and list_checkpoints(self._folder):
            raise AxecError(
                "checkpoint-exists",
                f"{self._folder} has checkpoints of an earlier run",
                hint="take another folder, or resume=True",
            )
        found = latest(self._folder, run.state)
        if found is None:
            return
        _, run.state, progress = found
        for name in run.progress():
            setattr(run, name, progress[name])
        others = _named(run.callbacks)
        for name, state in progress["callbacks"].items():
            if name in others:
                others[name].restore(state)
        self._saved = run.step

    def step(self, run: Run) -> None:
        if self._every and run.step % self._every == 0:
            self._save(run)

    def epoch(self, run: Run) -> None:
        self._save(run)

    def end(self, run: Run) -> None:
        if run.step > max(self._saved, 0):
            self._save(run)

    def _save(self, run: Run) -> None:
        states = {name: c.state() for name, c in _named(run.callbacks).items()}
        progress = {**run.progress(), "callbacks": states}
        save(self._folder / f"step-{run.step:08}.safetensors", run.state, progress)
        self._saved = run.step
        self._drop()

    def _drop(self) -> None:
        """Remove what is neither new nor best; the new one is on disk by now."""
        kept = {best(self._folder, self._monitor, self._mode)} if self._monitor else set()
        for path in list_checkpoints(self._folder)[: -self._keep]:
            if path not in kept:
                path.unlink(missing_ok=True)


def _named(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """Callbacks under names that are the same in the next process: their classes, counted."""
    found: dict[str, Callback] = {}
    for callback in callbacks:
        kind = type(callback).__name__
        count = sum(name.split(".")[0] == kind for name in found)
        found[f"{kind}.{count}"] = callback
    return found
