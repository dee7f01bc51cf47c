"""Copies columns of `right` into the slot of a unit: [k][width], the order in which tiles read.

Lanes and rows beyond the end hold whatever they like: sums made from them are never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axec.passes.codegen.cpu.gemm.control import lanes_of
from axec.passes.codegen.cpu.gemm.setting import Setting, load
from axec.passes.codegen.llvm import Builder, Value

#: As `columns`.
Packer = Callable[[Setting, Value, Value, Value, Value], None]


def columns(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """Pack `count` columns and `depth` steps of k of `right`, from the address `source` on."""
    PACKERS[s.problem.layout](s, source, count, depth, slot)


def _rows(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """The columns of one k are neighbours: copy rows."""
    b, lanes, width, n = s.b, s.tile.lanes, s.gemm.width, s.gemm.n
    whole = isinstance(n, int) and n % width == 0
    masks = lanes_of(b, count, lanes, width // lanes)
    with b.for_(0, depth, name="pack") as loop:
        read = b.offset(source, b.mul(loop.index, s.steps.right_k))
        write = b.offset(slot, b.mul(loop.index, _row_bytes(s)))
        for j, mask in enumerate(masks):
            found = load(s, b.at(read, s.vector, j), None if whole else mask)
            b.store(found, b.at(write, s.vector, j))


def _blocks(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """The k of one column are neighbours: blocks of lanes x lanes, transposed in registers. The
    slot has room for whole blocks."""
    b, lanes = s.b, s.tile.lanes
    last = b.sub(count, 1)
    with (
        b.for_(0, count, lanes, name="pack.n") as outer,
        b.for_(0, depth, lanes, name="pack.k") as inner,
    ):
        mask = b.tail_mask(b.sub(depth, inner.index), lanes)
        start = b.at(source, s.element, inner.index)
        found = []
        for i in range(lanes):
            column = b.min(b.add(outer.index, i), last)
            found.append(load(s, b.offset(start, b.mul(column, s.steps.right_n)), mask))
        write = b.at(slot, s.element, outer.index)
        write = b.offset(write, b.mul(inner.index, _row_bytes(s)))
        for i, vector in enumerate(transpose(b, found)):
            b.store(vector, b.offset(write, i * _row_bytes(s)))


def _elements(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """Nothing is a neighbour: one element at a time."""
    b = s.b
    with b.for_(0, depth, name="pack.k") as outer, b.for_(0, count, name="pack.n") as inner:
        read = b.offset(source, b.mul(outer.index, s.steps.right_k))
        read = b.offset(read, b.mul(inner.index, s.steps.right_n))
        write = b.offset(slot, b.mul(outer.index, _row_bytes(s)))
        b.store(b.load(s.element, read), b.at(write, s.element, inner.index))


#: By layout of `right`.
PACKERS: dict[str, Packer] = {"row": _rows, "col": _blocks, "any": _elements}


def _row_bytes(s: Setting) -> int:
    return s.gemm.width * s.element.size


def transpose(b: Builder, rows: Sequence[Value]) -> list[Value]:
    """A square of lanes: out[i][j] = rows[j][i]. Each of log2(lanes) rounds swaps the off-diagonal
    blocks of pairs of rows, in blocks of 1, 2, 4, ... lanes."""
    found, lanes = list(rows), len(rows)
    size = 1
    while size < lanes:
        upper = [i - size + lanes if i & size else i for i in range(lanes)]
        lower = [i + lanes if i & size else i + size for i in range(lanes)]
        for i in range(lanes):
            if not i & size:
                x, y = found[i], found[i + size]
                found[i], found[i + size] = b.shuffle(x, y, upper), b.shuffle(x, y, lower)
        size *= 2
    return found
