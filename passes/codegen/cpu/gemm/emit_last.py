"""The function of a convolution that writes channels last: what is computed once, and its units."""

from __future__ import annotations

from axec.dialects import types
from axec.dialects.dims import Size
from axec.mlir import ir
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.gemm import last, tiles
from axec.passes.codegen.cpu.gemm.arithmetic import single
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.last_setting import Folded, Setting, units
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.registers import memory_type
from axec.passes.codegen.llvm import PTR, Type, Value, zero
from axec.passes.kernel.channels_last import ChannelsLast


def emit(f: Frame, c: ChannelsLast) -> None:
    """Write a convolution whose result lies channels last."""
    if 0 not in f.body.results[0].shape:
        units(_setting(f, c), f.lo, f.hi, last.unit)


def _setting(f: Frame, p: ChannelsLast) -> Setting:
    c, size = p.conv, f.size
    root = next(d for d in f.body.ops if d.name == "transpose" and d.operands[0].name == "conv")
    factors = (types.of(c.x).dtype, types.of(c.w).dtype)
    arithmetic, tile, bytes_ = single(*factors, c.sums), _tile(f, p), factors[0].size
    rows = p.row_block if isinstance(p.row_block, int) else 0

    def address(value: object) -> Value:
        return f.emission.value(f.graph.slot(ir.BlockArgument(value).arg_number, PTR))

    def steps(*strides: Size) -> list[Value]:
        return [size(stride * bytes_) for stride in strides]

    return Setting(
        b=f.b,
        conv=p,
        tile=tile,
        arithmetic=arithmetic,
        element=memory_type(factors[0]),
        epilogue=Epilogue(f, root, c.sums, (0, len(root.shape) - 1), root.shape[-1]),
        x=address(c.x),
        w=address(c.w),
        sums=f.b.alloca(arithmetic.sums, (rows + tile.rows) * p.width, 64, "sums"),
        zeros=_zeros(f, p, memory_type(factors[0])),
        m=size(p.columns),
        channels=size(c.channels),
        rows=size(p.rows),
        sizes=[size(w.size) for w in c.space],
        outs=[size(w.out) for w in c.space],
        x_steps=steps(*c.x_strides),
        w_column=size(bytes_ if p.in_panels else c.w_strides[0] * bytes_),
        panel_bytes=size(p.panel_elements * bytes_),
        folds=[Folded(fold.axis, size(fold.count), *steps(fold.x, fold.w)) for fold in p.folds],
        counts=[f.b.max(size(n), 1) for n in (p.panels, p.row_blocks)],
    )


def _zeros(f: Frame, p: ChannelsLast, element: Type) -> Value:
    """A row of x of a depthwise convolution that lies in the padding."""
    padded = p.depthwise and any(window.padded for window in p.conv.space)
    found = f.b.alloca(element, p.width * padded, 64, "zeros")
    for column in range(p.width * padded):
        f.b.store(zero(element), f.b.at(found, element, column))
    return found


def _tile(f: Frame, p: ChannelsLast) -> Tile:
    """As wide as divides panels evenly."""
    lanes = min(f.target.lanes(p.sums.size), p.width)
    wide = tiles.widest(f.target, p.width // lanes)
    return tiles.choose(f.target, lanes, wide, p.row_block, p.folds[-1].count)
