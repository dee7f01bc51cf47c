"""Convolutions write their results channels last, and what stands between them stays so.

    %0 = axe.conv(%x, %w)               %0 = axe.conv(%x, %w)
    %1 = axe.exp(%0)             ->     %1 = axe.transpose(%0) {perm = [0, 2, 3, 1]}
    %2 = axe.conv(%1, %v)               %2 = axe.exp(%1)
                                        %3 = axe.transpose(%2) {perm = [0, 3, 1, 2]}
                                        %4 = axe.conv(%3, %v), %5 = axe.transpose(%4) ...

Vectors along output channels are always full, read no neighbours and know no padding
(channels_last.py). A transposition behind a convolution is how that writes, and one before it how
it reads: neither costs anything. Pointwise ops, windows, reductions and what rearranges elements
are done in the new order; whatever else reads a value gets it back in the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import dims, types
from axec.dialects.attrs import Ints
from axec.dialects.axe import OPS
from axec.dialects.axe.arrange import broadcast, pad, reshape, transpose
from axec.dialects.axe.constants import constant
from axec.dialects.axe.contract import conv
from axec.dialects.emit import IrEmit
from axec.dialects.functions import functions
from axec.mlir import ir
from axec.passes.axe.simplify.rewrite import drop_unused
from axec.passes.base import Pass, register
from axec.passes.kernel.strides import producer
from axec.passes.kernel.templates.channels_last import ChannelsLast
from axec.passes.kernel.templates.convolution import Conv, conv_of

Value = Any  # an MLIR value

FILTERS = 2 * 1024 * 1024  # bytes of filters that are turned in the cache
BEYOND = 16  # how many times as many positions make larger ones worth it


@register
@dataclass(frozen=True)
class Layout(Pass):
    """Convolutions, and what their results go through, are written channels last.

    Options: `least`, the fewest output channels of a group, unless rows of the result are shorter;
    `depth`, the fewest products per result; `rows`, the fewest positions that are worth filters
    that are turned in every call."""

    name = "layout"
    least: int = 16
    depth: int = 16
    rows: int = 16

    def run(self, module: Any) -> None:
        for function in functions(module):
            operations = [o.operation for o in function.regions[0].blocks[0].operations]
            if any(self.pays(op) for op in operations if op.name == "axe.conv"):
                _Sweep(self.pays).run(operations)
                drop_unused(function)

    def pays(self, op: Any) -> bool:
        """Is a convolution faster with lanes along its output channels?"""
        found = conv_of(op)
        if found is None:
            return False
        if found.x_strides[1] == 1 != found.x_strides[-1]:  # its x lies channels last
            return True
        if not (is_packed(found) or self._is_turned_often(found)):
            return False
        c, row = ChannelsLast(found), found.space[-1].out
        least = min(self.least, row + 1) if isinstance(row, int) else self.least
        if not isinstance(c.columns, int) or c.columns < least:
            return False
        if found.groups > 1 and found.m == 1:
            return False
        depth = dims.product((found.channels, *(window.taps for window in found.space)))
        return not isinstance(depth, int) or depth >= self.depth

    def _is_turned_often(self, c: Conv) -> bool:
        """Are filters, once turned, read for many positions? Large ones, which leave the cache, for
        many more."""
        rows, filters = ChannelsLast(c).rows, types.of(c.w).nbytes
        small = isinstance(filters, int) and filters <= FILTERS
        least = self.rows if small else self.rows * BEYOND
        return not isinstance(rows, int) or rows >= least


def is_packed(c: Conv) -> bool:
    """Are vectors along output channels read where they lie, or packed when compiling?"""
    if c.w_strides[0] == 1 or not isinstance(c.w, ir.BlockArgument):
        return c.w_strides[0] == 1
    rows = c.w.owner.owner.attributes
    return "arg_attrs" in rows and "axe.weight" in rows["arg_attrs"][c.w.arg_number]


def _prepared(op: Any) -> Any:
    """A convolution as its kernel would rather have it: filters with their outputs last (the pair
    of transpositions does nothing: what stands between them is how they are stored); an image with
    its border, where steps in a row of the window would leave it."""
    found, (x, w), emit = conv_of(op), op.operands, IrEmit(op.location)
    assert found is not None
    attrs, rank = conv.attrs_from_ir(op), types.of(w).rank
    if not is_packed(found):
        w = emit(transpose, _outputs_last(emit, w), perm=(rank - 1, *range(rank - 1)))
    row, channel = found.x_strides[-1], found.x_strides[1]
    if found.space[-1].padded and row == 1 and channel != 1:
        nothing = emit(constant, value=np.zeros((), types.of(x).dtype.numpy))
        low, high = ((0, 0, *side) for side in zip(*attrs["padding"], strict=True))
        x = emit(pad, x, nothing, low=low, high=high)
        attrs["padding"] = ((0, 0),) * (rank - 2)
    return emit(conv, x, w, **attrs)


def _outputs_last(emit: IrEmit, w: Value) -> Value:
    """Filters with their outputs last. Where nothing made them they are turned as a matrix: one
    kernel for windows of all sizes."""
    outputs, *others = shape = types.of(w).shape
    if not isinstance(w, ir.BlockArgument):
        return emit(transpose, w, perm=(*range(1, len(shape)), 0))
    flat = emit(reshape, w, shape=(outputs, dims.product(others)))
    return emit(reshape, emit(transpose, flat, perm=(1, 0)), shape=(*others, outputs))


class _Sweep:
    """One pass over a function. `last`: values, and the same with their channels last."""

    def __init__(self, pays: Callable[[Any], bool]) -> None:
        self.pays = pays
        self.last: dict[Value, Value] = {}

    def run(self, operations: Sequence[Any]) -> None:
        for op in operations:
            with ir.InsertionPoint(op):
                if op.name == "axe.conv" and self.pays(op):
                    self._conv(op)
                elif any(v in self.last for v in op.operands):
                    self._other(op)
                elif _is_back(op):
                    self.last[op.results[0]] = op.operands[0]

    def _conv(self, op: Any) -> None:
        made = _prepared(op)
        last = IrEmit(op.location)(transpose, made, perm=_order(types.of(made).rank))
        self._replace(op.results[0], last)

    def _other(self, op: Any) -> None:
        """An op that reads a value whose channels are last."""
        rule = RULES.get(op.name)
        found = rule(Site(op, self.last)) if rule else None
        if found is not None:
            self._replace(op.results[0], found)

    def _replace(self, value: Value, last: Value) -> None:
        """Those who read a value in its own order get it from what has its channels last."""
        back = IrEmit(last.owner.location)(transpose, last, perm=_inverse(types.of(last).rank))
        value.replace_all_uses_with(back)
        self.last[back] = last


def _is_back(op: Any) -> bool:
    """Is it a transposition of images that have their channels last?"""
    rank = types.of(op.results[0]).rank if op.name == "axe.transpose" else 0
    return rank > 3 and tuple(op.attributes["perm"]) == _inverse(rank)


def _order(rank: int) -> Ints:
    return (0, *range(2, rank), 1)


def _inverse(rank: int) -> Ints:
    return (0, rank - 1, *range(1, rank - 1))


# ---- ops that read channels last -----------------------------------------------------------------


class Site:
    """An op of which some operands have a form with channels last (`last`)."""

    def __init__(self, op: Any, last: Mapping[Value, Value]) -> None:
        self.op = op
        self.definition = OPS[op.name]
        self.attrs = self.definition.attrs_from_ir(op)
        self.emit = IrEmit(op.location)
        self.last = last

    @property
    def rank(self) -> int:
        return types.of(self.op.results[0]).rank

    def ordered(self, sizes: Sequence[Any]) -> tuple[Any, ...]:
        """What an attribute says per axis, for channels last."""
        return tuple([sizes[a] for a in _order(len(sizes))])

    def axis(self, axis: int, rank: int) -> int:
        """Where an axis lies."""
        return _order(rank).index(axis)

    def again(self, *operands: Value, **attrs: Any) -> Value:
        """The op on other operands."""
        return self.emit(self.definition, *operands, **{**self.attrs, **attrs})


Rule = Callable[[Site], Value | None]


def _operand(s: Site, value: Value) -> Value | None:
    """An operand of a pointwise op with its channels last, where that costs nothing."""
    if value in s.last:
        return s.last[value]
    maker = producer(value)
    if maker is None or maker.name != "axe.broadcast":
        return None
    attrs = broadcast.attrs_from_ir(maker)
    shape, axes = attrs["shape"], [s.axis(a, len(attrs["shape"])) for a in attrs["axes"]]
    return s.emit(broadcast, maker.operands[0], shape=s.ordered(shape), axes=tuple(axes))


def _pointwise(s: Site) -> Value | None:
    operands = [_operand(s, v) for v in s.op.operands]
    return s.again(*operands) if all(v is not None for v in operands) else None


def _window(s: Site) -> Value | None:
    """Windows over the trailing axes: all but the images' are trailing now."""
    found = {}
    for name, nothing in (("size", 1), ("stride", 1), ("padding", (0, 0)), ("dilation", 1)):
        given = s.attrs[name]
        full = s.ordered([*[nothing] * (s.rank - len(given)), *given])
        if full[0] != nothing:
            return None
        found[name] = full[1:]
    return s.again(s.last[s.op.operands[0]], **found)


def _reduce(s: Site) -> Value | None:
    """Reductions that keep the images, the channels, both or none: replaced where they are read."""
    (x,) = s.op.operands
    rank, axes = types.of(x).rank, s.attrs["axes"]
    kept = [a for a in range(rank) if a not in axes]
    if [s.axis(a, rank) for a in kept] == sorted(s.axis(a, rank) for a in kept):
        moved = tuple(sorted(s.axis(a, rank) for a in axes))
        s.op.results[0].replace_all_uses_with(s.again(s.last[x], axes=moved))
    return None


def _transpose(s: Site) -> Value | None:
    """From the new order at once: replaced where it is read."""
    x, inverse = s.last[s.op.operands[0]], _inverse(s.rank)
    perm = tuple(inverse[a] for a in s.attrs["perm"])
    found = x if perm == tuple(sorted(perm)) else s.again(x, perm=perm)
    s.op.results[0].replace_all_uses_with(found)
    return None


def _pad(s: Site) -> Value | None:
    x, number = s.op.operands
    if x not in s.last:
        return None
    return s.again(
        s.last[x], number, low=s.ordered(s.attrs["low"]), high=s.ordered(s.attrs["high"])
    )


def _slice(s: Site) -> Value | None:
    found = {name: s.ordered(s.attrs[name]) for name in ("start", "stop", "step")}
    return s.again(s.last[s.op.operands[0]], **found)


def _take(s: Site) -> Value | None:
    """Along one axis, by a vector of indices."""
    x, indices = s.op.operands
    if x not in s.last or types.of(indices).rank != 1:
        return None
    return s.again(s.last[x], indices, axis=s.axis(s.attrs["axis"], s.rank))


def _concat(s: Site) -> Value | None:
    operands = [s.last.get(v) for v in s.op.operands]
    axis = s.axis(s.attrs["axis"], s.rank)
    return s.again(*operands, axis=axis) if all(v is not None for v in operands) else None


RULES: dict[str, Rule] = {
    **{op.full_name: _pointwise for op in OPS.values() if op.group == "pointwise"},
    "axe.window": _window,
    "axe.reduce": _reduce,
    "axe.transpose": _transpose,
    "axe.pad": _pad,
    "axe.slice": _slice,
    "axe.concat": _concat,
    "axe.take": _take,
}
