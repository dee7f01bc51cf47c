"""What the documents say exists, exists: links, paths, commands' options, error codes."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

import axec as axe
from axec.cli.main import COMMANDS, axec, main

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = ("axec", "dialects", "passes", "runtime", "cli", "samples", "tests", "benchmarks", "docs")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_paths_exist(document: Path) -> None:
    start = "|".join(FOLDERS)
    planned = {"passes/codegen/gpu/"}  # architecture.md says where a GPU back end will be
    for path in re.findall(rf"`((?:{start})/[\w./-]*\w/?)`", document.read_text()):
        if not re.search(r"\b[A-Z]+\b", path):  # FAMILY, NAME: whatever the reader adds
            assert (ROOT / path).exists() or path in planned, path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_command_lines_are_real(document: Path) -> None:
    for name, rest in re.findall(r"\baxec (\w+)([^\n`]*)", document.read_text()):
        if name in COMMANDS:
            command = axec.get_command(click.Context(axec), name)
            assert command is not None
            known = {option for p in command.params for option in p.opts}
            assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest)) <= known | {"--help"}, rest


def raised_codes() -> set[str]:
    """Every literal code that the sources give to an error."""
    found = set()
    makers = {"AxecError", "ShapeError", "error", "raised", "_error", "_Fault"}
    for folder in ("axec", "dialects", "passes", "runtime", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    words = [a.value for a in node.args[:2] if isinstance(a, ast.Constant)]
                    if name in makers:
                        found |= {w for w in words if re.fullmatch(r"[a-z]+(-[a-z]+)+", str(w))}
    return found


def test_every_error_code_is_explained() -> None:
    text = (ROOT / "docs" / "errors.md").read_text()
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE))
    composed = {"pass-unknown", "pass-option-unknown"}  # f"{what}-unknown" in passes/base.py
    assert raised_codes() | composed == explained


def test_the_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "README.md").read_text()
    model, production = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (line,) = re.findall(r"^axec (compile .*)", text, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(model)
    assert main(line.split()) == 0
    names = {"images": np.zeros((3, 64), np.float32)}
    exec(production, names)
    np.testing.assert_allclose(names["probabilities"], np.full((3, 10), 0.1), rtol=1e-6)


@pytest.mark.parametrize(
    ("page", "blocks"), [("attention", 2), ("indexing", 1), ("linalg", 1), ("training", 1)]
)
def test_the_first_examples_of_a_page_run(
    page: str,
    blocks: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In their order, in one namespace; `print(...)  # text` prints that text."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[:blocks])
    monkeypatch.chdir(tmp_path)
    Path("example.py").write_text(code)  # an entry's source is read while it is traced
    names: dict[str, Any] = {}
    exec(compile(code, "example.py", "exec"), names)
    said = re.findall(r"^print\(.*\)  # (.*)", code, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said
    for entry in [value for value in names.values() if isinstance(value, axe.Entry)]:
        assert axe.compile(entry).manifest["entries"]
