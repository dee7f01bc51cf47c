"""What the parts of one gemm kernel share while it is emitted: sizes, steps, addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from axec.passes.codegen.cpu.gemm.arithmetic import Arithmetic
from axec.passes.codegen.cpu.gemm.epilogue import Epilogue
from axec.passes.codegen.cpu.gemm.problem import Problem
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.llvm import Builder, Type, Value, vec, zero
from axec.passes.kernel.templates.gemm import Gemm


@dataclass(frozen=True, slots=True)
class Steps:
    """Bytes from one m, n, k or batch element to the next, in each matrix. Where `right` lies in
    panels, right_n counts from one panel to the next: PANEL times it."""

    left_m: Value
    left_k: Value
    right_k: Value
    right_n: Value
    sums_m: Value
    sums_batch: Value


@dataclass(frozen=True, slots=True)
class Setting:
    """One kernel function. All values are computed at its entry.

    arithmetic: of tiles; single: of single steps of k; element: of the factors, in memory; batch:
    size, bytes from one to the next in left and right, per axis; panels, row_blocks: how many, at
    least 1; epilogue: what becomes of the sums, None where they are the result; left, right:
    addresses; sums: of the row-major product, a result of the kernel or scratch (None: it is never
    stored as such); slots: of the room for packed columns; scratch: of the room for the sums of one
    tile; rows: of that for its packed rows (None: they are read in place); surplus: of that for
    what a row of sums counts too much (None: nothing); dots: columns of a tile of dots.py."""

    b: Builder
    problem: Problem
    tile: Tile
    arithmetic: Arithmetic
    single: Arithmetic
    element: Type
    epilogue: Epilogue | None
    batch: Sequence[tuple[Value, Value, Value]]
    m: Value
    n: Value
    k: Value
    panels: Value
    row_blocks: Value
    steps: Steps
    left: Value
    right: Value
    sums: Value | None
    slots: Value | None
    scratch: Value
    rows: Value | None
    surplus: Value | None
    dots: int = 0

    @property
    def gemm(self) -> Gemm:
        return self.problem.gemm

    @property
    def sum(self) -> Type:
        return self.arithmetic.sums

    @property
    def word(self) -> Type:
        return self.arithmetic.word

    @property
    def group(self) -> int:
        return self.arithmetic.group

    @property
    def vector(self) -> Type:
        """Of sums."""
        return vec(self.sum, self.tile.lanes)

    @property
    def words(self) -> Type:
        return vec(self.word, self.tile.lanes)

    @property
    def elements(self) -> Type:
        return vec(self.element, self.tile.lanes)

    @property
    def k_fits(self) -> bool:
        """Every word along k is whole."""
        k = self.gemm.k
        return self.group == 1 or (isinstance(k, int) and k % self.group == 0)

    @property
    def rows_fit(self) -> bool:
        """Every tile has all its rows."""
        g, rows = self.gemm, self.tile.rows
        block = g.m if g.row_blocks == 1 else g.row_block
        return all(isinstance(size, int) and size % rows == 0 for size in (g.m, block))

    @property
    def rows_follow(self) -> bool:
        """Is `left`, as tiles read it, one stream from the first row to the last?"""
        g = self.gemm
        return self.rows is None and not g.in_parts and g.left_strides == (g.k, 1)

    @property
    def counts_surplus(self) -> bool:
        """Do sums count too much, so that it has to be found out how much?"""
        return self.surplus is not None and not self.tile.engine

    @property
    def columns_fit(self) -> bool:
        """Every tile has all its columns."""
        return isinstance(self.gemm.n, int) and self.gemm.n % self.tile.columns == 0


@dataclass(frozen=True, slots=True)
class Panel:
    """Rows [row, end_row) and columns [column, end_column) of batch element `batch`; left, right,
    sums: addresses of its element (0, 0). `slot`: room for packed columns."""

    batch: Value
    left: Value
    right: Value
    sums: Value | None
    row: Value
    end_row: Value
    column: Value
    end_column: Value
    slot: Value | None


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the product: its first row and column, how many rows and columns."""

    row: Value
    column: Value
    rows: Value
    columns: Value


@dataclass(frozen=True, slots=True)
class Matrix:
    """A place for rows of sums: the address of the first and the bytes from one to the next."""

    address: Value
    step: Value


def load(b: Builder, type_: Type, place: Value, mask: Value | None) -> Value:
    """A vector; lanes outside the mask, if there is one, are 0."""
    if mask is None:
        return b.load(type_, place)
    return b.masked_load(type_, place, mask, zero(type_))


def store(b: Builder, place: Value, value: Value, mask: Value | None) -> None:
    """The lanes of a vector that are in the mask; all without one."""
    if mask is None:
        b.store(value, place)
    else:
        b.masked_store(value, place, mask)
