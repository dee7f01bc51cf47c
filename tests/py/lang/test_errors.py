"""What users see when they err: errors/NAME.py is the mistake, errors/NAME.txt the message.

AXEC_UPDATE_GOLDEN=1 writes the messages anew; read the difference before committing it.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

import axec as axe
from axec.diag import Location, render
from axec.lang.entry import find_entries
from axec.lang.errors import CODES

FOLDER = Path(__file__).with_name("errors")
SAMPLES = sorted(p.stem for p in FOLDER.glob("*.py"))
ASKED = {"unknown_entry": "predcit"}  # as in `axec compile unknown_entry.py:predcit`


def trace_file(path: str, name: str | None = None) -> None:
    for entry in find_entries(path, name):
        entry.trace()


def message_of(name: str) -> axe.AxecError:
    with pytest.raises(axe.AxecError) as caught:
        trace_file(f"{name}.py", ASKED.get(name))
    return caught.value


@pytest.mark.parametrize("name", SAMPLES)
def test_message(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)  # paths are shown relative to it
    error = message_of(name)
    found = render(error) + "\n"
    golden = FOLDER / f"{name}.txt"
    if os.environ.get("AXEC_UPDATE_GOLDEN"):
        golden.write_text(found)
    assert found == golden.read_text()
    assert error.code in CODES
    assert isinstance(error.location, Location) or name in ASKED
    assert error.hint or error.code == "trace-failed"


@pytest.mark.parametrize("name", SAMPLES)
def test_hint_works_when_applied(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hint that says "write `...`" replaces the expression above the caret; then it traces."""
    monkeypatch.chdir(FOLDER)
    error = message_of(name)
    wanted = re.match(r"write `(.*)`$", error.hint or "")
    if wanted is None:
        return
    lines = (FOLDER / f"{name}.py").read_text().splitlines(keepends=True)
    where = error.location
    line = lines[where.line - 1]
    lines[where.line - 1] = line[: where.column - 1] + wanted[1] + line[where.end_column - 1 :]
    (tmp_path / "repaired.py").write_text("".join(lines))
    trace_file(str(tmp_path / "repaired.py"))


@pytest.mark.parametrize("name", [n for n in SAMPLES if n.startswith("python_")])
def test_combinator_works_in_place_of_the_statement(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    error = message_of(name)
    wanted = re.match(r"instead of the `(\w+)` write `([^`]*)`", error.hint or "")
    assert wanted is not None
    lines = (FOLDER / f"{name}.py").read_text().splitlines(keepends=True)
    kinds = {"if": (ast.If, ast.IfExp), "while": ast.While, "for": ast.For}[wanted[1]]
    node = next(n for n in ast.walk(ast.parse("".join(lines))) if isinstance(n, kinds))
    before = lines[node.lineno - 1][: node.col_offset]
    after = lines[node.end_lineno - 1][node.end_col_offset :]
    lines[node.lineno - 1 : node.end_lineno] = [before + wanted[2] + after]
    (tmp_path / "repaired.py").write_text("".join(lines))
    trace_file(str(tmp_path / "repaired.py"))


def test_most_hints_can_be_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    written = [n for n in SAMPLES if (message_of(n).hint or "").startswith("write `")]
    assert len(written) >= 10


def test_every_golden_file_has_its_sample() -> None:
    assert sorted(p.stem for p in FOLDER.glob("*.txt")) == SAMPLES
