"""Metrics in files: one row per epoch, and one per `every` steps where that is given.

A run that is resumed drops the rows that are later than its checkpoint: each row stands there once.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from axec.container import replace_file
from axec.runtime.errors import AxecError
from axec.train.callbacks import Callback

if TYPE_CHECKING:
    from axec.train.loop import Run

Path = str | os.PathLike[str]
Row = dict[str, Any]  # step, epoch, and the metrics


class _Log(Callback):
    """Rows for `write`."""

    def __init__(self, every: int | None = None) -> None:
        self._every = every

    def step(self, run: Run) -> None:
        if self._every and run.step % self._every == 0:
            self.write({"step": run.step, "epoch": run.epoch, **run.metrics}, "step")

    def epoch(self, run: Run) -> None:
        self.write({"step": run.step, "epoch": run.epoch, **run.metrics}, "epoch")

    def write(self, row: Row, of: str) -> None:
        raise NotImplementedError


def _before(row: Row, run: Run) -> bool:
    """Whether a row was written before the checkpoint that the run goes on from. An epoch's own row
    comes after the last step's checkpoint."""
    return int(row["step"]) <= run.step and int(row["epoch"]) <= run.epoch


class _RowFile(_Log):
    """A text file that grows by a line per row."""

    def __init__(self, path: Path, every: int | None = None) -> None:
        super().__init__(every)
        self._path = path

    def start(self, run: Run) -> None:
        rows = self.read() if run.step else []
        self.rewrite([row for row in rows if _before(row, run)])

    def read(self) -> list[Row]:
        """The rows of the file, [] where there is none; what is no row is left out."""
        try:
            with open(self._path, newline="") as file:
                return self.parse(file.read())
        except FileNotFoundError:
            return []

    def rewrite(self, rows: Sequence[Row]) -> None:
        """Replace the file."""
        os.makedirs(os.path.dirname(os.path.abspath(self._path)), exist_ok=True)
        replace_file(self._path, [self.text(rows).encode()])

    def append(self, text: str) -> None:
        with open(self._path, "a", newline="") as file:
            file.write(text)

    def parse(self, text: str) -> list[Row]:
        raise NotImplementedError

    def text(self, rows: Sequence[Row]) -> str:
        raise NotImplementedError


class JsonLines(_RowFile):
    """A JSON object per line: {"step": 120, "epoch": 2, "loss": 0.25}."""

    def write(self, row: Row, of: str) -> None:
        self.append(self.text([row]))

    def text(self, rows: Sequence[Row]) -> str:
        return "".join(json.dumps(row) + "\n" for row in rows)

    def parse(self, text: str) -> list[Row]:
        lines = text.splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]  # the last may be cut


class Csv(_RowFile):
    """Comma-separated values with a header; a metric that comes later becomes a new column."""

    _columns: tuple[str, ...] = ()

    def write(self, row: Row, of: str) -> None:
        if row.keys() <= set(self._columns):
            self.append(self._lines([row]))
        else:
            self.rewrite([*self.read(), row])

    def text(self, rows: Sequence[Row]) -> str:
        self._columns = tuple(dict.fromkeys(name for row in rows for name in row))
        return self._lines([dict(zip(self._columns, self._columns, strict=True)), *rows])

    def _lines(self, rows: Sequence[Row]) -> str:
        out = io.StringIO()
        writer = csv.DictWriter(out, self._columns, lineterminator="\n")
        writer.writerows(rows if self._columns else [])
        return out.getvalue()

    def parse(self, text: str) -> list[Row]:
        whole = text[: text.rfind("\n") + 1]
        rows = list(csv.DictReader(io.StringIO(whole)))
        return [{k: v for k, v in row.items() if v} for row in rows]


class TensorBoard(_Log):
    """Scalars as event files for TensorBoard (package tensorboard, `pip install
    'axec[tensorboard]'`): of an epoch under their names, of steps as `step/NAME`."""

    def __init__(self, folder: Path, every: int | None = None) -> None:
        super().__init__(every)
        self._folder = os.fspath(folder)

    def start(self, run: Run) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            raise AxecError(
                "package-missing",
                "TensorBoard files need the package tensorboard",
                hint="pip install 'axec[tensorboard]'",
            ) from None
        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        self._writer = EventFileWriter(self._folder)
        if run.step:  # readers drop what has a later step
            log = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._writer.add_event(event_pb2.Event(session_log=log, step=run.step + 1))

    def write(self, row: Row, of: str) -> None:
        prefix = "step/" if of == "step" else ""
        values = [
            self._summary.Value(tag=prefix + name, simple_value=value)
            for name, value in row.items()
            if name != "step"
        ]
        event = self._event(summary=self._summary(value=values), step=row["step"])
        self._writer.add_event(event)

    def end(self, run: Run) -> None:
        self._writer.close()
