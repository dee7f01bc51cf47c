"""erf: x + x P(x**2) below 1; above, 1 - exp(-g(x)) with a polynomial g, because what is lost in
1 - erf is small there."""

from __future__ import annotations

from axec.passes.codegen.cpu.math.coefficients import ERF_LARGE, ERF_SMALL
from axec.passes.codegen.cpu.math.exponential import exp_of_small
from axec.passes.codegen.cpu.math.formats import at_most, number, polynomial
from axec.passes.codegen.llvm import Builder, Value

_ONE = {32: 3.93, 64: 5.95}  # from here on the result rounds to 1


def erf(b: Builder, x: Value) -> Value:
    """Error function."""
    element = x.type.element
    below = b.fma(x, polynomial(b, b.mul(x, x), ERF_SMALL[element]), x)
    magnitude = at_most(b, b.abs(x), _ONE[element.bits])
    complement = exp_of_small(b, b.neg(polynomial(b, magnitude, ERF_LARGE[element])))
    above = b.copysign(b.sub(number(x, 1.0), complement), x)
    return b.select(b.cmp("lt", magnitude, number(x, 1.0)), below, above)
