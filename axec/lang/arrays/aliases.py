"""NumPy's names of functions that the array API standard calls otherwise."""

from __future__ import annotations

from axec.lang.arrays import arrange, elementwise, formulas

__all__ = [
    "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "bitwise_not", "concatenate", "left_shift", "mod", "power", "right_shift", "rint",
    "true_divide",
]  # fmt: skip

absolute = elementwise.abs
arccos = formulas.acos
arccosh = elementwise.acosh
arcsin = formulas.asin
arcsinh = elementwise.asinh
arctan = elementwise.atan
arctan2 = elementwise.atan2
arctanh = formulas.atanh
bitwise_not = elementwise.bitwise_invert
concatenate = arrange.concat
left_shift = elementwise.bitwise_left_shift
mod = elementwise.remainder
power = elementwise.pow
right_shift = elementwise.bitwise_right_shift
rint = elementwise.round
true_divide = elementwise.divide
