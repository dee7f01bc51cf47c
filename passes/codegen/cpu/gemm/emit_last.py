"""The function of a convolution that writes channels last: what is computed once, and its units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from axec.dialects import dims, types
from axec.dialects.dims import Size
from axec.mlir import ir
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.gemm import last, tiles, window
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.last_setting import Setting, units
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.gemm.window import Axis, Folded, Kind, Window
from axec.passes.codegen.cpu.lanes.registers import memory_type
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import NULL, PTR, Type, Value, zero
from axec.passes.kernel.share import GRANULE
from axec.passes.kernel.templates.channels_last import ChannelsLast, channels_last_of


def emit(f: Frame, c: ChannelsLast) -> None:
    """Write a convolution whose result lies channels last."""
    if 0 not in f.body.results[0].shape:
        units(_setting(f, c), f.lo, f.hi, last.unit)


def _setting(f: Frame, p: ChannelsLast) -> Setting:
    c = p.conv
    root = next(d for d in f.body.ops if d.name == "transpose" and d.operands[0].name == "conv")
    size, tile, over = f.size, tile_of(f.target, p), _window(f, p)
    arithmetic, rows = over.arithmetic, p.row_block if isinstance(p.row_block, int) else 0
    return Setting(
        b=f.b,
        conv=p,
        tile=tile,
        arithmetic=arithmetic,
        element=over.element,
        epilogue=Epilogue(f, root, c.sums, (0, len(root.shape) - 1), root.shape[-1]),
        x=over.x,
        x_channel=size(c.x_strides[1] * over.element.size),
        w=_address(f, c.w),
        sums=f.b.alloca(arithmetic.sums, (rows + tile.rows) * p.width, 64, "sums"),
        m=size(p.columns),
        channels=size(c.channels),
        rows=size(p.rows),
        panel_bytes=size(p.panel_elements * over.element.size),
        row_block=_row_block(f, p),
        counts=[f.b.max(size(n), 1) for n in (p.panels, p.row_blocks)],
        window=over,
        table=NULL if p.depthwise else window.table(over, f"{f.body.name}.window"),
    )


def _window(f: Frame, p: ChannelsLast) -> Window:
    """What all tiles of the convolution share."""
    c, size, kind = p.conv, f.size, _kind(f.target, p)
    bytes_ = types.of(c.x).dtype.size
    return Window(
        b=f.b,
        kind=kind,
        x=_address(f, c.x),
        zeros=_zeros(f, p, memory_type(kind.dtypes[0])),
        space=[
            Axis(*map(size, (w.size, w.dilation, w.out, w.stride, w.low, x * bytes_)))
            for w, x in zip(c.space, c.x_strides[2:], strict=True)
        ],
        folds=[
            Folded(fold.axis, *map(size, (fold.count, fold.x * bytes_, fold.w * bytes_)))
            for fold in p.folds
        ],
        image=size(c.x_strides[0] * bytes_),
        w_column=size(kind.stride * bytes_),
        slice=size(_slice(p)),
    )


def _kind(target: Target, p: ChannelsLast) -> Kind:
    c = p.conv
    stride = 1 if p.in_panels else c.w_strides[0]
    assert isinstance(stride, int)
    return Kind(
        dtypes=(types.of(c.x).dtype, types.of(c.w).dtype, c.sums),
        tile=tile_of(target, p),
        axes=tuple(fold.axis for fold in p.folds),
        padded=tuple(bool(w.padded) for w in c.space),
        in_panels=p.in_panels,
        stride=stride,
        masked=not dims.is_multiple(p.columns, p.width),
        width=p.width,
        depthwise=p.depthwise,
    )


def foreseen(target: Target, ops: Iterable[Any]) -> list[str]:
    """The routines that the kernels of these axe.conv will call, as far as that can be told before
    there are kernels: where filters are not stored otherwise, and as if kernels were shared that
    may be (share.py)."""
    found: dict[str, dict[Any, str]] = {}
    for op in ops:
        p = channels_last_of(op)
        if p is None or p.depthwise or p.conv.w_strides[0] != 1:
            continue
        alone = told = _routine(target, p)
        if all(dims.is_multiple(size, GRANULE) for size in (p.columns, p.conv.channels)):
            told = _routine(target, replace(p, cut=(1, 1)))
        found.setdefault(told, {})[op.operands[0].type, op.operands[1].type] = alone
    return [n for told, each in found.items() for n in ([told] if len(each) > 1 else each.values())]


def _routine(target: Target, p: ChannelsLast) -> str:
    return window.WINDOW.routine(_kind(target, p).words())


def _row_block(f: Frame, p: ChannelsLast) -> Value:
    """Rows of a unit."""
    if p.cut is None:
        return f.size(p.row_block)
    blocks = f.b.max(f.size(p.row_blocks), 1)
    return f.b.udiv(f.b.add(f.size(p.rows), f.b.sub(blocks, 1)), blocks)


def _slice(p: ChannelsLast) -> Size:
    """Steps of the outermost folded axis that make a slice."""
    if p.cut is not None:
        return p.cut[1]
    return p.folds[0].count if p.block is None else p.block


def _address(f: Frame, value: object) -> Value:
    return f.emission.value(f.graph.slot(ir.BlockArgument(value).arg_number, PTR))


def _zeros(f: Frame, p: ChannelsLast, element: Type) -> Value:
    """A row of x of a depthwise convolution that lies in the padding."""
    padded = p.depthwise and any(window.padded for window in p.conv.space)
    found = f.b.alloca(element, p.width * padded, 64, "zeros")
    for column in range(p.width * padded):
        f.b.store(zero(element), f.b.at(found, element, column))
    return found


def tile_of(target: Target, p: ChannelsLast) -> Tile:
    """The tile that a kernel's attribute asks for, else one that divides panels evenly."""
    lanes = min(target.lanes(p.sums.size), p.width)
    vectors, k = p.width // lanes, p.folds[-1].count
    model = tiles.choose(target, lanes, tiles.widest(target, vectors), p.row_block, k)
    return tiles.chosen(target, p.choice, model, tiles.divisors(vectors), k)
