"""Products whose axes no strides can merge: a factor is copied into an order that has strides.

    %0 = axe.dot_general(%x, %y) {contract_x = [0, 1], contract_y = [1, 0]}
    ->
    %1 = axe.transpose(%y) {perm = [1, 0, 2]}
    %0 = axe.dot_general(%x, %1) {contract_x = [0, 1], contract_y = [0, 1]}

A gemm kernel walks along one contracted axis and one axis of columns. Where several of them follow
each other in different orders in the factors (the gradient of a weight whose input was transposed),
the product would be a fold of scalars; the copy is one pass over the smaller factor that will do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from axec.dialects import types
from axec.dialects.attrs import ints
from axec.dialects.axe.arrange import transpose
from axec.dialects.axe.contract import dot_general
from axec.dialects.emit import IrEmit
from axec.dialects.functions import functions
from axec.mlir import ir
from axec.passes.base import Pass, register
from axec.passes.kernel.templates.gemm import gemm_of, sums_of

_LEFT, _RIGHT = 0, 1


@register
@dataclass(frozen=True)
class Straighten(Pass):
    """Copy factors of products that are no strided matrices into an order that is."""

    name = "straighten"

    def run(self, module: Any) -> None:
        for function in functions(module):
            for view in list(function.regions[0].blocks[0].operations):
                op = view.operation
                if op.name == "axe.dot_general" and _is_crooked(op):
                    _straighten(op)


def _is_crooked(op: Any) -> bool:
    """Is it a product of matrices, but not of strided ones?"""
    left, right = (types.of(v) for v in op.operands)
    shared = len(ints(op, "batch_x")) + len(ints(op, "contract_x"))
    folds = len(ints(op, "contract_x")) > 0
    matrices = folds and (left.rank > shared or right.rank > shared)
    summed = sums_of(left.dtype, right.dtype, types.of(op.results[0]).dtype)
    return matrices and summed is not None and gemm_of(op) is None


def _straighten(op: Any) -> None:
    left, right = (types.of(v).count for v in op.operands)
    less = isinstance(left, int) and isinstance(right, int) and left < right
    smaller = _LEFT if less else _RIGHT
    for copied in ((smaller,), (1 - smaller,), (_LEFT, _RIGHT)):
        made = _copied(op, copied)
        new = made[-1].owner
        if gemm_of(new) is not None:
            op.results[0].replace_all_uses_with(made[-1])
            op.erase()
            return
        for value in reversed(made):
            value.owner.erase()


def _copied(op: Any, sides: Iterable[int]) -> list[Any]:
    """What copies some factors, then the product of these."""
    axes = dot_general.attrs_from_ir(op)
    operands, made = list(op.operands), []
    with ir.InsertionPoint(op):
        emit = IrEmit(op.location)
        for i in sides:
            own, other = "xy"[i], "yx"[i]
            pairs = zip(axes[f"contract_{own}"], axes[f"contract_{other}"], strict=True)
            # The order in which the other factor has them.
            folded, theirs = zip(*sorted(pairs, key=itemgetter(1)), strict=True)
            batch, rank = axes[f"batch_{own}"], types.of(operands[i]).rank
            free = tuple(a for a in range(rank) if a not in (*batch, *folded))
            # Neighbours stay neighbours, so that whole rows are copied.
            runs = (folded, free) if rank - 1 in free else (free, folded)
            order = [*batch, *runs[0], *runs[1]]
            operands[i] = emit(transpose, operands[i], perm=tuple(order))
            made.append(operands[i])
            axes |= {
                f"batch_{own}": tuple(map(order.index, batch)),
                f"contract_{own}": tuple(map(order.index, folded)),
                f"contract_{other}": theirs,
            }
        return [*made, emit(dot_general, *operands, **axes)]
