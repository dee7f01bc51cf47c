"""`axec gradcheck`: what it checks, and what it says of a wrong derivative."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import Axec

PROGRAM = """
import axec as axe
import numpy as np

WEIGHTS = {"w": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)}


@axe.entry(x=axe.spec((axe.dim("batch", 1, 16), 3)), p=WEIGHTS, n=axe.spec((), axe.int32))
def model(x, p, n):
    return axe.nn.softmax(x @ p["w"]), n


exp = axe.custom_vjp(lambda x: axe.exp(x))
exp.defvjp(lambda x: (axe.exp(x), x), lambda x, g: (g * x,))


@axe.entry(x=axe.spec((2, 3)), y=axe.spec((3,)))
def wrong(x, y):
    return exp(x) + y * y


@axe.entry(n=axe.spec((4,), axe.int32))
def integers(n):
    return n + 1
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def test_a_right_entry(axec: Axec, source: Path) -> None:
    out = axec("gradcheck", f"{source}:model").out
    assert "model  batch=3  with respect to p.w, x" in out
    for name in ("jvp", "vjp", "vjp of jvp", "jvp of vjp"):
        assert f" {name} " in out
    assert "largest error" in out.splitlines()[-1]


def test_order_and_modes(axec: Axec, source: Path) -> None:
    out = axec("gradcheck", f"{source}:model", "--order", 1, "--modes", "rev").out
    assert "vjp" in out
    assert "jvp" not in out
    assert " of " not in out


def test_a_wrong_derivative(axec: Axec, source: Path) -> None:
    err = axec("gradcheck", f"{source}:wrong", "--modes", "rev", status=1).err
    assert "error[grad-check]: vjp gives" in err
    assert "along `x`" in err  # y's is right
    assert f"{source}:" in err


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("integers",), "error[argument-type]: check_grads: no floating point arguments"),
        (("model", "--modes", "both"), "no mode 'both'"),
        (("nothing",), "error[entry-unknown]"),
    ],
)
def test_misuse(axec: Axec, source: Path, args: tuple[str, ...], text: str) -> None:
    name, *options = args
    assert text in axec("gradcheck", f"{source}:{name}", *options, status=2).err
