"""Random programs of the dialect, compiled and run: the results are those of the interpreter, for
any number of threads.

A seed that fails is a test case: `sample(seed, STEPS)` in support/random_programs.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from support.random_programs import Sample, sample

from axec.dialects import load
from axec.driver import PIPELINE, compile_entries
from axec.lang.tracing import Traced
from axec.mlir import ir

STEPS = 24
BOUNDS = ({"n": 17, "m": 18}, {"n": 3, "m": 33}, {"n": 1, "m": 1})
RANGE = (1, 40)
# With the finest grain two threads share even the smallest launch.
PASSES = [name if name != "plan" else "plan{grain=1}" for name in PIPELINE]


@dataclass(frozen=True)
class Source:
    """A sample as something that the driver compiles."""

    sample: Sample

    def trace(self) -> Traced:
        with load():
            function = self.sample.function
            inputs = tuple(f"x{i}" for i in range(len(self.sample.declared)))
            *_, terminator = function.regions[0].blocks[0].operations
            outputs = tuple(f"y{i}" for i in range(len(terminator.operands)))
            function.attributes["arg_attrs"] = _names(inputs)
            function.attributes["res_attrs"] = _names(outputs)
            return Traced(
                name="main",
                module=self.sample.module,
                in_tree=_tree("dict", inputs),
                out_tree=_tree("tuple", outputs),
                inputs=inputs,
                outputs=outputs,
                weights={},
                dims=dict.fromkeys(self.sample.dims, RANGE),
                sources={},
            )


def _names(names: tuple[str, ...]) -> Any:
    rows = [{"axe.name": ir.StringAttr.get(n)} for n in names]
    return ir.ArrayAttr.get([ir.DictAttr.get(row) for row in rows])


def _tree(kind: str, names: tuple[str, ...]) -> dict[str, Any]:
    keys = {"keys": list(names)} if kind == "dict" else {}
    return {"kind": kind, **keys, "children": [{"kind": "leaf"}] * len(names)}


def check(one: Sample, seed: int) -> None:
    """Compile a program and compare what it gives with the interpreter, for one thread and two."""
    wanted = [one.run(bound) for bound in BOUNDS]
    artifact = compile_entries([Source(one)], passes=PASSES)
    assert artifact is not None
    program = artifact.load()
    for bound, results in zip(BOUNDS, wanted, strict=True):
        arguments = one.arguments(bound)
        found = program(*arguments)
        for a, b in zip(found, results, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3, err_msg=f"seed {seed}")
        for a, b in zip(found, program(*arguments, threads=2), strict=True):
            np.testing.assert_array_equal(a, b, f"seed {seed}: bits depend on the threads")


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_compiled(first: int) -> None:
    for seed in range(first, first + 10):
        check(sample(seed, STEPS), seed)


@pytest.mark.parametrize("first", range(0, 24, 6))
def test_loops_and_branches_compiled(first: int) -> None:
    for seed in range(first, first + 6):
        check(sample(seed, STEPS // 2, control=True), seed)
