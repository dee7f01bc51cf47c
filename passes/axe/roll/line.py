"""A function as a line of words: equal words are ops that do the same, operands aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from axec.dialects.axe import OPS

Value = Any  # an MLIR value


@dataclass(slots=True)
class Line:
    """The ops of a block in order, without those that depend on no argument: their results are
    `closed`, and belong to the words of those that read them. By place in the line: the ops, their
    words, operands, and the places of the ops that make these (None: an argument, or closed)."""

    ops: list[Any] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    operands: list[list[Value]] = field(default_factory=list)
    makers: list[list[int | None]] = field(default_factory=list)
    users: list[list[int]] = field(default_factory=list)  # ascending
    closed: dict[Value, Any] = field(default_factory=dict)
    numbers: dict[Value, int] = field(default_factory=dict)  # of results, of their op

    @staticmethod
    def of(block: Any) -> Line:
        line = Line()
        known: dict[Any, int] = {}
        places: dict[Value, int] = {}
        for view in block.operations:
            op = view.operation
            operands = list(op.operands)
            word = _word(op, [line.closed.get(v) for v in operands])
            at = len(line.ops)
            number = known.setdefault(word or ("op", at), len(known))
            if word is not None and None not in word[-1] and _is_light(op):
                line.closed.update((r, (number, k)) for k, r in enumerate(op.results))
                continue
            makers = [places.get(v) for v in operands]
            line.ops.append(op)
            line.words.append(number)
            line.operands.append(operands)
            line.makers.append(makers)
            line.users.append([])
            for maker in dict.fromkeys(makers):
                if maker is not None:
                    line.users[maker].append(at)
            for k, result in enumerate(op.results):
                places[result], line.numbers[result] = at, k
        return line


def _word(op: Any, closed: list[Any]) -> tuple[Any, ...] | None:
    """What equal ops share; None for an op that is equal to no other. A convolution is none: the
    layout that it and its neighbours get reaches beyond any border (passes/kernel/layout.py)."""
    name = op.name
    declared = OPS.get(name)
    if declared is None or name == "axe.conv":
        return None
    given = op.attributes
    kinds = tuple([r.type for r in op.results])
    return name, kinds, tuple([given[a] for a in declared.attrs]), tuple(closed)


def _is_light(op: Any) -> bool:
    """Made anew where it is read, if it depends on no argument."""
    return OPS[op.name].group in ("constant", "pointwise", "alias") or op.name == "axe.broadcast"
