"""Convolutions in Winograd's way (templates/winograd.py): fewer products, more additions.

    for each part of a unit, a block of tiles and a panel of outputs:
        numbers[n][tile] = n-th of Bt x[tile] B, all channels      (once per block)
        for each n < 16: sums[n] = numbers[n] * filters[n]         (tile_routine.py)
        for each tile: At sums[tile] A through the epilogue, four positions

Numbers and sums of a part stay in the second-level cache; all units that a thread works on share
their room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axec.dialects.dims import Size
from axec.mlir import ir
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.gemm import tiles
from axec.passes.codegen.cpu.gemm.arithmetic import Arithmetic, single
from axec.passes.codegen.cpu.gemm.control import YES, both, steps, when
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.pieces import split
from axec.passes.codegen.cpu.gemm.tile_routine import LINE, TILE, Kind
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I64, NULL, PTR, Builder, Value, constant, vec, zero
from axec.passes.kernel.templates.winograd import CHANNELS, NUMBERS, SIZE, Winograd

_Along = Callable[[Builder, Sequence[Value]], list[Value]]

ZERO = constant(I64, 0)
SIDE = 4  # numbers along each axis of a tile


@dataclass(frozen=True, slots=True)
class Setting:
    """One kernel function. All values are computed at its entry: addresses of x, the filters, the
    units' rooms, a room for the four results of a tile and one for zeros; sizes (rows: tiles of all
    images; tiles, sizes, outs: per axis), bytes from one to the next in x, the number of panels."""

    b: Builder
    conv: Winograd
    tile: Tile
    lanes: int  # of transformations
    arithmetic: Arithmetic
    epilogue: Epilogue
    x: Value
    w: Value
    slots: Value
    results: Value
    zeros: Value
    m: Value
    rows: Value
    tiles: Sequence[Value]
    sizes: Sequence[Value]
    outs: Sequence[Value]
    x_steps: Sequence[Value]
    panels: Value

    @property
    def size(self) -> int:
        """Bytes of a number."""
        return self.arithmetic.sums.size

    @property
    def number_step(self) -> int:
        """Bytes from a number of a tile to its next one."""
        return self.conv.row_block * self.channel_bytes

    @property
    def channel_bytes(self) -> int:
        return self.conv.channels * self.size

    @property
    def line_bytes(self) -> int:
        """Of the sums of a tile, of one number."""
        return self.conv.width * self.size

    @property
    def sum_step(self) -> int:
        """Bytes from a sum of a tile to that of its next number."""
        return (self.conv.row_block + CHANNELS) * self.line_bytes


@dataclass(frozen=True, slots=True)
class Part:
    """Tiles [row, end_row) of a panel; addresses of their numbers and sums; its first output."""

    row: Value
    end_row: Value
    numbers: Value
    sums: Value
    panel: Value
    output: Value


def emit(f: Frame, p: Winograd) -> None:
    """Write a convolution in Winograd's way."""
    if 0 in f.body.results[0].shape:
        return
    s, b = _setting(f, p), f.b
    numbers = b.offset(s.slots, b.mul(f.lo, p.slot_bytes))
    first_part, parts = b.mul(f.lo, p.share), f.size(p.parts)
    with b.for_(first_part, b.min(b.mul(f.hi, p.share), parts), name="part") as loop:
        block, panel = b.udiv(loop.index, s.panels), b.urem(loop.index, s.panels)
        row = b.mul(block, p.row_block)
        u = Part(
            row=row,
            end_row=b.min(b.add(row, p.row_block), s.rows),
            numbers=numbers,
            sums=b.offset(numbers, p.row_room * s.size),
            panel=panel,
            output=b.mul(panel, p.width),
        )
        first = b.or_(b.cmp("eq", panel, 0), b.cmp("eq", loop.index, first_part))
        when(b, first, lambda: _transform(s, u))
        _products(s, u)
        _results(s, u)


def _setting(f: Frame, p: Winograd) -> Setting:
    c, b, size = p.conv, f.b, f.size
    root = next(d for d in f.body.ops if d.name == "transpose" and d.operands[0].name == "conv")
    arithmetic = single(c.sums, c.sums, c.sums)
    number, bytes_ = arithmetic.sums, c.sums.size

    def slot(index: int) -> Value:
        return f.emission.value(f.graph.slot(index, PTR))

    def sizes(*found: Size) -> list[Value]:
        return [size(n) for n in found]

    zeros = b.alloca(number, p.channels, 64, "zeros")
    with b.for_(0, p.channels, CHANNELS, name="zero") as loop:
        b.store(zero(vec(number, CHANNELS)), b.at(zeros, number, loop.index))
    return Setting(
        b=b,
        conv=p,
        tile=tile_of(f.target, p),
        lanes=f.target.lanes(bytes_),
        arithmetic=arithmetic,
        epilogue=Epilogue(f, root, c.sums, (0, len(root.shape) - 1), root.shape[-1]),
        x=slot(ir.BlockArgument(c.x).arg_number),
        w=slot(ir.BlockArgument(c.w).arg_number),
        slots=slot(len(f.body.inputs) + len(f.body.results)),
        results=b.alloca(number, SIZE * SIZE * p.width, 64, "results"),
        zeros=zeros,
        m=size(c.m),
        rows=size(p.rows),
        tiles=sizes(*p.tiles),
        sizes=sizes(*[w.size for w in c.space]),
        outs=sizes(*[w.out for w in c.space]),
        x_steps=sizes(*[step * bytes_ for step in c.x_strides]),
        panels=b.max(size(p.panels), 1),
    )


def tile_of(target: Target, p: Winograd) -> Tile:
    """The tile that a kernel's attribute asks for, else one that divides panels evenly."""
    lanes = target.lanes(p.sums.size)  # panels of so many outputs (winograd.LEAST) are wider
    vectors, k = p.width // lanes, p.channels
    model = tiles.choose(target, lanes, tiles.widest(target, vectors), p.row_block, k)
    return tiles.chosen(target, p.choice, model, tiles.divisors(vectors), k)


# ---- numbers of tiles ----------------------------------------------------------------------------


def _transform(s: Setting, u: Part) -> None:
    """Bt x B of every tile of a part."""
    b, type_ = s.b, vec(s.arithmetic.sums, s.lanes)
    with b.for_(u.row, u.end_row, name="tile") as loop:
        places = _places(s, loop.index)
        target = b.offset(u.numbers, b.mul(b.sub(loop.index, u.row), s.channel_bytes))
        with b.for_(0, s.conv.channels, s.lanes, name="channel") as inner:
            at = b.mul(inner.index, s.size)
            rows = [[b.load(type_, b.offset(p, at)) for p in row] for row in places]
            found = _both_ways(b, rows, _numbers)
            for n, value in enumerate(v for row in found for v in row):
                b.store(value, b.offset(b.offset(target, n * s.number_step), at))


def _places(s: Setting, number: Value) -> list[list[Value]]:
    """Addresses of the 4x4 positions of x that decide a tile; of zeros where they are outside."""
    b, space = s.b, s.conv.conv.space
    image, *at = split(b, number, [s.rows, *s.tiles])
    starts = [b.sub(b.mul(t, SIZE), w.low) for t, w in zip(at, space, strict=True)]
    first = b.offset(s.x, b.mul(image, s.x_steps[0]))
    lines: list[list[tuple[Value, Value]]] = []  # per axis: inside?, bytes
    for start, size, step in zip(starts, s.sizes, s.x_steps[2:], strict=True):
        positions = [b.add(start, i) for i in range(SIDE)]
        lines.append([(b.cmp("ult", p, size), b.mul(p, step)) for p in positions])
    return [
        [
            b.select(both(b, inside, here), b.offset(b.offset(first, down), along), s.zeros)
            for here, along in lines[1]
        ]
        for inside, down in lines[0]
    ]


def _both_ways(b: Builder, rows: Sequence[Sequence[Value]], along: _Along) -> list[list[Value]]:
    """What `along` makes of every row, and then of every column."""
    first = [along(b, row) for row in rows]
    columns = [along(b, column) for column in zip(*first, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _numbers(b: Builder, x: Sequence[Value]) -> list[Value]:
    """Bt x."""
    return [b.sub(x[0], x[2]), b.add(x[1], x[2]), b.sub(x[2], x[1]), b.sub(x[1], x[3])]


def _outputs(b: Builder, x: Sequence[Value]) -> list[Value]:
    """At x."""
    return [b.add(b.add(x[0], x[1]), x[2]), b.sub(b.sub(x[1], x[2]), x[3])]


# ---- sums over channels --------------------------------------------------------------------------


def _products(s: Setting, u: Part) -> None:
    """Numbers of tiles times filters, summed over channels. The filters of the next number are
    brought near meanwhile."""
    b, tile, count, sums = s.b, s.tile, s.b.sub(u.end_row, u.row), s.conv.sums
    with (
        b.for_(0, NUMBERS, name="number") as loop,
        steps(b, ZERO, constant(I64, s.conv.width), tile.columns, "column") as column,
        steps(b, ZERO, count, tile.rows, "row") as row,
    ):
        panel = b.add(b.mul(u.panel, NUMBERS), loop.index)
        w = b.offset(s.w, b.mul(panel, s.conv.channels * s.line_bytes))
        w = b.at(w, s.arithmetic.sums, column)
        target = b.offset(u.sums, b.mul(loop.index, s.sum_step))
        target = b.at(b.offset(target, b.mul(row, s.line_bytes)), s.arithmetic.sums, column)
        numbers = b.offset(u.numbers, b.mul(loop.index, s.number_step))
        lines = max(tile.columns * s.size // LINE, 1)
        share = b.mul(b.urem(b.udiv(row, tile.rows), lines), LINE)
        TILE.call(
            b,
            Kind(sums, sums, sums, tile, ahead="rows").words(),
            left=b.offset(numbers, b.mul(row, s.channel_bytes)),
            left_m=constant(I64, s.channel_bytes),
            last=b.sub(b.sub(count, row), 1),
            left_k=constant(I64, s.size),
            right=w,
            right_k=constant(I64, s.line_bytes),
            words=constant(I64, s.conv.channels),
            source=NULL,
            target=target,
            target_m=constant(I64, s.line_bytes),
            near=b.offset(w, b.add(share, s.conv.channels * s.line_bytes)),
            near_step=constant(I64, s.line_bytes),
        )


# ---- results of tiles ----------------------------------------------------------------------------


def _results(s: Setting, u: Part) -> None:
    """At sums A of every tile, through the epilogue."""
    b, lanes = s.b, s.tile.lanes
    type_ = vec(s.arithmetic.sums, lanes)
    end = b.min(b.add(u.output, s.conv.width), s.m)
    with b.for_(u.row, u.end_row, name="tile") as loop:
        source = b.offset(u.sums, b.mul(b.sub(loop.index, u.row), s.line_bytes))
        with b.for_(0, s.conv.width, lanes, name="column") as inner:
            place = b.at(source, s.arithmetic.sums, inner.index)
            read = [b.load(type_, b.offset(place, n * s.sum_step)) for n in range(NUMBERS)]
            rows = [read[i : i + SIDE] for i in range(0, NUMBERS, SIDE)]
            found = [v for row in _both_ways(b, rows, _outputs) for v in row]
            for n, value in enumerate(found):
                line = b.offset(s.results, n * s.line_bytes)
                b.store(value, b.at(line, s.arithmetic.sums, inner.index))
        image, *at = split(b, loop.index, [s.rows, *s.tiles])
        with b.for_(0, SIZE * SIZE, name="position") as inner:
            _position(s, u, image, at, inner.index, end)


def _position(
    s: Setting, u: Part, image: Value, at: Sequence[Value], number: Value, end: Value
) -> None:
    """One of the four results of a tile, if it exists."""
    b = s.b
    moved = [b.udiv(number, SIZE), b.urem(number, SIZE)]
    places = [b.add(b.mul(t, SIZE), m) for t, m in zip(at, moved, strict=True)]
    inside, row = YES, image
    for place, size, window in zip(places, s.outs, s.conv.conv.space, strict=True):
        row = b.add(b.mul(row, size), place)
        if not isinstance(window.out, int) or window.out % SIZE:
            inside = both(b, inside, b.cmp("lt", place, size))
    sums = b.offset(s.results, b.mul(number, s.line_bytes))
    when(b, inside, lambda: s.epilogue.row(sums, [row], u.output, end, s.conv.width))
