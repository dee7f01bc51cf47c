"""A function in stretches of axe ops, each of which ends at an op of the control dialect or at the
end: kernels never reach across a loop or a branch.

    %0 = axe.exp(%x)                        %0 = axe.exp(%x)
    %1 = axe.neg(%x)           ->           %2 = control.scan(%0) ...
    %2 = control.scan(%0) ...               ---- second stretch
    %3 = axe.add(%1, %2)                    %1 = axe.neg(%x)
                                            %3 = axe.add(%1, %2)

Every op goes to the last stretch that allows it, so that it may join those that read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from axec.dialects import types
from axec.dialects.axe import OPS
from axec.mlir import ir
from axec.passes.kernel.fuse.graph import CONSTANT


@dataclass(slots=True)
class Segment:
    """Axe ops in order, and the op that they stand before. `wanted`: results of theirs that others
    read."""

    end: Any
    ops: list[Any] = field(default_factory=list)
    wanted: list[Any] = field(default_factory=list)

    @property
    def inputs(self) -> list[Any]:
        """The values from outside that the ops read."""
        own = {op.results[0] for op in self.ops}
        return list(dict.fromkeys(v for op in self.ops for v in op.operands if v not in own))


@dataclass(frozen=True, slots=True)
class _Use:
    """An operand: `outside` where its owner is no op of a stretch, but its end."""

    level: int
    owner: Any
    number: int
    outside: bool


def segments(block: Any) -> list[Segment]:
    """The stretches of a function's block, in order. Constants and broadcasts that several read are
    copied into each."""
    operations = [o.operation for o in block.operations]
    found = [Segment(o) for o in operations if o.name not in OPS]
    if len(found) == 1:
        return [_whole(operations)]
    uses: dict[Any, list[_Use]] = {}
    level = len(found)
    for op in reversed(operations):
        if op.name not in OPS:
            level -= 1
            _note(uses, op, level, outside=True)
            continue
        own = uses.get(op.results[0], [])
        levels = sorted({use.level for use in own}) or [len(found) - 1]
        repeated = _is_repeated(op)
        for at in levels if repeated else levels[:1]:
            here = [use for use in own if use.level == at]
            one = op if at == levels[0] else _copy(op, here)
            found[at].ops.append(one)
            _note(uses, one, at, outside=False)
            if any(use.outside for use in here) or (len(levels) > 1 and not repeated):
                found[at].wanted.append(one.results[0])
    for segment in found:
        segment.ops.reverse()
        segment.wanted.reverse()
    return found


def _whole(operations: Sequence[Any]) -> Segment:
    """The stretch of a function without loops and branches."""
    *ops, end = operations
    returned = set(end.operands)
    results = (op.results[0] for op in ops)
    return Segment(end, ops, [r for r in results if r in returned])


def _note(uses: dict[Any, list[_Use]], op: Any, level: int, *, outside: bool) -> None:
    for number, value in enumerate(op.operands):
        uses.setdefault(value, []).append(_Use(level, op, number, outside))


def _copy(op: Any, uses: Sequence[_Use]) -> Any:
    copy = op.clone(ip=ir.InsertionPoint(op)).operation
    for use in uses:
        use.owner.operands[use.number] = copy.results[0]
    return copy


def _is_repeated(op: Any) -> bool:
    if op.name in ("axe.broadcast", "axe.iota"):
        return True
    count = types.of(op.results[0]).count
    return OPS[op.name].group == "constant" and isinstance(count, int) and count <= CONSTANT
