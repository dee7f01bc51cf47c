"""Fold large arrays to one number in two steps, so that threads share the work.

A fold to one number is one unit of work. Folding rows first gives as many units as there are rows;
their results are folded next. How an array is cut into rows depends on its shape alone, so any
number of threads computes the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from axec.dialects import types
from axec.dialects.axe.arrange import reshape
from axec.dialects.axe.reduce import reduce
from axec.dialects.emit import IrEmit
from axec.dialects.functions import functions
from axec.mlir import ir
from axec.passes.base import Pass, register

_ROW = 512  # elements of the shortest row that is worth a unit
_ROWS = 64  # the fewest that threads share well


@register
@dataclass(frozen=True)
class SplitReductions(Pass):
    """reduce(x) to one number => reduce(reduce(rows of x)), for large x."""

    name = "split_reductions"
    least: int = 1 << 17  # elements of x; fewer are folded before another thread is awake

    def run(self, module: Any) -> None:
        for function in functions(module):
            for view in list(function.regions[0].blocks[0].operations):
                if view.operation.name == "axe.reduce":
                    self._visit(view.operation)

    def _visit(self, op: Any) -> None:
        source, result = types.of(op.operands[0]), types.of(op.results[0])
        shape = [n for n in source.shape if isinstance(n, int)]
        large = len(shape) == source.rank and math.prod(shape) >= self.least
        rows = _rows(shape) if large and result.count == 1 else None
        if rows is None:
            return
        axes, kind = (reduce.attrs_from_ir(op)[name] for name in ("axes", "kind"))
        with ir.InsertionPoint(op):
            emit = IrEmit(op.location)
            value = op.operands[0]
            if rows != shape:
                value = emit(reshape, value, shape=tuple(rows))
            split = _leading(rows)
            value = emit(reduce, value, kind=kind, axes=tuple(range(split, len(rows))))
            value = emit(reduce, value, kind=kind, axes=tuple(range(split)))
            if len(axes) < source.rank:  # axes of size 1 stay
                value = emit(reshape, value, shape=result.shape)
        op.results[0].replace_all_uses_with(value)
        op.erase()


def _leading(shape: Sequence[int]) -> int:
    """How many axes, from the first, make enough rows; all of them if they do not."""
    counts = (math.prod(shape[:i]) for i in range(len(shape)))
    return next((i for i, count in enumerate(counts) if count >= _ROWS), len(shape))


def _rows(shape: Sequence[int]) -> Sequence[int] | None:
    """The shape whose leading axes number the rows: this one, if its rows are long enough, or
    [rows, length] with a power of two of elements per row; None where neither fits."""
    if math.prod(shape[_leading(shape) :]) >= _ROW:
        return shape
    count = math.prod(shape)
    length = min(count & -count, 1 << count.bit_length() // 2)
    return (count // length, length) if length >= _ROW else None
