"""CPU features and the choice of a target."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from axec.container import Segment, dumps
from axec.passes.codegen.cpu.targets import LEVELS
from axec.runtime import cpu
from axec.runtime.errors import AxecError
from axec.runtime.loader import load

Parts = tuple[dict[str, Any], list[Segment]]
Refused = Callable[..., str]

X86 = """processor\t: 0
vendor_id\t: GenuineIntel
flags\t\t: fpu pni ssse3 sse4_1 sse4_2 abm bmi1 lahf_lm avx512_vnni amx_tile amx_int8 pclmulqdq

processor\t: 1
flags\t\t: none
"""
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd bf16 i8mm sve2\n"


@pytest.fixture
def cpuinfo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str | None], None]]:
    """cpuinfo(text): what /proc/cpuinfo holds from now on; None: it cannot be read."""

    def use(text: str | None) -> None:
        def fake(path: str, **options: Any) -> Any:
            assert path == "/proc/cpuinfo"
            if text is None:
                raise PermissionError(13, "no")
            return io.StringIO(text)

        cpu.features.cache_clear()
        monkeypatch.setattr(cpu, "open", fake, raising=False)

    yield use
    cpu.features.cache_clear()


def test_names_are_llvms(cpuinfo: Callable[[str | None], None]) -> None:
    cpuinfo(X86)
    assert cpu.features() >= {
        "sse3", "ssse3", "sse4.1", "sse4.2", "lzcnt", "bmi", "sahf", "avx512vnni", "amx-tile",
        "amx-int8",
    }  # fmt: skip
    assert "none" not in cpu.features()
    cpuinfo(ARM)
    assert cpu.features() >= {"neon", "bf16", "i8mm", "sve2"}


def test_names_are_known_to_llvm() -> None:
    from llvmlite import binding

    known = set(binding.get_host_cpu_features())
    for arch, features in LEVELS.values():
        if arch == cpu.architecture():
            assert set(features) <= known


def test_this_machine_agrees_with_llvm() -> None:
    from llvmlite import binding

    host = {name for name, has in binding.get_host_cpu_features().items() if has}
    for _, needs in LEVELS.values():
        assert set(needs) & cpu.features() == set(needs) & host


def test_no_cpuinfo(cpuinfo: Callable[[str | None], None], refused: Refused) -> None:
    cpuinfo(None)
    assert refused(cpu.features) == "platform-unsupported"
    cpuinfo("processor: 0\n")
    assert refused(cpu.features) == "platform-unsupported"


def test_levels_grow() -> None:
    v3, v4, amx = (set(LEVELS[f"x86-64-{name}"][1]) for name in ("v3", "v4", "v4-amx"))
    assert v3 < v4 < amx


def target(name: str, *features: str, arch: str = "x86_64") -> dict[str, Any]:
    return {"name": name, "arch": arch, "features": list(features), "code": name}


@pytest.fixture
def machine(cpuinfo: Callable[[str | None], None], monkeypatch: pytest.MonkeyPatch) -> None:
    cpuinfo("flags : avx2 fma\n")
    monkeypatch.setattr(cpu, "architecture", lambda: "x86_64")


@pytest.mark.usefixtures("machine")
def test_the_first_that_runs_is_taken() -> None:
    targets = [target("best", "avx512f"), target("good", "avx2", "fma"), target("base")]
    assert cpu.choose(targets)["name"] == "good"
    assert cpu.choose(targets, "base")["name"] == "base"


@pytest.mark.usefixtures("machine")
def test_what_is_missing_is_named() -> None:
    targets = [
        target("best", "avx2", "avx512f", "avx512bw"),
        target("arm", arch="aarch64"),
    ]
    with pytest.raises(AxecError) as found:
        cpu.choose(targets)
    assert found.value.code == "cpu-unsupported"
    assert found.value.message == (
        "no code segment runs on this machine: best needs avx512f, avx512bw, which this "
        "machine lacks; arm is for aarch64 machines, this is x86_64"
    )
    with pytest.raises(AxecError, match="there is none"):
        cpu.choose([])
    with pytest.raises(AxecError, match="needs avx512f"):
        cpu.choose([*targets, target("base")], "best")


@pytest.mark.parametrize("given", [True, False])
def test_tiles_are_asked_for(
    given: bool, cpuinfo: Callable[[str | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a target needs them, not before; where the kernel refuses, the next target is taken."""
    asked = []

    class Kernel:
        def __init__(self, library: None) -> None:
            pass

        def syscall(self, *words: int) -> int:
            asked.append(words)
            return 0 if given else -1

    cpuinfo("flags : avx2 amx_tile amx_int8\n")
    monkeypatch.setattr(cpu, "architecture", lambda: "x86_64")
    monkeypatch.setattr(cpu, "CDLL", Kernel)
    best, good = target("best", "avx2", "amx-tile", "amx-int8"), target("good", "avx2")
    assert cpu.choose([good])["name"] == "good"
    assert not asked
    assert cpu.choose([best, good])["name"] == ("best" if given else "good")
    assert asked == [(158, 0x1023, 18)]
    if not given:
        with pytest.raises(AxecError, match="best needs amx-tile, which this machine lacks"):
            cpu.choose([best])


@pytest.mark.usefixtures("machine")
def test_a_target_that_is_not_there() -> None:
    with pytest.raises(AxecError) as found:
        cpu.choose([target("base")], "other")
    assert found.value.code == "option-invalid"
    assert found.value.hint == "it has base"


def test_a_foreign_artifact_is_never_mapped(
    parts: Parts, tmp_path: Path, no_code: type[Exception], refused: Refused
) -> None:
    manifest, segments = parts
    (place,) = manifest["targets"]
    place["features"] = [*place["features"], "avx1024"]
    assert refused(load, dumps(manifest, segments)) == "cpu-unsupported"
    place["arch"], place["features"] = "mips", []
    assert refused(load, dumps(manifest, segments)) == "cpu-unsupported"
    manifest["targets"] = []
    assert refused(load, dumps(manifest, segments)) == "cpu-unsupported"
