"""A panel of columns, tile by tile, after packing columns of `right` where that pays.

    for each part of k:
        pack the panel's columns                  (unless they are read in place)
        for each tile of columns, each tile of rows:
            sums = what the parts before gave, or 0
            sums += left rows * right columns     (tile_routine.py)
            store sums; after the last part through the epilogue

There is one kind of tile. At the edges its rows are clamped to the last one, its columns padded,
and its sums pass through a tile of scratch, of which the part that exists is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axec.passes.codegen.cpu.gemm import blocks, pack, tiles
from axec.passes.codegen.cpu.gemm.control import YES, both, lanes_of, negate, steps, when
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.setting import Matrix, Panel, Region, Setting, load, store
from axec.passes.codegen.cpu.gemm.tile_routine import LINE, TILE, Ahead, Kind
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.llvm import I64, NULL, Builder, Value, constant, zero
from axec.passes.kernel.weight_layouts import PANEL

Left = tuple[Value, Value, Value]  # address of the first row, bytes to the next, to the next word


@dataclass(frozen=True, slots=True)
class Part:
    """Steps [first, first + depth) of k. `right`: address of the panel's columns at `first`;
    `step`: bytes to the next word along k; `start`, `end` (i1): is it the first, the last part?
    `next`: the part after it, as it lies in memory."""

    first: Value
    depth: Value
    right: Value
    step: Value
    start: Value
    end: Value
    next: Value


def panel(s: Setting, p: Panel) -> None:
    """All rows and columns of a panel."""
    b, gemm, steps_of = s.b, s.gemm, s.steps
    origin = constant(I64, 0)
    right = b.offset(p.right, b.mul(p.column, steps_of.right_n))
    beside = b.offset(right, b.mul(steps_of.right_n, PANEL))
    in_place = b.mul(steps_of.right_k, s.group)
    if not gemm.packs and not gemm.in_parts:
        _tiles(s, p, Part(origin, s.k, right, in_place, YES, YES, beside))
        return
    # A product over nothing is one part of depth 0: it stores zeros.
    with steps(b, origin, b.max(s.k, 1), gemm.depth, "part") as first:
        rest = b.sub(s.k, first)
        depth = b.min(rest, gemm.depth)
        start, end = b.cmp("eq", first, 0), b.cmp("le", rest, gemm.depth)
        here = b.offset(right, b.mul(first, steps_of.right_k))
        below = b.offset(here, b.mul(depth, steps_of.right_k))
        following, step = b.select(end, beside, below), in_place
        if p.slot is not None:
            pack.columns(s, here, b.sub(p.end_column, p.column), depth, p.slot)
            here, step = p.slot, constant(I64, gemm.width * s.word.size)
        _tiles(s, p, Part(first, depth, here, step, start, end, following))


def _tiles(s: Setting, p: Panel, part: Part) -> None:
    """One part of k for every tile of the panel. Columns outside: a strip of `right` as wide as a
    tile stays in the first cache while all rows pass by. Rows that have to be packed are outside,
    for some tiles at a time, since these lie in the same lines of memory."""
    b, tile = s.b, s.tile
    if s.counts_surplus:
        with steps(b, p.column, p.end_column, tile.columns, "surplus") as column:
            _note_surplus(s, p, part, column)
    if s.rows is None:
        with steps(b, p.column, p.end_column, tile.columns, "column") as column:
            _tile_rows(s, p, part, column, p.row, p.end_row)
        return
    together = tile.rows * pack.tiles_together(s.gemm, tile)
    with steps(b, p.row, p.end_row, together, "rows") as row:
        rest = b.sub(p.end_row, row)
        left = b.offset(p.left, b.mul(part.first, s.steps.left_k))
        pack.rows(s, b.offset(left, b.mul(row, s.steps.left_m)), rest, part.depth, s.rows)
        with steps(b, p.column, p.end_column, tile.columns, "column") as column:
            _tile_rows(s, p, part, column, row, b.min(b.add(row, together), p.end_row))


def _tile_rows(s: Setting, p: Panel, part: Part, column: Value, first: Value, end: Value) -> None:
    """The tiles of some rows. `first`: the first row that is packed, where rows are."""
    b, tile = s.b, s.tile
    with steps(b, first, end, tile.rows, "row") as row:
        rows = _most(b, b.sub(p.end_row, row), tile.rows, s.rows_fit)
        columns = _most(b, b.sub(p.end_column, column), tile.columns, s.columns_fit)
        region = Region(row, column, rows, columns)
        left = _rows_in_place(s, p, part, row)
        if s.rows is not None:
            left = pack.packed(s, b.udiv(b.sub(row, first), tile.rows), s.rows)
        _tile(s, p, part, region, left)


def _surplus(s: Setting, p: Panel, column: Value) -> Value | None:
    """Where it stands what the columns of a tile count too much."""
    if s.surplus is None or not s.counts_surplus:
        return None
    return s.b.at(s.surplus, s.sum, s.b.sub(column, p.column))


def _note_surplus(s: Setting, p: Panel, part: Part, column: Value) -> None:
    """What the columns of a tile count too much over a part of k (`Arithmetic.excess`)."""
    b, tile, place = s.b, s.tile, _surplus(s, p, column)
    assert place is not None
    bias = (b.splat(constant(s.word, s.arithmetic.excess), tile.lanes),)
    right = b.at(part.right, s.word, b.sub(column, p.column))
    zeros = [zero(s.vector)] * tile.vectors
    with b.for_(0, pack.words(s, part.depth), carried=zeros, name="surplus") as loop:
        row = b.offset(right, b.mul(loop.index, part.step))
        found = []
        for j, total in enumerate(loop.carried):
            vector = s.arithmetic.right(b, b.load(s.words, b.at(row, s.words, j)))
            found.append(s.arithmetic.add(b, total, bias, vector))
        loop.yield_(*found)
    for j, total in enumerate(loop.results):
        b.store(total, b.at(place, s.vector, j))


def _most(b: Builder, rest: Value, size: int, fits: bool) -> Value:
    return constant(I64, size) if fits else b.min(rest, size)


def _tile(s: Setting, p: Panel, part: Part, r: Region, left: Left) -> None:
    """One tile: read what is there, add a part of k, store."""
    b, tile, epilogue = s.b, s.tile, s.epilogue
    full = both(b, b.cmp("eq", r.rows, tile.rows), b.cmp("eq", r.columns, tile.columns))
    result, scratch = _result(s, p, r), _scratch(s)
    when(b, both(b, negate(b, part.start), negate(b, full)), lambda: _copy(s, r, result, scratch))
    direct = full if epilogue is None else both(b, full, negate(b, part.end))
    source, target = (_choose(s, where, result, scratch) for where in (full, direct))
    begin = b.select(part.start, NULL, source.address)
    _products(s, p, part, r, left, Matrix(begin, source.step), target)
    if epilogue is None:
        unfinished = negate(b, direct)
    else:
        when(b, part.end, lambda: _finish(s, epilogue, p, r, scratch))
        unfinished = both(b, negate(b, part.end), negate(b, full))
    when(b, unfinished, lambda: _copy(s, r, scratch, result))


def _finish(s: Setting, epilogue: Epilogue, p: Panel, r: Region, sums: Matrix) -> None:
    """The rows of a tile through the epilogue."""
    b = s.b
    line, end = b.add(b.mul(p.batch, s.m), r.row), b.add(r.column, r.columns)
    with b.for_(0, r.rows, name="epilogue") as loop:
        place = b.offset(sums.address, b.mul(loop.index, sums.step))
        epilogue.row(place, [b.add(line, loop.index)], r.column, end, s.tile.columns)


def _result(s: Setting, p: Panel, r: Region) -> Matrix:
    """The tile in the row-major sums; where these are never stored, the scratch."""
    if p.sums is None:
        return _scratch(s)
    row = s.b.offset(p.sums, s.b.mul(r.row, s.steps.sums_m))
    return Matrix(s.b.at(row, s.sum, r.column), s.steps.sums_m)


def _scratch(s: Setting) -> Matrix:
    return Matrix(s.scratch, constant(I64, s.tile.columns * s.sum.size))


def _choose(s: Setting, first: Value, x: Matrix, y: Matrix) -> Matrix:
    """x where `first`, else y."""
    b = s.b
    return Matrix(b.select(first, x.address, y.address), b.select(first, x.step, y.step))


def _products(
    s: Setting, p: Panel, part: Part, r: Region, left: Left, source: Matrix, target: Matrix
) -> None:
    """target = source (null: zeros) plus a part of k."""
    b, dtypes = s.b, s.problem.dtypes
    in_place = s.problem.layout == "row" and p.slot is None and not s.columns_fit
    ahead: Ahead = _AHEAD.get(s.problem.layout, "rows")
    near, near_step = _near(s, p, part, r) if ahead != "none" else (None, None)
    arguments = {
        "left": left[0],
        "left_m": left[1],
        "last": b.sub(r.rows, 1),
        "left_k": left[2],
        "right": b.at(part.right, s.word, b.sub(r.column, p.column)),
        "right_k": part.step,
        "words": pack.words(s, part.depth),
        "columns": r.columns,
        "source": source.address,
        "source_m": source.step,
        "target": target.address,
        "target_m": target.step,
        "near": near,
        "near_step": near_step,
        "row": _surplus(s, p, r.column),
    }

    def call(tile: Tile) -> None:
        if tile.engine:
            blocks.BLOCK.call(b, blocks.Kind.of(dtypes, tile).words(), **arguments)
            return
        TILE.call(b, Kind(*dtypes, s.gemm.sums, tile, in_place, ahead).words(), **arguments)

    _by_height(b, r.rows, [*tiles.lower(s.tile, s.gemm), s.tile], call)


def _by_height(
    b: Builder, rows: Value, found: Sequence[Tile], call: Callable[[Tile], None]
) -> None:
    """`call` with the first tile, from low to high, that has so many rows."""
    first, *others = found
    if not others:
        call(first)
        return
    with b.if_else(b.cmp("le", rows, first.rows)) as way:
        with way.then():
            call(first)
        with way.else_():
            _by_height(b, rows, others, call)


def _rows_in_place(s: Setting, p: Panel, part: Part, row: Value) -> Left:
    """The rows of a tile as they lie."""
    b = s.b
    base = b.offset(p.left, b.mul(part.first, s.steps.left_k))
    first = b.offset(base, b.mul(row, s.steps.left_m))
    return first, s.steps.left_m, b.mul(s.steps.left_k, s.group)


#: By layout, where it is not the next part's rows.
_AHEAD: dict[str, Ahead] = {"any": "none", "col": "columns"}


def _near(s: Setting, p: Panel, part: Part, r: Region) -> tuple[Value, Value]:
    """What the tiles to come will read, a cache line per word along k. The first tiles of rows each
    bring near a share of the columns below (Zen 4, GFLOP/s: 128x768x3072 102 -> 109, transposed 102
    -> 110), the others the rows that follow (percent at 1024^3: f32 and bf16 1)."""
    b, here = s.b, s.b.sub(r.column, p.column)
    number = b.udiv(b.sub(r.row, p.row), s.tile.rows)
    if s.problem.layout == "col":
        share = LINE // s.word.size
        own = b.min(number, max(s.tile.columns // share, 1) - 1)
        column = b.add(here, b.mul(own, share))
        return b.offset(part.next, b.mul(column, s.steps.right_n)), s.steps.right_n
    share = LINE // s.element.size
    lines = max(s.tile.columns // share, 1)  # of a step of k; a tile brings one line of one step
    column = b.add(here, b.mul(b.urem(number, lines), share))
    element = b.min(b.udiv(number, lines), s.group - 1)
    near = b.offset(b.at(part.next, s.element, column), b.mul(s.steps.right_k, element))
    step = b.mul(s.steps.right_k, s.group)
    if not s.rows_follow:
        return near, step
    others = b.cmp("ge", number, lines * s.group)
    rows = b.offset(p.left, b.mul(b.add(r.row, s.tile.rows), s.steps.left_m))
    along = constant(I64, s.tile.rows * s.word.size)
    return b.select(others, rows, near), b.select(others, along, step)


def _copy(s: Setting, r: Region, source: Matrix, target: Matrix) -> None:
    """The rows and columns of a tile that exist."""
    b, tile = s.b, s.tile
    masks: Sequence[Value | None] = [None] * tile.vectors
    if not s.columns_fit:
        masks = lanes_of(b, r.columns, tile.lanes, tile.vectors)
    with b.for_(0, r.rows, name="copy") as loop:
        rows = [b.offset(m.address, b.mul(loop.index, m.step)) for m in (source, target)]
        for j, mask in enumerate(masks):
            read, write = [b.at(row, s.vector, j) for row in rows]
            store(b, write, load(b, s.vector, read, mask), mask)
