"""Odd functions of f32 that approach 1, by a polynomial per cell: 16 cells of |x|, whose widths
grow with it, each with a centre c and a polynomial in |x| - c. No division, few steps in a row.

A cell is told by the last exponent bit and the first mantissa bits of |x| + start, so that cells
are a fixed fraction of that sum wide; a table of registers knows centres and coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from axec.passes.codegen.cpu.math.formats import at_most, bits_of, format_of, number
from axec.passes.codegen.cpu.math.lookup import lookup
from axec.passes.codegen.llvm import Builder, Value

MANTISSA = 2  # bits of it that tell cells apart: 4 cells while the sum doubles


@dataclass(frozen=True, slots=True)
class Cells:
    """start: added to |x|; one: an |x| whose result is exactly 1, as that of all above then is;
    columns: the centres, then the coefficients of every power, constant first, by cell. The first
    cell has centre and value 0; its polynomial lacks x itself where `adds_x`."""

    start: float
    one: float
    columns: Sequence[Sequence[float]]
    adds_x: bool = False


def odd(b: Builder, x: Value, cells: Cells) -> Value:
    """The function of f32."""
    f = format_of(x)
    magnitude = at_most(b, b.abs(x), cells.one)
    sum_ = b.add(magnitude, number(x, cells.start))
    cell = b.lshr(bits_of(b, sum_), f.mantissa - MANTISSA)
    centre, value, *slopes = cells.columns
    y = b.sub(magnitude, lookup(b, centre, cell))
    found = lookup(b, slopes[-1], cell)
    for column in slopes[-2::-1]:
        found = b.fma(found, y, lookup(b, column, cell))
    base = lookup(b, value, cell)
    if cells.adds_x:  # everywhere else y is less than the value at the centre
        base = b.select(b.cmp("gt", y, base), y, base)
    return b.copysign(b.fma(found, y, base), x)
