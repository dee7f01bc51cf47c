"""The same program gives the same bytes: in any process, folder, environment and process count."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = '''
import numpy as np
import axec as axe

rng = np.random.default_rng(0)
PARAMS = {name: rng.standard_normal((8, 8), dtype="float32") for name in ("w", "v", "a", "u")}


@axe.entry(x=axe.spec((axe.dim("batch", 1, 16), 8), axe.float32), params=PARAMS)
def model(x, params):
    """x: float32 [batch, 8] -> float32 [batch, 8]"""
    for name in sorted(params):
        x = axe.tanh(x @ params[name]) + x
    return axe.nn.softmax(x, axis=-1)


@axe.entry(x=axe.spec((4, 4), axe.int32))
def count(x):
    """x: int32 [4, 4] -> int32 [4]"""
    return axe.sum(x * x, axis=0)


@axe.entry(donate=("c",), c=axe.spec((8,)), xs=axe.spec((axe.dim("time", 0, 9), 8)))
def loops(c, xs):
    """c: float32 [8], xs: float32 [time, 8] -> float32 [8], changed in place, and [time, 8]"""

    def turn(c, x):
        c = axe.cond(x.sum() > 0, lambda c: axe.tanh(c + x), lambda c: axe.flip(c, axis=0), c)
        return axe.while_loop(lambda c: c.sum() < 1, lambda c: c + 0.5, c), c * 2.0

    return axe.scan(turn, c, xs)
'''

Environment = dict[str, str]


def compile_there(
    folder: Path,
    env: Environment,
    root: Path = ROOT,
    program: str = PROGRAM,
) -> bytes:
    """The artifact of a program, compiled by the sources in `root`, with everything in `folder`."""
    folder.mkdir()
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    file = folder / "program.py"
    file.write_text(program)
    command = [sys.executable, "-m", "axec.cli", "compile", str(file), "-o", "out.axe"]
    clean = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": str(root),
    }
    done = subprocess.run(command, cwd=folder, env={**clean, **env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (folder / "out.axe").read_bytes()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return compile_there(tmp_path_factory.mktemp("reference") / "a", {"PYTHONHASHSEED": "1"})


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONHASHSEED": "2"},
        {"PYTHONHASHSEED": "3", "LANG": "C", "TZ": "Asia/Tokyo"},
        {"PYTHONHASHSEED": "4", "PYTHONOPTIMIZE": "1", "SOURCE_DATE_EPOCH": "1"},
    ],
)
def test_environment_does_not_show(reference: bytes, tmp_path: Path, env: Environment) -> None:
    assert compile_there(tmp_path / "another place", env) == reference


def test_one_cpu_gives_the_same(reference: bytes, tmp_path: Path) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})  # inherited by the compiler and its workers
    try:
        assert compile_there(tmp_path / "one", {}) == reference
    finally:
        os.sched_setaffinity(0, allowed)


def test_checkout_path_does_not_show(reference: bytes, tmp_path: Path) -> None:
    copy = tmp_path / "copy of the checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("axec", "dialects", "passes", "runtime", "cli"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
    assert compile_there(tmp_path / "work", {"PYTHONHASHSEED": "6"}, copy) == reference


@pytest.mark.parametrize("cache", ["kept", "off"])
def test_the_kernel_cache_does_not_show(reference: bytes, tmp_path: Path, cache: str) -> None:
    env = {"AXEC_CACHE": str(tmp_path / "kept") if cache == "kept" else "off"}
    for run in ("cold", "warm"):
        assert compile_there(tmp_path / run, env) == reference
    assert (tmp_path / "kept").exists() is (cache == "kept")


def test_no_path_is_inside(reference: bytes) -> None:
    for word in (str(ROOT), os.path.expanduser("~"), "/tmp", "program.py"):
        assert word.encode() not in reference


def test_another_program_gives_other_bytes(reference: bytes, tmp_path: Path) -> None:
    changed = PROGRAM.replace("axe.tanh", "axe.sin")
    assert compile_there(tmp_path / "b", {}, program=changed) != reference
