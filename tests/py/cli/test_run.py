"""`axec run`: inputs, dims, outputs, times, refusals."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from support.command import Axec

from axec.runtime.format import Container


def test_run_random_is_seeded(axec: Axec, artifact: Path) -> None:
    line = ("run", artifact, "--entry", "halve", "--random", "--dims", "batch=4")
    first = axec(*line).out
    assert "halve(x: f32[batch, 3]) -> f32[batch, 3]" in first
    assert "batch=4" in first
    assert "4x3" in first
    assert axec(*line).out == first
    assert axec(*line, "--seed", "1").out != first


def test_run_on_files(axec: Axec, artifact: Path, tmp_path: Path) -> None:
    x, y = np.arange(4, dtype="int32"), np.full(4, 3, "int32")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    inputs = ("--in", f"x={tmp_path / 'x.npy'}", "--in", f"y={tmp_path / 'y.npy'}")
    axec("run", artifact, "--entry", "both", *inputs, "--out", tmp_path / "o", "--threads", "1")
    names = [a["name"] for a in Container(artifact).manifest["entries"]["both"]["outputs"]]
    found = {name: np.load(tmp_path / "o" / f"{name}.npy") for name in names}
    assert sorted(tuple(a) for a in found.values()) == sorted([tuple(x + y), tuple(x * y)])


def test_run_takes_dims_from_files(axec: Axec, artifact: Path, tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((7, 3), dtype="float32")
    np.save(tmp_path / "x.npy", x)
    axec(
        *("run", artifact, "--entry", "halve", "--in", f"x={tmp_path / 'x.npy'}"),
        *("--out", tmp_path),
    )
    (name,) = [a["name"] for a in Container(artifact).manifest["entries"]["halve"]["outputs"]]
    np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), x / 2)


def test_run_repeat_prints_times(axec: Axec, artifact: Path) -> None:
    out = axec("run", artifact, "--entry", "both", "--random", "--repeat", "9").out
    assert re.search(r"9 calls: median [\d.]+ [unm]?s  min .*  p10 .*  p90 .*  p99 ", out)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--random",), "entry-ambiguous"),
        (("--entry", "none", "--random"), "entry-unknown"),
        (("--entry", "halve"), "input-count"),
        (("--entry", "halve", "--random", "--dims", "batch=17"), "dim-out-of-range"),
        (("--entry", "halve", "--random", "--dims", "bach=1"), "option-invalid"),
        (("--entry", "halve", "--random", "--dims", "batch=x"), "option-invalid"),
        (("--entry", "halve", "--random", "--dims", "batch"), "option-invalid"),
        (("--entry", "halve", "--in", "z=x.npy"), "input-name"),
        (("--entry", "halve", "--in", "x=missing.npy"), "input-file"),
        (("--entry", "halve", "--in", "x=text.npy"), "input-file"),
        (("--entry", "halve", "--in", "x=pickle.npy"), "input-file"),
        (("--entry", "halve", "--in", "x=f64.npy"), "input-dtype"),
        (("--entry", "halve", "--in", "x=flat.npy"), "input-shape"),
        (("--entry", "halve", "--random", "--out", "text.npy"), "output-file"),
    ],
)
def test_run_refuses(
    axec: Axec,
    artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    code: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.npy").write_text("no array")
    np.save("pickle.npy", np.array([{}], object), allow_pickle=True)
    np.save("f64.npy", np.zeros((1, 3)))
    np.save("flat.npy", np.zeros(3, "float32"))
    assert f"error[{code}]" in axec("run", artifact, *args, status=2).err


def test_run_shows_and_keeps_bfloat16(axec: Axec, tmp_path: Path) -> None:
    program = """
import axec as axe

@axe.entry(x=axe.spec((4,), axe.bfloat16))
def one(x):
    return x * 0 + 1
"""
    (tmp_path / "program.py").write_text(program)
    axec("compile", tmp_path / "program.py", "-o", tmp_path / "p.axe")
    assert "1 1 1 1" in axec("run", tmp_path / "p.axe", "--random", "--out", tmp_path).out
    kept = tmp_path / "result.npy"
    assert np.load(kept).tolist() == [0x3F80] * 4
    assert "1 1 1 1" in axec("run", tmp_path / "p.axe", "--in", f"x={kept}").out


def test_run_on_nothing(axec: Axec, tmp_path: Path) -> None:
    program = """
import axec as axe

@axe.entry(x=axe.spec((axe.dim("n", 0, 4),), axe.float32))
def same(x):
    return x * 2
"""
    (tmp_path / "program.py").write_text(program)
    axec("compile", tmp_path / "program.py", "-o", tmp_path / "p.axe")
    out = axec("run", tmp_path / "p.axe", "--random", "--dims", "n=0").out
    assert re.search(r"result +f32 +0 +- +- +-\n", out)
