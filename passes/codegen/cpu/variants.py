"""What else than the cost model's choice a kernel can be tried with: `axec tune` looks at all.

Every field of a choice (templates/choice.py) has the values that are worth a look; what a
kernel or the target cannot take is left out. Results are the same bits whatever is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from axec.diag import AxecError
from axec.dialects import types
from axec.dialects.dims import Size
from axec.dialects.kernel import texts
from axec.passes.codegen.cpu.gemm import emit_channels, emit_positions, tiles, winograd
from axec.passes.codegen.cpu.gemm.arithmetic import grouped
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.targets import Target
from axec.passes.kernel import choose, templates
from axec.passes.kernel.templates.channels_last import SUMMED_ROWS, ChannelsLast
from axec.passes.kernel.templates.choice import Choice
from axec.passes.kernel.templates.convolution import Conv
from axec.passes.kernel.templates.gemm import Gemm
from axec.passes.kernel.templates.winograd import ROWS as WINOGRAD_ROWS
from axec.passes.kernel.templates.winograd import Winograd

#: Values of a field; of all, the ones that a kernel is not cut by anyway.
ROWS = (6, 12, 24, 48, 96, 192, 384, 768)
DEPTHS = (128, 192, 256, 384, 512, 768)
BLOCKS = (64, 256, 1024, 4096, 16384)
LOOKS = 3  # heights of tiles of a width


@dataclass(frozen=True, slots=True)
class Axis:
    """A field of a choice: what the cost model says, and what else there is."""

    field: str
    model: Any
    others: tuple[Any, ...]


def axes(kernel: Any, target: Target) -> list[Axis]:
    """What can be tried of a kernel.define whose sizes are numbers; [] where that is nothing."""
    if texts(kernel.attributes["dims"]) or not choose.fields(kernel):
        return []
    found = _product(kernel, target) if templates.template_of(kernel) == "gemm" else _loop(kernel)
    return [axis for axis in found if axis.others]


def _axis(field: str, model: Any, values: Iterable[Any]) -> Axis:
    return Axis(field, model, tuple(v for v in dict.fromkeys(values) if v != model))


def _loop(kernel: Any) -> Iterator[Axis]:
    walk = templates.map_loop if templates.template_of(kernel) == "map" else templates.reduce_walk
    loop = walk(kernel)
    assert isinstance(loop, templates.Loop)
    last = loop.shape[-1] if loop.shape else 1
    if isinstance(last, int):
        yield _axis("block", loop.block, [n for n in BLOCKS if n < 4 * last])


def _product(kernel: Any, target: Target) -> Iterator[Axis]:
    product = templates.product(kernel)
    model, total, most = _rows(product)
    assert isinstance(model, int)
    assert isinstance(total, int)
    tile = _tile(product, target)
    yield _axis("tile", (tile.rows, tile.vectors), _tiles(product, target, total))
    yield _axis("rows", model, [n for n in (*ROWS, total) if n <= min(total, most)])
    if isinstance(product, Gemm) and product.m != 1:
        yield from _packing(product)


def _packing(g: Gemm) -> Iterator[Axis]:
    if g.in_parts:
        depths = {replace(g, choice=Choice(depth=n)).depth: n for n in DEPTHS}
        yield Axis("depth", g.depth // g.group, tuple(n for d, n in depths.items() if d != g.depth))
    if g.may_be_in_place and not g.in_panels:
        yield _axis("pack", g.packs, (True, False))


def _rows(product: templates.Product) -> tuple[Size, Size, int]:
    """Rows of a unit as the model says, how many rows there are, and the most for a unit."""
    if isinstance(product, Conv):
        return product.m_block, product.m, max(ROWS)
    total = product.m if isinstance(product, Gemm) else product.rows
    return product.row_block, total, _MOST_ROWS.get(type(product), max(ROWS))


def _tile(product: templates.Product, target: Target) -> Tile:
    if isinstance(product, Gemm):
        left, right = (types.of(v).dtype for v in (product.left, product.right))
        registers = grouped(target, left, right, product.sums).registers
        return tiles.for_gemm(target, product, registers)
    return _TILES[type(product)](target, product)


def _tiles(product: templates.Product, target: Target, total: int) -> Iterator[tuple[int, int]]:
    """Of every width the heights that the model likes best."""
    for vectors, most in tiles.MOST_ROWS.items():
        fit = [r for r in range(1, most + 1) if _fits(product, target, (r, vectors))]
        yield from [
            (r, vectors) for r in sorted(fit, key=lambda r: _cost(r, vectors, total))[:LOOKS]
        ]


def _cost(rows: int, vectors: int, total: int) -> tuple[int, int]:
    return -(-total // rows) * (rows * vectors + tiles.STEP_COST), -rows


def _fits(product: templates.Product, target: Target, tile: tuple[int, int]) -> bool:
    try:
        chosen = _tile(replace(product, choice=Choice(tile=tile)), target)
    except AxecError:
        return False
    return (chosen.rows, chosen.vectors) == tile


_TILES: dict[type, Callable[[Target, Any], Tile]] = {
    Conv: emit_positions.tile_of,
    ChannelsLast: emit_channels.tile_of,
    Winograd: winograd.tile_of,
}
#: What a unit keeps on the stack, or what its room is made for.
_MOST_ROWS: dict[type, int] = {ChannelsLast: SUMMED_ROWS, Winograd: 2 * WINOGRAD_ROWS}
