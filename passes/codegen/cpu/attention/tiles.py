"""Products with blocks, and turning blocks around: rows in memory <-> [column][member]."""

from __future__ import annotations

import math

from axec.dialects import dtypes
from axec.dialects.dtypes import f32
from axec.passes.codegen.cpu.attention.setting import STREAM, Setting, View
from axec.passes.codegen.cpu.gemm import tiles
from axec.passes.codegen.cpu.gemm.control import steps
from axec.passes.codegen.cpu.gemm.tile_routine import TILE, Kind
from axec.passes.codegen.cpu.lanes.registers import from_memory, memory_type
from axec.passes.codegen.cpu.lanes.turn import MASK, PART, SCALED, TURN, WHOLE
from axec.passes.codegen.llvm import F32, I64, NULL, Value, constant, vec, zero

# ---- products ------------------------------------------------------------------------------------


def scores(s: Setting, rows: View, count: Value, depth: int, block: Value, out: Value) -> None:
    """out[i] = sum over d of rows[i, d] * block[d], for i < count."""
    tile = tiles.choose(s.f.target, s.lanes, s.vectors, STREAM, depth)
    _product(s, Kind(f32, f32, f32, tile), rows, count, constant(I64, depth), block, out)


def add(
    s: Setting,
    rows: View,
    count: Value,
    width: int,
    weights: Value,
    out: Value,
    factors: Value | None = None,
) -> None:
    """out[c] = factors * out[c] + sum over i < count of rows[i, c] * weights[i], for c < width.
    factors: the address of a row."""
    # Any number of rows, odd ones too.
    tile = tiles.choose(s.f.target, s.lanes, s.vectors, width, 1)
    kind = Kind(f32, f32, f32, tile, scaled=factors is not None)
    columns = constant(I64, width)
    _product(s, kind, rows.turned(), columns, count, weights, out, begin=True, factors=factors)


def _product(
    s: Setting,
    kind: Kind,
    left: View,
    count: Value,
    depth: Value,
    right: Value,
    out: Value,
    *,
    begin: bool = False,
    factors: Value | None = None,
) -> None:
    """out[i] = sum over k < depth of left[i, k] * right[k], on top of what is there if `begin`.
    Rows beyond the last one are it once more, and are written to the spare rows of `out`."""
    b, rows, bytes_ = s.b, kind.tile.rows, constant(I64, s.row_bytes)
    with steps(b, constant(I64, 0), count, rows, "tile") as first:
        target = b.offset(out, b.mul(first, s.row_bytes))
        TILE.call(
            b,
            kind.words(),
            left=b.offset(left.address, b.mul(first, left.step)),
            left_m=left.step,
            last=b.sub(b.min(b.sub(count, first), rows), 1),
            left_k=left.near,
            right=right,
            right_k=bytes_,
            words=depth,
            source=target if begin else NULL,
            source_m=bytes_,
            target=target,
            target_m=bytes_,
            row=factors,
        )


def clear(s: Setting, block: Value, rows: int) -> None:
    """Zeros in all rows of a block."""
    with s.b.for_(0, rows, name="clear") as loop:
        for place in s.places(block, loop.index):
            s.b.store(zero(s.vector), place)


# ---- turning -------------------------------------------------------------------------------------


def turn_in(
    s: Setting, view: View, members: Value, columns: Value, out: Value, factor: float = 1.0
) -> None:
    """out[c][m] = view[m, c] * factor, for c < columns; members beyond the last one are that one,
    or 0 or false where members are neighbours. bool becomes 0 where true, -inf where false."""
    way = _across if view.near_size == 1 else _along if view.step_size in (0, 1) else _singly
    way(s, view, members, columns, out, factor)


def _across(
    s: Setting, view: View, members: Value, columns: Value, out: Value, factor: float
) -> None:
    """A member's columns are neighbours: squares of lanes, turned in registers."""
    b, lanes, size = s.b, s.lanes, view.dtype.size
    kind = MASK if view.dtype is dtypes.bool_ else SCALED
    with (
        steps(b, constant(I64, 0), constant(I64, s.members), lanes, "turn.m") as member,
        steps(b, constant(I64, 0), columns, lanes, "turn.c") as column,
    ):
        # Members that do not exist are the last one, also where none of a square does.
        first = b.min(member, b.sub(members, 1))
        row = b.offset(view.address, b.mul(first, view.step))
        write = b.offset(out, b.mul(column, s.row_bytes))
        TURN.call(
            b,
            (kind, lanes, PART),
            source=b.offset(row, b.mul(column, size)),
            step=view.step,
            last=b.sub(b.sub(members, 1), first),
            count=b.sub(columns, column),
            factor=constant(F32, factor),
            out=b.at(write, s.element, member),
            out_step=constant(I64, s.row_bytes),
        )


def _along(
    s: Setting, view: View, members: Value, columns: Value, out: Value, factor: float
) -> None:
    """The members of a column are neighbours, or share their element."""
    b, lanes = s.b, s.lanes
    with b.for_(0, columns, name="turn") as column:
        place = b.offset(view.address, b.mul(column.index, view.near))
        for j, write in enumerate(s.places(out, column.index)):
            if view.step_size == 0:
                found = b.splat(_read_one(s, view, place), lanes)
            else:
                mask = b.tail_mask(b.sub(members, j * lanes), lanes)
                found = _read(s, view, b.offset(place, j * lanes * view.dtype.size), mask)
            b.store(_scaled(s, found, factor), write)


def _singly(
    s: Setting, view: View, members: Value, columns: Value, out: Value, factor: float
) -> None:
    """Nothing is a neighbour."""
    b, last, every = s.b, s.b.sub(members, 1), s.members
    with b.for_(0, columns, name="turn.c") as column, b.for_(0, every, name="turn.m") as member:
        place = b.offset(view.address, b.mul(column.index, view.near))
        place = b.offset(place, b.mul(b.min(member.index, last), view.step))
        found = _scaled(s, _read_one(s, view, place), factor)
        write = b.offset(out, b.mul(column.index, s.row_bytes))
        b.store(found, b.at(write, s.element, member.index))


def _scaled(s: Setting, x: Value, factor: float) -> Value:
    return x if factor == 1.0 else s.b.mul(x, constant(x.type, factor))


def _read(s: Setting, view: View, place: Value, mask: Value | None) -> Value:
    """A vector of neighbours, in the form that blocks hold."""
    b, type_ = s.b, vec(memory_type(view.dtype), s.lanes)
    found = b.load(type_, place) if mask is None else b.masked_load(type_, place, mask, zero(type_))
    found = from_memory(b, view.dtype, found)
    if view.dtype is dtypes.bool_:
        return b.select(found, s.number(0.0), s.number(-math.inf))
    return found


def _read_one(s: Setting, view: View, place: Value) -> Value:
    b = s.b
    found = from_memory(b, view.dtype, b.load(memory_type(view.dtype), place))
    if view.dtype is dtypes.bool_:
        return b.select(found, constant(s.element, 0.0), constant(s.element, -math.inf))
    return found


def turn_out(
    s: Setting, block: Value, width: int, members: Value, view: View, factors: Value
) -> None:
    """view[m, c] = block[c][m] * factors[0][m], for c < width and m < members."""
    b, lanes, tile = s.b, s.lanes, s.square
    with (
        steps(b, constant(I64, 0), members, lanes, "back.m") as member,
        steps(b, constant(I64, 0), constant(I64, width), lanes, "back.c") as column,
    ):
        TURN.call(
            b,
            (SCALED, lanes, WHOLE),
            source=b.at(b.offset(block, b.mul(column, s.row_bytes)), s.element, member),
            step=constant(I64, s.row_bytes),
            count=constant(I64, lanes),
            factor=constant(F32, 1.0),
            out=tile,
            out_step=constant(I64, s.vector.size),
        )
        rest = b.min(b.sub(members, member), lanes)
        mask = (
            None if width % lanes == 0 else b.tail_mask(b.sub(constant(I64, width), column), lanes)
        )
        with b.for_(0, rest, name="row") as row:
            number = b.add(member, row.index)
            line = b.offset(view.address, b.mul(number, view.step))
            factor = b.splat(b.load(s.element, b.at(factors, s.element, number)), lanes)
            vector = b.mul(b.load(s.vector, b.at(tile, s.vector, row.index)), factor)
            _write(s, vector, b.at(line, s.element, column), mask)


def _write(s: Setting, value: Value, place: Value, mask: Value | None) -> None:
    if mask is None:
        s.b.store(value, place)
    else:
        s.b.masked_store(value, place, mask)
