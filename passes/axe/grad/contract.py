"""Products are linear in each operand: the cotangent of one is a product of g with the other, its
axes where they are, so that no transposition is computed that dot_general can take in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from axec.dialects.attrs import Ints, Pairs
from axec.dialects.axe import contract as ops
from axec.dialects.axe.arrange import reshape, reverse, transpose
from axec.dialects.dims import Size
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.arrange import cut, dilated, inverse, placed
from axec.passes.axe.grad.phases import by_phases, known_sizes
from axec.passes.axe.grad.rules import Value, multilinear, vjp

multilinear(ops.dot_general, 0, 1)
multilinear(ops.conv, 0, 1)


@dataclass(frozen=True, slots=True)
class _Factor:
    """An operand of a product: its value, its rank, and which of its axes are what."""

    value: Value
    rank: int
    batch: Ints
    contract: Ints

    @property
    def free(self) -> Ints:
        """The axes that the product has, too, and the other operand has not."""
        return tuple(a for a in range(self.rank) if a not in self.batch + self.contract)


def _factors(e: IrEmit, x: Value, y: Value, axes: Mapping[str, Ints]) -> tuple[_Factor, _Factor]:
    return (
        _Factor(x, e.type(x).rank, axes["batch_x"], axes["contract_x"]),
        _Factor(y, e.type(y).rank, axes["batch_y"], axes["contract_y"]),
    )


# The result and its cotangent are [batch, free axes of x, free axes of y].


@vjp(ops.dot_general, 0)
def _(e: IrEmit, g: Value, z: Value, x: Value, y: Value, **axes: Ints) -> Value:
    one, other = _factors(e, x, y, axes)
    return _cotangent(e, g, one, other, first=len(one.batch + one.free))


@vjp(ops.dot_general, 1)
def _(e: IrEmit, g: Value, z: Value, x: Value, y: Value, **axes: Ints) -> Value:
    other, one = _factors(e, x, y, axes)
    return _cotangent(e, g, one, other, first=len(one.batch))


def _cotangent(e: IrEmit, g: Value, x: _Factor, y: _Factor, *, first: int) -> Value:
    """The cotangent of x, where y is the other factor: the product of g and y over the free axes of
    y, which g has from axis `first` on. Its axes are the batch axes, x's free axes (from g), and
    the contracted axes as y orders them (from y), or the last two exchanged; the order that fits x
    is taken."""
    batch, fold = tuple(range(len(x.batch))), tuple(range(first, first + len(y.free)))
    sides = (g, batch, fold), (y.value, y.batch, y.free)
    by_y = tuple(a for _, a in sorted(zip(y.contract, x.contract, strict=True)))
    straight, swapped = x.batch + x.free + by_y, x.batch + by_y + x.free
    identity = tuple(range(x.rank))
    order = swapped if swapped == identity != straight else straight
    (a, batch_a, fold_a), (b, batch_b, fold_b) = sides if order == straight else sides[::-1]
    product = e(
        ops.dot_general, a, b, batch_x=batch_a, batch_y=batch_b, contract_x=fold_a,
        contract_y=fold_b,
    )  # fmt: skip
    return product if order == identity else e(transpose, product, perm=inverse(order))


@vjp(ops.conv, 0)
def _(
    e: IrEmit, g: Value, y: Value, x: Value, w: Value, *, stride: Ints, padding: Pairs,
    dilation: Ints, groups: int,
) -> Value:  # fmt: skip
    known = len(known_sizes(e, w)) == len(stride)
    if max(stride) > 1 and groups == 1 and set(dilation) == {1} and known:
        return by_phases(e, g, x, w, stride, padding)
    return _among_zeros(e, g, x, w, stride, padding, dilation, groups)


def _among_zeros(
    e: IrEmit, g: Value, x: Value, w: Value, stride: Ints, padding: Pairs, dilation: Ints,
    groups: int,
) -> Value:  # fmt: skip
    """A convolution of g, with stride - 1 zeros between its elements, with the mirrored filters."""
    g = dilated(e, g, (1, 1, *stride))
    rows = zip(e.type(x).shape[2:], e.type(w).shape[2:], padding, dilation, strict=True)
    for axis, (n, k, (low, high), d) in enumerate(rows, 2):
        reach = d * (k - 1)
        room = reach - high if not isinstance(reach, int) else max(reach - high, 0)
        g = placed(e, g, axis, reach - low, n + reach, room=room)
    spatial = len(stride)
    return e(
        ops.conv, g, _mirrored(e, w, groups), stride=(1,) * spatial,
        padding=((0, 0),) * spatial, dilation=dilation, groups=groups,
    )  # fmt: skip


def _mirrored(e: IrEmit, w: Value, groups: int) -> Value:
    """Filters [O, C/groups, K...] as [C, O/groups, K...], each read from its end."""
    out, inner, *size = e.type(w).shape
    w = e(reverse, w, axes=tuple(range(2, 2 + len(size))))
    return _regrouped(e, w, groups, (out, inner, *size))


def _regrouped(e: IrEmit, w: Value, groups: int, shape: tuple[Size, ...]) -> Value:
    """[groups * a, b, ...] as [groups * b, a, ...]."""
    a, b = shape[0] // groups, shape[1]
    rest = tuple(range(3, 1 + len(shape)))
    split = e(reshape, w, shape=(groups, a, b, *shape[2:]))
    swapped = e(transpose, split, perm=(0, 2, 1, *rest))
    return e(reshape, swapped, shape=(b * groups, a, *shape[2:]))


@vjp(ops.conv, 1)
def _(
    e: IrEmit, g: Value, y: Value, x: Value, w: Value, *, stride: Ints, padding: Pairs,
    dilation: Ints, groups: int,
) -> Value:  # fmt: skip
    """A convolution of x with g as its filters: batch and channels exchange their parts, as do
    stride and dilation. [C/groups, groups * N, S...] * [O, N, P...] -> [C/groups, O, K...]"""
    n, channels, *space = e.type(x).shape
    rest = tuple(range(3, 3 + len(space)))
    split = e(reshape, x, shape=(n, groups, channels // groups, *space))
    moved = e(transpose, split, perm=(2, 1, 0, *rest))
    images = e(reshape, moved, shape=(channels // groups, n * groups, *space))
    flip = (1, 0, *range(2, 2 + len(space)))
    found = e(
        ops.conv, images, e(transpose, g, perm=flip), stride=dilation, padding=padding,
        dilation=stride, groups=groups,
    )  # fmt: skip
    # Where the stride does not reach the end of x, there are positions beyond the filter's.
    for axis, k in enumerate(e.type(w).shape[2:], 2):
        found = cut(e, found, axis, 0, k)
    return e(transpose, found, perm=flip)
