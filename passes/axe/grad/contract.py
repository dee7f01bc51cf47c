"""Products are linear in each operand: the cotangent of one is a product of g with the other, its
axes where they are, so that no transposition is computed that dot_general can take in."""

from __future__ import annotations

from axec.dialects.attrs import Ints, Pairs
from axec.dialects.axe import contract as ops
from axec.dialects.axe.arrange import reshape, reverse, transpose
from axec.dialects.dims import Size
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.arrange import cut, dilated, inverse, placed
from axec.passes.axe.grad.rules import Value, multilinear, vjp

multilinear(ops.dot_general, 0, 1)
multilinear(ops.conv, 0, 1)


def _free(rank: int, *used: Ints) -> Ints:
    return tuple(a for a in range(rank) if not any(a in axes for axes in used))


@vjp(ops.dot_general, 0)
def _(
    e: IrEmit, g: Value, z: Value, x: Value, y: Value, *, batch_x: Ints, batch_y: Ints,
    contract_x: Ints, contract_y: Ints,
) -> Value:  # fmt: skip
    # g is [batch, free of x, free of y]: contract the last with y.
    free = _free(e.type(y).rank, batch_y, contract_y)
    rank = e.type(g).rank
    return _other(
        e, g, y, tuple(range(rank - len(free), rank)), free, batch_x, batch_y, contract_x,
        contract_y, rank_x=e.type(x).rank,
    )  # fmt: skip


@vjp(ops.dot_general, 1)
def _(
    e: IrEmit, g: Value, z: Value, x: Value, y: Value, *, batch_x: Ints, batch_y: Ints,
    contract_x: Ints, contract_y: Ints,
) -> Value:  # fmt: skip
    free = _free(e.type(x).rank, batch_x, contract_x)
    start = len(batch_x)
    return _other(
        e, g, x, tuple(range(start, start + len(free))), free, batch_y, batch_x, contract_y,
        contract_x, rank_x=e.type(y).rank,
    )  # fmt: skip


def _other(
    e: IrEmit, g: Value, y: Value, folded_g: Ints, folded_y: Ints, batch_x: Ints, batch_y: Ints,
    contract_x: Ints, contract_y: Ints, *, rank_x: int,
) -> Value:  # fmt: skip
    """The cotangent of the operand x whose partner is y: the product of g and y over the free axes
    of y. Its axes are the batch axes, x's free axes (from g), and the contracted axes as y orders
    them (from y), or the last two exchanged; the order that fits x is taken."""
    batch_g = tuple(range(len(batch_x)))
    free = _free(rank_x, batch_x, contract_x)
    by_y = tuple(x for _, x in sorted(zip(contract_y, contract_x, strict=True)))
    sides = ((g, batch_g, folded_g), (y, batch_y, folded_y))
    straight, swapped = batch_x + free + by_y, batch_x + by_y + free
    identity = tuple(range(rank_x))
    made = swapped if swapped == identity and straight != identity else straight
    (a, batch_a, fold_a), (b, batch_b, fold_b) = sides if made == straight else sides[::-1]
    found = e(
        ops.dot_general, a, b, batch_x=batch_a, batch_y=batch_b, contract_x=fold_a,
        contract_y=fold_b,
    )  # fmt: skip
    return found if made == identity else e(transpose, found, perm=inverse(made))


@vjp(ops.conv, 0)
def _(
    e: IrEmit, g: Value, y: Value, x: Value, w: Value, *, stride: Ints, padding: Pairs,
    dilation: Ints, groups: int,
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
