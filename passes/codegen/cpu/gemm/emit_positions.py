"""The function of a convolution: everything that is computed once, then its units."""

from __future__ import annotations

from axec.dialects import types
from axec.dialects.dims import Size
from axec.mlir import ir
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.gemm import positions, tiles
from axec.passes.codegen.cpu.gemm.arithmetic import single
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.pieces import Setting, units
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.lanes.registers import memory_type
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import PTR, Value, vec
from axec.passes.kernel.templates.convolution import COLUMN_BLOCK, Conv


def emit(f: Frame, c: Conv) -> None:
    """Write a convolution."""
    if 0 not in f.body.results[0].shape:
        units(_setting(f, c), f.lo, f.hi, positions.block)


def _setting(f: Frame, c: Conv) -> Setting:
    root = next(d for d in f.body.ops if d.name == "conv")
    factors, size = (types.of(c.x).dtype, types.of(c.w).dtype), f.size
    tile, arithmetic = tile_of(f.target, c), single(*factors, c.sums)
    sums = vec(arithmetic.sums, tile.lanes)
    # Axes at which images, channels, rows (where there are any), columns begin.
    parts = (0, 1, 2) if c.flat or len(c.space) == 1 else (0, 1, 2, len(root.shape) - 1)

    def address(value: object) -> Value:
        return f.emission.value(f.graph.slot(ir.BlockArgument(value).arg_number, PTR))

    def stepping(strides: tuple[Size, ...]) -> list[Value]:
        return [size(stride * factors[0].size) for stride in strides]

    counts = (c.groups, c.row_blocks, c.column_blocks, c.m_blocks)
    return Setting(
        b=f.b,
        conv=c,
        tile=tile,
        arithmetic=arithmetic,
        element=memory_type(factors[0]),
        epilogue=Epilogue(f, root, c.sums, parts, c.columns),
        x=address(c.x),
        w=address(c.w),
        scratch=f.b.alloca(sums, tile.rows * tile.vectors, 64, "scratch"),
        m=size(c.m),
        channels=size(c.channels),
        rows=size(c.rows),
        columns=size(c.columns),
        sizes=[size(w.size) for w in c.space],
        outs=[size(w.out) for w in c.space],
        x_steps=stepping(c.x_strides),
        w_steps=stepping(c.w_strides),
        blocks=[f.b.max(size(n), 1) for n in counts],
    )


def tile_of(target: Target, c: Conv) -> Tile:
    """The tile that a kernel's attribute asks for, else the one that suits it by the cost model."""
    most = tiles.MOST_VECTORS[target.vector_registers]
    return tiles.chosen(target, c.choice, _tile(target, c), range(1, most + 1), c.channels)


def _tile(target: Target, c: Conv) -> Tile:
    """Vectors no wider than the rows of the output need, and tiles that suit the units."""
    lanes = target.lanes(c.sums.size)
    if not isinstance(c.columns, int):
        most = tiles.MOST_VECTORS[target.vector_registers]
        return tiles.choose(target, lanes, most, c.m, c.channels)
    while lanes > 2 and -(-c.columns // lanes) == -(-c.columns // (lanes // 2)):
        lanes //= 2
    whole, rest = divmod(c.columns, COLUMN_BLOCK)
    rows = min(c.row_block, c.rows) if isinstance(c.rows, int) else c.row_block
    blocks = [COLUMN_BLOCK] * whole + [rest] * (rest > 0)
    pieces = [-(-n // lanes) * rows for n in blocks]
    strided = c.x_strides[-1] != 1 or c.space[-1].stride != 1
    return tiles.choose_width(target, lanes, pieces, c.m, c.channels, strided=strided)
