"""Copies factors into the order in which tiles read them, as words of neighbours in k.

Columns of `right` go into the slot of a unit, [k / group][width]; rows of `left` into the room of a
tile, [k / group][rows], where they do not stand as whole words in memory. Lanes and rows beyond the
end hold whatever they like, since sums made from them are never stored; steps of k beyond the end
are 0 in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axec.passes.codegen.cpu.gemm.control import lanes_of
from axec.passes.codegen.cpu.gemm.setting import Setting, load
from axec.passes.codegen.llvm import I64, Builder, Type, Value, constant, vec, zero

#: As `columns`.
Packer = Callable[[Setting, Value, Value, Value, Value], None]


def words(s: Setting, depth: Value) -> Value:
    """How many words hold so many steps of k."""
    return s.b.udiv(s.b.add(depth, s.group - 1), s.group)


def columns(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """Pack `count` columns and `depth` steps of k of `right`, from the address `source` on."""
    layout = s.problem.layout
    if layout == "col" and not s.k_fits:
        layout = "any"
    PACKERS[layout](s, source, count, depth, slot)


def _rows(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """The columns of one k are neighbours: copy rows."""
    b, lanes, width, n = s.b, s.tile.lanes, s.gemm.width, s.gemm.n
    whole = isinstance(n, int) and n % width == 0
    masks = [None if whole else m for m in lanes_of(b, count, lanes, width // lanes)]
    with b.for_(0, words(s, depth), name="pack") as loop:
        write = b.offset(slot, b.mul(loop.index, _row_bytes(s)))
        for j, mask in enumerate(masks):
            read = b.at(source, s.elements, j)
            found = _woven(s, s.elements, read, s.steps.right_k, loop.index, depth, mask)
            b.store(found, b.at(write, s.words, j))


def _woven(
    s: Setting, type_: Type, source: Value, step: Value, word: Value, depth: Value,
    mask: Value | None,
) -> Value:  # fmt: skip
    """Words number `word` along k of neighbours in memory. `source`: the address of the first at
    step 0 of k; step: bytes from one k to the next; steps that do not exist are read where the last
    one is."""
    b, last = s.b, s.b.sub(depth, 1)
    parts = []
    for e in range(s.group):
        k = b.add(b.mul(word, s.group), e)
        place = b.offset(source, b.mul(k if s.k_fits else b.min(k, last), step))
        found = load(b, type_, place, mask)
        if e and not s.k_fits:
            found = b.select(b.cmp("lt", k, depth), found, zero(type_))
        parts.append(found)
    return _joined(s, parts)


def _joined(s: Setting, parts: Sequence[Value]) -> Value:
    """Words of elements, the first in the lowest bits."""
    if len(parts) == 1:
        return parts[0]
    b = s.b
    wide = [b.convert(x, s.word, signed=False) for x in parts]
    found = wide[0]
    for e, x in enumerate(wide[1:], 1):
        found = b.or_(found, b.shl(x, e * s.element.bits))
    return found


def _blocks(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """The k of one column are neighbours: blocks of lanes x lanes words, transposed in registers.
    The slot has room for whole blocks."""
    b, lanes = s.b, s.tile.lanes
    last, height = b.sub(count, 1), words(s, depth)
    with (
        b.for_(0, count, lanes, name="pack.n") as outer,
        b.for_(0, height, lanes, name="pack.k") as inner,
    ):
        mask = b.tail_mask(b.sub(height, inner.index), lanes)
        start = b.at(source, s.word, inner.index)
        found = []
        for i in range(lanes):
            column = b.min(b.add(outer.index, i), last)
            place = b.offset(start, b.mul(column, s.steps.right_n))
            found.append(load(b, s.words, place, mask))
        write = b.at(slot, s.word, outer.index)
        write = b.offset(write, b.mul(inner.index, _row_bytes(s)))
        for i, vector in enumerate(transpose(b, found)):
            b.store(vector, b.offset(write, i * _row_bytes(s)))


def _elements(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """Nothing is a neighbour: one word at a time."""
    b = s.b
    with (
        b.for_(0, words(s, depth), name="pack.k") as outer,
        b.for_(0, count, name="pack.n") as inner,
    ):
        read = b.offset(source, b.mul(inner.index, s.steps.right_n))
        write = b.offset(slot, b.mul(outer.index, _row_bytes(s)))
        found = _woven(s, s.element, read, s.steps.right_k, outer.index, depth, None)
        b.store(found, b.at(write, s.word, inner.index))


#: By layout of `right`.
PACKERS: dict[str, Packer] = {"row": _rows, "col": _blocks, "any": _elements}


def _row_bytes(s: Setting) -> int:
    return s.gemm.width * s.word.size


def rows(s: Setting, source: Value, count: Value, depth: Value, room: Value) -> None:
    """Pack the rows of a tile, of which `count` exist, and `depth` steps of k of `left`, from the
    address `source` on. The room has a vector more than that takes."""
    b, tile = s.b, s.tile
    beside = s.gemm.left_strides[0] == 1
    lanes = 1 << (tile.rows - 1).bit_length()
    with b.for_(0, words(s, depth), name="pack.row") as loop:
        write = b.offset(room, b.mul(loop.index, tile.rows * s.word.size))
        if beside and lanes > 1:
            mask = None if s.rows_fit and lanes == tile.rows else b.tail_mask(count, lanes)
            type_ = vec(s.element, lanes)
            found = _woven(s, type_, source, s.steps.left_k, loop.index, depth, mask)
            b.store(found, write)
            return
        last = b.sub(count, 1)
        for i in range(tile.rows):
            row = b.min(constant(I64, i), last)
            read = b.offset(source, b.mul(row, s.steps.left_m))
            found = _woven(s, s.element, read, s.steps.left_k, loop.index, depth, None)
            b.store(found, b.at(write, s.word, i))


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
