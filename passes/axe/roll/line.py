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
    closed: set[Value] = field(default_factory=set)
    numbers: dict[Value, int] = field(default_factory=dict)  # of results but the first, of their op

    @staticmethod
    def of(block: Any) -> Line:
        line = Line()
        known: dict[Any, int] = {}
        made: dict[Value, int | _Closed] = {}
        for view in block.operations:
            op = view.operation
            operands, results = list(op.operands), list(op.results)
            found = [made.get(v) for v in operands]
            closed = tuple([x if type(x) is tuple else None for x in found])
            at = len(line.ops)
            word = _word(op, [*operands, *results], closed) or at
            number = known.setdefault(word, len(known))
            if None not in closed and _is_light(op):
                line.closed.update(results)
                made.update((r, (number, k)) for k, r in enumerate(results))
                continue
            makers = [x if type(x) is int else None for x in found]
            for maker in set(makers):
                if maker is not None:
                    line.users[maker].append(at)
            line.ops.append(op)
            line.words.append(number)
            line.operands.append(operands)
            line.makers.append(makers)
            line.users.append([])
            made.update(dict.fromkeys(results, at))
            if len(results) > 1:
                line.numbers.update((r, k) for k, r in enumerate(results[1:], 1))
        return line


_Closed = tuple[int, int]  # a word, and a number of its results


def _word(op: Any, values: list[Value], closed: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """What equal ops share, the types of operands and results (`values`) among it: a result does
    not always tell those of its operands. None for an op that is equal to no other: a convolution
    is none, since the layout that it and its neighbours get reaches beyond any border
    (passes/kernel/layout.py)."""
    name = op.name
    if name not in OPS or name == "axe.conv":
        return None
    # Attributes are sorted by name.
    return name, tuple([v.type for v in values]), tuple(op.attributes.values()), closed


def _is_light(op: Any) -> bool:
    """Made anew where it is read, if it depends on no argument."""
    if op.name not in OPS:
        return False
    return OPS[op.name].group in ("constant", "pointwise", "alias") or op.name == "axe.broadcast"
