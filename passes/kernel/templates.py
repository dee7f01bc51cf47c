"""How a kernel covers its work: iteration shape, parallel units and scratch, per template.

One function per template, read by the fuser (is this a gemm?), by outlining (the attributes `units`
and `workspace`) and by every back end (the loops). A kernel is a `kernel.define` or `kernel.fused`;
sizes are dim expressions in its own dims. Units are independent: any split of [0, units) over
threads gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from axec.dialects import dims, dtypes, types
from axec.dialects.axe import OPS
from axec.dialects.dims import Size
from axec.dialects.kernel import body_of, yielded
from axec.dialects.types import Shape, TensorType
from axec.mlir import ir

MAP_BLOCK = 1024  # elements of the innermost axis per unit: one unit is worth about a microsecond
REDUCE_BLOCK = 64  # results per unit: each of them is a loop of its own
PANEL = 64  # columns of a gemm per unit
DEPTH = 256  # of the contracted axis, packed at a time: a panel of f32 then takes 64 KiB
ROWS_IN_PLACE = 6  # up to so many rows, packing costs more than it saves
GEMM_UNITS = 16  # fewer panels than this are divided by rows, too, so that threads find work
ROW_QUANTUM = 24  # rows per unit are a multiple of every register tile's


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
    """

    shape: Shape
    block: int
    flat: bool

    @property
    def blocks(self) -> Size:
        """Blocks of the innermost axis."""
        return dims.ceildiv(self.shape[-1], self.block) if self.shape else 1

    @property
    def units(self) -> Size:
        return dims.product(self.shape[:-1]) * self.blocks


def map_loop(kernel: Any) -> Loop:
    """The walk of a map kernel over the shape that all its results have."""
    shape = types.of(yielded(kernel)[0]).shape
    if _is_flat(kernel, dims.product(shape)):
        return Loop((dims.product(shape),), MAP_BLOCK, flat=True)
    return Loop(shape, MAP_BLOCK, flat=False)


def reduce_loop(kernel: Any) -> Loop:
    """The walk of a reduce kernel over its results."""
    return Loop(types.of(yielded(kernel)[0]).shape, REDUCE_BLOCK, flat=False)


def anchor(kernel: Any) -> Any:
    """The folding op of a reduce or gemm kernel: the one that is in group `contract`."""
    return next(o for o in ops_of(kernel) if OPS[o.name].group == "contract")


def _is_flat(kernel: Any, count: Size) -> bool:
    return all(_is_flat_op(op, count) for op in ops_of(kernel))


def _is_flat_op(op: Any, count: Size) -> bool:
    source = types.of(op.operands[0]) if len(op.operands) else None
    result = types.of(op.results[0])
    if op.name == "axe.constant":
        return result.count == 1
    if op.name == "axe.broadcast":
        # From one element, or only size-1 axes added.
        axes = list(op.attributes["axes"])
        keeps_order = axes == sorted(axes) and source is not None and source.count == result.count
        return keeps_order or (source is not None and source.count == 1)
    same_order = OPS[op.name].group in ("pointwise", "alias")
    return same_order and result.count in (1, count)


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


_Axis = tuple[Size, ...]  # size, then a stride per column

# ---- gemm ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gemm:
    """out[b..., m, n] = sum over k of left[b..., m, k] * right[b..., k, n].

    All strides are in elements of the buffer that `left` / `right` names; the result is row-major
    [batch..., m, n]. `batch` is (size, left stride, right stride) from the outermost axis inwards;
    a stride of 0 repeats that factor. A unit is PANEL columns of `row_block` rows of one batch
    element: unit u is row block u % row_blocks of panel u // row_blocks % panels of batch element
    u // row_blocks // panels.
    """

    dot: Any  # the axe.dot_general
    left: Any  # the MLIR value (in a kernel: a block argument) that is read
    right: Any
    batch: tuple[tuple[Size, Size, Size], ...]
    m: Size
    n: Size
    k: Size
    left_strides: tuple[Size, Size]  # of m, k
    right_strides: tuple[Size, Size]  # of k, n

    @property
    def batch_count(self) -> Size:
        return dims.product(size for size, _, _ in self.batch)

    @property
    def panels(self) -> Size:
        """Panels per batch element."""
        return dims.ceildiv(self.n, PANEL)

    @property
    def row_block(self) -> Size:
        """Rows of a unit: all, where there are panels enough."""
        panels = self.batch_count * self.panels
        if not isinstance(panels, int) or panels >= GEMM_UNITS:
            return self.m
        if not isinstance(self.m, int):
            return 8 * ROW_QUANTUM
        rows = -(-self.m * panels // GEMM_UNITS)
        return min(self.m, max(-(-rows // ROW_QUANTUM), 4) * ROW_QUANTUM)

    @property
    def row_blocks(self) -> Size:
        """Units per panel."""
        rows = self.row_block
        return dims.ceildiv(self.m, rows) if isinstance(rows, int) and rows else 1

    @property
    def units(self) -> Size:
        return self.batch_count * self.panels * self.row_blocks

    @property
    def may_be_one_row(self) -> bool:
        """May there be a single row, with a right factor that is read once, in its own order?"""
        left_k, (right_k, right_n) = self.left_strides[1], self.right_strides
        in_order = right_n == 1 or (right_k == 1 and left_k == 1)
        return in_order and (self.m == 1 or not isinstance(self.m, int))

    # Packing: a panel of `right` is copied, `depth` x `width` at a time, into the slot of the first
    # of the units that a thread works on.

    @property
    def packs(self) -> bool:
        """Are panels of `right` copied before use?"""
        if not isinstance(self.m, int):
            return True
        few = self.m <= ROWS_IN_PLACE and self.right_strides[1] == 1
        return not few and not self.may_be_one_row

    @property
    def depth(self) -> int:
        """How much of k is packed at a time: equal parts of at most DEPTH, whole vectors."""
        if not isinstance(self.k, int):
            return DEPTH
        parts = max(-(-self.k // DEPTH), 1)
        return max(_VECTOR * -(-self.k // (parts * _VECTOR)), _VECTOR)

    @property
    def width(self) -> int:
        """Columns of a packed panel: PANEL, or half or a quarter of it if that holds all."""
        narrow = [w for w in (PANEL // 4, PANEL // 2) if isinstance(self.n, int) and self.n <= w]
        return narrow[0] if narrow else PANEL

    @property
    def slot_bytes(self) -> int:
        """Room for one packed part."""
        return self.depth * self.width * types.of(self.left).dtype.size if self.packs else 0

    @property
    def in_passes(self) -> bool:
        """Are sums built up in memory: part by part of k, or over a whole row?"""
        parts = self.packs and (not isinstance(self.k, int) or self.k > self.depth)
        return parts or self.may_be_one_row


_VECTOR = 16  # a multiple of the lanes of every vector register


def gemm_of(dot: Any) -> Gemm | None:
    """How a dot_general is one strided matrix product, or None where it is not (another dtype than
    f32 and f64, columns or contracted axes that are no single strided run, or a product of
    vectors).

    Transposes that feed the operands are looked through. A product without columns is read as its
    mirror image, so that the long axis is the one that vectors run along.
    """
    if types.of(dot.operands[0]).dtype not in (dtypes.f32, dtypes.f64):
        return None
    left, right = _factors(dot)
    columns = merge(right.free)
    if not columns:
        left, right = right, left
        columns = merge(right.free)
    folded = merge(sorted(_pairs(left.contract, right.contract), key=_outermost_first))
    if len(folded) > 1 or len(columns) != 1:
        return None
    *outer, (m, m_stride) = merge(left.free) or [(1, 0)]
    k, left_k, right_k = (folded or [(1, 0, 0)])[0]
    repeated = [(size, stride, 0) for size, stride in outer]
    batch = merge([*_pairs(left.batch, right.batch), *repeated])
    n, n_stride = columns[0]
    return Gemm(
        dot=dot,
        left=left.value,
        right=right.value,
        batch=tuple((size, a, b) for size, a, b in batch),
        m=m,
        n=n,
        k=k,
        left_strides=(m_stride, left_k),
        right_strides=(right_k, n_stride),
    )


@dataclass(frozen=True, slots=True)
class _Factor:
    """One operand of a dot_general: the value that is read, and its axes by role."""

    value: Any
    batch: list[_Axis]
    contract: list[_Axis]
    free: list[_Axis]


def _factors(dot: Any) -> tuple[_Factor, _Factor]:
    found = []
    for operand, side in zip(dot.operands, "xy", strict=True):
        value, axes = strided(operand)
        batch, contract = (list(dot.attributes[f"{r}_{side}"]) for r in ("batch", "contract"))
        free = [a for i, a in enumerate(axes) if i not in batch and i not in contract]
        found.append(_Factor(value, [axes[i] for i in batch], [axes[i] for i in contract], free))
    return found[0], found[1]


def _pairs(left: list[_Axis], right: list[_Axis]) -> list[_Axis]:
    """(size, left stride, right stride) of axes that both factors share."""
    return [(*a, b[1]) for a, b in zip(left, right, strict=True)]


def _outermost_first(axis: _Axis) -> tuple[bool, int]:
    stride = axis[1]
    return (True, -stride) if isinstance(stride, int) else (False, 0)


def gemm(kernel: Any) -> Gemm:
    """The product of a gemm kernel."""
    found = gemm_of(anchor(kernel))
    assert found is not None, "a gemm kernel holds a strided matrix product"
    return found


def gemm_workspace(kernel: Any) -> tuple[Size, ...]:
    """[packed panels, one slot per unit], [sums]: each where it is needed. The sums of a product
    are kept in a result of their dtype; scratch holds them where there is none and they are built
    up in several passes."""
    g = gemm(kernel)
    found = [g.units * g.slot_bytes] if g.packs else []
    if sums_result(kernel) is None and g.in_passes:
        found.append(g.batch_count * g.m * g.n * types.of(g.left).dtype.size)
    return tuple(found)


def sums_result(kernel: Any) -> int | None:
    """The first result that can hold the bare product while it is computed."""
    dtype = types.of(anchor(kernel).results[0]).dtype
    found = [i for i, t in enumerate(result_types(kernel)) if t.dtype is dtype]
    return found[0] if found else None


def strided(value: Any) -> tuple[Any, list[_Axis]]:
    """Look through transposes: the value that is read, and (size, stride) per axis of `value`."""
    order: Sequence[int] = range(types.of(value).rank)
    while (owner := producer(value)) is not None and owner.name == "axe.transpose":
        perm = tuple(owner.attributes["perm"])
        order = [perm[i] for i in order]
        value = owner.operands[0]
    shape = types.of(value).shape
    strides = row_major(shape)
    return value, [(shape[i], strides[i]) for i in order]


def row_major(shape: Shape) -> list[Size]:
    """Strides, in elements, of a row-major buffer."""
    found: list[Size] = []
    step: Size = 1
    for size in reversed(shape):
        found.append(step)
        step = step * size
    return found[::-1]


def merge(axes: Sequence[_Axis]) -> list[_Axis]:
    """Join neighbouring axes that walk memory as one; axes of size 1 vanish."""
    found: list[_Axis] = []
    for size, *strides in axes:
        if size == 1:
            continue
        if found and all(
            outer == size * inner for outer, inner in zip(found[-1][1:], strides, strict=True)
        ):
            found[-1] = (found[-1][0] * size, *strides)
        else:
            found.append((size, *strides))
    return found


def producer(value: Any) -> Any:
    """The operation that makes a value, or None for a block argument."""
    return value.owner if isinstance(value, ir.OpResult) else None


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
    "reduce": Template(lambda kernel: reduce_loop(kernel).units),
    "gemm": Template(lambda kernel: gemm(kernel).units, gemm_workspace),
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
