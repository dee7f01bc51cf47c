"""The function of a gemm kernel: everything that is computed once, then the way that fits M."""

from __future__ import annotations

from dataclasses import replace

from axec.dialects import dims
from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.gemm import (
    dots,
    emit_channels,
    emit_positions,
    one_row,
    pack,
    problem,
    tiled,
    tiles,
    winograd,
)
from axec.passes.codegen.cpu.gemm.arithmetic import Arithmetic, grouped, single
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.problem import Problem
from axec.passes.codegen.cpu.gemm.setting import Setting, Steps
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.gemm.units import columns, panels
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.lanes.registers import memory_type
from axec.passes.codegen.llvm import PTR, Value, vec
from axec.passes.kernel import templates
from axec.passes.kernel.templates.channels_last import ChannelsLast
from axec.passes.kernel.templates.convolution import Conv
from axec.passes.kernel.templates.gemm import Gemm
from axec.passes.kernel.templates.winograd import Winograd
from axec.passes.kernel.weight_layouts import PANEL


def emit(f: Frame) -> None:
    """Write a gemm kernel."""
    product = templates.product(f.define)
    if isinstance(product, Conv):
        emit_positions.emit(f, product)
    elif isinstance(product, ChannelsLast):
        emit_channels.emit(f, product)
    elif isinstance(product, Winograd):
        winograd.emit(f, product)
    elif 0 not in f.body.results[0].shape:
        _emit_product(f, problem.read(product))


def _emit_product(f: Frame, p: Problem) -> None:
    s = _setting(f, p)
    m = s.gemm.m
    if s.gemm.by_dots:
        panels(s, f.lo, f.hi, dots.panel)
    elif m == 1:
        _one_row(f, s)
    elif isinstance(m, int):
        panels(s, f.lo, f.hi, tiled.panel)
    else:
        with s.b.if_else(s.b.cmp("eq", s.m, 1)) as way:
            with way.then():
                _one_row(f, s)
            with way.else_():
                panels(s, f.lo, f.hi, tiled.panel)


def _one_row(f: Frame, s: Setting) -> None:
    """The product when M is 1."""
    if s.gemm.may_be_one_row:
        columns(s, f.lo, f.hi, one_row.multiply)
    else:
        tile = tiles.for_gemm(f.target, replace(s.gemm, m=1), s.arithmetic.registers)
        panels(replace(s, tile=tile), f.lo, f.hi, tiled.panel)


def _setting(f: Frame, p: Problem) -> Setting:
    """Everything that is computed once per call."""
    g, b, size, width = p.gemm, f.b, f.size, p.gemm.itemsize
    arithmetic = grouped(f.target, *p.dtypes, g.sums)
    if g.by_dots:
        tile, columns_of_dots = dots.tile_of(f.target, g, arithmetic)
    else:
        tile, columns_of_dots = tiles.for_gemm(f.target, g, arithmetic.registers), 0
    sums = vec(arithmetic.sums, tile.lanes)
    widest = (
        tiles.MOST_VECTORS_OF_A_ROW
    )  # the tile of one row (`_one_row`) may be wider than `tile`
    return Setting(
        b=b,
        problem=p,
        tile=tile,
        arithmetic=arithmetic,
        single=single(*p.dtypes, g.sums),
        element=memory_type(p.dtypes[1]),
        epilogue=_epilogue(f, p),
        batch=[(size(n), size(x * width), size(y * width)) for n, x, y in g.batch],
        m=size(g.m),
        n=size(g.n),
        k=size(g.k),
        panels=b.max(size(g.panels), 1),
        row_blocks=b.max(size(g.row_blocks), 1),
        steps=_steps(f, p),
        left=b.offset(_slot(f, p.left), size(g.left_offset * width)),
        right=b.offset(_slot(f, p.right), size(g.right_offset * width)),
        sums=_sums(f, p),
        slots=_slot(f, len(f.body.inputs) + len(f.body.results)) if g.packs else None,
        scratch=b.alloca(sums, max(tile.rows * tile.vectors, widest), 64, "scratch"),
        rows=None if g.left_in_words else _room(f, g, arithmetic, tile),
        surplus=b.alloca(sums, widest, 64, "surplus") if arithmetic.excess else None,
        dots=columns_of_dots,
    )


def _room(f: Frame, g: Gemm, arithmetic: Arithmetic, tile: Tile) -> Value:
    words = pack.tiles_together(g, tile) * pack.tile_words(g, tile) + pack.SQUARE * tile.engine
    return f.b.alloca(arithmetic.word, words, 64, "rows")


def _steps(f: Frame, p: Problem) -> Steps:
    g = p.gemm

    def step(elements: Size) -> Value:
        return f.size(elements * g.itemsize)

    right_k, right_n = g.right_strides
    if g.in_panels:
        right_k, right_n = PANEL, dims.ceildiv(g.k, g.group) * g.group
    return Steps(
        left_m=step(g.left_strides[0]),
        left_k=step(g.left_strides[1]),
        right_k=step(right_k),
        right_n=step(right_n),
        sums_m=f.size(g.n * g.sums.size),
        sums_batch=f.size(g.m * g.n * g.sums.size),
    )


def _epilogue(f: Frame, p: Problem) -> Epilogue | None:
    if _is_result(f, p):
        return None
    dot, n = _dot(f), p.gemm.n
    return Epilogue(f, dot, p.gemm.sums, (0, _first_column_axis(dot.shape, n)), n)


def _first_column_axis(shape: Shape, columns: Size) -> int:
    """The columns of the product are the trailing axes of its result."""
    axis = len(shape)
    count: Size = 1
    while count != columns:
        axis -= 1
        count = count * shape[axis]
    return axis


def _is_result(f: Frame, p: Problem) -> bool:
    """Are the sums all that the kernel computes?"""
    return f.body.results == (_dot(f),) and _dot(f).type.dtype is p.gemm.sums


def _dot(f: Frame) -> Def:
    return next(d for d in f.body.ops if d.name == "dot_general")


def _sums(f: Frame, p: Problem) -> Value | None:
    """Where the bare product is built up: in a result, or in scratch, if at all."""
    inputs, results = len(f.body.inputs), len(f.body.results)
    if not p.gemm.in_passes and not _is_result(f, p):
        return None
    number = templates.sums_result(f.define, p.gemm.sums)
    return _slot(f, inputs + (results + p.gemm.packs if number is None else number))


def _slot(f: Frame, number: int) -> Value:
    """The address in a word of the argument block."""
    return f.emission.value(f.graph.slot(number, PTR))
