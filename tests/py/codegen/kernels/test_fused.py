"""Bodies as the fuser makes them: random programs, cut into kernels, against the references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from support.kernels import Kernels, Loaded, check
from support.random_programs import sample

from axec.dialects import kernel
from axec.dialects.opdef import Array
from axec.mlir import ir
from axec.passes import base
from axec.passes.kernel.templates import template_of

PASSES = "decompose,simplify,fuse,outline"
SEEDS, STEPS = 40, 32
# Signed zeros: which of two equal ones max and min give is open, and 1/0 shows it.
OPEN = {"div", "rsqrt", "log", "log1p", "pow"}


def cut(seeds: range) -> tuple[Kernels, list[Any]]:
    """The kernels (other than gemm) of random programs, and the modules that own them."""
    found, owners = Kernels(), []
    for seed in seeds:
        program = sample(seed, STEPS)
        base.run_pipeline(program.module, base.parse_pipeline(PASSES))
        owners.append(program)
        for name, define in kernel.definitions(program.module).items():
            if template_of(define) != "gemm":
                define.attributes["sym_name"] = ir.StringAttr.get(f"p{seed}_{name}")
                found.adopt(define)
    return found, owners


@pytest.mark.parametrize("first", [0, 1000])
def test_random_programs(first: int, target: str) -> None:
    kernels, owners = cut(range(first, first + SEEDS))
    loaded = kernels.load(target)
    assert len(loaded) > 2 * SEEDS
    assert len(owners) == SEEDS
    for one in loaded:
        for size in (1, 4, 37):
            bound = {name: size + i for i, name in enumerate(one.body.dims)}
            if bound or size == 4:
                agree(one, bound)


def agree(one: Loaded, bound: Mapping[str, int]) -> None:
    inputs = one.random(bound)
    if not any_open_zero(one, inputs, bound):
        check(one, inputs, bound, tolerance=2e-4)


def any_open_zero(one: Loaded, inputs: list[Array], bound: Mapping[str, int]) -> bool:
    """Does the sign of a zero that max or min gave show in a result?"""
    names = {d.name for d in one.body.ops}
    kinds = {d["kind"] for d in one.body.ops if d.name == "reduce"}
    if not names & OPEN or not (names & {"max", "min"} or kinds & {"max", "min"}):
        return False
    return any(np.isinf(r).any() for r in one.expected(inputs, bound) if r.dtype.kind == "f")
