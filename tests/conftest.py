"""Lit tests in this process: every RUN line of tests/lit/**/*.mlir is a pytest item.

    // RUN: axec opt %s --pass "fuse{max_ops=3}" | filecheck %s
    // RUN: not axec opt %s 2>&1 | filecheck %s
    // RUN(cmd): axec opt %s --pass cse | filecheck %s      the same through real processes

A line costs about 10 ms in process (a Python process with the MLIR bindings takes 200).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Every run compiles anew, and leaves nothing in the home of whoever runs the tests.
os.environ["AXEC_CACHE"] = "off"

RUN = re.compile(r"//\s*RUN(\(cmd\))?:\s*(.*)$", re.M)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if "lit" in file_path.parts and file_path.suffix == ".mlir":
        return LitFile.from_parent(parent, path=file_path)
    return None


class LitFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        lines = RUN.findall(self.path.read_text())
        if not lines:
            raise self.CollectError(f"{self.path}: no RUN line")
        for i, (real, line) in enumerate(lines):
            yield LitItem.from_parent(self, name=f"run{i}", line=line.strip(), real=bool(real))


class LitItem(pytest.Item):
    def __init__(self, *, line: str, real: bool, **given: object) -> None:
        super().__init__(**given)  # type: ignore[arg-type]
        self.line = line.replace("%s", shlex.quote(str(self.path)))
        self.real = real

    def runtest(self) -> None:
        if self.real:
            _in_processes(self.line)
        else:
            _in_process(self.line)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: object) -> str:
        if isinstance(excinfo.value, LitError):
            return f"{self.line}\n{excinfo.value}"
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: {self.name}"


class LitError(Exception):
    """A RUN line failed; the text is what its commands printed."""


def _in_processes(line: str) -> None:
    tools = {"axec": f"{sys.executable} -m axec.cli", "filecheck": f"{sys.executable} -m filecheck"}
    for tool, command in tools.items():
        line = re.sub(rf"(^|\|\s*|not\s+){tool}\b", rf"\g<1>{command}", line)
    shell = f'not() {{ ! "$@"; }}; {line}'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise LitError(done.stdout + done.stderr)


def _in_process(line: str) -> None:
    text = ""
    for stage in line.split("|"):
        words = shlex.split(stage)
        wanted_to_fail = words[0] == "not"
        both = "2>&1" in words
        words = [w for w in words[wanted_to_fail:] if w != "2>&1"]
        status, output, errors = TOOLS[words[0]](words[1:], text)
        if bool(status) != wanted_to_fail:
            raise LitError(f"{shlex.join(words)} gave {status}\n{output}{errors}")
        text = output + errors if both else output


Done = tuple[int, str, str]  # status, standard output, standard error


def _axec(arguments: list[str], text: str) -> Done:
    from axec.cli.main import main

    with _captured(text) as (output, errors):
        status = main(arguments)
    return status, output.getvalue(), errors.getvalue()


def _filecheck(arguments: list[str], text: str) -> Done:
    from filecheck.finput import FInput
    from filecheck.matcher import Matcher
    from filecheck.options import parse_argv_options
    from filecheck.parser import Parser

    options = parse_argv_options(["filecheck", *arguments])
    with _captured("") as (output, errors):
        status = Matcher(options, FInput("-", text), Parser.from_opts(options)).run()
    return status, output.getvalue(), errors.getvalue()


TOOLS = {"axec": _axec, "filecheck": _filecheck}


@contextlib.contextmanager
def _captured(text: str) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    output, errors, stdin = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(text)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            yield output, errors
    finally:
        sys.stdin = stdin
