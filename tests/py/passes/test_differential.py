"""Every pass leaves what programs compute alone: random programs, run before and after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from support.exec_machine import Machine
from support.kernel_rules import assert_kernels
from support.random_programs import BOUNDS, Sample, samples

from axec.dialects import load
from axec.dialects.opdef import Array
from axec.passes import base

TO_AXE = (
    "decompose",
    "decompose{keep=softmax,gelu}",
    "simplify",
    "decompose,simplify",
    "decompose,simplify{limit=0}",
    "decompose,simplify,fold_weights,split_reductions{least=2}",
)
TO_KERNELS = (
    "decompose,simplify,fuse",
    "decompose,fuse{max_ops=3}",
    "decompose,fuse{enable=map,row}",
    "decompose,fuse{enable=gemm,reduce},outline",
    "decompose,simplify,straighten,fuse,outline,schedule",
)
TO_EXEC = (
    "decompose,simplify,fuse,outline,schedule,plan",
    "decompose,fuse{max_ops=1},outline,plan",
)
SOME = settings(
    deadline=None, max_examples=80, derandomize=True, suppress_health_check=list(HealthCheck)
)


def assert_same(found: Sequence[Array], wanted: Sequence[Array]) -> None:
    """Equal shapes and dtypes; values up to the rounding of sums in another order."""
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3, equal_nan=True)


@pytest.mark.parametrize("pipeline", [*TO_AXE, *TO_KERNELS])
def test_functions_keep_their_results(pipeline: str) -> None:
    passes = base.parse_pipeline(pipeline)

    @SOME
    @given(samples())
    def run(sample: Sample) -> None:
        wanted = [sample.run(bound) for bound in BOUNDS]
        base.run_pipeline(sample.module, passes, verify_each=True)
        if pipeline in TO_KERNELS:
            with load():
                assert_kernels(sample.module)
        for bound, results in zip(BOUNDS, wanted, strict=True):
            assert_same(sample.run(bound), results)

    run()


FEWER = settings(SOME, max_examples=25)


@pytest.mark.parametrize("pipeline", ["decompose,simplify,fuse,outline,schedule"])
def test_loops_and_branches_keep_their_results(pipeline: str) -> None:
    passes = base.parse_pipeline(pipeline)

    @FEWER
    @given(samples(10, control=True))
    def run(sample: Sample) -> None:
        wanted = [sample.run(bound) for bound in BOUNDS]
        base.run_pipeline(sample.module, passes, verify_each=True)
        for bound, results in zip(BOUNDS, wanted, strict=True):
            assert_same(sample.run(bound), results)

    run()


@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize("pipeline", TO_EXEC)
def test_programs_give_what_functions_gave(pipeline: str, control: bool) -> None:
    passes = base.parse_pipeline(pipeline)

    @(FEWER if control else SOME)
    @given(samples(10 if control else 24, control=control))
    def run(sample: Sample) -> None:
        wanted = [sample.run(bound) for bound in BOUNDS]
        base.run_pipeline(sample.module, passes, verify_each=True)
        for bound, results in zip(BOUNDS, wanted, strict=True):
            named = {name: bound[name] for name in sample.dims}
            with load():
                machine = Machine(sample.module, named)
                assert_same(machine.run(sample.arguments(bound)), results)

    run()
