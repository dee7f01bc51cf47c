"""The `axec` command: what it prints, what it writes, its exit status."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from axec.cli.console import amount, duration, size
from axec.cli.main import COMMANDS, main
from axec.runtime.format import Container

PROGRAM = '''
import axec as axe


@axe.entry(x=axe.spec((axe.dim("batch", 1, 16), 3), axe.float32))
def halve(x):
    """x: float32 [batch, 3] -> float32 [batch, 3]"""
    return x * 0.5


@axe.entry(x=axe.spec((4,), axe.int32), y=axe.spec((4,), axe.int32))
def both(x, y):
    """x, y: int32 [4] -> their sum and product"""
    return {"sum": x + y, "product": x * y}
'''

WRONG = """
import axec as axe


@axe.entry(x=axe.spec((2, 3), axe.float32))
def broken(x):
    return x @ x
"""


class Output:
    """What one command line gave."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


class Axec:
    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *args: object, status: int = 0) -> Output:
        self._capfd.readouterr()
        found = main([str(a) for a in args])
        out, err = self._capfd.readouterr()
        assert found == status, err
        assert "Traceback" not in err
        return Output(found, out, err)


@pytest.fixture
def axec(capfd: pytest.CaptureFixture[str]) -> Axec:
    return Axec(capfd)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cli")
    (made / "program.py").write_text(PROGRAM)
    (made / "wrong.py").write_text(WRONG)
    assert main(["compile", str(made / "program.py"), "-o", str(made / "p.axe")]) == 0
    return made


@pytest.fixture
def artifact(folder: Path) -> Path:
    return folder / "p.axe"


# --- the command itself


def test_help_lists_every_command(axec: Axec) -> None:
    listed = re.findall(r"^  (\w+) {2,}\S", axec("--help").out, re.MULTILINE)
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(axec: Axec, name: str) -> None:
    text = axec(name, "--help").out
    assert text.startswith(f"Usage: axec {name} ")
    assert "--traceback" in text


def test_version(axec: Axec) -> None:
    assert re.fullmatch(r"axec \d+\.\d+\.\d+\n", axec("--version").out)


def test_unknown_command(axec: Axec) -> None:
    assert "Did you mean 'inspect'?" in axec("inspct", status=2).err


def test_unknown_option(axec: Axec, artifact: Path) -> None:
    err = axec("run", artifact, "--randm", status=2).err
    assert "--randm" in err
    assert "--random" in err


def test_the_real_command(folder: Path) -> None:
    command = [sys.executable, "-m", "axec.cli", "inspect", str(folder / "nothing.axe")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error[artifact-not-found]: ")


def test_traceback_option(folder: Path) -> None:
    command = [sys.executable, "-m", "axec.cli", "verify", "nothing.axe", "--traceback"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr


# --- compile


def test_compile_says_what_it_made(axec: Axec, folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "new.axe"
    done = axec("compile", f"{folder / 'program.py'}:halve", "-o", place)
    assert done.out == ""
    assert re.match(r".*new\.axe: halve for x86-64-v\d, [\d.]+ kB, peak [\d.]+ k?B, in ", done.err)
    assert list(Container(place).manifest["entries"]) == ["halve"]


def test_compile_takes_all_entries(artifact: Path) -> None:
    assert sorted(Container(artifact).manifest["entries"]) == ["both", "halve"]


def test_compile_for_several_targets(axec: Axec, folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "fat.axe"
    targets = ("--target", "x86-64-v3", "--target", "x86-64-v4")
    axec("compile", f"{folder / 'program.py'}:halve", "-o", place, *targets)
    assert {t["name"] for t in Container(place).manifest["targets"]} == set(targets[1::2])


def test_a_failed_compile_leaves_the_old_file(axec: Axec, folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "kept.axe"
    place.write_bytes(b"what was there")
    err = axec("compile", folder / "wrong.py", "-o", place, status=2).err
    assert "error[shape-mismatch]" in err
    assert f"{folder / 'wrong.py'}:7:12" in err
    assert "    return x @ x\n" in err
    assert "^^^^^" in err
    assert "hint: " in err
    assert place.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize(
    ("level", "text"),
    [
        ("axe", "axe.mul"),
        ("kernel", "kernel.define"),
        ("exec", "exec.launch"),
        ("llvm", "define "),
        ("asm", ".text"),
    ],
)
def test_emit(axec: Axec, folder: Path, tmp_path: Path, level: str, text: str) -> None:
    source = f"{folder / 'program.py'}:halve"
    printed = axec("compile", source, "--emit", level).out
    assert text in printed
    axec("compile", source, "--emit", level, "-o", tmp_path / "text")
    assert (tmp_path / "text").read_text().strip() == printed.strip()


def test_print_after_and_stop_after(axec: Axec, folder: Path, tmp_path: Path) -> None:
    source, place = f"{folder / 'program.py'}:halve", tmp_path / "x.axe"
    done = axec("compile", source, "-o", place, "--print-after", "simplify")
    assert "axe.mul" in done.out + done.err
    assert place.exists()
    done = axec("compile", source, "-o", tmp_path / "y.axe", "--stop-after", "outline")
    assert "kernel.define" in done.out + done.err
    assert not (tmp_path / "y.axe").exists()


def test_unknown_stage(axec: Axec, folder: Path) -> None:
    err = axec("compile", folder / "program.py", "--print-after", "simplfy", status=2).err
    assert "simplify" in err


def test_time_passes(axec: Axec, folder: Path, tmp_path: Path) -> None:
    err = axec("compile", folder / "program.py", "-o", tmp_path / "t.axe", "--time-passes").err
    rows = dict(re.findall(r"^ *([\d.]+) ms +[\d.]+%  (\w+)$", err, re.MULTILINE))
    assert {"simplify", "fuse", "plan", "total"} <= set(rows.values())


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("missing.py", "entry-file"),
        ("program.py:nothing", "entry-unknown"),
        ("broken.py", "entry-file"),
        ("raises.py", "entry-import"),
        ("empty.py", "entry-missing"),
    ],
)
def test_bad_programs(axec: Axec, folder: Path, source: str, code: str) -> None:
    (folder / "broken.py").write_text("def f(:\n")
    (folder / "raises.py").write_text("1 / 0\n")
    (folder / "empty.py").write_text("x = 1\n")
    assert f"error[{code}]" in axec("compile", folder / source, status=2).err


def test_bad_target(axec: Axec, folder: Path) -> None:
    err = axec("compile", folder / "program.py", "--target", "x86-64-v9", status=2).err
    assert "x86-64-v4" in err


# --- run


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (size(0), "0 B"),
        (size(999), "999 B"),
        (size(1000), "1.00 kB"),
        (size(999_999), "1.00 MB"),
        (size(2_345_678_901), "2.35 GB"),
        (amount(12.345, "calls/s"), "12.3 calls/s"),
        (duration(2), "2.00 s"),
        (duration(0.9999), "1.00 s"),
        (duration(0.1234), "123 ms"),
        (duration(1.5e-6), "1.50 us"),
        (duration(2e-8), "20 ns"),
    ],
)
def test_units(text: str, expected: str) -> None:
    assert text == expected


# --- inspect, verify, keys, bench, doctor


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


def test_doctor(axec: Axec) -> None:
    found = json.loads(axec("doctor", "--json").out)
    assert list(found) == ["machine", "targets", "GPU", "versions", "tools"]
    assert found["versions"]["numpy"] == np.__version__
    assert "x86-64-v3" in axec("doctor").out


MODULE = """func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "axe.neg"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "axe.neg"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "axe.add"(%0, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}
"""


def test_opt(axec: Axec, tmp_path: Path) -> None:
    file = tmp_path / "m.mlir"
    file.write_text(MODULE)
    assert axec("opt", file).out.count("axe.neg") == 2
    done = axec("opt", file, "--pass", "cse", "--verify-each").out
    assert done.count("axe.neg") == 1
    file.write_text(done)
    assert axec("opt", file).out == done


@pytest.mark.parametrize(
    ("text", "args", "message"),
    [
        (MODULE, ("--pass", "ces"), "did you mean 'cse'?"),
        (MODULE, ("--pass", "cse{x=1}"), "error[pass-option-unknown]"),
        (MODULE, ("--pass", "cse{"), "error[pass-syntax]"),
        (MODULE.replace("neg", "nag"), (), "m.mlir:2:8"),
        (MODULE.replace("tensor<2xf32> {", "tensor<3xf32> {"), (), "m.mlir:5:3"),
        ("nonsense", (), "m.mlir:1:1"),
    ],
)
def test_opt_refuses(
    axec: Axec, tmp_path: Path, text: str, args: tuple[str, ...], message: str
) -> None:
    file = tmp_path / "m.mlir"
    file.write_text(text)
    assert message in axec("opt", file, *args, status=2).err


def test_opt_lists_passes(axec: Axec) -> None:
    text = axec("opt", "--list").out
    for name in ("decompose", "simplify", "fuse", "outline", "schedule", "plan"):
        assert re.search(rf"^{name}\b.*\n    \S", text, re.MULTILINE)
