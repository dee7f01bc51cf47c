"""The cache on disk: hits, damage, bounds, several processes, folders that cannot be written."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from axec.cli.main import axec as axec_command
from axec.passes.codegen.cache import FOLDER, Cache, open_cache

KEY, OTHER = (hashlib.sha256(text).digest() for text in (b"a", b"b"))

PROGRAM = """
import axec as axe, sys
from axec.passes.codegen.cpu import worker
artifact = axe.compile(lambda x: axe.tanh(x) * 3.0, axe.spec((5,)))
sys.stdout.buffer.write(artifact.to_bytes())
"""


def test_put_and_get(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "new" / "folder")
    assert cache.get(KEY) is None
    cache.put(KEY, b"object")
    assert cache.get(KEY) == b"object"
    assert cache.get(OTHER) is None
    assert cache.info().files == 1
    assert cache.clear().files == 1
    assert cache.get(KEY) is None


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d[:10], lambda d: b"", lambda d: d + b"x"]
)
def test_damaged_file_is_dropped(tmp_path: Path, damage: object) -> None:
    cache = Cache(tmp_path)
    cache.put(KEY, b"object")
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert cache.get(KEY) is None
    assert not path.exists()


def test_bound(tmp_path: Path) -> None:
    """The file that was used longest ago goes first."""
    cache = Cache(tmp_path, max_bytes=2 * (32 + 100), trim_odds=1)
    keys = [hashlib.sha256(bytes([i])).digest() for i in range(3)]
    for age, key in zip((30, 20, 10), keys, strict=True):
        cache.put(key, bytes(100))
        path = tmp_path / f"{key.hex()}.axeobj"
        if path.exists():
            os.utime(path, (1e9 - age, 1e9 - age))
    assert [cache.get(key) is not None for key in keys] == [False, True, True]


def test_off_and_unwritable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, "off")
    assert open_cache().folder is None
    open_cache().put(KEY, b"object")
    assert open_cache().get(KEY) is None
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setenv(FOLDER, str(file))
    open_cache().put(KEY, b"object")
    assert open_cache().get(KEY) is None


def test_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert open_cache().folder == tmp_path / "axec"


def _compile(folder: Path) -> bytes:
    env = {**os.environ, FOLDER: str(folder)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, check=True)
    return done.stdout


def test_compilers_share_a_folder(tmp_path: Path) -> None:
    """The same bytes with a cold and a warm cache, and after damage of every file in it."""
    cold = _compile(tmp_path)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept
    assert _compile(tmp_path) == cold
    for path in tmp_path.iterdir():
        path.write_bytes(b"damage")
    assert _compile(tmp_path) == cold
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept


def test_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    open_cache().put(KEY, bytes(1000))
    shown = CliRunner().invoke(axec_command, ["cache", "info"]).output
    assert "1 compiled kernels and programs" in shown
    assert "removed" in CliRunner().invoke(axec_command, ["cache", "clear"]).output
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv(FOLDER, "off")
    assert "off" in CliRunner().invoke(axec_command, ["cache", "info"]).output
