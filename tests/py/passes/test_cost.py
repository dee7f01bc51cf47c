"""FLOPs and bytes of kernels, and the choice of grain."""

from __future__ import annotations

from typing import Any

import pytest
from support.kernel_rules import kernels_of
from support.programs import Builder, Value, program

from axec.dialects import dims, dtypes, load
from axec.passes import base
from axec.passes.kernel import cost


def kernel(inputs: list[str], body: Any) -> tuple[Any, Any]:
    """The one kernel of a program, and the module that keeps it alive."""
    module = program(inputs, body)
    base.run_pipeline(module, base.parse_pipeline("fuse"))
    with load():
        (found,) = kernels_of(module)
    return found, module


def dense(b: Builder, x: Value, w: Value, c: Value) -> Value:
    return b.tanh(b.dense(x, w, c))


CASES = {
    "pointwise": (["f32[n, 8]"], lambda b, x: b.exp(b.mul(x, x)), "16*n", "64*n"),
    "integers": (["i32[8]"], lambda b, x: b.mul(x, x), "0", "64"),
    "choices": (
        ["f32[8]"],
        lambda b, x: b.select(b.compare(x, x, direction="lt"), x, x),
        "0",
        "64",
    ),
    "product": (["f32[n, 8]", "f32[8, 4]", "f32[4]"], dense, "72*n", "48*n + 144"),
    "sum": (["f32[n, 8]"], lambda b, x: b.reduce(x, kind="sum", axes=(1,)), "8*n", "36*n"),
    "index": (["i32[8]"], lambda b, x: b.argreduce(x, kind="max", axis=0), "0", "40"),
    "window": (
        ["f64[2, 9]"],
        lambda b, x: b.window(
            x, kind="sum", size=(3,), stride=(1,), padding=((0, 0),), dilation=(1,)
        ),
        "42",
        "256",
    ),
    "convolution": (
        ["f32[2, 4, 9]", "f32[6, 2, 3]"],
        lambda b, x, w: b.conv(x, w, stride=(1,), padding=((0, 0),), dilation=(1,), groups=2),
        str(2 * 2 * 6 * 7 * 2 * 3),
        str(4 * (2 * 4 * 9 + 6 * 2 * 3 + 2 * 6 * 7)),
    ),
    "slice": (
        ["f32[n, 8]"],
        lambda b, x: b.slice(x, start=(0, 2), stop=(b.shape(x)[0], 5), step=(1, 1)),
        "0",
        "24*n",
    ),
    "cast": (["f32[8]"], lambda b, x: b.cast(x, dtype=dtypes.f64), "0", "96"),
}


@pytest.mark.parametrize("name", CASES)
def test_counts(name: str) -> None:
    inputs, body, flops, nbytes = CASES[name]
    found, _module = kernel(inputs, body)
    with load():
        assert str(cost.flops(found)) == flops
        assert str(cost.nbytes(found)) == nbytes


def test_grain() -> None:
    thread = cost.THREAD
    assert cost.grain(thread, 8, {}) == 8  # all units are one thread's worth
    assert cost.grain(10 * thread, 1000, {}) == 100
    assert cost.grain(1000 * thread, 10, {}) == 1
    assert cost.grain(0, 0, {}) >= 1
    n = dims.dim("n")
    assert cost.grain(n * thread, n, {"n": (1, 4096)}) == 1
    # A quarter of a thread's worth per unit, at n = sqrt(1 * 4096) = 64 and everywhere.
    assert cost.grain(n * (thread // 4), n, {"n": (1, 4096)}) == 4
