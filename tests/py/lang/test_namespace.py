"""`import axec as axe`: light, lazy, complete, and typed."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import axec as axe
from axec import lang
from axec.lang import aliases

ROOT = Path(__file__).resolve().parents[3]


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_importing_loads_nothing_heavy() -> None:
    heavy = "('numpy', 'torch_mlir', 'llvmlite', 'ml_dtypes', 'axec.lang')"
    code = f"import sys, axec; print([m for m in {heavy} if m in sys.modules])"
    assert python(code) == "[]\n"


def test_the_compiler_loads_on_first_use() -> None:
    code = "import sys, axec as axe; axe.float32; print('llvmlite' in sys.modules)"
    assert python(code) == "False\n"


def test_every_name_is_there() -> None:
    for name in lang.__all__:
        assert getattr(axe, name) is getattr(lang, name)
    assert set(lang.__all__) < set(dir(axe))
    assert {"compile", "jit", "load"} < set(dir(axe))


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match=r"axec has no 'sofmax', did you mean 'softmax'\?"):
        axe.sofmax  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(axe, "qqqqq")
    assert not hasattr(axe, "_private")


@pytest.mark.parametrize("name", lang.__all__)
def test_everything_is_documented(name: str) -> None:
    value: Any = getattr(axe, name)
    if not inspect.ismodule(value) and not isinstance(value, type(axe.float32)):
        assert value.__doc__
    if inspect.isfunction(value):
        assert value.__name__ in (name, "asarray") or hasattr(aliases, name)
        assert inspect.signature(value).return_annotation is not inspect.Signature.empty


TYPED = """
import axec as axe
reveal_type(axe.add(1, 2.5))
reveal_type(axe.ones((2, 3)).sum(axis=0) @ axe.zeros(3))
reveal_type(axe.split(axe.ones(4), 2))
reveal_type(axe.spec((2,)))
axe.exp("x")
axe.softmaxx(1)
"""


def test_mypy_sees_the_types(tmp_path: Path) -> None:
    path = tmp_path / "typed.py"
    path.write_text(TYPED)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    told = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if "typed.py:" in line]
    assert told[:4] == [
        'note: Revealed type is "axec.lang.tensor.Tensor"',
        'note: Revealed type is "axec.lang.tensor.Tensor"',
        'note: Revealed type is "list[axec.lang.tensor.Tensor]"',
        'note: Revealed type is "axec.lang.spec.Spec"',
    ]
    assert 'Argument 1 to "__call__" of "Unary"' in told[4]
    assert 'Module has no attribute "softmaxx"' in told[5]
