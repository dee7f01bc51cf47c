"""The function of a convolution that writes channels last: what is computed once, and its units."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from axec.dialects import dims, types
from axec.dialects.dims import Size
from axec.mlir import ir
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.gemm import channels, panels, tiles
from axec.passes.codegen.cpu.gemm.channels import Setting
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.panels import Axis, Cut, Folded, Kind, Window
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.gemm.window import WINDOW
from axec.passes.codegen.cpu.lanes.registers import memory_type
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I64, NULL, PTR, Type, Value, zero
from axec.passes.kernel.share import GRANULE
from axec.passes.kernel.templates.channels_last import ChannelsLast, channels_last_of


def emit(f: Frame, c: ChannelsLast) -> None:
    """Write a convolution whose result lies channels last."""
    if 0 not in f.body.results[0].shape:
        channels.units(_setting(f, c), f.lo, f.hi)


def _setting(f: Frame, p: ChannelsLast) -> Setting:
    b, over, rows = f.b, _window(f, p), p.row_block if isinstance(p.row_block, int) else 0
    root = next(d for d in f.body.ops if d.name == "transpose" and d.operands[0].name == "conv")
    return Setting(
        window=over,
        epilogue=Epilogue(f, root, p.sums, (0, len(root.shape) - 1), root.shape[-1]),
        table=NULL if p.depthwise else panels.table(over, f"{f.body.name}.window"),
        sums=b.alloca(over.arithmetic.sums, (rows + over.tile.rows) * p.width, 64, "sums"),
        place=b.alloca(I64, len(fields(panels.Place)), name="place"),
        column_step=_column_step(p),
    )


def _column_step(p: ChannelsLast) -> int:
    """What the first column of every panel is a multiple of."""
    if p.groups == 1:
        return p.width
    return math.gcd(p.columns, p.width) if isinstance(p.columns, int) else 1


def _window(f: Frame, p: ChannelsLast) -> Window:
    """What all units of the convolution share."""
    c, size, kind = p.conv, f.size, _kind(f.target, p)
    bytes_ = types.of(c.x).dtype.size
    return Window(
        b=f.b,
        kind=kind,
        x=_address(f, c.x),
        w=_address(f, c.w),
        zeros=_zeros(f, p, memory_type(kind.dtypes[0])),
        cut=_cut(f, p, bytes_),
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


def _cut(f: Frame, p: ChannelsLast, bytes_: int) -> Cut:
    size, c = f.size, p.conv
    blocks = f.b.max(size(p.row_blocks), 1)
    return Cut(
        panels=f.b.max(size(p.panels), 1),
        blocks=blocks,
        rows=size(p.rows),
        row_block=size(p.row_block) if p.cut is None else _each(f, p.rows, blocks),
        columns=size(p.columns),
        x=size(c.channels * c.x_strides[1] * bytes_),
        panel=size(p.panel_elements * bytes_ if p.in_panels else 0),
    )


def _each(f: Frame, rows: Size, blocks: Value) -> Value:
    """Rows of each of so many blocks."""
    return f.b.udiv(f.b.add(f.size(rows), f.b.sub(blocks, 1)), blocks)


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
    found: dict[str, list[ChannelsLast]] = {}
    for op in {tuple([v.type for v in op.operands]): op for op in ops}.values():
        p = channels_last_of(op)
        if p is None or p.depthwise or p.conv.w_strides[0] != 1:
            continue
        many = all(dims.is_multiple(size, GRANULE) for size in (p.columns, p.conv.channels))
        told = _routine(target, replace(p, cut=(1, 1)) if many else p)
        found.setdefault(told, []).append(p)
    names = [[n] if len(ps) > 1 else [_routine(target, ps[0])] for n, ps in found.items()]
    return list(dict.fromkeys(n for each in names for n in each))


def _routine(target: Target, p: ChannelsLast) -> str:
    return WINDOW.routine(_kind(target, p).words())


def _slice(p: ChannelsLast) -> Size:
    """Steps of the outermost folded axis that make a slice."""
    if p.cut is not None:
        return p.cut[1]
    return p.folds[0].count if p.block is None else p.block


def _address(f: Frame, value: object) -> Value:
    return f.emission.value(f.graph.slot(ir.BlockArgument(value).arg_number, PTR))


def _zeros(f: Frame, p: ChannelsLast, element: Type) -> Value:
    """A row of x of a depthwise convolution that lies in the padding."""
    if not (p.depthwise and any(window.padded for window in p.conv.space)):
        return NULL
    found = f.b.alloca(element, p.width, 64, "zeros")
    for column in range(p.width):
        f.b.store(zero(element), f.b.at(found, element, column))
    return found


def tile_of(target: Target, p: ChannelsLast) -> Tile:
    """The tile that a kernel's attribute asks for, else one that divides panels evenly."""
    lanes = min(target.lanes(p.sums.size), p.width)
    vectors, k = p.width // lanes, p.folds[-1].count
    model = tiles.choose(target, lanes, tiles.widest(target, vectors), p.row_block, k)
    return tiles.chosen(target, p.choice, model, tiles.divisors(vectors), k)
