"""Tiles of matrix engines, which AMX has: eight matrices of 16 rows of 16 words each.

    configure   which tiles are of how many rows and words
    zero        tile = 0
    load        tile = rows in memory
    multiply    sums[i][j] += sum over k of left[i][k] * right[k][j], of words that hold pairs of
                bf16 or quads of bytes
    store       rows in memory = tile
    release     no tile is in use: the system need not save them

The code of products (blocks.py) asks for no more than this, so that tests can run it on machines
without an engine, on tiles in memory.

Source of what AMX does: Intel 64 and IA-32 Software Developer's Manual, vol. 1, chapter 18, and
TDPBF16PS, TDPBSSD in vol. 2. Sums of bf16: the products of the first of all pairs of a tile are
added in the order of k, from 0, those of the second likewise; then both and the sum so far. Numbers
below 1.2e-38 are zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from axec.dialects import dtypes
from axec.dialects.dtypes import DType
from axec.passes.codegen.llvm import I8, I16, I64, VOID, Builder, Value, constant

ROWS = 16  # of a tile, at most
WORDS = 16  # of 4 bytes, of a row, at most
TILES = 8

Shape = tuple[Value, Value]  # rows, words of a row


class Engine(Protocol):
    """The tiles of one function. They are named by number."""

    def configure(self, shapes: Sequence[Shape]) -> None:
        """The shapes of the first tiles, each at least 1 x 1; what they held is lost."""
        ...

    def zero(self, tile: int) -> None: ...

    def load(self, tile: int, place: Value, step: Value) -> None:
        """step: bytes from one row to the next."""
        ...

    def multiply(self, factors: tuple[DType, DType], sums: int, left: int, right: int) -> None: ...

    def store(self, tile: int, place: Value, step: Value) -> None: ...

    def release(self) -> None: ...


_PRODUCTS = {
    (dtypes.bf16, dtypes.bf16): "tdpbf16ps",
    (dtypes.i8, dtypes.i8): "tdpbssd",
    (dtypes.i8, dtypes.u8): "tdpbsud",
    (dtypes.u8, dtypes.i8): "tdpbusd",
    (dtypes.u8, dtypes.u8): "tdpbuud",
}
FACTORS = frozenset(_PRODUCTS)  # dtypes of left and right


class Amx:
    """Tiles in registers."""

    def __init__(self, b: Builder) -> None:
        self.b, self._shapes = b, b.alloca(I8, _CONFIG, 64, "shapes")

    def configure(self, shapes: Sequence[Shape]) -> None:
        b = self.b
        for start in range(0, _CONFIG, 8):
            b.store(constant(I64, 1 if start == 0 else 0), b.offset(self._shapes, start))
        for number, (rows, words) in enumerate(shapes):
            b.store(b.convert(rows, I8), b.offset(self._shapes, _SHAPE_ROWS + number))
            bytes_ = b.convert(b.mul(words, 4), I16)
            b.store(bytes_, b.offset(self._shapes, _SHAPE_BYTES + 2 * number))
        self._do("ldtilecfg", self._shapes)

    def zero(self, tile: int) -> None:
        self._do("tilezero", constant(I8, tile))

    def load(self, tile: int, place: Value, step: Value) -> None:
        self._do("tileloadd64", constant(I8, tile), place, step)

    def multiply(self, factors: tuple[DType, DType], sums: int, left: int, right: int) -> None:
        self._do(_PRODUCTS[factors], *(constant(I8, tile) for tile in (sums, left, right)))

    def store(self, tile: int, place: Value, step: Value) -> None:
        self._do("tilestored64", constant(I8, tile), place, step)

    def release(self) -> None:
        self._do("tilerelease")

    def _do(self, name: str, *operands: Value) -> None:
        self.b.intrinsic(f"x86.{name}", [], VOID, operands)


# Where the operand of LDTILECFG, palette 1, has bytes per row and rows.
_CONFIG, _SHAPE_BYTES, _SHAPE_ROWS = 64, 16, 48

#: By `Target.engine`.
ENGINES: dict[str, Callable[[Builder], Engine]] = {"amx": Amx}
