"""Every rewriting rule: a program that it changes, one beside it that it leaves alone (the lit
files of tests/lit/simplify), and the same bits before and after."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from axec.dialects import dtypes, load, types
from axec.dialects.interpret import interpret
from axec.dialects.opdef import Array
from axec.dialects.types import TensorType
from axec.passes import base
from axec.passes.axe.simplify import RULES, Simplify
from axec.passes.axe.simplify.rewrite import Sweep, by_root

FILES = sorted((Path(__file__).parents[2] / "lit" / "simplify").glob("*.mlir"))
_CASE = re.compile(r"// RULE: (.*)\n(?:(?!// RULE)[^\n]*\n)*?func\.func @(\w+)\(")
CASES = [(path, *found) for path in FILES for found in _CASE.findall(path.read_text())]

SPECIAL = (0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 3e38, 1e-40, 2.5, -7.0, 0.3)
# Cases whose bits may differ, and why.
OPEN = {
    "pow_two": "pow may round another way than the product",
    "pow_minus_one": "pow may round another way than the quotient",
    "reduce_ones": "a sum begins with 0.0, so that -0.0 alone gives 0.0",
}


def test_every_rule_has_one_case() -> None:
    assert sorted(rule for _, rule, _ in CASES) == sorted(r.text for r in RULES)


def functions_of(module: Any) -> dict[str, Any]:
    return {f.operation.attributes["sym_name"].value: f for f in module.body.operations}


@pytest.mark.parametrize(("path", "rule", "name"), CASES, ids=[c[2] for c in CASES])
def test_hit_and_miss(path: Path, rule: str, name: str) -> None:
    module = base.parse(path.read_text(), str(path))
    hits = {}
    with load():
        found = functions_of(module)
        for one in (name, f"{name}_miss"):
            sweep = Sweep(by_root(RULES), Simplify().limit)
            sweep.run(found[one].regions[0].blocks[0])
            hits[one] = sweep.hits[rule]
    assert hits[name] > 0
    assert hits[f"{name}_miss"] == 0


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_same_bits(path: Path) -> None:
    with load():
        module = base.parse(path.read_text())
        before = {name: run(f) for name, f in functions_of(module).items()}
        base.run_pipeline(module, [Simplify()], verify_each=True)
        for name, f in functions_of(module).items():
            for a, b in zip(run(f), before[name], strict=True):
                if name in OPEN:
                    np.testing.assert_allclose(a, b, rtol=1e-6)
                else:
                    assert same_bits(a, b), f"{name}: {a} and {b}"


def run(function: Any) -> tuple[Array, ...]:
    declared = [types.of(a) for a in function.regions[0].blocks[0].arguments]
    return interpret(function, [values(t, {"n": 3}) for t in declared])


def values(t: TensorType, bound: dict[str, int]) -> Array:
    """Numbers that algebra fails on, over and over."""
    shape = t.shape_at(bound)
    count = int(np.prod(shape, dtype=int))
    if not t.dtype.is_float:
        return (
            np.resize(np.array([3, 0, -1, 7, 2], np.int64), count)
            .astype(t.dtype.numpy)
            .reshape(shape)
        )
    with np.errstate(all="ignore"):
        return np.resize(np.array(SPECIAL), count).astype(t.dtype.numpy).reshape(shape)


def same_bits(a: Array, b: Array) -> bool:
    """Equal but for which NaN a NaN is."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if not dtypes.of(a.dtype).is_float:
        return bool((a == b).all())
    number = ~np.isnan(a)
    same = (a == b) & (np.signbit(a) == np.signbit(b))
    return bool((number == ~np.isnan(b)).all() and same[number].all())
