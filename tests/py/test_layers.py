"""The arrows go one way: a part imports lower parts only; each outside package has its place."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A module belongs to the part with the longest matching name. Parts of one rank never meet.
RANKS = {
    "axec.cli": 5,
    "axec": 4,  # axec/__init__.py, driver.py, api.py: whatever has no line of its own
    "axec.lang": 3,
    "axec.passes": 3,
    "axec.dialects": 2,
    "axec.mlir": 1,
    "axec.diag": 1,
    "axec.runtime": 0,
}
FOLDERS = {"axec": "axec", **{f"axec.{f}": f for f in ("cli", "dialects", "passes", "runtime")}}

# Outside package -> the parts that may import it ("axec" = all but the runtime).
PLACES = {
    "torch_mlir": ("axec.mlir",),
    "llvmlite": ("axec.passes.codegen",),
    "ml_dtypes": ("axec.dialects", "axec.measure.calls", "axec.train"),
    "click": ("axec.cli",),
    "rich": ("axec.cli", "axec.train"),
    "tensorboard": ("axec.train",),
    **dict.fromkeys(("jax", "torch", "onnxruntime", "iree"), ("axec.measure.peer_worker",)),
    "numpy": ("axec",),
}


def modules() -> dict[str, Path]:
    """Every module of the package by its import name; the symlinks in axec/ are not followed."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            if path.relative_to(ROOT).parts[1] in ("cli", "dialects", "passes", "runtime"):
                continue
            inner = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join((package, *(p for p in inner if p != "__init__")))
            found[name] = path
    return found


MODULES = modules()


def imports(source: str, module: str, is_package: bool = False) -> Iterator[tuple[int, str, bool]]:
    """(line, absolute name, at module level) of every import, also of those inside functions."""
    tree = ast.parse(source)
    inside = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, node not in inside
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                above = parents[: len(parents) - node.level + 1]
                base = ".".join((*above, base)).rstrip(".")
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}", node not in inside


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def part(name: str) -> str:
    return max((p for p in RANKS if within(name, p)), key=len)


def complaints(module: str, source: str, is_package: bool = False) -> list[str]:
    """What is wrong with the imports of one module; empty when nothing is."""
    found = []
    here = part(module)
    for line, name, top in imports(source, module, is_package):
        outside = name.split(".")[0]
        if outside == "axec":
            if part(name) != here and RANKS[part(name)] >= RANKS[here]:
                found.append(f"{module}:{line} imports {name}, which is no lower part")
        elif here == "axec.runtime" and outside == "numpy":
            if top:
                found.append(f"{module}:{line} imports numpy before it is needed")
        elif outside not in sys.stdlib_module_names:
            allowed = any(within(module, place) for place in PLACES.get(outside, ()))
            if not allowed or here == "axec.runtime":
                found.append(f"{module}:{line} imports {name}, which has no place there")
    return found


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down(module: str) -> None:
    path = MODULES[module]
    found = complaints(module, path.read_text(), path.name == "__init__.py")
    if module == "axec":
        # The lazy names of the public API stand under TYPE_CHECKING; nothing is below nothing.
        found = [line for line in found if "no lower part" not in line]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("axec.dialects.x", "from axec.passes import base"),
        ("axec.passes.x", "import axec.lang.trace"),
        ("axec.passes.x", "def f():\n    from axec.driver import compile"),
        ("axec.runtime.x", "from axec.diag import render"),
        ("axec.runtime.x", "from ..diag import render"),
        ("axec.runtime.x", "import numpy as np"),
        ("axec.runtime.x", "def f():\n    import click"),
        ("axec.lang.x", "import torch_mlir.ir"),
        ("axec.dialects.x", "from llvmlite import binding"),
        ("axec.passes.x", "import runtime.format"),
        ("axec.passes.x", "import scipy"),
    ],
)
def test_a_wrong_arrow_is_seen(module: str, source: str) -> None:
    assert len(complaints(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("axec.runtime.x", "def f():\n    import numpy as np"),
        ("axec.runtime.x", "from .errors import AxecError"),
        ("axec.passes.codegen.x", "import llvmlite.binding, numpy"),
        ("axec.cli.x", "from axec.driver import compile\nimport click"),
        ("axec.diag", "from axec.runtime.errors import AxecError"),
    ],
)
def test_a_right_arrow_is_not(module: str, source: str) -> None:
    assert not complaints(module, source)
