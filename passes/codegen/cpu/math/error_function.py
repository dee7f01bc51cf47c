"""erf. In f32 cells (cells.py); in f64 x + x P(x**2) below 1 and above it 1 - exp(-g(x)) with a
polynomial g, because what is lost in 1 - erf is small there."""

from __future__ import annotations

from axec.passes.codegen.cpu.math.cells import Cells, odd
from axec.passes.codegen.cpu.math.coefficients import ERF_F32, ERF_LARGE_F64, ERF_SMALL_F64
from axec.passes.codegen.cpu.math.exponential import exp_of_small
from axec.passes.codegen.cpu.math.formats import at_most, number, polynomial
from axec.passes.codegen.llvm import Builder, Value

# From `one` on the result rounds to 1.
_ERF_F32 = Cells(0.3125, 3.93, ERF_F32, adds_x=True)
_ONE_F64 = 5.95


def erf(b: Builder, x: Value) -> Value:
    """Error function."""
    if x.type.bits == 32:
        return odd(b, x, _ERF_F32)
    below = b.fma(x, polynomial(b, b.mul(x, x), ERF_SMALL_F64), x)
    magnitude = at_most(b, b.abs(x), _ONE_F64)
    complement = exp_of_small(b, b.neg(polynomial(b, magnitude, ERF_LARGE_F64)))
    above = b.copysign(b.sub(number(x, 1.0), complement), x)
    return b.select(b.cmp("lt", magnitude, number(x, 1.0)), below, above)
