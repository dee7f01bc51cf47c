"""A result that is other values, one after the other: each is written where it lies in the result.

    %k = kernel.call(...)                     %k and %l are bytes of the result from the start:
    %l = kernel.call(...)               ->    no copy, and no arena for them
    %r = kernel.call(%k, %l) {concat}

So a decoder step that returns the caches of all layers writes each once. It is done where the
result is only returned (in the arena, its bytes would be in use from the first piece on) and where
nothing writes over a piece later.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from axec.dialects import types
from axec.dialects.dims import Size
from axec.dialects.kernel import yielded
from axec.mlir import ir
from axec.passes.kernel import templates
from axec.passes.kernel.launches import Kernel
from axec.passes.kernel.plan.flow import Buffer, Call, Place, Step, touched


def pieces(kernel: Any) -> list[int]:
    """Numbers of the operands whose bytes, in this order, are the one result of a kernel that does
    nothing else; none for other kernels."""
    if templates.template_of(kernel) != "map" or len(yielded(kernel)) != 1:
        return []
    found = _flat(yielded(kernel)[0])
    return found if found and len(found) == len(set(found)) else []


def _flat(value: Any) -> list[int] | None:
    """The block arguments that lie one after the other in a value; None where it is made else."""
    if not isinstance(value, ir.OpResult):
        return [int(value.arg_number)]
    op = value.owner
    if op.name == "axe.reshape":
        return _flat(op.operands[0])
    if op.name != "axe.concat":
        return None
    if any(n != 1 for n in types.of(value).shape[: int(op.attributes["axis"])]):
        return None
    parts = [_flat(v) for v in op.operands]
    return None if None in parts else [n for part in parts if part is not None for n in part]


def join(steps: Sequence[Step], free: Collection[Buffer]) -> list[Step]:
    """The steps of an entry without those that only put values together; `free`: buffers that may
    lie anywhere."""
    known: dict[Kernel, list[int]] = {}
    kept = list(steps)
    for step in steps:
        if isinstance(step, Call):
            kernel = step.launch.kernel
            if kernel not in known:
                known[kernel] = pieces(kernel.define)
            order = known[kernel]
            if order and _is_whole(step, free) and _stays(step, kept):
                _put(step, order)
                kept.remove(step)
    return kept


def _is_whole(step: Call, free: Collection[Buffer]) -> bool:
    """Are its operands whole buffers that may lie anywhere, and its result one of the entry's?"""
    *parts, result = (place.buffer for place in step.places)
    held = [t.nbytes for t in step.launch.types]
    whole, offset = result.root()
    return (
        whole.home == "result" and offset == 0 and whole.nbytes == held[-1]
        and len(set(parts)) == len(parts) and all(part in free for part in parts)
        and all(p.offset == 0 and p.buffer.nbytes == n
                for p, n in zip(step.places, held, strict=True))
    )  # fmt: skip


def _stays(step: Call, steps: Sequence[Step]) -> bool:
    """Does nothing else use the result, and nothing later write to an operand?"""
    *parts, result = (place.buffer.base for place in step.places)
    at = steps.index(step)
    for i, other in enumerate(steps):
        reads, writes = touched(other)
        if i != at and (result in reads | writes or (i > at and not writes.isdisjoint(parts))):
            return False
    return True


def _put(step: Call, order: Sequence[int]) -> None:
    """Have the operands lie in the result, one after the other."""
    at: Size = 0
    for number in order:
        part = step.places[number].buffer
        part.inside, part.apart = Place(step.places[-1].buffer, at), True
        at = at + part.nbytes
