"""What a body says of signs, and that exp is only made cheaper where it says so."""

from __future__ import annotations

import pytest
from support.kernels import Kernels, Make, Ops

from axec.passes.codegen.cpu.graph.body import read
from axec.passes.codegen.cpu.graph.signs import sign

ROWS, SQUARE = "f32[6, 50]", "f32[8, 8]"
Value = object


def less_its_maximum(axes: tuple[int, ...], kept: tuple[int, ...], kind: str = "max") -> Make:
    def make(b: Ops, x: Value) -> Value:
        fold = b.reduce(x, kind=kind, axes=axes)
        return b.sub(x, b.broadcast(fold, shape=b.shape(x), axes=kept))

    return make


BODIES: list[tuple[str, int, Make]] = [
    (ROWS, 0, lambda b, x: b.neg(x)),
    (ROWS, 0, lambda b, x: b.mul(b.neg(x), b.exp(x))),
    (ROWS, 1, lambda b, x: b.mul(x, x)),
    (ROWS, -1, lambda b, x: b.mul(b.neg(x), x)),
    (ROWS, -1, lambda b, x: b.mul(b.mul(b.number(-0.5, x), x), x)),
    (ROWS, 0, lambda b, x: b.mul(b.mul(x, x), x)),
    (ROWS, -1, lambda b, x: b.neg(b.abs(b.sub(x, b.number(1, x))))),
    (ROWS, 1, lambda b, x: b.mul(b.sqrt(x), b.exp(x))),
    (ROWS, -1, less_its_maximum((1,), (0,))),
    (ROWS, -1, less_its_maximum((0,), (1,))),
    (ROWS, 0, less_its_maximum((1,), (0,), "min")),
    (SQUARE, -1, less_its_maximum((1,), (0,))),
    (SQUARE, 0, less_its_maximum((1,), (1,))),  # of other rows
]


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_sign(number: int) -> None:
    type_, wanted, make = BODIES[number]
    kernels = Kernels()
    kernels.add("map", [type_], make)
    assert sign(read(kernels.defines[0]).results[0]) == wanted
