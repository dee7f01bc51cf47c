"""What the parts of a convolution share while it is emitted; from units to pieces of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axec.dialects.dims import Size
from axec.passes.codegen.cpu.gemm.arithmetic import Arithmetic
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.lanes.memory import WIDE
from axec.passes.codegen.llvm import (
    F32,
    I32,
    I64,
    Builder,
    Type,
    Value,
    constant,
    vec,
    vector_constant,
)
from axec.passes.kernel.templates.convolution import COLUMN_BLOCK, Conv


@dataclass(frozen=True, slots=True)
class Setting:
    """One kernel function. All values are computed at its entry: addresses of x, w and the room for
    the sums of a tile, sizes (rows, columns: of the output; sizes, outs: of x and of the output per
    spatial axis), strides in bytes, numbers of blocks as Conv says them."""

    b: Builder
    conv: Conv
    tile: Tile
    arithmetic: Arithmetic
    element: Type  # of x and w, in memory
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
        """Of sums."""
        return vec(self.arithmetic.sums, self.tile.lanes)

    @property
    def elements(self) -> Type:
        return vec(self.element, self.tile.lanes)

    @property
    def lane_step(self) -> int:
        """Elements of x from one lane to the next."""
        stride = self.conv.x_strides[-1]
        assert isinstance(stride, int)
        return stride * self.conv.space[-1].stride

    @property
    def wide(self) -> bool:
        """Are elements between the lanes read, too, and dropped?"""
        return self.conv.x_strides[-1] == 1 and 1 < self.lane_step <= WIDE

    @property
    def outer_rows(self) -> bool:
        """Are there output rows to tell apart?"""
        return len(self.conv.space) > 1 and not self.conv.flat


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
    """A vector of output positions. starts: where they lie in x at the first position of the
    window, per spatial axis: one i64 for all lanes, or i32s (Setting.wide: also of what lies
    between); x: address of the first for the first channel."""

    row: Value
    column: Value
    starts: Sequence[Value]
    x: Value


#: Positions up to which single precision divides exactly.
SMALL = 1 << 20


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
    row, rest = (constant(I64, 0), number) if s.rows.const == 1 else _divided(b, number, u.pieces)
    row, column = b.add(u.row, row), b.add(u.column, b.mul(rest, lanes))
    return (_flat_piece if s.conv.flat else _row_piece)(s, u, row, column)


def _row_piece(s: Setting, u: Block, row: Value, column: Value) -> Piece:
    """Columns of one output row: the lanes differ in the last axis only."""
    b, windows = s.b, s.conv.space
    *outer, last = [
        b.sub(b.mul(position, window.stride), window.low)
        for position, window in zip([*split(b, row, s.outs[:-1]), column], windows, strict=True)
    ]
    x = u.x
    for start, step in zip([*outer, last], s.x_steps[2:], strict=True):
        x = b.offset(x, b.mul(start, step))
    stride = windows[-1].stride
    lanes = (
        ramp(b, last, 1, s.tile.lanes * stride) if s.wide else ramp(b, last, stride, s.tile.lanes)
    )
    return Piece(row, column, [*outer, lanes], x)


def _flat_piece(s: Setting, u: Block, row: Value, column: Value) -> Piece:
    """Positions from `column` on, across rows."""
    b, conv, windows = s.b, s.conv, s.conv.space
    sizes = [b.convert(n, I32) for n in s.outs]
    small = isinstance(conv.columns, int) and conv.columns <= SMALL
    positions = split(b, ramp(b, column, 1, s.tile.lanes), sizes, small=small)
    starts = [b.sub(at, window.low) for at, window in zip(positions, windows, strict=True)]
    x = b.at(u.x, s.element, column)
    for step, window in zip(s.x_steps[2:], windows, strict=True):
        x = b.offset(x, b.mul(step, -window.low))
    return Piece(row, column, starts, x)


def split(b: Builder, number: Value, sizes: Sequence[Value], *, small: bool = False) -> list[Value]:
    """The index that has a row-major number, or those of the lanes; [] for no axes. The first size
    does not matter. small: numbers are at most SMALL."""
    found: list[Value] = []
    for size in reversed(sizes[1:]):
        number, rest = _divided(b, number, size, small=small)
        found.append(rest)
    return [number, *reversed(found)] if sizes else []


def _divided(b: Builder, number: Value, size: Value, *, small: bool = False) -> tuple[Value, Value]:
    """number // size and the rest, of a number or of lanes; nothing is negative."""
    lanes = number.type.lanes
    divisor = b.splat(size, lanes) if lanes else size
    if lanes and small and size.const:
        # A whole number is at least 1/2 away from what decides, and rounding moves the quotient by
        # less than a part in 2^22. LLVM takes twenty instructions for a division of integers.
        middle = b.add(b.convert(number, F32), 0.5)
        whole = b.mul(middle, 1 / size.const)
        quotient = b.emit(f"fptosi {whole.typed} to {number.type}", number.type)
    else:
        quotient = b.udiv(number, divisor)
    return quotient, b.sub(number, b.mul(quotient, divisor))


def ramp(b: Builder, start: Value, step: int, lanes: int) -> Value:
    """start, start + step, ... as i32."""
    steps = vector_constant(vec(I32, lanes), [step * lane for lane in range(lanes)])
    return b.add(b.splat(b.convert(start, I32), lanes), steps)
