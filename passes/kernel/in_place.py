"""Kernels that may write a result over one of their operands.

A `map` kernel writes element i of its results after it has read all that element i needs, and
visits every element once, in one unit. So a result may lie where an operand does that is read at
the result's own index only: through pointwise ops, never through one that moves elements. All
values of a vector are computed before one is stored, so nothing of an operand that is still to be
read has been written; units of other threads hold other elements.

A `dynamic_update` of an operand that nothing else reads leaves all but a window alone. The code of
such a kernel looks where its result lies: on that operand, it writes the window only. Units are
then those of the window, whose elements are computed from other operands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects import types
from axec.dialects.axe import OPS
from axec.dialects.dims import Size
from axec.dialects.kernel import body_of, yielded
from axec.mlir import ir
from axec.passes.kernel import templates


def overwritten(kernel: Any) -> list[int]:
    """Numbers of the inputs of a `map` kernel that any of its results may lie on (where it has as
    many bytes)."""
    if templates.template_of(kernel) != "map":
        return []
    return [a.arg_number for a in body_of(kernel).arguments if _in_step(a)]


def _in_step(value: Any) -> bool:
    """Is a value read at the index of the result that is computed only?"""
    count = types.of(value).count
    waiting = [value]
    for read in waiting:
        for use in read.uses:
            op = use.owner.operation
            if op.name == "kernel.yield":
                continue
            result = op.results[0]
            moved = OPS[op.name].group not in ("pointwise", "alias")
            if moved or types.of(result).count != count:
                return False
            if result not in waiting:
                waiting.append(result)
    return True


@dataclass(frozen=True, slots=True)
class Window:
    """What a kernel that gives an operand back with a window replaced does where the result lies on
    that operand (number `operand`): sizes in the kernel's own dims."""

    operand: int
    units: Size
    nbytes: Size  # that it reads and writes


def window(kernel: Any) -> Window | None:
    """The window of a `map` kernel whose one result is an operand with a window replaced, if that
    is all it does with the operand."""
    if templates.template_of(kernel) != "map" or len(yielded(kernel)) != 1:
        return None
    (result,) = yielded(kernel)
    if not isinstance(result, ir.OpResult) or result.owner.name != "axe.dynamic_update":
        return None
    base, update = list(result.owner.operands)[:2]
    if isinstance(base, ir.OpResult) or len(list(base.uses)) > 1:
        return None
    walk = templates.Loop(types.of(update).shape, templates.MAP_BLOCK, flat=False)
    number = int(ir.BlockArgument(base).arg_number)
    return Window(number, walk.units, 2 * types.of(update).nbytes)
