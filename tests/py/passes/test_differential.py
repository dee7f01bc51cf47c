"""Every pass leaves what programs compute alone: random programs, interpreted before and after."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from support.random_programs import Sample, samples

from axec.dialects.opdef import Array
from axec.passes import base

PIPELINES = (
    "decompose",
    "decompose{keep=softmax,gelu}",
    "simplify",
    "decompose,simplify",
    "decompose,simplify,fuse",
    "decompose,fuse{max_ops=3}",
    "decompose,fuse{enable=map,row}",
    "decompose,simplify,fuse,outline",
    "decompose,simplify,fuse,outline,schedule",
)
QUICK = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def assert_same(found: tuple[Array, ...], wanted: tuple[Array, ...]) -> None:
    """Equal shapes and dtypes; values up to the rounding of sums in another order."""
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4, equal_nan=True)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_same_results(pipeline: str) -> None:
    passes = base.parse_pipeline(pipeline)

    @QUICK
    @given(samples())
    def run(sample: Sample) -> None:
        wanted = sample.run()
        base.run_pipeline(sample.module, passes, verify_each=True)
        assert_same(sample.run(), wanted)

    run()
