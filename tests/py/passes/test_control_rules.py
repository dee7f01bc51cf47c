"""The rules for branches and loops: each has its lit case, and random programs stay what they
are."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.control_programs import ALL, REVERSIBLE, SIZE, Maker, Python, inputs

import axec as axe
from axec.dialects.interpret import interpret
from axec.lang.tracing import trace
from axec.passes.axe.simplify.control.rules import RULES
from axec.passes.base import parse_pipeline, run_pipeline

LIT = Path(__file__).parents[2] / "lit" / "control" / "simplify.mlir"


def test_every_rule_has_its_case() -> None:
    named = re.findall(r"// RULE: (.*)", LIT.read_text())
    assert sorted(named) == sorted(r.text for r in RULES)


def simplified(fn: Any) -> Any:
    made = trace(fn, [axe.spec((4, SIZE), axe.float64), axe.spec(SIZE, axe.float64)], name="main")
    passes = parse_pipeline("transform,decompose,simplify")
    run_pipeline(made.module, passes, verify_each=True)
    return made


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("what", ["value", "gradient"])
def test_programs_stay_what_they_are(seed: int, what: str) -> None:
    program = Maker(seed, ALL if what == "value" else REVERSIBLE).program()
    fn = functools.partial(program, axe)
    whole = fn if what == "value" else axe.value_and_grad(fn, (0, 1))
    x, w = inputs(seed)
    made = simplified(whole)
    found = interpret(made.func, [x, w])
    same = program(Python, axe.asarray(x), axe.asarray(w))
    np.testing.assert_allclose(found[0], np.asarray(same), rtol=1e-9, atol=1e-11)
    if what == "gradient":
        expected = whole(axe.asarray(x), axe.asarray(w))[1]
        for a, b in zip(found[1:], expected, strict=True):
            np.testing.assert_allclose(a, np.asarray(b), rtol=1e-9, atol=1e-11)
