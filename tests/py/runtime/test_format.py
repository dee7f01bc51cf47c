"""The container: what is written, how, and that it is read back."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import resource
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from axec.container import Segment, complete, dumps, write
from axec.runtime import format
from axec.runtime.errors import AxecError
from axec.runtime.format import Container

Parts = tuple[dict[str, Any], list[Segment]]
Refused = Callable[..., str]


def test_round_trip(parts: Parts, tmp_path: Path) -> None:
    manifest, segments = parts
    write(tmp_path / "a.axe", manifest, segments)
    container = Container(tmp_path / "a.axe")
    assert container.manifest == complete(manifest, segments)
    assert list(container.views) == [segment.name for segment in segments]
    for segment in segments:
        expected = memoryview(segment.data).cast("B")
        assert container.views[segment.name] == expected
        assert container.read(segment.name) == expected
    assert (container.signatures, container.signed_by) == ([], [])
    assert (tmp_path / "a.axe").read_bytes() == dumps(manifest, segments)


def test_bytes_are_as_documented(parts: Parts) -> None:
    data = dumps(*parts)
    magic, major, minor, flags, length, size, digest = struct.unpack("<8sHHIQQ32s", data[:64])
    assert magic == bytes([0x89]) + b"AXE\r\n\x1a\n"
    assert (major, minor, flags, length) == (1, 0, 0, len(data))
    text = data[64 : 64 + size]
    assert hashlib.sha256(text).digest() == digest
    assert text.startswith(b'{"entries":{"add":{"arena_bytes":0,')
    assert b" :" not in text
    start = (64 + size + 4095) // 4096 * 4096
    for row in complete(*parts)["segments"]:
        begin = start + row["offset"]
        assert begin % row["align"] == 0
        assert hashlib.sha256(data[begin : begin + row["size"]]).hexdigest() == row["sha256"]


def test_equal_contents_give_equal_bytes(parts: Parts) -> None:
    manifest, segments = parts
    backwards = dict(reversed(manifest.items()))
    assert dumps(backwards, segments) == dumps(manifest, segments)
    # A manifest that was completed before is completed again.
    assert dumps(complete(manifest, segments), segments) == dumps(manifest, segments)


def test_segments_may_be_arrays(parts: Parts) -> None:
    manifest, segments = parts
    weights = np.arange(12, dtype="f4").reshape(3, 4)
    data = dumps(manifest, [*segments[:-1], Segment("weights", "weights", weights)])
    assert Container(data).views["weights"] == weights.tobytes()


@pytest.mark.parametrize("value", [1.5, float("nan"), {"a": 0.1}, [1e400]])
def test_floats_are_refused_when_written(parts: Parts, value: Any, refused: Refused) -> None:
    manifest, segments = parts
    manifest["provenance"]["x"] = value
    with pytest.raises((AxecError, ValueError)):
        dumps(manifest, segments)


def test_a_bad_manifest_is_not_written(parts: Parts, path: Path, refused: Refused) -> None:
    manifest, segments = parts
    before = path.read_bytes()
    del manifest["entries"]["add"]["program"]
    assert refused(write, path, manifest, segments) == "artifact-corrupt"
    assert path.read_bytes() == before


def odd_fifo(path: Path) -> None:
    os.mkfifo(path)


def odd_loop(path: Path) -> None:
    path.symlink_to(path)


ODD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda p: None, "artifact-not-found"),
    "folder": (lambda p: p.mkdir(), "artifact-not-found"),
    "pipe": (odd_fifo, "artifact-not-found"),
    "endless device": (lambda p: p.symlink_to("/dev/zero"), "artifact-not-found"),
    "loop": (odd_loop, "artifact-not-found"),
    "empty": (lambda p: p.write_bytes(b""), "artifact-corrupt"),
    "short": (lambda p: p.write_bytes(b"\x89AXE"), "artifact-corrupt"),
    "text": (lambda p: p.write_text("hello " * 100), "artifact-corrupt"),
    "zip": (lambda p: p.write_bytes(b"PK\x03\x04" + bytes(1000)), "artifact-corrupt"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files(name: str, tmp_path: Path, refused: Refused) -> None:
    make, code = ODD[name]
    path = tmp_path / "odd.axe"
    make(path)
    assert refused(Container, path) == code
    gc.collect()  # the exception's traceback held the mapping
    assert not [target for target in opened() if target in (str(path), "/dev/zero")]


def opened() -> Iterator[str]:
    """What this process has open; other threads of it open and close files meanwhile."""
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(descriptor)


def test_where_nothing_can_be_written(parts: Parts, tmp_path: Path, refused: Refused) -> None:
    assert refused(write, tmp_path / "no folder" / "a.axe", *parts) == "artifact-write"
    (tmp_path / "folder.axe").mkdir()
    assert refused(write, tmp_path / "folder.axe", *parts) == "artifact-write"
    assert refused(write, "/proc/a.axe", *parts) == "artifact-write"
    assert os.listdir(tmp_path) == ["folder.axe"]


def test_a_full_disk_leaves_the_old_file(parts: Parts, path: Path) -> None:
    manifest, segments = parts
    before = path.read_bytes()
    big = Segment("more", "meta", bytes(1 << 20))
    # In a child, because the limit would hit this process's own files; ENOSPC and EFBIG come alike.
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
            write(path, manifest, [*segments, big])
        except AxecError as e:
            status = 0 if e.code == "artifact-write" and "too large" in e.message else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


WRITER = """
import pickle, sys
from axec.container import Segment, write
path, number = sys.argv[1], 0
manifest, segments = pickle.load(sys.stdin.buffer)
print("ready", flush=True)
while True:
    number += 1
    write(path, manifest, [*segments, Segment("fill", "meta", bytes([number % 256]) * (4 << 20))])
"""


def test_killed_while_writing(parts: Parts, path: Path) -> None:
    import pickle

    manifest, segments = parts
    plain = pickle.dumps((manifest, [replace(s, data=bytes(s.data)) for s in segments]))
    seen = set()
    for delay in (0.002, 0.005, 0.01, 0.02, 0.04):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            assert writer.stdin is not None
            assert writer.stdout is not None
            writer.stdin.write(plain)
            writer.stdin.close()
            writer.stdout.readline()
            time.sleep(delay)
            writer.kill()
        views = Container(path).views
        seen.add(views["fill"][0] if "fill" in views else None)
    write(path, manifest, segments)
    assert os.listdir(path.parent) == [path.name], "a killed writer's file stays"
    assert seen


def test_strays_of_the_living_stay(parts: Parts, path: Path) -> None:
    folder = path.parent
    alive = folder / f".{path.name}.{os.getppid()}.1.tmp"
    foreign = folder / f".{path.name}.not.mine.tmp"
    dead = folder / f".{path.name}.{4_000_000_000}.1.tmp"
    for stray in (alive, foreign, dead):
        stray.write_bytes(b"x")
    write(path, *parts)
    assert sorted(os.listdir(folder)) == sorted([alive.name, foreign.name, path.name])


def test_writing_over_a_mapped_file(parts: Parts, path: Path) -> None:
    manifest, segments = parts
    old = Container(path)
    before = bytes(old.views["weights"])
    other = Segment("weights", "weights", np.full(4, 9, "f4"))
    write(path, manifest, [*segments[:-1], other])
    assert old.views["weights"] == before
    assert Container(path).views["weights"] == np.full(4, 9, "f4").tobytes()


def test_a_failed_rename_leaves_nothing(
    parts: Parts, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    before = path.read_bytes()
    monkeypatch.setattr(format.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(path, *parts)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_verify_code_spares_the_weights(path: Path, refused: Refused) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # the weights come last
    path.write_bytes(data)
    assert refused(Container, path) == "artifact-corrupt"
    assert Container(path, verify="code").manifest["entries"]
    assert refused(Container, path, verify="no") == "option-invalid"
