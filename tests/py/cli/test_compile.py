"""`axec compile`: what it writes, prints and refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.command import Axec

from axec.runtime.format import Container


def test_compile_says_what_it_made(axec: Axec, folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "new.axe"
    done = axec("compile", f"{folder / 'program.py'}:halve", "-o", place)
    assert done.out == ""
    said = r".*new\.axe: halve for x86-64-v\d\S*, [\d.]+ kB, peak [\d.]+ k?B, in "
    assert re.match(said, done.err)
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
    rows = re.findall(r"^ *[\d.]+ ms +[\d.]+%  (\w+)$", err, re.MULTILINE)
    assert {"simplify", "fuse", "plan", "total"} <= set(rows)


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
