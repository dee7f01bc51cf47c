"""Copies factors into the order in which tiles read them, as words of neighbours in k.

Columns of `right` go into the slot of a unit, [k / group][width]; rows of `left`, where they do not
stand as whole words in memory, into the room of a tile: [k / group][rows], or as they lie. Lanes
and rows beyond the end hold whatever they like, since sums made from them are never stored; steps
of k beyond the end are 0 in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from axec.passes.codegen.cpu.gemm.control import lanes_of
from axec.passes.codegen.cpu.gemm.setting import Setting, load
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.lanes.turn import PART, TURN, WHOLE
from axec.passes.codegen.llvm import (
    I8,
    I16,
    I32,
    I64,
    Builder,
    Type,
    Value,
    constant,
    vec,
    zero,
)
from axec.passes.kernel.templates.gemm import Gemm

LINE = 64  # bytes of a cache line
_BEHIND = 16  # lanes of the longest vector of rows
SQUARE = 16 * 16  # words that `_turned_lines` turns at a time

#: As `columns`.
Packer = Callable[[Setting, Value, Value, Value, Value], None]


def words(s: Setting, depth: Value) -> Value:
    """How many words hold so many steps of k."""
    return s.b.udiv(s.b.add(depth, s.group - 1), s.group)


def columns(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """Pack `count` columns and `depth` steps of k of `right`, from the address `source` on."""
    PACKERS[s.problem.layout](s, source, count, depth, slot)


def _rows(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """The columns of one k are neighbours: copy rows."""
    b, width, n = s.b, s.gemm.width, s.gemm.n
    columns = min(s.tile.lanes * s.group, width)
    type_ = vec(s.element, columns)
    whole = isinstance(n, int) and n % width == 0
    masks = [None if whole else m for m in lanes_of(b, count, columns, width // columns)]
    with b.for_(0, words(s, depth), name="pack") as loop:
        write = b.offset(slot, b.mul(loop.index, _row_bytes(s)))
        for j, mask in enumerate(masks):
            steps = _steps(
                s, type_, b.at(source, type_, j), s.steps.right_k, loop.index, depth, mask
            )
            _store_words(s, steps, b.at(write, s.word, j * columns))


def _steps(
    s: Setting, type_: Type, source: Value, step: Value, word: Value, depth: Value,
    mask: Value | None = None,
) -> list[Value]:  # fmt: skip
    """What word number `word` along k is made of: neighbours in memory, step by step. `source`: the
    address of the first at step 0 of k; step: bytes from one k to the next. A step that does not
    exist is 0 (and read where the last one is)."""
    b, last = s.b, s.b.sub(depth, 1)
    found = []
    for e in range(s.group):
        k = b.add(b.mul(word, s.group), e)
        place = b.offset(source, b.mul(k if s.k_fits else b.min(k, last), step))
        read = load(b, type_, place, mask)
        if e and not s.k_fits:
            read = b.select(b.cmp("lt", k, depth), read, zero(type_))
        found.append(read)
    return found


def _store_words(s: Setting, steps: Sequence[Value], place: Value) -> None:
    """Vectors of neighbours, step by step, as words one after another."""
    b, rows = s.b, [[x] for x in steps]
    while len(rows) > 1:  # neighbouring steps become one of twice the width
        rows = [_zipped(b, *pair) for pair in zip(rows[::2], rows[1::2], strict=True)]
    for vector in rows[0]:
        b.store(vector, place)
        place = b.offset(place, vector.type.size)


def _zipped(b: Builder, x: Sequence[Value], y: Sequence[Value]) -> list[Value]:
    """x0 y0 x1 y1 ..., each pair as one integer of both."""
    found = []
    for one, other in zip(x, y, strict=True):
        lanes, wide = one.type.lanes, _DOUBLE[one.type.element]
        order = [i + side * lanes for i in range(lanes) for side in (0, 1)]
        for half in (order[:lanes], order[lanes:]):
            found.append(b.bitcast(b.shuffle(one, other, half), vec(wide, lanes // 2)))
    return found


_DOUBLE = {I8: I16, I16: I32}


def _joined(s: Setting, parts: Sequence[Value]) -> Value:
    """A word of elements, the first in the lowest bits."""
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
    The slot has room for whole blocks. Then the word of each column that is not whole."""
    b, lanes = s.b, s.tile.lanes
    last, height, n = b.sub(count, 1), b.udiv(depth, s.group), s.gemm.n
    whole = isinstance(n, int) and n % lanes == 0
    with (
        b.for_(0, count, lanes, name="pack.n") as outer,
        b.for_(0, height, lanes, name="pack.k") as inner,
    ):
        column = b.offset(source, b.mul(outer.index, s.steps.right_n))
        write = b.at(slot, s.word, outer.index)
        TURN.call(
            b,
            (s.word.bits, lanes, WHOLE if whole else PART),
            source=b.at(column, s.word, inner.index),
            step=s.steps.right_n,
            last=b.sub(last, outer.index),
            count=b.sub(height, inner.index),
            out=b.offset(write, b.mul(inner.index, _row_bytes(s))),
            out_step=constant(I64, _row_bytes(s)),
        )
    if not s.k_fits:
        with b.if_(b.cmp("lt", height, words(s, depth))):
            _word_of_columns(s, source, count, depth, height, slot)


def _word_of_columns(
    s: Setting, source: Value, count: Value, depth: Value, word: Value, slot: Value
) -> None:
    """One word along k of every column, element by element."""
    b = s.b
    write = b.offset(slot, b.mul(word, _row_bytes(s)))
    with b.for_(0, count, name="pack.n") as loop:
        read = b.offset(source, b.mul(loop.index, s.steps.right_n))
        found = _joined(s, _steps(s, s.element, read, s.steps.right_k, word, depth))
        b.store(found, b.at(write, s.word, loop.index))


def _elements(s: Setting, source: Value, count: Value, depth: Value, slot: Value) -> None:
    """Nothing is a neighbour: one word at a time."""
    with s.b.for_(0, words(s, depth), name="pack.k") as loop:
        _word_of_columns(s, source, count, depth, loop.index, slot)


#: By layout of `right`.
PACKERS: dict[str, Packer] = {"row": _rows, "col": _blocks, "any": _elements}


def _row_bytes(s: Setting) -> int:
    return s.gemm.width * s.word.size


def tiles_together(g: Gemm, tile: Tile) -> int:
    """Of how many tiles rows are packed at a time: of a cache line, where rows lie side by side."""
    return -(-LINE // (tile.rows * g.itemsize)) if tile.rows > 1 else 1


def tile_words(g: Gemm, tile: Tile) -> int:
    """Words of the packed rows of a tile, and room behind them for the vector that ends there."""
    return g.depth // g.group * tile.rows + _BEHIND


def packed(s: Setting, number: Value, room: Value) -> tuple[Value, Value, Value]:
    """Tile `number` of those that are packed: the address of the first row's first word, and bytes
    from one row to the next, from one word along k to the next."""
    b, size = s.b, s.word.size
    first = b.offset(room, b.mul(number, tile_words(s.gemm, s.tile) * size))
    if _in_lines(s):
        return first, constant(I64, _line_bytes(s)), constant(I64, size)
    return first, constant(I64, size), constant(I64, s.tile.rows * size)


def rows(s: Setting, source: Value, count: Value, depth: Value, room: Value) -> None:
    """Pack the rows of `tiles_together` tiles, of which `count` >= 1 exist, and `depth` steps of k
    of `left`, from the address `source` on: [tile][k / group][row], or if k are neighbours in
    memory, and for matrix engines, [tile][row][k / group]."""
    b, each = s.b, s.tile.rows
    if s.gemm.left_strides[1] == 1:
        _lines(s, source, count, depth, room)
        return
    if s.tile.engine:
        _turned_lines(s, source, count, depth, room)
        return
    beside = s.gemm.left_strides[0] == 1 and each > 1
    pack_word = _side_by_side if beside else _one_by_one
    with b.for_(0, words(s, depth), name="pack.row") as loop:
        write = b.offset(room, b.mul(loop.index, each * s.word.size))
        for tile in range(tiles_together(s.gemm, s.tile)):
            place = b.at(write, s.word, tile * tile_words(s.gemm, s.tile))
            pack_word(s, source, (tile * each, count), loop.index, depth, place)


def _in_lines(s: Setting) -> bool:
    """Do the packed words of a row lie one after another?"""
    return s.gemm.left_strides[1] == 1 or s.tile.engine


def _line_bytes(s: Setting) -> int:
    """From one row of a tile to the next."""
    return s.gemm.depth * s.element.size


def _lines(s: Setting, source: Value, count: Value, depth: Value, room: Value) -> None:
    """Copy rows as they lie, word by word; the last one ends in zeros. A line has room for whole
    vectors."""
    b, each, lanes = s.b, s.tile.rows, s.tile.lanes
    end = b.udiv(depth, s.group)
    step = tile_words(s.gemm, s.tile) * s.word.size
    with b.for_(0, tiles_together(s.gemm, s.tile) * each, name="pack.row") as loop:
        tile = b.udiv(loop.index, each)
        line = b.mul(b.sub(loop.index, b.mul(tile, each)), _line_bytes(s))
        write = b.offset(b.offset(room, b.mul(tile, step)), line)
        read = b.offset(source, b.mul(b.min(loop.index, b.sub(count, 1)), s.steps.left_m))
        with b.for_(0, end, lanes, name="pack.k") as whole:
            mask = b.tail_mask(b.sub(end, whole.index), lanes)
            found = load(b, s.words, b.at(read, s.word, whole.index), mask)
            b.store(found, b.at(write, s.word, whole.index))
        with b.if_(b.cmp("lt", end, words(s, depth))):
            found = _joined(s, _steps(s, s.element, read, s.steps.left_k, end, depth))
            b.store(found, b.at(write, s.word, end))


def _turned_lines(s: Setting, source: Value, count: Value, depth: Value, room: Value) -> None:
    """Make lines of rows whose k are no neighbours: squares of words by words, packed side by side
    behind the tiles, and turned."""
    b, lanes, height = s.b, s.tile.lanes, words(s, depth)
    size = tile_words(s.gemm, s.tile) * s.word.size
    square = b.offset(room, tiles_together(s.gemm, s.tile) * size)
    pack_word = _side_by_side if s.gemm.left_strides[0] == 1 else _one_by_one
    square_tile = replace(s, tile=replace(s.tile, rows=lanes))
    for row in range(0, tiles_together(s.gemm, s.tile) * s.tile.rows, lanes):
        tile, line = divmod(row, s.tile.rows)
        write = b.offset(room, tile * size + line * _line_bytes(s))
        with b.for_(0, height, lanes, name="pack.k") as loop:
            end = b.min(b.sub(height, loop.index), lanes)
            with b.for_(0, end, name="pack.word") as word:
                place = b.at(square, s.words, word.index)
                here = b.add(loop.index, word.index)
                pack_word(square_tile, source, (row, count), here, depth, place)
            TURN.call(
                b,
                (s.word.bits, lanes, WHOLE),
                source=square,
                step=constant(I64, lanes * s.word.size),
                count=constant(I64, lanes),
                out=b.at(write, s.word, loop.index),
                out_step=constant(I64, _line_bytes(s)),
            )


_Rows = tuple[int, Value]  # the number of the first, and how many there are from 0 on


def _side_by_side(
    s: Setting, source: Value, at: _Rows, word: Value, depth: Value, place: Value
) -> None:
    """One word of neighbouring rows. The vector may be longer than the tile has rows: what it
    writes behind them is written again, by the next word."""
    b, (first, count) = s.b, at
    lanes = max(1 << (s.tile.rows - 1).bit_length(), s.group)
    mask = b.tail_mask(b.sub(count, first), lanes)
    start = b.offset(source, b.mul(s.steps.left_m, first))
    _store_words(
        s, _steps(s, vec(s.element, lanes), start, s.steps.left_k, word, depth, mask), place
    )


def _one_by_one(
    s: Setting, source: Value, at: _Rows, word: Value, depth: Value, place: Value
) -> None:
    """One word of rows anywhere; rows that do not exist are the last one once more."""
    b, (first, count) = s.b, at
    for i in range(s.tile.rows):
        row = b.min(b.sub(count, 1), first + i)
        start = b.offset(source, b.mul(row, s.steps.left_m))
        found = _joined(s, _steps(s, s.element, start, s.steps.left_k, word, depth))
        b.store(found, b.at(place, s.word, i))
