"""The vector math library: elementary functions as inline instructions, without calls.

Every function is correct for infinities, NaN, denormals and signed zeros, and gives the same bits
for scalars and for any number of lanes. `accuracy.ULP` of the dialect says how far a result may
be from the true value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from axec.passes.codegen.cpu.math.arcs import atan, atan2
from axec.passes.codegen.cpu.math.error_function import erf
from axec.passes.codegen.cpu.math.exponential import (
    exp,
    exp2,
    exp_of_negative,
    expm1,
    sigmoid,
    tanh,
)
from axec.passes.codegen.cpu.math.hyperbolic import acosh, asinh, hypot
from axec.passes.codegen.cpu.math.logarithm import log, log1p, log2, log10
from axec.passes.codegen.cpu.math.power import pow_
from axec.passes.codegen.cpu.math.remainder import rem
from axec.passes.codegen.cpu.math.trigonometric import cos, sin
from axec.passes.codegen.llvm import Module, Value, vec
from axec.passes.codegen.llvm.types import F32, VOID

#: Op of the axe dialect, or what evaluation knows it to be, -> fn(builder, *operands).
FUNCTIONS: dict[str, Callable[..., Value]] = {
    "exp": exp,
    "exp_of_negative": exp_of_negative,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "pow": pow_,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "erf": erf,
    "sin": sin,
    "cos": cos,
    "exp2": exp2,
    "log2": log2,
    "log10": log10,
    "atan": atan,
    "atan2": atan2,
    "asinh": asinh,
    "acosh": acosh,
    "hypot": hypot,
    "rem": rem,
}
_OF_TWO = ("pow", "atan2", "hypot", "rem")


@cache
def weight(name: str) -> int:
    """Instructions of one function of a vector of f32."""
    arity, vector = 2 if name in _OF_TWO else 1, vec(F32, 16)
    b = Module("weight").function(name, VOID, {f"x{i}": vector for i in range(arity)})
    b.avx512 = True
    FUNCTIONS[name](b, *b.args)
    return len(b.lines)
