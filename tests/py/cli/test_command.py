"""The command itself: help, version, unknown words, errors, units."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import Axec

from axec.cli.console import amount, duration, size
from axec.cli.main import COMMANDS


def test_help_lists_every_command(axec: Axec) -> None:
    listed = re.findall(r"^  (\w+) {2,}\S", axec("--help").out, re.MULTILINE)
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(axec: Axec, name: str) -> None:
    text = axec(name, "--help").out
    assert text.startswith(f"Usage: axec {name} ")
    assert "--traceback" in text


def test_help_says_what_holds_by_default(axec: Axec) -> None:
    assert "[default: 2.0; x>0]" in axec("bench", "--help").out
    assert "[default: artifact]" in axec("compile", "--help").out


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
