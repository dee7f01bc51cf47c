"""What the parts of a convolution share while it is emitted; from units to pieces of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axec.dialects.dims import Size
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.llvm import Builder, Type, Value, vec
from axec.passes.kernel.convolution import COLUMN_BLOCK, Conv


@dataclass(frozen=True, slots=True)
class Setting:
    """One kernel function. All values are computed at its entry: addresses of x, w and the room for
    the sums of a tile, sizes (rows, columns: of the output; sizes, outs: of x and of the output per
    spatial axis), strides in bytes, numbers of blocks as Conv says them."""

    b: Builder
    conv: Conv
    tile: Tile
    element: Type
    epilogue: Epilogue
    x: Value
    w: Value
    scratch: Value
    m: Value
    channels: Value
    rows: Value
    columns: Value
    sizes: Sequence[Value]
    outs: Sequence[Value]
    x_steps: Sequence[Value]
    w_steps: Sequence[Value]
    blocks: Sequence[Value]  # groups, and blocks of rows, of columns, of channels: at least 1

    @property
    def vector(self) -> Type:
        return vec(self.element, self.tile.lanes)

    @property
    def lane_step(self) -> int:
        """Elements of x from one lane to the next."""
        stride = self.conv.x_strides[-1]
        assert isinstance(stride, int)
        return stride * self.conv.space[-1].stride


@dataclass(frozen=True, slots=True)
class Block:
    """A unit: rows and columns of the output, output channels of a group of an image. x, w: their
    addresses at that image and group; first_output: the group's first output channel; pieces: per
    row; count: of all rows."""

    image: Value
    first_output: Value
    x: Value
    w: Value
    row: Value
    column: Value
    end_column: Value
    channel: Value
    end_channel: Value
    pieces: Value
    count: Value


@dataclass(frozen=True, slots=True)
class Piece:
    """A vector of output positions. starts: where the first lies in x at the first position of the
    window, per spatial axis; x: address of that element for the first channel."""

    row: Value
    column: Value
    starts: Sequence[Value]
    x: Value


def units(s: Setting, lo: Value, hi: Value, work: Callable[[Setting, Block], None]) -> None:
    """`work` for every unit in [lo, hi)."""
    b = s.b
    with b.for_(lo, hi, name="unit") as loop:
        rest, numbers = loop.index, []
        for count in reversed(s.blocks):
            numbers.append(b.urem(rest, count))
            rest = b.udiv(rest, count)
        channels, columns, rows, group = numbers
        work(s, _block(s, rest, group, rows, columns, channels))


def _block(
    s: Setting, image: Value, group: Value, rows: Value, columns: Value, channels: Value
) -> Block:
    b, conv, lanes = s.b, s.conv, s.tile.lanes
    row, end_row = _range(s, rows, conv.row_block, conv.rows, s.rows)
    column, end_column = _range(s, columns, COLUMN_BLOCK, conv.columns, s.columns)
    channel, end_channel = _range(s, channels, conv.m_block, conv.m, s.m)
    pieces = b.udiv(b.add(b.sub(end_column, column), lanes - 1), lanes)
    first_input, first_output = b.mul(group, s.channels), b.mul(group, s.m)
    x = b.offset(s.x, b.mul(image, s.x_steps[0]))
    return Block(
        image=image,
        first_output=first_output,
        x=b.offset(x, b.mul(first_input, s.x_steps[1])),
        w=b.offset(s.w, b.mul(first_output, s.w_steps[0])),
        row=row,
        column=column,
        end_column=end_column,
        channel=channel,
        end_channel=end_channel,
        pieces=pieces,
        count=b.mul(pieces, b.sub(end_row, row)),
    )


def _range(s: Setting, number: Value, size: Size, total: Size, end: Value) -> tuple[Value, Value]:
    """First and end of block `number`; the last block may be smaller."""
    b = s.b
    if number.const == 0:  # there is one block
        return number, end
    assert isinstance(size, int)
    first = b.mul(number, size)
    whole = isinstance(total, int) and total % size == 0
    return first, b.add(first, size) if whole else b.min(b.add(first, size), end)


def piece(s: Setting, u: Block, number: Value) -> Piece:
    """Piece `number` of a block; behind the last one it is the last one once more."""
    b, lanes = s.b, s.tile.lanes
    number = b.min(number, b.sub(u.count, 1))
    row, column = b.udiv(number, u.pieces), b.mul(b.urem(number, u.pieces), lanes)
    row, column = b.add(u.row, row), b.add(u.column, column)
    at, rest = [column], row
    for axis in range(len(s.outs) - 2, -1, -1):
        at.append(b.urem(rest, s.outs[axis]) if axis else rest)
        rest = b.udiv(rest, s.outs[axis]) if axis else rest
    starts = [
        b.sub(b.mul(position, window.stride), window.low)
        for position, window in zip(reversed(at), s.conv.space, strict=True)
    ]
    x = u.x
    for start, step in zip(starts, s.x_steps[2:], strict=True):
        x = b.offset(x, b.mul(start, step))
    return Piece(row, column, starts, x)
