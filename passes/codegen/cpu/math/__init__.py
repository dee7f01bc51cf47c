"""The vector math library: elementary functions as inline instructions, without calls.

Every function is correct for infinities, NaN, denormals and signed zeros, and gives the same bits
for scalars and for any number of lanes. `ULP` says how far a result may be from the true value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from axec.passes.codegen.cpu.math.arcs import atan, atan2
from axec.passes.codegen.cpu.math.error_function import erf
from axec.passes.codegen.cpu.math.exponential import exp, exp2, expm1, sigmoid, tanh
from axec.passes.codegen.cpu.math.hyperbolic import acosh, asinh, hypot
from axec.passes.codegen.cpu.math.logarithm import log, log1p, log2, log10
from axec.passes.codegen.cpu.math.power import pow_
from axec.passes.codegen.cpu.math.trigonometric import cos, sin
from axec.passes.codegen.llvm import Module, Value
from axec.passes.codegen.llvm.types import F32, VOID

#: Op of the axe dialect -> fn(builder, *operands).
FUNCTIONS: dict[str, Callable[..., Value]] = {
    "exp": exp,
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
}
_OF_TWO = ("pow", "atan2", "hypot")

#: Largest error in units in the last place of the true value: f32, f64. sin and cos give NaN for
#: |x| > 2**45 (trigonometric.py).
ULP: dict[str, tuple[float, float]] = {
    "exp": (1.1, 1.0),
    "expm1": (1.7, 1.9),
    "log": (0.9, 0.9),
    "log1p": (1.5, 1.4),
    "pow": (0.6, 1.3),
    "tanh": (2.5, 2.6),
    "sigmoid": (2.4, 2.5),
    "erf": (1.3, 1.5),
    "sin": (1.7, 1.7),
    "cos": (1.7, 1.7),
    "exp2": (1.1, 1.1),
    "log2": (1.8, 1.7),
    "log10": (2.0, 2.9),
    "atan": (2.6, 2.4),
    "atan2": (3.0, 2.9),
    "asinh": (1.9, 1.9),
    "acosh": (2.4, 2.3),
    "hypot": (2.1, 2.1),
}


@cache
def weight(name: str) -> int:
    """Instructions of one function of f32."""
    arity = 2 if name in _OF_TWO else 1
    b = Module("weight").function(name, VOID, {f"x{i}": F32 for i in range(arity)})
    FUNCTIONS[name](b, *b.args)
    return len(b.lines)
