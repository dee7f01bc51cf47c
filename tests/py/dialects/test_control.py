"""The interpreter on branches and loops of hand-written IR, beside plain Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from axec.dialects.interpret import interpret
from axec.passes.base import parse, parse_pipeline, run_pipeline

OPS = Path(__file__).parents[2] / "lit" / "control" / "ops.mlir"
PIPELINES = ("transform", "transform,decompose,simplify")


@pytest.fixture(params=PIPELINES)
def run(request: Any) -> Any:
    """Functions of the lit file after some passes, by name."""
    module = parse(OPS.read_text(), OPS.name)
    run_pipeline(module, parse_pipeline(request.param), verify_each=True)

    def call(name: str, *inputs: Any, **options: Any) -> Any:
        found = (o for o in module.body.operations if o.operation.name == "func.func")
        one = next(o for o in found if o.attributes["sym_name"].value == name)
        return interpret(one, inputs, **options)

    return call


@pytest.mark.parametrize("index", [-3, 0, 1, 7])
def test_switch_clamps_its_index(run: Any, index: int) -> None:
    x = np.arange(6, dtype="f4").reshape(2, 3)
    (found,) = run("branch", x, np.asarray(index, "i4"))
    np.testing.assert_array_equal(found, -x if index > 0 else x + x)


@pytest.mark.parametrize("start", [0.5, 100.0])
def test_while_runs_until_its_condition_fails(run: Any, start: float) -> None:
    expected = start
    while expected < 20:
        expected *= 2
    (found,) = run("until", np.float32(start), np.float32(20))
    assert found == expected


@pytest.mark.parametrize("length", [1, 5])
def test_scan_carries_and_collects(run: Any, length: int) -> None:
    c, w = np.ones(3, "f4"), np.array([0.5, 2, -1], "f4")
    xs = np.arange(3 * length, dtype="f4").reshape(length, 3)
    rows = [c]
    for x in xs:
        rows.append(rows[-1] * w + x)
    last, ys = run("recurrence", c, xs, w)
    np.testing.assert_array_equal(last, rows[-1])
    np.testing.assert_array_equal(ys, rows[1:])


def test_what_runs_in_a_body_is_observed(run: Any) -> None:
    seen: list[str] = []
    one = np.ones(3, "f4")
    run("recurrence", one, np.ones((4, 3), "f4"), one, observe=lambda op, _: seen.append(op.name))
    assert seen.count("axe.mul") == 4
    assert seen[-1] == "control.scan"
