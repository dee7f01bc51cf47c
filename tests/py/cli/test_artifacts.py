"""`axec inspect`, `verify`, `keygen`, `sign`, `bench`, `doctor`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command import Axec

import axec as axe
from axec.measure.peers import _reason
from axec.runtime.format import Container

LOOPS = """
import axec as axe


@axe.entry(c=axe.spec((8,)), xs=axe.spec((axe.dim("time", 0, 9), 8)))
def run(c, xs):
    def turn(c, x):
        c = axe.cond(x.sum() > 0, lambda c: axe.tanh(c + x), lambda c: axe.flip(c, axis=0), c)
        return axe.while_loop(lambda c: c.sum() < 1, lambda c: c + 0.5, c), c * 2.0

    return axe.scan(turn, c, xs)
"""


def test_inspect_json_is_the_manifest(axec: Axec, artifact: Path) -> None:
    found = json.loads(axec("inspect", artifact, "--json").out)
    assert found == Container(artifact).manifest
    keys = {"inputs", "outputs", "dims", "peak_bytes", "arena_bytes", "lower_bound_bytes"}
    assert {"format", "entries", "targets", "segments", "provenance"} <= set(found)
    assert keys | {"flops", "kernels"} <= set(found["entries"]["halve"])


def test_inspect_for_people(axec: Axec, artifact: Path) -> None:
    out = axec("inspect", artifact).out
    manifest = Container(artifact).manifest
    assert "halve(x: f32[batch, 3]) -> f32[batch, 3]" in out
    assert "dim batch from 1 to 16" in out
    for entry in manifest["entries"].values():
        for kernel in entry["kernels"]:
            assert kernel["name"] in out
        assert entry["formulas"]["peak_bytes"] in out
    for segment in manifest["segments"]:
        assert segment["sha256"] in out
    assert all(target["name"] in out for target in manifest["targets"])
    assert all(key in out for key in manifest["provenance"])


def test_inspect_marks_generic_kernels(axec: Axec, tmp_path: Path) -> None:
    """Products without tiles: correct, and slow."""
    square = {"float32": "gemm", "int64": "reduce, generic"}
    for dtype, template in square.items():
        path = tmp_path / f"{dtype}.axe"
        axe.compile(lambda x: x @ x, axe.spec((3, 3), dtype), name="square").save(path)
        (row,) = re.findall(r"_0 +(.*?) +1 +[\d.]+ FLOP ", axec("inspect", path).out)
        assert row == template


def test_inspect_shows_loops_and_branches(axec: Axec, tmp_path: Path) -> None:
    program = tmp_path / "loops.py"
    program.write_text(LOOPS)
    axec("compile", program, "-o", tmp_path / "loops.axe")
    out = axec("inspect", tmp_path / "loops.axe").out
    assert "loop 9 turns" in out
    assert "  one of 2 branches" in out
    assert "  loop until it is left" in out


def test_verify(axec: Axec, artifact: Path, tmp_path: Path) -> None:
    out = axec("verify", artifact).out
    assert "whole" in out
    assert "not signed" in out
    data = bytearray(artifact.read_bytes())
    data[-1] ^= 1
    bad = tmp_path / "bad.axe"
    bad.write_bytes(data)
    assert "error[artifact-corrupt]" in axec("verify", bad, status=2).err


def test_keys(axec: Axec, artifact: Path, tmp_path: Path) -> None:
    signed = tmp_path / "signed.axe"
    signed.write_bytes(artifact.read_bytes())
    for name in ("mine", "other"):
        axec("keygen", tmp_path / name)
    assert (tmp_path / "mine.key").stat().st_mode & 0o777 == 0o600
    mine, other = ("--key", tmp_path / "mine.pub"), ("--key", tmp_path / "other.pub")
    assert "error[artifact-unsigned]" in axec("verify", signed, *mine, status=2).err
    axec("sign", signed, "--key", tmp_path / "mine.key")
    assert "signed by trusted key" in axec("verify", signed, *mine).out
    assert "which was not checked" in axec("verify", signed).out
    assert "error[artifact-unsigned]" in axec("verify", signed, *other, status=2).err
    assert "error[key-invalid]" in axec("sign", signed, "--key", "mine.pub", status=2).err
    assert "error[key-invalid]" in axec("keygen", tmp_path / "mine", status=2).err
    assert "signatures 1" in axec("inspect", signed).out


def test_bench(axec: Axec, artifact: Path) -> None:
    line = ("bench", artifact, "--entry", "halve", "--dims", "batch=16", "--seconds", "0.05")
    figures: dict[str, Any] = json.loads(axec(*line, "--json").out)
    assert figures["dims"] == {"batch": 16}
    assert figures["bytes"] == 2 * 16 * 3 * 4
    assert figures["flops"] == 16 * 3
    times = figures["latency_s"]
    assert 0 < times["min"] <= times["p10"] <= times["median"] <= times["p90"] <= times["p99"]
    assert "throughput" in axec(*line).out


@pytest.mark.parametrize("batch", [3, 16])
def test_bench_of_kernels(axec: Axec, artifact: Path, batch: int) -> None:
    line = ("bench", artifact, "--entry", "halve", "--dims", f"batch={batch}", "--seconds", "0.05")
    figures = json.loads(axec(*line, "--kernels", "--json").out)
    (kernel,) = figures["kernels"]
    assert kernel["launches"] == 1
    assert kernel["seconds"] > 0
    # The artifact states what kernels do at the upper bounds of the dims.
    assert (kernel["of_bound"] is None) == (batch != 16)
    assert min(figures["limits"].values()) > 0
    assert kernel["name"] in axec(*line, "--kernels").out


def test_bench_says_which_kernels_it_leaves_out(axec: Axec, tmp_path: Path) -> None:
    """Launches are run one by one as far as the first loop."""
    (tmp_path / "loops.py").write_text(LOOPS)
    file = tmp_path / "loops.axe"
    axec("compile", tmp_path / "loops.py", "-o", file)
    line = ("bench", file, "--seconds", "0.05", "--kernels")
    figures = json.loads(axec(*line, "--json").out)
    stated = json.loads(axec("inspect", file, "--json").out)["entries"]["run"]["kernels"]
    assert 0 < figures["kernels_left"] == len(stated) - len(figures["kernels"])
    assert f"not timed: {figures['kernels_left']} kernels" in axec(*line).out


@pytest.mark.parametrize("result", ["x / 2", "x / 3"])
def test_bench_beside_a_library(
    axec: Axec, artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: str
) -> None:
    """A library that is a file here: what runs in the other process, and how it is compared."""
    (tmp_path / "torch.py").write_text(
        "import contextlib\n"
        "inference_mode = contextlib.nullcontext\n"
        "def set_num_threads(n): pass\n"
        "def from_numpy(x): return x\n"
    )
    models = tmp_path / "models.py"
    models.write_text(f"def torch_model(x): return {result}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    line = ("bench", artifact, "--entry", "halve", "--seconds", "0.05", "--vs", "torch,iree")
    found = json.loads(axec(*line, "--models", models, "--json").out)["vs"]
    assert found["torch"]["median_s"] >= found["torch"]["min_s"] > 0
    assert (found["torch"]["error"] < 1e-6) == (result == "x / 2")
    assert "has no" in found["iree"]["failed"]
    shown = axec(*line, "--models", models).out
    assert "library" in shown
    assert "torch" in shown


def test_bench_says_what_it_needs(axec: Axec, artifact: Path) -> None:
    line = ("bench", artifact, "--entry", "halve", "--vs")
    assert "it knows: jax" in axec(*line, "caffe", status=2).err
    assert "torch_model" in axec(*line, "torch", status=2).err
    models = artifact.with_name("models.py")
    models.write_text("")
    for python in ("/nonexistent", artifact.parent, "/bin/true", "/bin/false"):
        found = axec(*line, "jax", "--models", models, "--python", python, status=2).err
        assert "does not run as a Python interpreter" in found


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_bench_takes_a_time_that_ends(axec: Axec, artifact: Path, seconds: str) -> None:
    found = axec("bench", artifact, "--entry", "halve", "--seconds", seconds, status=2)
    assert "'--seconds'" in found.err


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Traceback (most recent call last):\n  x\nlib.RunError: no kernel\n[ 0] at 1:144 -\n\n",
         "lib.RunError: no kernel"),
        ('  File "a.py", line 1, in <module>\n  File "m.py", line 7, in f\nNameError: no x\n',
         "NameError: no x (m.py:7)"),
        ("ModuleNotFoundError: No module named 'flax.linen'\n",
         "python9 has no flax.linen: install it, or --python PATH"),
        ("Segmentation fault\n", "Segmentation fault"),
        ("\n", ""),
    ],
)  # fmt: skip
def test_what_was_wrong_with_a_library(said: str, reason: str) -> None:
    assert _reason(said, "m.py", "python9") == reason


def test_doctor(axec: Axec) -> None:
    found = json.loads(axec("doctor", "--json").out)
    assert list(found) == ["machine", "targets", "GPU", "versions", "tools"]
    assert found["versions"]["numpy"] == np.__version__
    assert "x86-64-v3" in axec("doctor").out


def test_inspect_lists_weights_that_were_made(axec: Axec, tmp_path: Path) -> None:
    w, s = np.ones((32, 32), np.float32), np.ones(32, np.float32)
    fn = lambda x, w, s: (x @ w) * s  # noqa: E731
    axe.compile(fn, axe.spec((2, 32)), w, s, name="f").save(tmp_path / "f.axe")
    assert re.search(r"w\.mul +f32 +w, s\s", axec("inspect", tmp_path / "f.axe").out)
