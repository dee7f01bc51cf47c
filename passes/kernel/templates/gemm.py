"""The matrix product of a gemm kernel: a dot_general as strides, and how it is cut up.

Read by the fuser (is this a gemm?), by outlining (units, workspace) and by the back ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from axec.dialects import dims, dtypes, types
from axec.dialects.attrs import ints
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.passes.kernel.strides import (
    SUMS,
    TRANSPOSES,
    WIDENING,
    WINDOWS,
    Axis,
    merge,
    strided,
)
from axec.passes.kernel.templates.choice import AS_MODELLED, Choice
from axec.passes.kernel.weight_layouts import PANEL

# Words along the contracted axis that are packed at once: a panel then takes 256 KiB. Beyond these,
# parts of at most DEPTH. (Percent of time at 1024^3 that one part saves over three of f32: 1, on v3
# 6; over two of bf16: 4. Two parts of 1024 words lose 2 to four of 512.)
WHOLE, DEPTH = 1024, 512
UNITS = 16  # fewer panels than this are divided by rows, too, so that threads find work
ROW_QUANTUM = 24  # rows per unit are a multiple of every register tile's

# Up to so many rows, packing costs more than it saves; up to the second number if a panel is no
# higher than STEPS_IN_PLACE and so stays in the second-level cache, and however many there are if
# it is spread over that whole cache, too: if k and k + 1 are whole cache lines and at most
# STRIDE_IN_PLACE bytes apart.
FEW_ROWS, SOME_ROWS = 16, 64
STEPS_IN_PLACE = 1024
STRIDE_IN_PLACE = 2048
_STRIDES_IN_PLACE = range(64, STRIDE_IN_PLACE + 1, 64)

#: Up to so many rows, or columns, sums are dot products (`Gemm.by_dots`): of at least so many steps
#: of k, and if columns have to be turned around for it, of at most so many bytes.
DOT_ROWS, DOT_COLUMNS, LEAST_DOT, TURNED_BYTES = 8, 8, 32, 1 << 18
#: The same of columns and steps where these are longer.
LONG_COLUMNS, LONG_DOT = 12, 128

_VECTOR = 16  # a multiple of the lanes of every vector register

#: Factors that instructions multiply in groups of neighbours along k, which then lie side by side
#: in panels: as many as fill 32 bits, the width of their sums.
GROUPS = {dtypes.bf16: 2, dtypes.i8: 4, dtypes.u8: 4}


@dataclass(frozen=True, slots=True)
class Gemm:
    """out[b..., m, n] = sum over k of left[b..., m, k] * right[b..., k, n].

    All strides and offsets are in elements of the buffer that `left` / `right` names; the result is
    row-major [batch..., m, n]. `batch` is (size, left stride, right stride) from the outermost axis
    inwards; a stride of 0 repeats that factor. A unit is PANEL columns of `row_block` rows of one
    batch element: unit u is row block u % row_blocks of panel u // row_blocks % panels of batch
    element u // row_blocks // panels.
    """

    dot: Any  # the axe.dot_general
    dtype: DType  # of `right`; `left` has the same size
    sums: DType  # in which products are summed
    left: Any  # the MLIR value (in a kernel: a block argument) that is read
    right: Any
    batch: tuple[tuple[Size, Size, Size], ...]
    m: Size
    n: Size
    k: Size
    left_strides: tuple[Size, Size]  # of m, k
    right_strides: tuple[Size, Size]  # of k, n
    left_offset: Size = 0
    right_offset: Size = 0
    through: frozenset[str] = TRANSPOSES  # ops that were looked through to find the buffers
    in_panels: bool = False  # right lies as weight_layouts.Panels says
    choice: Choice = AS_MODELLED

    @property
    def weight(self) -> Any:
        """The factor that may lie otherwise than row by row."""
        return self.right

    def stored(self, layout: str) -> Gemm:
        """The product where `weight` lies so; "" is row by row."""
        return replace(self, in_panels=bool(layout))

    @property
    def itemsize(self) -> int:
        """Bytes of an element of a factor."""
        return self.dtype.size

    @property
    def group(self) -> int:
        """How many neighbours in k of a column lie side by side in panels."""
        return GROUPS.get(self.dtype, 1)

    @property
    def batch_count(self) -> Size:
        return dims.product(size for size, _, _ in self.batch)

    @property
    def panels(self) -> Size:
        """Panels per batch element."""
        return dims.ceildiv(self.n, PANEL)

    @property
    def row_block(self) -> Size:
        """Rows of a unit."""
        if self.choice.rows is not None:
            return at_most(self.choice.rows, self.m)
        return rows_per_unit(self.m, self.batch_count * self.panels)

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
        if self.by_dots:
            return False
        left_k, (right_k, right_n) = self.left_strides[1], self.right_strides
        in_order = right_n == 1 or (right_k == 1 and left_k == 1)
        return not self.in_panels and in_order and (self.m == 1 or not isinstance(self.m, int))

    @property
    def by_dots(self) -> bool:
        """Is every sum a dot product, lane by lane along k? Where one factor has few rows or
        columns, and both have neighbours along k, or the right one's few columns can."""
        m, n, k = self.m, self.n, self.k
        if self.in_panels or m == 1 or self.left_strides[1] != 1:
            return False
        if isinstance(k, int) and k < LEAST_DOT:
            return False
        low = isinstance(m, int) and m <= DOT_ROWS
        most = LONG_COLUMNS if isinstance(k, int) and k >= LONG_DOT else DOT_COLUMNS
        narrow = isinstance(n, int) and n <= most
        if self.right_strides[0] == 1:
            return low or narrow
        turned = isinstance(n, int) and isinstance(k, int) and k * n * self.itemsize <= TURNED_BYTES
        return narrow and turned and not low

    # Packing: a panel of `right` is copied, `depth` x `width` at a time, into the slot of the first
    # of the units that a thread works on.

    @property
    def packs(self) -> bool:
        """Are panels of `right` copied before use?"""
        if self.by_dots:
            return self.right_strides[0] != 1
        in_order = self.m == 1 and self.may_be_one_row
        return not (self.in_panels or self._in_place or in_order)

    @property
    def repacks(self) -> bool:
        """Do several batch elements of few rows pack the same panels?"""
        low = isinstance(self.m, int) and self.m <= SOME_ROWS
        return low and self.packs and any(step == 0 for *_, step in self.batch)

    @property
    def may_be_in_place(self) -> bool:
        """Can tiles read `right` as it lies, row by row?"""
        return self.right_strides[1] == 1 and self.group == 1

    @property
    def _in_place(self) -> bool:
        step, m = self.right_strides[0], self.m
        if not self.may_be_in_place:
            return False
        if self.choice.pack is not None:
            return not self.choice.pack
        if isinstance(m, int) and m <= FEW_ROWS:
            return True
        low = isinstance(self.k, int) and self.k <= STEPS_IN_PLACE
        spread = isinstance(step, int) and step * self.itemsize in _STRIDES_IN_PLACE
        return low and (spread or (isinstance(m, int) and m <= SOME_ROWS))

    @property
    def depth(self) -> int:
        """How much of k is packed at a time, in whole vectors of words: all of up to WHOLE words,
        else equal parts of at most DEPTH; or parts of at most as many as are chosen."""
        chosen = self.choice.depth
        most, vector = (chosen or DEPTH) * self.group, _VECTOR * self.group
        if not isinstance(self.k, int):
            return most
        whole = self.by_dots or (chosen is None and self.k <= WHOLE * self.group)
        parts = 1 if whole else max(-(-self.k // most), 1)
        return max(vector * -(-self.k // (parts * vector)), vector)

    @property
    def width(self) -> int:
        """Columns of a packed panel: PANEL, or half or a quarter of it if that holds all; of dot
        products, those that there are."""
        if self.by_dots and isinstance(self.n, int):
            return min(self.n, PANEL)
        narrow = [w for w in (PANEL // 4, PANEL // 2) if isinstance(self.n, int) and self.n <= w]
        return narrow[0] if narrow else PANEL

    @property
    def slot_bytes(self) -> int:
        """Room for one packed part."""
        return self.depth * self.width * self.itemsize if self.packs else 0

    @property
    def left_in_words(self) -> bool:
        """Are groups of k side by side in `left`, too? Its rows are copied for each tile if not."""
        k = self.k
        whole = isinstance(k, int) and k % self.group == 0 and self.left_strides[1] == 1
        return self.group == 1 or whole or self.by_dots

    @property
    def in_parts(self) -> bool:
        """Is k cut into parts, so that what is packed stays in the cache?"""
        packed = self.packs or not self.left_in_words
        return packed and not self.by_dots and (not isinstance(self.k, int) or self.k > self.depth)

    @property
    def in_passes(self) -> bool:
        """Are sums built up in memory: part by part of k, or over a whole row?"""
        return self.in_parts or self.may_be_one_row


def rows_per_unit(rows: Size, others: Size, least: int = 4) -> Size:
    """How many rows of a product make a unit, where `others` says what else divides it: all, or if
    the units would be few, equal blocks of at least that many ROW_QUANTUMs."""
    if not isinstance(others, int) or others >= UNITS:
        return rows
    if not isinstance(rows, int):
        return 8 * ROW_QUANTUM
    share = -(-rows * others // UNITS)
    return min(rows, max(-(-share // ROW_QUANTUM), least) * ROW_QUANTUM)


def at_most(rows: int, size: Size) -> int:
    """Chosen rows of a unit, where there are so many."""
    return min(rows, max(size, 1)) if isinstance(size, int) else rows


def gemm_of(dot: Any) -> Gemm | None:
    """How a dot_general is one strided matrix product, or None where it is not (factors that have
    no row in `sums_of`, columns or contracted axes that are no single strided run, or a product of
    vectors).

    Transposes, slices and reshapes that feed the operands are looked through; if what they leave is
    no single run, or rows that would have the right factor packed again for each few of them,
    transposes alone are, or nothing. So are casts that widen both operands to the dtype of their
    sums. A product without columns is read as its mirror image, so that the long axis is the one
    that vectors run along.
    """
    ways = (WINDOWS | WIDENING, TRANSPOSES | WIDENING, WINDOWS, TRANSPOSES, frozenset[str]())
    first = None
    for found in filter(None, (_gemm(dot, through) for through in ways)):
        if not found.repacks:
            return found
        first = first or found
    return first


def sums_of(left: DType, right: DType, result: DType) -> DType | None:
    """In which dtype a product of such factors is summed for such a result; None: not at all, as a
    tiled product. Narrow floats may be rounded to their own dtype at the end, or stay wide."""
    if left is right is result:
        return result if result in (dtypes.f32, dtypes.f64) else _floats.get(result)
    same = left is right or {left, right} == {dtypes.i8, dtypes.u8}
    return result if same and SUMS.get(left) is result else None


_floats = {dtype: sums for dtype, sums in SUMS.items() if dtype.is_float}


def _gemm(dot: Any, through: frozenset[str]) -> Gemm | None:
    left, right = _factors(dot, through)
    sums = sums_of(*(types.of(v).dtype for v in (left.value, right.value, dot.results[0])))
    if sums is None:
        return None
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
        dtype=types.of(right.value).dtype,
        sums=sums,
        left=left.value,
        right=right.value,
        batch=tuple((size, a, b) for size, a, b in batch),
        m=m,
        n=n,
        k=k,
        left_strides=(m_stride, left_k),
        right_strides=(right_k, n_stride),
        left_offset=left.offset,
        right_offset=right.offset,
        through=through,
    )


@dataclass(frozen=True, slots=True)
class _Factor:
    """One operand of a dot_general: the value that is read, and its axes by role."""

    value: Any
    offset: Size
    batch: list[Axis]
    contract: list[Axis]
    free: list[Axis]


def _factors(dot: Any, through: frozenset[str]) -> tuple[_Factor, _Factor]:
    found = []
    for operand, side in zip(dot.operands, "xy", strict=True):
        seen = strided(operand, through)
        axes = seen.axes
        batch, contract = (ints(dot, f"{r}_{side}") for r in ("batch", "contract"))
        free = [a for i, a in enumerate(axes) if i not in batch and i not in contract]
        shared, folded = [axes[i] for i in batch], [axes[i] for i in contract]
        found.append(_Factor(seen.value, seen.offset, shared, folded, free))
    return found[0], found[1]


def _pairs(left: list[Axis], right: list[Axis]) -> list[Axis]:
    """(size, left stride, right stride) of axes that both factors share."""
    return [(*a, b[1]) for a, b in zip(left, right, strict=True)]


def _outermost_first(axis: Axis) -> tuple[bool, int]:
    stride = axis[1]
    return (True, -stride) if isinstance(stride, int) else (False, 0)
