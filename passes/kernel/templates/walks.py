"""How `map` and `reduce` kernels walk over their results, and what they build up on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from axec.dialects import dims, dtypes, types
from axec.dialects.attrs import ints
from axec.dialects.axe import OPS
from axec.dialects.dims import Size
from axec.dialects.kernel import yielded
from axec.dialects.types import Shape
from axec.passes.kernel.templates import choice
from axec.passes.kernel.templates.body import anchor, ops_of, sums_result

MAP_BLOCK = 1024  # elements of the innermost axis per unit: one unit is worth about a microsecond
MOST_LANES = 64  # elements in a vector of bytes
_FEW_WORDS = 64
REDUCE_BLOCK = 128  # results per unit: each of them is a loop of its own
STRIP = 4  # rows of a product's results that are computed together


@dataclass(frozen=True, slots=True)
class Loop:
    """A walk over `shape`: unit u covers elements [b * block, (b + 1) * block) of the innermost
    axis (cut off at its end), b = u % blocks, at index u // blocks of the outer axes (row-major).

    `flat`: `shape` is (count,) because every value of the body has either one element or the
    iteration's elements in the same order, so that one running index addresses all of them.
    `whole`: the innermost axis is known to be one block.
    """

    shape: Shape
    block: int
    flat: bool
    whole: bool = False

    @property
    def blocks(self) -> Size:
        """Blocks of the innermost axis."""
        if self.whole:
            return 1
        return dims.ceildiv(self.shape[-1], self.block) if self.shape else 1

    @property
    def units(self) -> Size:
        return dims.product(self.shape[:-1]) * self.blocks


def map_loop(kernel: Any) -> Loop:
    """The walk of a map kernel over the shape that all its results have."""
    shape = types.of(yielded(kernel)[0]).shape
    block = choice.of(kernel).block or MAP_BLOCK
    if _is_flat(kernel, dims.product(shape)):
        return Loop((dims.product(shape),), block, flat=True)
    return Loop(shape, block, flat=False, whole="cut" in kernel.attributes)


@dataclass(frozen=True, slots=True)
class Strips:
    """A walk over the results of a product: a unit is `rows` neighbours along `axis`, which share
    what they read of one factor, with all that lies behind that axis. Unit u is strip u % strips
    at index u // strips of the axes before (row-major)."""

    shape: Shape
    axis: int
    rows: int

    @property
    def strips(self) -> Size:
        return dims.ceildiv(self.shape[self.axis], self.rows)

    @property
    def units(self) -> Size:
        return dims.product(self.shape[: self.axis]) * self.strips


@dataclass(frozen=True, slots=True)
class Columns:
    """A walk over results that are built up along `axis` one after another: a unit is all of that
    axis, at `block` positions of the last axis and one of every other. Unit u is block u % blocks
    at index u // blocks of the other axes (row-major); without axes behind `axis`, blocks is 1."""

    shape: Shape
    axis: int
    block: int

    @property
    def others(self) -> Shape:
        """The axes that units number, the last one left out."""
        last = len(self.shape) - 1
        return tuple([n for a, n in enumerate(self.shape) if a not in (self.axis, last)])

    @property
    def blocks(self) -> Size:
        last = len(self.shape) - 1
        return 1 if self.axis == last else dims.ceildiv(self.shape[last], self.block)

    @property
    def units(self) -> Size:
        return dims.product(self.others) * self.blocks


def reduce_walk(kernel: Any) -> Loop | Strips | Columns:
    """The walk of a reduce kernel over its results."""
    shape, fold = types.of(yielded(kernel)[0]).shape, anchor(kernel)
    if fold.name == "axe.conv":
        each = types.of(fold.operands[1]).shape[0]
        if (groups := fold.attributes["groups"].value) != 1:  # a strip lies in one group
            each = each // groups
            return Strips(shape, 1, math.gcd(each, STRIP) if isinstance(each, int) else 1)
        return Strips(shape, 1, STRIP)
    if fold.name == "axe.dot_general":
        free = types.of(fold.operands[0]).rank - len(ints(fold, "contract_x"))
        if free > len(ints(fold, "batch_x")):
            return Strips(shape, free - 1, STRIP)
    if fold.name in ("axe.scatter", "axe.cumulate"):
        return Columns(shape, fold.attributes["axis"].value, REDUCE_BLOCK)
    if fold.name in ("axe.argsort", "axe.top"):
        return Columns(shape, len(shape) - 1, REDUCE_BLOCK)
    return Loop(shape, choice.of(kernel).block or REDUCE_BLOCK, flat=False)


def _is_flat(kernel: Any, count: Size) -> bool:
    return all(_is_flat_op(op, count) for op in ops_of(kernel))


def _is_flat_op(op: Any, count: Size) -> bool:
    source = types.of(op.operands[0]) if len(op.operands) else None
    result = types.of(op.results[0])
    if op.name in ("axe.constant", "axe.dim_size"):
        return result.count == 1
    if op.name == "axe.broadcast":
        # From one element, or only size-1 axes added.
        axes = ints(op, "axes")
        keeps_order = (
            axes == tuple(sorted(axes)) and source is not None and source.count == result.count
        )
        return keeps_order or (source is not None and source.count == 1)
    same_order = OPS[op.name].group in ("pointwise", "alias")
    return same_order and result.count in (1, count)


def reduce_workspace(kernel: Any) -> tuple[Size, ...]:
    """What scatter builds up, where no result can hold it (f16 and bf16 are joined in f32); the
    words that argsort and top order, twice."""
    fold = anchor(kernel)
    if fold.name in ("axe.argsort", "axe.top"):
        type_ = types.of(fold.results[0])
        words = 8 if types.of(fold.operands[0]).dtype.size < 8 else 16  # words.py
        if fold.name == "axe.argsort":
            return (2 * words * type_.count,)
        return (2 * words * top_room(type_.shape[-1]) * dims.product(type_.shape[:-1]),)
    if fold.name != "axe.scatter":
        return ()
    type_ = types.of(fold.results[0])
    if type_.dtype.size > 2 and sums_result(kernel, type_.dtype) is not None:
        return ()
    return (type_.count * max(type_.dtype.size, dtypes.f32.size),)


def top_room(k: Size) -> int:
    """How many words top has of a line: more than twice k, or few enough to compare them with each
    other, and a vector behind them."""
    assert isinstance(k, int)
    return MOST_LANES + (_FEW_WORDS if k <= _FEW_WORDS // 4 else 2 * k + _FEW_WORDS)
