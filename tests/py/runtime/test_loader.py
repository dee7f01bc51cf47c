"""Loading: options, images, and what keeps what alive."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from axec.container import Segment, dumps
from axec.runtime import image
from axec.runtime.call import CPUS
from axec.runtime.errors import AxecError
from axec.runtime.loader import Program, load, verify

Parts = tuple[dict[str, Any], list[Segment]]
Refused = Callable[..., str]
X = np.arange(16, dtype="f4")
ROWS = np.arange(12, dtype="f4").reshape(3, 4)
SCALED = (ROWS * np.array([1, 2, 3, 4], "f4") + 3).tolist()


def test_program(loaded: Program) -> None:
    assert list(loaded.entries) == ["add", "half", "scale", "shapes", "tree"]
    assert loaded.target == "x86-64-v3"
    assert repr(loaded) == "<Program add, half, scale, shapes, tree for x86-64-v3>"
    assert loaded.manifest["provenance"] == {"made by": "tests"}
    assert loaded["add"] is loaded.entries["add"]
    with pytest.raises(TypeError):
        loaded.entries["add"] = None  # type: ignore[index]


def test_entries_that_are_not_there(loaded: Program) -> None:
    with pytest.raises(AxecError) as found:
        loaded["sub"]
    assert found.value.code == "entry-unknown"
    assert found.value.hint == "its entries: add, half, scale, shapes, tree"
    with pytest.raises(AxecError) as found:
        loaded(X, X)
    assert found.value.code == "entry-ambiguous"
    assert "5 entries: add, half," in found.value.message


def only(parts: Parts, name: str) -> bytes:
    """The artifact with one entry; its native code has the stubs of all of them, in this order."""
    manifest, segments = parts
    manifest["entries"] = {name: manifest["entries"][name]}
    return dumps(manifest, segments)


def test_a_program_of_one_entry_is_callable(parts: Parts) -> None:
    program = load(only(parts, "add"))
    out = np.zeros(16, "f4")
    assert program(X, X, out=out) is out
    assert program(X, y=X).tolist() == (2 * X).tolist()
    assert isinstance(program, Program)
    assert type(program).__call__ is program["add"]
    with pytest.raises(AxecError, match="input-count"):
        program(X)


@pytest.mark.parametrize("options", [{}, {"weights": "map"}, {"weights": "copy"}])
def test_weights(path: Path, options: dict[str, Any]) -> None:
    program = load(path, **options)
    path.unlink()
    assert program["scale"](ROWS).tolist() == SCALED


def test_copied_weights_survive_a_damaged_file(path: Path) -> None:
    program = load(path, weights="copy")
    os.truncate(path, 100)  # would be a SIGBUS for mapped weights
    assert program["scale"](ROWS).tolist() == SCALED


def test_a_file_is_mapped_in_large_pages_or_not_at_all(path: Path) -> None:
    program = load(path)
    (region,) = [r for r in _regions() if str(path) in r]
    if Path("/sys/kernel/mm/transparent_hugepage").exists():
        assert " hg" in next(line for line in region.splitlines() if line.startswith("VmFlags"))
    del program
    copied = load(path, weights="copy")
    assert not [r for r in _regions() if str(path) in r]
    assert copied["scale"](ROWS).tolist() == SCALED


def _regions() -> list[str]:
    """What the kernel says of each region of this process's memory."""
    gc.collect()
    return re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(), flags=re.M)


def test_a_file_that_becomes_shorter(
    path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    found = os.stat_result([*os.stat(path)[:6], path.stat().st_size + 1, 0, 0, 0])
    monkeypatch.setattr(os, "fstat", lambda descriptor: found)
    assert refused(load, path, weights="copy") == "artifact-corrupt"


def test_weights_of_an_artifact_in_memory_are_aligned(data: bytes) -> None:
    room = bytearray(len(data) + 1)
    room[1:] = data
    for source in (data, memoryview(room)[1:]):
        program = load(source)
        assert program["scale"].__self__._state.weights % 64 == 0
        assert program["scale"](ROWS).tolist() == SCALED


def test_options_are_checked(path: Path, refused: Refused) -> None:
    assert refused(load, path, weights="no") == "option-invalid"
    assert refused(load, path, verify="no") == "option-invalid"
    assert refused(load, path, target="no") == "option-invalid"
    assert refused(load, path, threads=0) == "threads-invalid"
    assert refused(load, path, threads=CPUS + 1) == "threads-invalid"
    assert load(path, threads=CPUS, target="x86-64-v3", verify="code").target == "x86-64-v3"
    assert load(str(path)).entries


def test_verify_maps_nothing(path: Path, no_code: type[Exception]) -> None:
    assert verify(path)["entries"]["add"]["program"] == "program.add"
    with pytest.raises(no_code):
        load(path)


def test_default_threads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(path, threads=1)["add"].__self__._state.threads == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    assert load(path)["add"].__self__._state.threads == 1


@pytest.mark.parametrize("damage", ["noise", "empty", "no entry"])
def test_code_that_is_none(parts: Parts, native: bytes, damage: str, refused: Refused) -> None:
    manifest, segments = parts
    code = {"noise": b"x" * 4096, "empty": b"\0"}.get(damage)
    if code is None:
        manifest["entries"]["zzz"] = dict(manifest["entries"]["add"])
        code = native + bytes(8)
    segments = [replace(segments[0], data=code), *segments[1:]]
    assert refused(load, dumps(manifest, segments)) == "load-failed"


@pytest.mark.parametrize("attribute", ["implementation", "platform", "byteorder", "gil"])
def test_other_platforms(
    path: Path, attribute: str, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    class Other:
        name = "pypy"

    if attribute == "gil":
        monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    else:
        value = {"implementation": Other, "platform": "darwin", "byteorder": "big"}[attribute]
        monkeypatch.setattr(image.sys, attribute, value)
    assert refused(load, path) == "platform-unsupported"


def libraries() -> list[str]:
    with open("/proc/self/maps") as file:
        return [line for line in file if "axe" in line and "r-xp" in line]


def test_programs_do_not_share_state(data: bytes) -> None:
    one, two = load(data), load(data)
    states = [ctypes.addressof(p["add"].__self__._state) for p in (one, two)]
    assert states[0] != states[1]
    assert one["add"](X, X).tolist() == two["add"](X, X).tolist()
    del one
    gc.collect()
    assert two["scale"](ROWS).tolist() == SCALED


def test_images_are_used_again(data: bytes) -> None:
    for _ in range(2):
        load(data)["add"](X, X)
        gc.collect()
    before = len(libraries())
    files = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        assert load(data)["add"](X, X)[1] == 2
    gc.collect()
    assert len(libraries()) == before
    assert len(os.listdir("/proc/self/fd")) == files


def test_a_function_keeps_what_it_needs(data: bytes) -> None:
    scale = load(data)["scale"]
    gc.collect()
    others = [load(data) for _ in range(3)]
    assert scale(ROWS).tolist() == SCALED
    del others


def test_code_is_sealed(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is mapped, nobody can write to the copy."""
    seen = []
    cdll = ctypes.CDLL

    def spy(path: str | None, *args: Any, **kwargs: Any) -> Any:
        if path is not None and "fd" in path:
            with pytest.raises(OSError, match="Operation not permitted"):
                os.pwrite(int(path.rsplit("/", 1)[1]), b"x", 0)
            with pytest.raises(OSError, match="Operation not permitted"):
                os.truncate(path, 0)
            seen.append(path)
        return cdll(path, *args, **kwargs)

    monkeypatch.setattr(ctypes, "CDLL", spy)
    monkeypatch.setattr(image, "_IDLE", {})
    assert load(data)["add"](X, X)[1] == 2
    assert load(data)["add"](X, X)[1] == 2
    assert seen


def test_without_memfd(data: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*args: Any) -> int:
        raise PermissionError(1, "no memfd here")

    monkeypatch.setattr(os, "memfd_create", refuse)
    monkeypatch.setattr(image, "_IDLE", {})
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    programs = [load(data), load(data)]
    assert all(p["add"](X, X)[1] == 2 for p in programs)
    assert os.listdir(tmp_path) == []


def test_the_pool_is_shared(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    load(data)
    first = image._pool
    assert first
    monkeypatch.setattr(image, "_IDLE", {})
    load(data)
    assert image._pool == first


def test_memory_that_cannot_be_had(parts: Parts, refused: Refused) -> None:
    manifest, segments = parts
    manifest["entries"]["scale"]["arena_bytes"] = 1 << 46
    program = load(dumps(manifest, segments))  # address space only
    assert program["scale"](ROWS).tolist() == SCALED
    manifest["entries"]["scale"]["dims"]["batch"][1] = 1 << 40
    segments = [s for s in segments if s.name != "weights"]
    manifest["weights"] = []
    add = program["add"].__self__
    huge = add.outputs[0]
    with pytest.raises(AxecError) as found:
        huge.target(None, (1 << 44,), [])
    assert found.value.code == "out-of-memory"
