"""`axec tune`: the search with made-up times, the folder, the command with a clock of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import axec as axe
from axec.artifact import Artifact
from axec.cli.main import main
from axec.driver import compile_entries
from axec.passes.codegen import tuned
from axec.passes.codegen.cache import FOLDER, open_cache
from axec.passes.codegen.cpu import targets
from axec.passes.codegen.cpu.variants import Axis
from axec.runtime.call import CPUS
from axec.tune import Kernel, Search, kernels_of
from axec.tune.timer import Timer

TARGET = targets.TARGETS["x86-64-v3"]

PROGRAM = """
import axec as axe


@axe.entry(x=axe.spec((70, 3000)), n=axe.spec((4,), axe.int32))
def main(x, n):
    return axe.tanh(x) * 0.5, n + 1
"""

GEMM = Kernel(
    "gemm_0", "gemm", "g", (Axis("tile", (6, 4), ((8, 3), (8, 2))), Axis("rows", 96, (48,)))
)
MAP = Kernel("map_0", "map", "m", (Axis("block", 1024, (256, 4096)),))
SMALL = Kernel("map_1", "map", "s", (Axis("block", 1024, (256,)),))
FIXED = Kernel("row_0", "row", "r", ())


class Machine:
    """Programs are their choices; a kernel's time is a product of what its choice says."""

    def __init__(self, factors: Mapping[str, float], stop_after: int = 99) -> None:
        self.factors = factors
        self.left = stop_after
        self.timed: list[set[str]] = []

    def build(self, choices: Mapping[str, str]) -> dict[str, str]:
        return dict(choices)

    def times(self, programs, names, seconds):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.timed.append({n for wanted in names for n in wanted})
        return [
            {n: self._time(n, p) for n in wanted} for p, wanted in zip(programs, names, strict=True)
        ]

    def _time(self, name: str, program: Mapping[str, str]) -> float:
        kernel = next(k for k in (GEMM, MAP, SMALL, FIXED) if k.name == name)
        seconds = 0.001 if kernel is SMALL else 1.0
        for part in program.get(kernel.key, "").split(","):
            seconds *= self.factors.get(part, 1.0)
        return seconds


def search(machine: Machine) -> Search[dict[str, str]]:
    return Search((GEMM, MAP, SMALL, FIXED), machine.build, machine.times, 1.0)


def test_fields_one_after_the_other() -> None:
    found = search(Machine({"tile=8x3": 0.9, "tile=8x2": 0.8, "rows=48": 0.5, "block=256": 1.2}))
    found.run()
    assert found.choices() == {"g": "tile=8x2,rows=48", "m": ""}
    assert found.results["gemm_0"].before == 1.0
    assert found.results["gemm_0"].after == pytest.approx(0.4)
    assert set(found.results) == {"gemm_0", "map_0"}  # the others: too short, nothing to choose


def test_noise_is_no_gain() -> None:
    found = search(Machine({"tile=8x3": 0.98, "block=4096": 0.98}))
    found.run()
    assert found.choices() == {"g": "", "m": ""}


def test_what_does_not_hold_in_the_end_is_dropped() -> None:
    class Lucky(Machine):
        def times(self, programs, names, seconds):
            if len(self.timed) == 4:  # all fields have been looked at
                self.factors = {}
            return super().times(programs, names, seconds)

    machine = Lucky({"tile=8x3": 0.5})
    found = search(machine)
    found.run()
    assert machine.timed[-1] == {"gemm_0"}
    assert found.choices() == {"g": "", "m": ""}


def test_interrupted_search_keeps_what_it_found() -> None:
    found = search(Machine({"tile=8x3": 0.5, "block=256": 0.5}, stop_after=2))
    with pytest.raises(KeyboardInterrupt):
        found.run()
    assert found.choices() == {"g": "tile=8x3"}  # nothing is known of the other one


def test_programs_with_other_results_win_nothing() -> None:
    found = search(Machine({"tile=8x3": float("inf"), "rows=48": float("inf")}))
    found.run()
    assert found.choices() == {"g": "", "m": ""}


# ---- the folder ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_kept_and_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tuned.find(TARGET) == {}
    tuned.keep(TARGET, {"a": "rows=6", "b": "rows=12"})
    tuned.keep(TARGET, {"b": "", "c": "block=64"})
    assert tuned.find(TARGET) == {"a": "rows=6", "c": "block=64"}
    assert tuned.find(targets.TARGETS["x86-64-v4"]) == {}
    monkeypatch.setenv(tuned.SWITCH, "off")
    assert tuned.find(TARGET) == {}
    monkeypatch.delenv(tuned.SWITCH)
    open_cache().clear()
    assert tuned.find(TARGET) == {}


def test_damaged_entry_is_dropped(folder: Path) -> None:
    tuned.keep(TARGET, {"a": "rows=6"})
    (path,) = folder.glob("*.axeobj")
    path.write_bytes(path.read_bytes()[:-1])
    assert tuned.find(TARGET) == {}
    assert not path.exists()


def test_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned, "MOST", 2)
    for name in "abca":
        tuned.keep(TARGET, {name: "rows=6"})
    assert list(tuned.find(TARGET)) == ["c", "a"]


def test_several_at_once_lose_nothing(folder: Path) -> None:
    names = [str(i) for i in range(16)]
    threads = [threading.Thread(target=tuned.keep, args=(TARGET, {n: "rows=6"})) for n in names]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert set(tuned.find(TARGET)) == set(names)


def test_kept_programs_are_of_their_choices(folder: Path) -> None:
    entry = axe.entry(x=axe.spec((70, 3000)))(lambda x: axe.tanh(x) * 0.5)
    plain = compile_entries([entry])
    (kernel,) = kernels_of([entry], targets.NATIVE)
    native = targets.resolve(targets.NATIVE)
    tuned.keep(native, {kernel.key: "block=64"})
    found, ignored = compile_entries([entry]), compile_entries([entry], tuned=False)
    assert plain is not None
    assert found is not None
    assert ignored is not None
    assert found.to_bytes() != plain.to_bytes() == ignored.to_bytes()
    again = compile_entries([entry])
    assert again is not None
    assert again.to_bytes() == found.to_bytes()
    x = np.linspace(-3, 3, 210_000, dtype=np.float32).reshape(70, 3000)
    np.testing.assert_array_equal(found.load()(x), plain.load()(x))


# ---- the command ---------------------------------------------------------------------------------


def test_command(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program, artifact = tmp_path / "program.py", tmp_path / "p.axe"
    program.write_text(PROGRAM)
    assert main(["tune", str(program), "-o", str(artifact), "--seconds", "0.01"]) == 0
    said = " ".join(capfd.readouterr().out.split())
    assert "of 1 kernels are faster by more than noise; 1 leave nothing to choose" in said
    assert artifact.exists()
    assert main(["cache", "info"]) == 0
    assert "kernels tuned on this machine" in capfd.readouterr().out


def test_command_without_a_place(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The tests run with the cache switched off."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    assert main(["tune", str(program)]) == 2
    error = capfd.readouterr().err
    assert "tune-cache" in error
    assert "AXEC_CACHE" in error


def test_command_with_more_threads_than_cpus(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    assert main(["tune", str(program), "--seconds", "0.01", "--threads", str(CPUS + 1)]) == 2
    assert "threads-invalid" in capfd.readouterr().err


def test_timer_takes_the_shortest_and_finds_other_results(tmp_path: Path) -> None:
    ticks = iter(range(1_000_000))
    timer = Timer(tmp_path, 1, 0, clock=lambda: next(ticks) * 1e-3)
    make = axe.entry(x=axe.spec((70, 3000)))

    def compiled(factor: float) -> Artifact:
        def f(x):
            return axe.tanh(x) * factor

        made = compile_entries([make(f)])
        assert made is not None
        return made

    programs = [compiled(0.5), compiled(0.25)]
    (name,) = [row["name"] for row in programs[0].manifest["entries"]["f"]["kernels"]]
    first, second = timer(programs, [[name, "nobody"], [name]], 0.1)
    assert first == {name: pytest.approx(1e-3)}
    assert second == {name: float("inf")}
    assert timer.wrong == 1
