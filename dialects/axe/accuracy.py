"""How far floating point results may be from the true value."""

from __future__ import annotations

from axec.dialects.opdef import OpDef

#: Op -> largest error in units in the last place, in f32 and in f64; f16 and bf16 are computed in
#: f32 and rounded once. sin and cos give NaN for |x| > 2**45.
ULP: dict[str, tuple[float, float]] = {
    "exp": (1.1, 1.0),
    "expm1": (1.7, 1.9),
    "log": (0.9, 0.9),
    "log1p": (1.5, 1.4),
    "pow": (0.6, 1.3),
    "tanh": (1.2, 2.6),
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
    "rsqrt": (1.5, 1.5),
}

#: The number nearest to the true value, always.
_EXACT = """
    add sub mul div max min neg abs sqrt floor ceil trunc round sign copysign next_after rem clamp
    cast
"""
EXACT = frozenset(_EXACT.split())


def words(op: OpDef) -> str:
    """The accuracy of an op as its documentation says it; "" where there is nothing to say."""
    if op.name not in ULP:
        return ""
    f32, f64 = ULP[op.name]
    return f"Machine code is within {f32} units in the last place in f32, {f64} in f64."
