"""Logs: what is written is read back; a resumed run writes each row once."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec import train


def run(epochs: int, folder: Path, logs: list[Any], **options: Any) -> train.Run:
    callbacks = [*logs, train.Checkpoints(folder / "ck", **options)]

    def step(state: Any, x: Any) -> Any:
        metrics = {"loss": float(x[0])} | ({"late": 1.0} if state["n"] > 6 else {})
        return metrics, {"n": state["n"] + 1}

    data = train.Arrays(np.arange(8.0), batch=2, shuffle=False)
    return train.fit(step, {"n": np.int64(0)}, data, epochs, callbacks)


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log.jsonl"
    run(2, tmp_path, [train.JsonLines(path, every=3)])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 4, 6, 8]
    assert rows[1] == {"step": 4, "epoch": 1, "loss": 3.0}
    # A process that was killed: a row after its checkpoint, and one that was cut.
    path.write_text(path.read_text() + '{"step": 9, "epoch": 2, "loss": 0.0}\n{"step": 1')
    run(3, tmp_path, [train.JsonLines(path, every=3)])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 4, 6, 8, 9, 12, 12]


def test_csv_gets_new_columns(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    run(2, tmp_path, [train.Csv(path)])
    run(3, tmp_path, [train.Csv(path)])
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["step", "epoch", "loss", "late"]
    assert [row["step"] for row in rows] == ["4", "8", "12"]
    assert [row["late"] for row in rows] == ["", "0.25", "1.0"]


def test_a_new_run_starts_a_new_log(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    for name in ("a", "b"):
        run(1, tmp_path / name, [train.Csv(path)])
        assert len(path.read_text().splitlines()) == 2


def test_progress_prints_a_line_per_epoch(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(3, tmp_path, [train.Progress(every=2)])
    first, second = capfd.readouterr().err.splitlines()
    assert first.startswith("epoch 2 of 3  loss 3")
    assert second.startswith("epoch 3 of 3")
    run(4, tmp_path, [train.Progress()])
    assert "resumed at step 12, epoch 4 of 4" in capfd.readouterr().err


def test_tensorboard_must_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorboard.compat.proto", None)
    with pytest.raises(axe.AxecError, match="package-missing"):
        run(1, tmp_path, [train.TensorBoard(tmp_path / "tb")])
