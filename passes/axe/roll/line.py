"""A function as a line of words: equal words are ops that do the same, operands aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from axec.dialects.axe import OPS

Value = Any  # an MLIR value

#: A convolution is equal to no other: the layout that it and its neighbours get reaches beyond any
#: border (passes/kernel/layout.py).
_WORDS = OPS.keys() - {"axe.conv"}
#: Made anew where it is read, if it depends on no argument.
_LIGHT = {
    name for name, op in OPS.items()
    if op.group in ("constant", "pointwise", "alias") or name == "axe.broadcast"
}  # fmt: skip

#: Which result of which op before an op one of its operands is: places between both, and a number.
Back = tuple[int, int]

#: Where a value comes from: the place of its op (None: an argument, or closed), the word of that op
#: if it is closed, and which result it is; and the number of its type.
_Made = tuple[int | None, int | None, int, int]


class _Numbers(dict[Any, int]):
    """Things as they are met, by number."""

    def __missing__(self, thing: Any) -> int:
        return self.setdefault(thing, len(self))


@dataclass(slots=True)
class Line:
    """The ops of a block in order, without those that depend on no argument: their results are
    `closed`, and belong to the words of those that read them. By place in the line: the ops, their
    words, operands, where these come from (None: an argument, or closed) and who reads results."""

    ops: list[Any] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    operands: list[list[Value]] = field(default_factory=list)
    backs: list[list[Back | None]] = field(default_factory=list)
    users: list[list[int]] = field(default_factory=list)  # ascending
    closed: set[Value] = field(default_factory=set)

    @staticmethod
    def of(block: Any) -> Line:
        line, kinds, words = Line(), _Numbers(), _Numbers()
        made: dict[Value, _Made] = {}  # arguments aside: most are read once
        for view in block.operations:
            op, at = view.operation, len(line.ops)
            name, operands, results = op.name, list(op.operands), list(op.results)
            said: list[Any] = [name]
            backs: list[Back | None] = []
            is_closed = name in _LIGHT
            for v in operands:
                place, word, number, kind = made.get(v) or (None, None, 0, kinds[v.type])
                said.append(kind if word is None else (word, number))
                backs.append(None if place is None else (at - place, number))
                is_closed = is_closed and word is not None
                if place is not None and line.users[place][-1:] != [at]:
                    line.users[place].append(at)
            # Result types do not always tell those of operands. Attributes are sorted by name.
            types = [kinds[r.type] for r in results]
            word = words[(*said, *types, *op.attributes.values()) if name in _WORDS else at]
            if is_closed:
                line.closed.update(results)
            else:
                line.ops.append(op)
                line.words.append(word)
                line.operands.append(operands)
                line.backs.append(backs)
                line.users.append([])
            source = (None, word) if is_closed else (at, None)
            made.update({r: (*source, number, types[number]) for number, r in enumerate(results)})
        return line
