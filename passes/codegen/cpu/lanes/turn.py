"""Squares of lanes x lanes elements, turned in registers: rows become columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

from axec.passes.codegen.cpu.routines import family
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I64, PTR, Builder, Type, Value, constant, vec, zero
from axec.passes.codegen.llvm.types import F32, F64, I8, I16, like

#: What squares are made of. SCALED: f32, multiplied by a factor; MASK: bool, which becomes 0 where
#: true, -inf where false, as f32.
SCALED, MASK = "scaled", "mask"
#: Do all rows of a square exist?
WHOLE, PART = "whole", "part"
_TYPES: dict[str, Type] = {"8": I8, "16": I16, "32": F32, "64": F64, SCALED: F32, MASK: I8}


def transpose(b: Builder, rows: Sequence[Value]) -> list[Value]:
    """A square of lanes: out[i][j] = rows[j][i]."""
    return _turned_groups(b, _turned_inside(b, rows))


def _turned_inside(b: Builder, rows: Sequence[Value]) -> list[Value]:
    """The squares of 16 bytes."""
    inside, found = _inside(rows[0].type), []
    for first in range(0, len(rows), inside):
        found += _turn_inside(b, rows[first : first + inside])
    return found


def _turned_groups(b: Builder, rows: Sequence[Value]) -> list[Value]:
    """The square of these squares."""
    inside, found = _inside(rows[0].type), list(rows)
    for first in range(inside):
        found[first::inside] = _turn_groups(b, found[first::inside])
    return found


def _turn_inside(b: Builder, rows: Sequence[Value]) -> list[Value]:
    """Every square of `inside` lanes of so many rows, where x86 interleaves halves of registers in
    one cycle (unpack). That leaves row i at the place with the bits of i reversed."""
    found, inside, lanes = list(rows), len(rows), rows[0].type.lanes
    size, bits = 1, len(rows).bit_length() - 1
    while size < inside:
        found = _round(b, found, size, _halves(lanes, inside, size))
        size *= 2
    return [found[_reversed(i, bits)] for i in range(inside)]


def _turn_groups(b: Builder, rows: Sequence[Value]) -> list[Value]:
    """The square of groups of lanes, one element each: even and odd ones of two rows come together
    (shuf128)."""
    found, lanes = list(rows), rows[0].type.lanes
    size = 1
    while size < len(rows):
        found = _round(b, found, size, _alternate(lanes, lanes // len(rows)))
        size *= 2
    return found


def _inside(row: Type) -> int:
    """How many lanes are 16 bytes, inside of which registers are interleaved."""
    return min(16 // row.element.size, row.lanes)


def _round(
    b: Builder, rows: Sequence[Value], size: int, orders: tuple[list[int], list[int]]
) -> list[Value]:
    """Rows `size` apart, in pairs, become two shuffles of both."""
    found = list(rows)
    for i, x in enumerate(rows):
        if not i & size:
            y = rows[i + size]
            found[i], found[i + size] = (b.shuffle(x, y, order) for order in orders)
    return found


def _halves(lanes: int, inside: int, size: int) -> tuple[list[int], list[int]]:
    """The lower halves of every `inside` lanes of two rows, by turns of `size` lanes; the upper."""
    lower = [
        start + side + at + i
        for start in range(0, lanes, inside)
        for at in range(0, inside // 2, size)
        for side in (0, lanes)
        for i in range(size)
    ]
    return lower, [i + inside // 2 for i in lower]


def _alternate(lanes: int, inside: int) -> tuple[list[int], list[int]]:
    """The even groups of `inside` lanes of two rows; the odd ones."""
    even = [at + i for at in range(0, 2 * lanes, 2 * inside) for i in range(inside)]
    return even, [i + inside for i in even]


def _reversed(number: int, bits: int) -> int:
    return sum(1 << (bits - 1 - i) for i in range(bits) if number >> i & 1)


@family("turn", source=PTR, step=I64, last=I64, count=I64, factor=F32, out=PTR, out_step=I64)
def TURN(b: Builder, target: Target, parameters: Sequence[str]) -> None:
    """out[j][i] = source[min(i, last)][j] for i, j < lanes; 0 for j >= count. Parameters: bits of
    an element, SCALED or MASK; lanes; WHOLE or PART. step, out_step: bytes from one row to the
    next; last: for PART."""
    kind, lanes = parameters[0], int(parameters[1])
    source, step, last, count, factor, out, out_step = b.args
    mask, type_ = b.tail_mask(count, lanes), vec(_TYPES[kind], lanes)
    change, clamped = _CHANGES.get(kind, _same), parameters[2] == PART
    rows, place = [], source
    for i in range(lanes):
        rows.append(change(b, b.masked_load(type_, place, mask, zero(type_)), factor))
        further = b.select(b.cmp("lt", constant(I64, i), last), step, 0) if clamped else step
        place = b.offset(place, further)
    parts = _turned_inside(b, rows)
    # A block of its own: LLVM looks at each shuffle together with those before it in the block, and
    # with four rounds in one it takes three times as long for the same code.
    with b.if_(b.cmp("gt", count, 0)):
        for vector in _turned_groups(b, parts):
            b.store(vector, out)
            out = b.offset(out, out_step)


def _same(b: Builder, row: Value, _: Value) -> Value:
    return row


def _scaled(b: Builder, row: Value, factor: Value) -> Value:
    return b.mul(row, b.splat(factor, row.type.lanes))


def _hidden(b: Builder, row: Value, _: Value) -> Value:
    found = like(row.type, F32)
    return b.select(b.cmp("ne", row, 0), constant(found, 0.0), constant(found, -math.inf))


_CHANGES = {SCALED: _scaled, MASK: _hidden}
