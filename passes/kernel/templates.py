"""How a kernel covers its work: iteration shape, parallel units and scratch, per template.

One function per template, read by the fuser (is this a gemm?), by outlining (the attributes `units`
and `workspace`) and by every back end (the loops). A kernel is a `kernel.define` or `kernel.fused`;
sizes are dim expressions in its own dims. Units are independent: any split of [0, units) over
threads gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from axec.dialects import dims, dtypes, types
from axec.dialects.axe import OPS
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.dialects.kernel import body_of, sizes, texts, yielded
from axec.dialects.types import Shape, TensorType
from axec.mlir import ir
from axec.passes.kernel import choice
from axec.passes.kernel.attention import attention_of
from axec.passes.kernel.channels_last import ChannelsLast, channels_last_of
from axec.passes.kernel.convolution import Conv, conv_of
from axec.passes.kernel.product import Gemm, gemm_of
from axec.passes.kernel.weight_layouts import Winograd as Transformed
from axec.passes.kernel.weight_layouts import parse
from axec.passes.kernel.winograd import Winograd

MAP_BLOCK = 1024  # elements of the innermost axis per unit: one unit is worth about a microsecond
REDUCE_BLOCK = 128  # results per unit: each of them is a loop of its own
STRIP = 4  # rows of a product's results that are computed together


def ops_of(kernel: Any) -> list[Any]:
    """The body's operations without kernel.yield."""
    return [o.operation for o in body_of(kernel).operations][:-1]


# ---- map, reduce ---------------------------------------------------------------------------------


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
        free = types.of(fold.operands[0]).rank - len(fold.attributes["contract_x"])
        if free > len(fold.attributes["batch_x"]):
            return Strips(shape, free - 1, STRIP)
    if fold.name in ("axe.scatter", "axe.cumulate"):
        return Columns(shape, fold.attributes["axis"].value, REDUCE_BLOCK)
    if fold.name == "axe.argsort":
        return Columns(shape, len(shape) - 1, REDUCE_BLOCK)
    return Loop(shape, choice.of(kernel).block or REDUCE_BLOCK, flat=False)


def anchor(kernel: Any) -> Any:
    """The folding op of a reduce or gemm kernel: the one that is in group `contract`."""
    return next(o for o in ops_of(kernel) if OPS[o.name].group == "contract")


def _is_flat(kernel: Any, count: Size) -> bool:
    return all(_is_flat_op(op, count) for op in ops_of(kernel))


def _is_flat_op(op: Any, count: Size) -> bool:
    source = types.of(op.operands[0]) if len(op.operands) else None
    result = types.of(op.results[0])
    if op.name in ("axe.constant", "axe.dim_size"):
        return result.count == 1
    if op.name == "axe.broadcast":
        # From one element, or only size-1 axes added.
        axes = list(op.attributes["axes"])
        keeps_order = axes == sorted(axes) and source is not None and source.count == result.count
        return keeps_order or (source is not None and source.count == 1)
    same_order = OPS[op.name].group in ("pointwise", "alias")
    return same_order and result.count in (1, count)


def reduce_workspace(kernel: Any) -> tuple[Size, ...]:
    """What scatter builds up, where no result can hold it (f16 and bf16 are joined in f32); the
    words that argsort orders, twice."""
    fold = anchor(kernel)
    if fold.name == "axe.argsort":
        words = 8 if types.of(fold.operands[0]).dtype.size < 8 else 16  # sort.py
        return (2 * words * types.of(fold.results[0]).count,)
    if fold.name != "axe.scatter":
        return ()
    type_ = types.of(fold.results[0])
    if type_.dtype.size > 2 and sums_result(kernel, type_.dtype) is not None:
        return ()
    return (type_.count * max(type_.dtype.size, dtypes.f32.size),)


# ---- row -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rows:
    """Reductions over the trailing axes `trail` of [lead..., trail...]; a unit is one row."""

    lead: Shape
    trail: Shape

    @property
    def units(self) -> Size:
        return dims.product(self.lead)

    @property
    def length(self) -> Size:
        """Elements of a row."""
        return dims.product(self.trail)


def rows_of(reduce: Any) -> Rows | None:
    """The rows of one `axe.reduce`, or None where it does not fold trailing axes."""
    axes = sorted(reduce.attributes["axes"])
    shape = types.of(reduce.operands[0]).shape
    split = len(shape) - len(axes)
    if axes != list(range(split, len(shape))):
        return None
    return Rows(shape[:split], shape[split:])


def rows(kernel: Any) -> Rows:
    """The rows of a row kernel; all its reductions share them."""
    found = rows_of(next(o for o in ops_of(kernel) if o.name == "axe.reduce"))
    assert found is not None, "a row kernel reduces over trailing axes"
    return found


# ---- gemm ----------------------------------------------------------------------------------------


Product = Gemm | Conv | ChannelsLast | Winograd

_PRODUCTS: dict[str, Callable[[Any], Product | None]] = {
    "axe.dot_general": gemm_of,
    "axe.conv": lambda op: channels_last_of(op) or conv_of(op),
}


def product_of(op: Any) -> Product | None:
    """How a folding op is a product that the gemm template takes, or None where it is not."""
    rule = _PRODUCTS.get(op.name)
    return rule(op) if rule else None


def product(kernel: Any) -> Product:
    """The product of a gemm kernel."""
    found = product_of(anchor(kernel))
    assert found is not None, "a gemm kernel holds a product that the template takes"
    if "layouts" in kernel.attributes:
        layout = texts(kernel.attributes["layouts"])[ir.BlockArgument(found.weight).arg_number]
        found = _stored(found, layout)
    if isinstance(found, ChannelsLast) and "cut" in kernel.attributes:
        found = replace(found, cut=tuple(sizes(kernel.attributes["cut"])))
    return replace(found, choice=choice.of(kernel))


def _stored(found: Product, layout: str) -> Product:
    if isinstance(found, ChannelsLast) and layout and isinstance(parse(layout), Transformed):
        return Winograd(found.conv)
    return found if isinstance(found, Winograd) else found.stored(layout)


def gemm_workspace(kernel: Any) -> tuple[Size, ...]:
    """[packed panels, one slot per unit], [sums]: each where it is needed. The sums of a product
    are kept in a result of their dtype; scratch holds them where there is none and they are built
    up in several passes."""
    g = product(kernel)
    if isinstance(g, Winograd):
        return (g.units * g.slot_bytes,)
    if not isinstance(g, Gemm):
        return ()
    found = [g.units * g.slot_bytes] if g.packs else []
    if sums_result(kernel, g.sums) is None and g.in_passes:
        found.append(g.batch_count * g.m * g.n * g.sums.size)
    return tuple(found)


def sums_result(kernel: Any, dtype: DType) -> int | None:
    """The first result that can hold sums of that dtype while they are computed."""
    found = [i for i, t in enumerate(result_types(kernel)) if t.dtype is dtype]
    return found[0] if found else None


def is_generic(kernel: Any) -> bool:
    """Is it a product that has no tiles: of a dtype, or of axes, that `product_of` does not take?
    Such kernels are correct, and slow."""
    return template_of(kernel) == "reduce" and anchor(kernel).name in _PRODUCTS


# ---- matrix --------------------------------------------------------------------------------------


def matrices(kernel: Any) -> Size:
    """The matrices that a matrix kernel works on; a unit is one of them."""
    return dims.product(types.of(yielded(kernel)[0]).shape[:-2])


# ---- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Template:
    """`units(kernel)`: independent parts; `workspace(kernel)`: bytes per scratch buffer. Scratch is
    shared by all parts of a launch: a part writes only what belongs to its own units."""

    units: Callable[[Any], Size]
    workspace: Callable[[Any], tuple[Size, ...]] = lambda kernel: ()


TEMPLATES: dict[str, Template] = {
    "map": Template(lambda kernel: map_loop(kernel).units),
    "row": Template(lambda kernel: rows(kernel).units),
    "reduce": Template(lambda kernel: reduce_walk(kernel).units, reduce_workspace),
    "gemm": Template(lambda kernel: product(kernel).units, gemm_workspace),
    "attention": Template(lambda kernel: attention_of(kernel).units),
    "matrix": Template(matrices),
}


def template_of(kernel: Any) -> str:
    """The template's name."""
    return str(kernel.attributes["template"].value)


def units(kernel: Any) -> Size:
    """The number of independent parts of a kernel's work."""
    return TEMPLATES[template_of(kernel)].units(kernel)


def workspace(kernel: Any) -> tuple[Size, ...]:
    """Bytes of each scratch buffer that a launch needs."""
    return TEMPLATES[template_of(kernel)].workspace(kernel)


def result_types(kernel: Any) -> list[TensorType]:
    """Types of the kernel's results."""
    return [types.of(v) for v in yielded(kernel)]
