"""The cotangent of a convolution's input where it has strides: a convolution without zeros.

Position i is t = i + low = q * stride + r; it meets g[q - j] with w[r + j * stride]. The filters of
every remainder r, its phase, are output channels of one convolution of g, whose results then go to
their places: a sub-pixel convolution (arXiv 1609.05158, decision 0026). Zeros between the elements
of g would cost stride times as many products along every axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from axec.dialects.attrs import Ints, Pairs
from axec.dialects.axe import contract as ops
from axec.dialects.axe.arrange import reshape, reverse, transpose
from axec.dialects.dims import Size, ceildiv
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.arrange import cut, placed
from axec.passes.axe.grad.rules import Value


@dataclass(frozen=True, slots=True)
class _Phases:
    """An axis of x whose positions are told apart by their remainder."""

    extent: Size
    size: int  # of filters
    stride: int
    padding: tuple[int, int]

    @property
    def phases(self) -> int:
        """Remainders that meet any filter."""
        return min(self.size, self.stride)

    @property
    def taps(self) -> int:
        """Elements of g that a position meets, at most."""
        return -(-self.size // self.stride)

    @property
    def rows(self) -> Size:
        """Positions of one phase."""
        return ceildiv(self.extent + self.padding[0], self.stride)

    @property
    def room(self) -> int:
        """How many more these are than elements of g, at most."""
        return max((self.size - self.padding[1] + self.stride - 2) // self.stride, 0)


def known_sizes(e: IrEmit, w: Value) -> Ints:
    """The sizes of filters [O, C, K...], as many as are known when compiling."""
    return tuple(k for k in e.type(w).shape[2:] if isinstance(k, int))


def by_phases(e: IrEmit, g: Value, x: Value, w: Value, stride: Ints, padding: Pairs) -> Value:
    """The cotangent of x [N, C, S...], from g [N, O, P...] and filters w [O, C, K...]."""
    rows = zip(e.type(x).shape[2:], known_sizes(e, w), stride, padding, strict=True)
    axes = [_Phases(*row) for row in rows]
    for number, a in enumerate(axes, 2):
        g = placed(e, g, number, a.taps - 1, a.rows + a.taps - 1, room=a.room)
    spatial = len(axes)
    found = e(
        ops.conv, g, _phased(e, w, axes), stride=(1,) * spatial, padding=((0, 0),) * spatial,
        dilation=(1,) * spatial, groups=1,
    )  # fmt: skip
    return _placed_apart(e, found, e.type(x).shape[1], axes)


def _placed_apart(e: IrEmit, found: Value, channels: Size, axes: Sequence[_Phases]) -> Value:
    """Results [N, phases... * C, rows...] where they belong, [N, C, S...]. Channels are last on the
    way, so that what moves is a run."""
    n, spatial = e.type(found).shape[0], len(axes)
    found = e(transpose, found, perm=(0, *range(2, 2 + spatial), 1))
    rows, phases = [a.rows for a in axes], [a.phases for a in axes]
    found = e(reshape, found, shape=(n, *rows, *phases, channels))
    for number, a in enumerate(axes, 1 + spatial):
        found = placed(e, found, number, 0, a.stride, room=0)
    pairs = [axis for i in range(1, 1 + spatial) for axis in (i, i + spatial)]
    found = e(transpose, found, perm=(0, *pairs, 1 + 2 * spatial))
    found = e(reshape, found, shape=(n, *(a.rows * a.stride for a in axes), channels))
    found = e(transpose, found, perm=(0, 1 + spatial, *range(1, 1 + spatial)))
    for number, a in enumerate(axes, 2):
        found = cut(e, found, number, a.padding[0], a.padding[0] + a.extent)
    return found


def _phased(e: IrEmit, w: Value, axes: Sequence[_Phases]) -> Value:
    """Filters [O, C, K...] as [phases... * C, O, taps...], each read from its end."""
    out, channels, *_ = e.type(w).shape
    for number, a in enumerate(axes, 2):
        w = placed(e, w, number, 0, a.taps * a.phases, room=0)
    w = e(reshape, w, shape=(out, channels, *(n for a in axes for n in (a.taps, a.phases))))
    taps, phases = (tuple(range(first, 2 + 2 * len(axes), 2)) for first in (2, 3))
    w = e(transpose, w, perm=(*phases, 1, 0, *taps))
    w = e(reverse, w, axes=tuple(range(2 + len(axes), 2 + 2 * len(axes))))
    counts = [a.phases for a in axes]
    return e(reshape, w, shape=(math.prod(counts) * channels, out, *(a.taps for a in axes)))
