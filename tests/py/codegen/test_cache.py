"""The cache on disk: hits, damage, bounds, several processes, folders that cannot be written."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from axec.cli.main import axec as axec_command
from axec.cli.main import main
from axec.passes.codegen import tuned
from axec.passes.codegen.cache import FOLDER, Cache, open_cache
from axec.passes.codegen.cpu import targets

KEY, OTHER = (hashlib.sha256(text).digest() for text in (b"a", b"b"))
CONTENT = b"what was compiled"

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
    assert cache.clear().files == 0
    assert cache.get(KEY) is None


@settings(deadline=None)
@given(at=st.integers(0, 31 + len(CONTENT)), flip=st.integers(1, 255))
def test_no_changed_byte_is_believed(at: int, flip: int) -> None:
    def damage(data: bytes) -> bytes:
        return data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]

    _is_dropped(damage)


@settings(deadline=None)
@given(length=st.integers(0, 31 + len(CONTENT)), more=st.binary(min_size=1))
def test_no_other_length_is_believed(length: int, more: bytes) -> None:
    _is_dropped(lambda data: data[:length])
    _is_dropped(lambda data: data + more)


def _is_dropped(damage: Callable[[bytes], bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder))
        cache.put(KEY, CONTENT)
        (path,) = cache.folder.iterdir()  # type: ignore[union-attr]
        path.write_bytes(damage(path.read_bytes()))
        assert cache.get(KEY) is None
        assert not path.exists()
        cache.put(KEY, CONTENT)
        assert cache.get(KEY) == CONTENT


def test_a_file_under_another_name_is_dropped(tmp_path: Path) -> None:
    """Its content is whole, but stands for something else."""
    cache = Cache(tmp_path)
    cache.put(KEY, CONTENT)
    (path,) = tmp_path.iterdir()
    path.rename(tmp_path / f"{OTHER.hex()}.axeobj")
    assert cache.get(OTHER) is None
    assert list(tmp_path.iterdir()) == []


def test_what_killed_compilers_leave_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is half written stays while its writer may be at work, then nobody waits."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt  # as far as files go, like a kill

    cache = Cache(tmp_path, trim_odds=1)
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            cache.put(KEY, CONTENT)
    (half,) = tmp_path.iterdir()
    assert cache.get(KEY) is None
    assert cache.info().files == 0
    cache.put(OTHER, CONTENT)
    assert half.exists()
    os.utime(half, (1e9, 1e9))
    cache.put(OTHER, CONTENT)
    assert not half.exists()
    assert cache.get(OTHER) == CONTENT


def test_a_folder_of_others_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may do everything, so the refusals are made."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "not yours")

    cache = Cache(tmp_path)
    cache.put(KEY, CONTENT)
    for name in ("utime", "unlink", "replace"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    assert cache.get(KEY) == CONTENT
    cache.put(OTHER, CONTENT)
    assert cache.get(OTHER) is None
    assert cache.clear().files == 1
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert main(["cache", "clear"]) == 2
    assert cache.get(KEY) == CONTENT


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(error, os.strerror(error))

    def open_full(handle: int, _: str) -> Full:
        os.close(handle)
        return Full()

    monkeypatch.setattr(os, "fdopen", open_full)
    cache = Cache(tmp_path)
    cache.put(KEY, CONTENT)
    assert cache.get(KEY) is None
    assert list(tmp_path.iterdir()) == []


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
    shown = CliRunner().invoke(axec_command, ["cache", "info"]).output
    assert "cannot write there" in shown
    tuned.keep(targets.resolve(targets.NATIVE), {"a": "rows=6"})  # is not kept, and no error
    assert main(["tune", "model.py"]) == 2


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


def test_eight_compilers_at_once_and_some_are_killed(tmp_path: Path) -> None:
    """Whatever they leave, the next one gives the same bytes."""
    wanted = _compile(tmp_path / "alone")
    folder = tmp_path / "shared"
    env = {**os.environ, FOLDER: str(folder)}
    line = [sys.executable, "-c", PROGRAM]
    running = [subprocess.Popen(line, env=env, stdout=subprocess.PIPE) for _ in range(8)]
    for number, one in enumerate(running[::2]):
        time.sleep(0.1 * number)
        one.send_signal(signal.SIGKILL)
    found = [one.communicate()[0] for one in running]
    assert found[1::2] == [wanted] * 4
    assert _compile(folder) == wanted
    kept = Cache(folder)
    for path in folder.glob("*.axeobj"):
        assert kept.get(bytes.fromhex(path.stem)) is not None


def test_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    open_cache().put(KEY, bytes(1000))
    shown = CliRunner().invoke(axec_command, ["cache", "info"]).output
    assert "1 compiled kernels and programs" in shown
    assert "removed" in CliRunner().invoke(axec_command, ["cache", "clear"]).output
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv(FOLDER, "off")
    assert "off" in CliRunner().invoke(axec_command, ["cache", "info"]).output
