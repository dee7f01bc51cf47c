"""Lanes: splat, extract, insert, shuffle, masks, reductions.

Everything also accepts scalars as vectors of one lane.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axec.passes.codegen.llvm.emitter import operand
from axec.passes.codegen.llvm.memory import Memory
from axec.passes.codegen.llvm.types import I1, I32, I64, Type, vec
from axec.passes.codegen.llvm.values import Operand, Value, constant, vector_constant, zero

Combine = Callable[[Value, Value], Value]


class Vectors(Memory):
    """The vector part of the builder."""

    def splat(self, x: Value, lanes: int, name: str = "") -> Value:
        """x in every lane."""
        if lanes == 1:
            return x
        type_ = vec(x.type, lanes)
        if x.const is not None:
            return constant(type_, x.const)
        first = self.emit(f"insertelement {type_} poison, {x.typed}, i64 0", type_)
        mask = vec(I32, lanes).text
        text = f"shufflevector {first.typed}, {type_} poison, {mask} zeroinitializer"
        return self.emit(text, type_, name)

    def iota(self, type_: Type) -> Value:
        """The constant 0, 1, 2, ... of a vector type (0 for a scalar)."""
        return vector_constant(type_, range(type_.lanes)) if type_.lanes else zero(type_)

    def extract(self, x: Value, lane: Operand, name: str = "") -> Value:
        """One lane as a scalar."""
        if not x.type.lanes:
            return x
        index = operand(I64, lane)
        return self.emit(f"extractelement {x.typed}, {index.typed}", x.type.element, name)

    def insert(self, x: Value, scalar: Value, lane: Operand, name: str = "") -> Value:
        """x with one lane replaced."""
        if not x.type.lanes:
            return scalar
        index = operand(I64, lane)
        return self.emit(f"insertelement {x.typed}, {scalar.typed}, {index.typed}", x.type, name)

    def shuffle(self, x: Value, y: Value | None, lanes: Sequence[int], name: str = "") -> Value:
        """Chosen lanes of x followed by y (constant indices; -1 = any)."""
        second = y.typed if y else f"{x.type} poison"
        chosen = ", ".join(["i32 poison" if i < 0 else f"i32 {i}" for i in lanes])
        text = f"shufflevector {x.typed}, {second}, <{len(lanes)} x i32> <{chosen}>"
        return self.emit(text, vec(x.type.element, len(lanes)), name)

    def slice(self, x: Value, start: int, count: int, name: str = "") -> Value:
        """`count` lanes from `start`."""
        if count == 1:
            return self.extract(x, start, name)
        return self.shuffle(x, None, range(start, start + count), name)

    def concat(self, x: Value, y: Value, name: str = "") -> Value:
        """The lanes of x, then those of y."""
        return self.shuffle(x, y, range(x.type.lanes + y.type.lanes), name)

    def tail_mask(self, count: Value, lanes: int, name: str = "") -> Value:
        """Mask of the first `count` lanes (count: i64 below 2^31, or any number >= lanes).

        LLVM must not see which lanes of a mask are set: 22.1 for x86 writes 4 bytes where a single
        lane of 2 is stored (reduceMaskedStoreToScalarStore drops the truncation), and may read
        lanes under a mask that it has found to be unused."""
        if count.const is not None:
            if not 0 < count.const < lanes:
                return constant(vec(I1, lanes), int(count.const > 0))
            return self.lane_mask(self.opaque(self.convert(count, I32)), vec(I32, lanes), name)
        return self.lane_mask(self.convert(count, I32), vec(I32, lanes), name)

    def lane_mask(self, count: Value, type_: Type, name: str = "") -> Value:
        """Mask of the lanes whose number is less than `count`, compared in `type_`."""
        return self.cmp("lt", self.iota(type_), self.splat(count, type_.lanes or 1), name)

    # Reductions.

    def reduce(self, x: Value, combine: Combine) -> Value:
        """All lanes to one by a tree of halves: lane i with lane i + n/2. The order is part of
        the program, so the result is the same bits on every machine with this vector width."""
        lanes = x.type.lanes or 1
        if lanes & (lanes - 1):
            raise TypeError(f"tree reduction of {x.type}")
        while lanes > 1:
            lanes //= 2
            x = combine(self.slice(x, 0, lanes), self.slice(x, lanes, lanes))
        return x

    def reduce_ordered(self, start: Value, x: Value) -> Value:
        """((start + lane 0) + lane 1) + ...: the sum in sequential order."""
        if not x.type.lanes:
            return self.add(start, x)
        if x.type.is_float:
            args = [start, x]
            return self.intrinsic("vector.reduce.fadd", [x.type], start.type, args)
        return self.add(start, self.reduce(x, self.add))  # integer sums have no order

    def any(self, mask: Value) -> Value:
        """i1: some lane of a mask is set."""
        return self._mask_reduce("or", mask)

    def all(self, mask: Value) -> Value:
        """i1: every lane of a mask is set."""
        return self._mask_reduce("and", mask)

    def _mask_reduce(self, op: str, mask: Value) -> Value:
        if not mask.type.lanes:
            return mask
        return self.intrinsic(f"vector.reduce.{op}", [mask.type], mask.type.element, [mask])
