"""docs/transformations.md shows what happens: its IR comes from the lit files, its code runs."""

import re
from pathlib import Path
from typing import Any

import numpy as np

import axec as axe
from axec.cli.opt import run_opt

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "transformations.md").read_text()
SHOWN = re.findall(
    r"`(tests/lit/transform/\S+)`, before:\n\n```mlir\n(.*?)```.*?```mlir\n(.*?)```",
    TEXT,
    re.DOTALL,
)


def without(text: str, mark: str = "CHECK") -> str:
    return "\n".join(line.strip() for line in text.splitlines() if mark not in line)


def test_before_and_after() -> None:
    assert len(SHOWN) == 4
    for file, before, after in SHOWN:
        source = (ROOT / file).read_text()
        for function in re.findall(r"^func\.func.*?^}\n", before, re.MULTILINE | re.DOTALL):
            assert without(function) in without(source), file
        assert without(after) in without(run_opt(source, ["transform", "simplify"])), file


def test_the_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {"axe": axe}
    exec(code, names)
    x = np.float32([-100, 0, 100])
    found = axe.grad(lambda x: names["log1pexp"](x).sum())(x)
    np.testing.assert_allclose(found, [0, 0.5, 1], atol=1e-6)


def test_every_transformation_is_listed() -> None:
    listed = set(re.findall(r"`(?:testing\.)?(\w+)\(", TEXT.partition("## How")[0]))
    listed |= {"jacrev", "hessian"}
    for name in listed - {"check_grads"}:
        assert callable(getattr(axe, name)), name
    assert {"grad", "value_and_grad", "vjp", "jvp", "jacfwd", "vmap", "check_grads"} <= listed
