"""What a mask makes of scores, vector by vector: -inf where a query does not attend to a key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from axec.dialects import dtypes
from axec.passes.codegen.cpu.attention import tiles
from axec.passes.codegen.cpu.attention.setting import STREAM, Setting, Views, rows_from
from axec.passes.codegen.cpu.gemm.control import YES
from axec.passes.codegen.llvm import I32, Value, vec


@dataclass(frozen=True, slots=True)
class Mask:
    """Scratch for the mask of a tile of scores [row][member]; None where there is none."""

    s: Setting
    bias: Value | None

    @staticmethod
    def of(s: Setting) -> Mask:
        return Mask(s, s.scratch(STREAM, "bias") if "mask" in s.a.matrices else None)

    @property
    def changes(self) -> bool:
        """Is there anything to do?"""
        return self.bias is not None or self.s.a.causal

    def read(self, views: Views, first: Value, members: Value, row: Value, count: Value) -> None:
        """Bring in the mask between members from `first` on and rows from `row` on."""
        if self.bias is None:
            return
        mask = views["mask"] if self.s.a.way != "keys" else views["mask"].turned()
        mask = rows_from(self.s, mask, first)
        part = rows_from(self.s, mask.turned(), row).turned()
        tiles.turn_in(self.s, part, members, count, self.bias)

    def visible(self, count: Value) -> Value:
        """i1: may some member attend to one of the rows? What a bool mask hides is not computed."""
        s, b = self.s, self.s.b
        if self.bias is None or s.a.matrices["mask"].type.dtype is not dtypes.bool_:
            return YES
        hidden = [s.number(-math.inf)] * s.vectors
        with b.for_(0, count, carried=hidden, name="seen") as loop:
            rows = zip(s.load(self.bias, loop.index), loop.carried, strict=True)
            loop.yield_(*[b.select(b.cmp("gt", x, y), x, y) for x, y in rows])
        total = loop.results[0]
        for other in loop.results[1:]:
            total = b.select(b.cmp("gt", other, total), other, total)
        return b.any(b.cmp("eq", total, s.number(0.0)))

    def apply(self, scores: Sequence[Value], at: Value, first: Value, row: Value) -> list[Value]:
        """Row `at` of a tile of scores whose members start at `first` and rows at `row`."""
        found = list(scores)
        if self.bias is not None:
            biases = self.s.load(self.bias, at)
            found = [self._added(x, y) for x, y in zip(found, biases, strict=True)]
        if self.s.a.causal:
            distance = self.s.b.sub(self.s.b.add(row, at), first)  # of the row from member 0
            found = [self._seen(x, distance, j) for j, x in enumerate(found)]
        return found

    def _added(self, score: Value, bias: Value) -> Value:
        """A masked score is -inf whatever it was; other masks are added."""
        b, lowest = self.s.b, self.s.number(-math.inf)
        if self.s.a.matrices["mask"].type.dtype is not dtypes.bool_:
            return b.add(score, bias)
        return b.select(b.cmp("eq", bias, lowest), lowest, score)

    def _seen(self, score: Value, distance: Value, j: int) -> Value:
        """Keys up to the query: where queries are members, those not before the row."""
        b, s = self.s.b, self.s
        type_ = vec(I32, s.lanes)
        split = b.splat(b.convert(b.sub(distance, j * s.lanes), I32), s.lanes)
        keep = b.cmp("le" if s.a.way == "keys" else "ge", b.iota(type_), split)
        return b.select(keep, score, s.number(-math.inf))
