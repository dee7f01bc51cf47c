"""A matrix engine whose tiles lie in memory, and a level of CPUs that has it: what is made for AMX
runs on any machine of x86-64-v4, with the same bits but for numbers below 1.2e-38."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from axec.dialects import dtypes
from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu import targets
from axec.passes.codegen.cpu.gemm import engine
from axec.passes.codegen.cpu.gemm.engine import ROWS, TILES, WORDS, Shape
from axec.passes.codegen.llvm import F32, I32, I64, VOID, Builder, Type, Value, constant, vec, zero

NAME = "x86-64-v4-memory"
_ROW = vec(I32, WORDS)
_BYTES = ROWS * _ROW.size


class MemoryEngine:
    """Does what the manual says of AMX, row by row. A tile that has no shape, or one that does not
    fit the other factor's, ends the process, as it would with AMX."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self._tiles = b.alloca(_ROW, TILES * ROWS, 64, "tiles")
        self._shapes = b.alloca(I64, 2 * TILES, 8, "shapes")
        self.release()

    def configure(self, shapes: Sequence[Shape]) -> None:
        self.release()
        for number, shape in enumerate(shapes):
            for i, (size, most) in enumerate(zip(shape, (ROWS, WORDS), strict=True)):
                self._need("ge", size, 1)
                self._need("le", size, most)
                self.b.store(size, self.b.at(self._shapes, I64, 2 * number + i))
        for tile in range(TILES):
            self._clear(tile)

    def zero(self, tile: int) -> None:
        self._need("ne", self._shape(tile)[0], 0)
        self._clear(tile)

    def load(self, tile: int, place: Value, step: Value) -> None:
        b, (rows, words) = self.b, self._shape(tile)
        self.zero(tile)
        with b.for_(0, rows, name="load") as loop:
            row = b.offset(place, b.mul(loop.index, step))
            mask = b.tail_mask(words, WORDS)
            b.store(b.masked_load(_ROW, row, mask, zero(_ROW)), self._row(tile, loop.index))

    def store(self, tile: int, place: Value, step: Value) -> None:
        b, (rows, words) = self.b, self._shape(tile)
        self._need("ne", rows, 0)
        with b.for_(0, rows, name="store") as loop:
            row = b.load(_ROW, self._row(tile, loop.index))
            target = b.offset(place, b.mul(loop.index, step))
            b.masked_store(row, target, b.tail_mask(words, WORDS))

    def multiply(self, factors: tuple[DType, DType], sums: int, left: int, right: int) -> None:
        b = self.b
        (rows, columns), (left_rows, depth), (words, right_columns) = (
            self._shape(tile) for tile in (sums, left, right)
        )
        for x, y in ((rows, left_rows), (columns, right_columns), (depth, words)):
            self._need("eq", x, y)
        type_ = vec(F32 if factors[0] is dtypes.bf16 else I32, WORDS)
        parts = 2 if factors[0] is dtypes.bf16 else 4
        with b.for_(0, rows, name="row") as row:
            with b.for_(0, depth, carried=[zero(type_)] * parts, name="k") as k:
                word = b.load(I32, b.at(self._row(left, row.index), I32, k.index))
                x = _parts(b, b.splat(word, WORDS), factors[0], type_)
                y = _parts(b, b.load(_ROW, self._row(right, k.index)), factors[1], type_)
                k.yield_(*map(self._fused, x, y, k.carried))
            place = self._row(sums, row.index)
            first, *others = k.results
            for other in others:
                first = b.add(first, other)
            b.store(b.add(b.load(type_, place), first), place)

    def release(self) -> None:
        for i in range(2 * TILES):
            self.b.store(constant(I64, 0), self.b.at(self._shapes, I64, i))

    def _fused(self, x: Value, y: Value, total: Value) -> Value:
        b = self.b
        return b.fma(x, y, total) if total.type.is_float else b.add(total, b.mul(x, y))

    def _shape(self, tile: int) -> Shape:
        first, second = (self.b.at(self._shapes, I64, 2 * tile + i) for i in range(2))
        return self.b.load(I64, first), self.b.load(I64, second)

    def _row(self, tile: int, row: Value) -> Value:
        return self.b.offset(self._tiles, self.b.add(self.b.mul(row, _ROW.size), tile * _BYTES))

    def _clear(self, tile: int) -> None:
        for row in range(ROWS):
            self.b.store(zero(_ROW), self._row(tile, constant(I64, row)))

    def _need(self, predicate: str, x: Value, y: Value | int) -> None:
        b = self.b
        with b.if_(b.not_(b.cmp(predicate, x, y)), unlikely=True):
            b.intrinsic("trap", [], VOID, [])


def _parts(b: Builder, words: Value, dtype: DType, type_: Type) -> list[Value]:
    """The numbers of each word, from its lowest bits on, as f32 or i32."""
    if dtype is dtypes.bf16:
        halves = b.shl(words, 16), b.and_(words, -0x10000)
        return [b.bitcast(half, type_) for half in halves]
    shifted = [b.shl(words, 24 - 8 * i) for i in range(4)]
    return [b.ashr(x, 24) if dtype is dtypes.i8 else b.lshr(x, 24) for x in shifted]


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the level one that can be compiled for."""
    v4 = targets.TARGETS["x86-64-v4"]
    monkeypatch.setitem(targets.LEVELS, NAME, targets.LEVELS[v4.name])
    monkeypatch.setitem(targets.TARGETS, NAME, replace(v4, name=NAME, engine="memory"))
    monkeypatch.setitem(engine.ENGINES, "memory", MemoryEngine)
