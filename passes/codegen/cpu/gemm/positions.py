"""Convolutions: a tile of output channels x output positions, summed over the window.

    for each tile of positions, each tile of output channels of a unit:
        for each position t in the window:
            sums += w[channels, :, t] * x[:, positions moved by t]      (microkernel.py)
        store sums through the epilogue

The columns of a tile are pieces of output rows, one vector each: piece q of a block of rows is row
q // pieces, columns q % pieces * lanes and following. Where the output has the input's size, all
positions are one row (`Conv.flat`). x is read where it lies; lanes that fall into the padding or
behind the end of a row are masked.
"""

from __future__ import annotations

from collections.abc import Sequence

from axec.passes.codegen.cpu.gemm.control import YES, both, steps
from axec.passes.codegen.cpu.gemm.microkernel import Strip, multiply
from axec.passes.codegen.cpu.gemm.pieces import Block, Piece, Setting, piece
from axec.passes.codegen.cpu.lanes.memory import read
from axec.passes.codegen.llvm import I32, I64, Value, constant, vec, zero

Taps = Sequence[Value]


def block(s: Setting, u: Block) -> None:
    """All outputs of a unit."""
    b, tile = s.b, s.tile
    with steps(b, constant(I64, 0), u.count, tile.vectors, "piece") as first:
        pieces = [piece(s, u, b.add(first, j)) for j in range(tile.vectors)]
        with steps(b, u.channel, u.end_channel, tile.rows, "channel") as channel:
            zeros = [zero(s.vector)] * (tile.rows * tile.vectors)
            found = _window(s, u, pieces, channel, [], zeros)
            for i, value in enumerate(found):
                b.store(value, b.at(s.scratch, s.vector, i))
            _finish(s, u, first, channel)


def _window(
    s: Setting,
    u: Block,
    pieces: Sequence[Piece],
    channel: Value,
    taps: Taps,
    sums: Sequence[Value],
) -> Sequence[Value]:
    """`sums` plus the products of all positions in the window that begin with `taps`."""
    if len(taps) == len(s.conv.space):
        strip = _strip(s, u, pieces, channel, taps)
        return multiply(s.b, s.tile, s.arithmetic, strip, s.channels, sums)
    count = s.conv.space[len(taps)].taps
    if count == 1:
        return _window(s, u, pieces, channel, [*taps, constant(I64, 0)], sums)
    with s.b.for_(0, count, carried=sums, name="tap") as loop:
        loop.yield_(*_window(s, u, pieces, channel, [*taps, loop.index], loop.carried))
    return loop.results


def _strip(s: Setting, u: Block, pieces: Sequence[Piece], channel: Value, taps: Taps) -> Strip:
    """What the tile reads at one position of the window. Channels that do not exist are the last
    one once more."""
    b = s.b
    left = u.w
    moved = constant(I64, 0)
    for tap, window, w_step, x_step in zip(
        taps, s.conv.space, s.w_steps[2:], s.x_steps[2:], strict=True
    ):
        left = b.offset(left, b.mul(tap, w_step))
        moved = b.add(moved, b.mul(b.mul(tap, window.dilation), x_step))
    last = b.sub(u.end_channel, 1)
    channels = [b.min(b.add(channel, i), last) for i in range(s.tile.rows)]
    masks = [_mask(s, p, taps) for p in pieces]
    return Strip(
        rows=[b.offset(left, b.mul(c, s.w_steps[0])) for c in channels],
        left_step=s.w_steps[1],
        columns=[(b.offset(p.x, moved), 0) for p in pieces],
        right_step=s.x_steps[1],
        read=lambda place, j: _read(s, place, masks[j]),
    )


def _mask(s: Setting, p: Piece, taps: Taps) -> Value | None:
    """The elements for a piece that lie inside of x: lanes, or those between them, too, where
    these are read (`Setting.wide`). None: all."""
    b, conv, inside = s.b, s.conv, YES
    found: Value | None = None
    beyond = not isinstance(conv.columns, int) or conv.columns % s.tile.lanes != 0
    checked = 0 if conv.flat else len(taps) - 1  # the axis that lanes behind the last one leave
    for axis, (start, window) in enumerate(zip(p.starts, conv.space, strict=True)):
        at, size = b.mul(taps[axis], window.dilation), s.sizes[axis]
        if not start.type.lanes:
            if window.padded:
                inside = both(b, inside, b.cmp("ult", b.add(start, at), size))
        elif window.padded or inside.const is None or (beyond and axis == checked):
            lanes = start.type.lanes
            limit = b.splat(b.convert(b.select(inside, size, 0), I32), lanes)
            here = b.cmp("ult", b.add(start, b.splat(b.convert(at, I32), lanes)), limit)
            found = here if found is None else b.and_(found, here)
    return found


def _read(s: Setting, place: Value, mask: Value | None) -> Value:
    """A vector of positions."""
    b, step = s.b, s.lane_step
    if not s.wide or mask is None:
        return read(b, s.elements, place, step, mask)
    between = vec(s.element, s.tile.lanes * step)
    found = b.masked_load(between, place, mask, zero(between))
    return b.shuffle(found, None, range(0, between.lanes, step))


def _finish(s: Setting, u: Block, first: Value, channel: Value) -> None:
    """The pieces of a tile that exist through the epilogue."""
    b, tile = s.b, s.tile
    channels = b.min(b.sub(u.end_channel, channel), tile.rows)
    count = b.min(b.sub(u.count, first), tile.vectors)
    with b.for_(0, channels, name="out") as row, b.for_(0, count, name="out.piece") as column:
        number = b.add(b.mul(row.index, tile.vectors), column.index)
        p = piece(s, u, b.add(first, column.index))
        o = b.add(u.first_output, b.add(channel, row.index))
        end = b.min(b.add(p.column, tile.lanes), u.end_column)
        outer = [p.row] if s.outer_rows else []
        sums = b.at(s.scratch, s.vector, number)
        s.epilogue.row(sums, [u.image, o, *outer], p.column, end, tile.lanes)
