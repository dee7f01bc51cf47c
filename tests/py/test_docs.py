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
from axec.driver import STAGES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = ("axec", "dialects", "passes", "runtime", "cli", "samples", "tests", "benchmarks", "docs")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_every_page_is_reached() -> None:
    """The README links to all pages, the index of decisions to all of these."""
    for index, pages in (("README.md", "docs"), ("docs/decisions/README.md", "docs/decisions")):
        linked = re.findall(r"\]\((?:docs/)?([\w-]+\.md)\)", (ROOT / index).read_text())
        there = {path.name for path in (ROOT / pages).glob("*.md")} - {"README.md"}
        assert there <= set(linked), index


@pytest.fixture(scope="module")
def tree() -> set[str]:
    """Every file and folder of the project, and every end of its path: "passes/kernel/plan/" too
    as "plan/"."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    names = [f"{p.relative_to(ROOT).as_posix()}{'/' * p.is_dir()}" for p in paths]
    return {name.split("/", cut)[-1] for name in names for cut in range(name.count("/") + 1)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_paths_exist(document: Path, tree: set[str]) -> None:
    """From the root, or where a text is about one part, from there."""
    start = "|".join(FOLDERS)
    planned = {"passes/codegen/gpu/"}  # architecture.md says where a GPU back end will be
    named = rf"`((?:{start})/[\w./-]*\w/?|[\w./-]+(?:\.py|\.mlir|/))`"
    for path in re.findall(named, document.read_text()):
        if not re.search(r"\b[A-Z]+\b", path):  # FAMILY, NAME: whatever the reader adds
            assert (ROOT / path).exists() or path in tree | planned, path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_tables_are_where_they_are_said_to_be(document: Path) -> None:
    """`TABLE` of `path.py`."""
    text = document.read_text()
    for table, path in re.findall(r"`([A-Z][A-Z_]+)`\s(?:of|in)\s`([\w/]+\.py)`", text):
        module = (ROOT / path).read_text()
        assert re.search(rf"^{table}\b.* = ", module, re.MULTILINE), f"{table} of {path}"


def test_the_way_through_the_compiler_has_all_stages_in_order() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    (way,) = re.findall(r"## The way through the house.*?```(.*?)```", text, re.DOTALL)
    shown = ", ".join(re.findall(r"^ +\|  ([a-z_, ]+?) {2,}", way, re.MULTILINE)).split(", ")
    codegen = STAGES.index("codegen")  # it begins before calls are scheduled; the page has it after
    assert shown == [*STAGES[:codegen], *STAGES[codegen + 1 : -2], "codegen", *STAGES[-2:]]


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
    explained = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)
    composed = {"pass-unknown", "pass-option-unknown"}  # f"{what}-unknown" in passes/base.py
    assert sorted(raised_codes() | composed) == sorted(explained)


def test_the_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And `axec inspect` says of it what is excerpted, but for bytes of code, which every change of
    the back end moves."""
    text = (ROOT / "README.md").read_text()
    model, production = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (line,) = re.findall(r"^axec (compile .*)", text, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(model)
    assert main(line.split()) == 0
    names = {"images": np.zeros((3, 64), np.float32)}
    exec(production, names)
    np.testing.assert_allclose(names["probabilities"], np.full((3, 10), 0.1), rtol=1e-6)
    capsys.readouterr()
    assert main(["inspect", "model.axe"]) == 0
    shown = [_words(line) for line in capsys.readouterr().out.splitlines()]
    (excerpt,) = re.findall(r"excerpt.*?```\n(.*?)```", text, re.DOTALL)
    for line in filter(None, map(_words, excerpt.splitlines())):
        assert any(words[: len(line)] == line for words in shown), line


def _words(line: str) -> list[str]:
    line = re.sub(r"(x86_64 +)[\d.]+ kB", r"\1", line)
    return line.removesuffix("...").split()


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


def test_the_settings_of_a_run_are_those_of_the_sample() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/training.md").read_text(), re.DOTALL)
    assert shown == (ROOT / "samples/digits.toml").read_text()
