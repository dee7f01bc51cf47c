"""Folding ops as elements to fold: which elements of the operands belong to a result, in order.

`depth` holds the extents of the folded axes, outermost first; `elements(ev, at, k, mask)` are the
nodes of one element (a value; a value and its position; two factors) of the result at `at`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axec.dialects.axe.reduce import identity
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import ZERO, Affine, Index, Mask, Node
from axec.passes.codegen.cpu.lanes.fold import Extreme, Fold, Product, Reduction
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.codegen.llvm.types import I32, I64

Elements = Callable[[Evaluator, Index, Index, Mask], list[Node]]


@dataclass(frozen=True, slots=True)
class Contraction:
    """A folding op: how its elements are folded, along which extents, and what they are."""

    fold: Fold
    depth: tuple[Size, ...]
    elements: Elements


def contraction_of(op: Def) -> Contraction:
    """The contraction that an op of group `contract` is."""
    return _TABLE[op.name](op)


def _reduce(op: Def) -> Contraction:
    (x,) = op.operands
    folded = sorted(op["axes"])

    def elements(ev: Evaluator, at: Index, k: Index, mask: Mask) -> list[Node]:
        return [ev.at(x, _woven(at, k, folded, len(x.shape)), mask)]

    depth = tuple([x.shape[a] for a in folded])
    return Contraction(Reduction(op["kind"], x.type.dtype), depth, elements)


def _argreduce(op: Def) -> Contraction:
    (x,) = op.operands
    axis = op["axis"]
    size = x.shape[axis]
    position_type = I32 if isinstance(size, int) and size < 1 << 31 else I64

    def elements(ev: Evaluator, at: Index, k: Index, mask: Mask) -> list[Node]:
        position = ev.graph.index(k[0])
        if position_type is I32:
            position = ev.graph.node("convert", I32, (position,))
        return [ev.at(x, _woven(at, k, [axis], len(x.shape)), mask), position]

    return Contraction(Extreme(op["kind"], x.type.dtype, position_type), (size,), elements)


def _window(op: Def) -> Contraction:
    (x,) = op.operands
    lead = len(x.shape) - len(op["size"])

    def elements(ev: Evaluator, at: Index, k: Index, mask: Mask) -> list[Node]:
        source, inside = _under_window(ev, op, x.shape[lead:], at[lead:], k)
        return [_padded(ev, x, at[:lead] + source, mask, inside, op["kind"])]

    return Contraction(Reduction(op["kind"], x.type.dtype), op["size"], elements)


def _conv(op: Def) -> Contraction:
    x, w = op.operands
    channels, outputs, groups = w.shape[1], w.shape[0], op["groups"]
    # What is read of x serves all rows of a strip: they differ by constants, and lie in one group.
    read: dict[tuple[Evaluator, Index, Index, Mask], Node] = {}

    def element(ev: Evaluator, at: Index, k: Index, mask: Mask) -> Node:
        *far, channel, near = k
        if groups != 1:
            group, _ = ev.graph.divide(at[1], outputs // groups, outputs)
            channel = channel + ev.graph.scale(group, channels)
        source, inside = _under_window(ev, op, x.shape[2:], at[2:], (*far, near))
        return _padded(ev, x, (at[0], channel, *source), mask, inside, "sum")

    def elements(ev: Evaluator, at: Index, k: Index, mask: Mask) -> list[Node]:
        *far, channel, near = k
        strip = (at[0], Affine(0, at[1].terms) if groups != 1 else ZERO, *at[2:])
        key = (ev, strip, k, mask)
        if key not in read:
            read[key] = element(ev, strip, k, mask)
        return [read[key], ev.at(w, (at[1], channel, *far, near), mask)]

    depth = (*w.shape[2:-1], channels, w.shape[-1])
    return Contraction(Product(x.type.dtype), depth, elements)


def _dot_general(op: Def) -> Contraction:
    x, y = op.operands
    batch = len(op["batch_x"])
    kept_x = len(x.shape) - len(op["contract_x"])

    def elements(ev: Evaluator, at: Index, k: Index, mask: Mask) -> list[Node]:
        sides = ((x, "x", at[batch:kept_x]), (y, "y", at[kept_x:]))
        found = []
        for operand, side, free in sides:
            index: list[Affine | None] = [None] * len(operand.shape)
            for axes, positions in ((op[f"batch_{side}"], at), (op[f"contract_{side}"], k)):
                for a, position in zip(axes, positions, strict=False):
                    index[a] = position
            rest = iter(free)
            found.append(ev.at(operand, tuple([i or next(rest) for i in index]), mask))
        return found

    depth = tuple([x.shape[a] for a in op["contract_x"]])
    return Contraction(Product(x.type.dtype), depth, elements)


_TABLE: dict[str, Callable[[Def], Contraction]] = {
    "reduce": _reduce,
    "argreduce": _argreduce,
    "window": _window,
    "conv": _conv,
    "dot_general": _dot_general,
}


def _woven(at: Index, k: Index, folded: Sequence[int], rank: int) -> Index:
    """The operand's index: k along the folded axes, `at` along the others."""
    kept, gone = iter(at), iter(k)
    return tuple([next(gone) if a in folded else next(kept) for a in range(rank)])


def _under_window(
    ev: Evaluator, op: Def, sizes: Sequence[Size], at: Index, taps: Index
) -> tuple[Index, list[Node]]:
    """The operand's position under each tap of a window, and predicates: it is not padding."""
    source: list[Affine] = []
    inside: list[Node] = []
    for i, (low, high) in enumerate(op["padding"]):
        position = at[i] * op["stride"][i] + taps[i] * op["dilation"][i] - low
        source.append(position)
        if low:
            inside.append(ev.graph.at_least(position, 0))
        if high:
            inside.append(ev.graph.below(position, ev.graph.size(sizes[i])))
    return tuple(source), inside


def _padded(
    ev: Evaluator, x: Def, index: Index, mask: Mask, inside: Sequence[Node], kind: str
) -> Node:
    """An element of x, or the identity of the fold where it is padding."""
    found = ev.at(x, index, ev.graph.both(mask, *inside))
    fill = _identity(ev, kind, x.type.dtype)
    if found.kind == "load_lanes" and kind == "sum":
        return found  # lanes outside of the mask are loaded as 0
    return ev.graph.select(inside, found, fill)


def _identity(ev: Evaluator, kind: str, dtype: DType) -> Node:
    number = identity(kind, dtype)[()]
    type_ = register_type(dtype)
    return ev.graph.constant(type_, float(number) if type_.is_float else int(number))
