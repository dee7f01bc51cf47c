"""What pyproject.toml says about packages and dependencies is what the tree holds."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import axec

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
LINKS = {name.removeprefix("axec."): folder for name, folder in SETUPTOOLS["package-dir"].items()}


def test_every_package_is_listed() -> None:
    # A sub-package that is not listed would be missing from the wheel.
    found = set()
    for name, folder in {"axec": "axec", **SETUPTOOLS["package-dir"]}.items():
        for path in (ROOT / folder).rglob("*.py"):
            inner = path.parent.relative_to(ROOT / folder).parts
            if not (name == "axec" and inner[:1] and inner[0] in LINKS):
                found.add(".".join((name, *inner)))
    assert sorted(found) == SETUPTOOLS["packages"]


@pytest.mark.parametrize("link", LINKS)
def test_symlinks_lead_to_the_folders(link: str) -> None:
    path = ROOT / "axec" / link
    assert path.is_symlink()
    assert path.resolve() == ROOT / LINKS[link]


def test_every_dependency_is_imported() -> None:
    sources = [p.read_text() for f in ("axec", *LINKS.values()) for p in (ROOT / f).rglob("*.py")]
    for requirement in PROJECT["project"]["dependencies"]:
        module = re.split(r"[=<>.* ]", requirement)[0].replace("-", "_")
        used = re.compile(rf"^\s*(?:import|from) {module}\b", re.MULTILINE)
        assert any(used.search(text) for text in sources), f"nothing imports {module}"


def test_one_version() -> None:
    assert axec.__version__ == PROJECT["project"]["version"]


def test_the_runtime_is_small() -> None:
    lines = {p.name: p.read_text().count("\n") for p in (ROOT / "runtime").glob("*.py")}
    assert sum(lines.values()) <= 1500, lines
    assert max(lines.values()) <= 400, lines


def loaded_by(statement: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after a statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


HEAVY = {"torch_mlir", "llvmlite", "ml_dtypes", "rich", "click", "numpy"}


@pytest.mark.parametrize(
    ("statement", "compiler"),
    [
        ("import axec", False),
        ("import axec; axec.__version__", False),
        ("import axec.runtime; axec.runtime.load", False),
        ("import axec; axec.load", False),
        ("import axec; axec.compile", True),
    ],
)
def test_imports_are_lazy(statement: str, compiler: bool) -> None:
    loaded = loaded_by(statement)
    parts = {"axec.driver", "axec.lang", "axec.passes", "axec.mlir", "torch_mlir"}
    assert bool(loaded & parts) is compiler
    if not compiler:
        assert not loaded & HEAVY


def test_help_imports_nothing_heavy() -> None:
    loaded = loaded_by("from axec.cli.main import main; main(['--help'])")
    assert "axec.cli.doctor" in loaded
    assert not loaded & (HEAVY - {"click"})


@pytest.mark.parametrize("name", ["dialects", "passes", "runtime", "cli"])
def test_no_top_level_name_is_installed(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"], capture_output=True, text=True, cwd="/"
    )
    assert f"No module named '{name}'" in done.stderr
