"""docs/control-flow.md: its table names what there is, its example runs."""

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np

import axec as axe

TEXT = (Path(__file__).parents[3] / "docs" / "control-flow.md").read_text()


def test_signatures() -> None:
    for name, parameters in re.findall(r"^\| `(\w+)\((.*?)\)` \|", TEXT, re.MULTILINE):
        found = inspect.signature(getattr(axe, name)).parameters.values()
        names = [re.sub(r":[^=]*(= )?", lambda m: "=" if m[1] else "", str(p)) for p in found]
        assert ", ".join(names) == parameters


def test_the_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {"axe": axe}
    exec(code, names)
    params = {"w": np.full((2, 3), 0.1, "f4"), "u": np.eye(3, dtype="f4")}
    xs = np.ones((4, 2), "f4")
    last, hs = names["rnn"](params, xs)
    assert hs.shape == (4, 3)
    np.testing.assert_array_equal(np.asarray(last), np.asarray(hs[3]))
