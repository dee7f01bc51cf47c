"""Functions of images and other grids [N, C, spatial...] that enlarge them."""

from __future__ import annotations

import numpy as np

from axec.dialects import dtypes
from axec.dialects.axe.rules import show
from axec.lang.arrays import contract, static
from axec.lang.arrays.arrange import flip, pad, permute_dims, reshape
from axec.lang.arrays.contract import Windows
from axec.lang.arrays.core import ArrayLike, as_tensor, need_float, promote
from axec.lang.arrays.dispatch import cast
from axec.lang.arrays.indexing import take
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error

__all__ = ["conv_transpose", "resize"]


def resize(x: ArrayLike, shape: int | tuple[int, ...], /, *, method: str = "linear") -> Tensor:
    """x with its last axes sampled anew at `shape` positions: position i of m lies at
    (i + 1/2) * n / m - 1/2 of n. "linear" (over two axes: bilinear; floats only) weighs the two
    neighbours, "nearest" takes the element there. Sizes are ints; nothing is smoothed first."""
    t = as_tensor(x)
    sizes = static.integers("resize: a size", shape)
    static.word("resize: the method", method, "nearest", "linear")
    if len(sizes) > t.ndim or min(sizes, default=1) < 1:
        raise error("bad-attribute", f"resize: {sizes} does not fit an array of {t.ndim} axes")
    if method == "linear":
        need_float("resize", t)
    dtype = t.dtype
    found = cast(t, dtypes.f32) if dtype.is_float and dtype.size == 2 else t
    for axis, size in enumerate(sizes, t.ndim - len(sizes)):
        found = _resized(found, axis, size, method)
    return cast(found, dtype)


def _resized(x: Tensor, axis: int, size: int, method: str) -> Tensor:
    old = x.type.shape[axis]
    if not isinstance(old, int) or not old:
        raise error("dim-value", f"resize: the axis of size `{old}` must have 1 or more elements")
    if old == size:
        return x
    places = (np.arange(size) + 0.5) * (old / size)
    if method == "nearest":
        return take(x, np.minimum(places.astype(np.int64), old - 1), axis=axis)
    places = np.clip(places - 0.5, 0, old - 1)
    below = places.astype(np.int64)
    above = np.minimum(below + 1, old - 1)
    share = (places - below).astype(x.dtype.numpy)
    weight = share.reshape(-1, *[1] * (x.ndim - 1 - axis))
    first, second = (take(x, at, axis=axis) for at in (below, above))
    return first + (second - first) * as_tensor(weight)


def conv_transpose(
    x: ArrayLike,
    w: ArrayLike,
    /,
    *,
    stride: Windows = 1,
    padding: Windows = 0,
    output_padding: Windows = 0,
    dilation: Windows = 1,
    groups: int = 1,
) -> Tensor:
    """The transpose of `conv` with the same options: x [N, C, spatial...] and
    w [C, O/groups, window...] give [N, O, (n - 1) * stride - 2 * padding + dilation * (k - 1) + 1 +
    output_padding ...]."""
    a, b = promote("conv_transpose", x, w)
    rank, count = a.ndim - 2, static.integer("groups", groups)
    channels = b.type.shape[0] if b.ndim else 0
    fits = isinstance(channels, int) and count > 0 and channels % count == 0
    if a.ndim != b.ndim or rank < 1 or a.type.shape[1] != channels or not fits:
        shapes = f"{show(a.type.shape)} and {show(b.type.shape)}"
        raise error(
            "shape-mismatch",
            f"conv_transpose: {shapes} with {count} groups are not [N, C, spatial...] and "
            "[C, O/groups, window...]",
        )
    steps, apart = (
        contract.per_axis(name, v, rank) for name, v in (("stride", stride), ("dilation", dilation))
    )
    pads = contract.per_axis("padding", padding, rank, least=0)
    more = contract.per_axis("output_padding", output_padding, rank, least=0)
    window = [k for k in b.type.shape[2:] if isinstance(k, int)]
    if len(window) != rank:
        raise error("dim-value", "conv_transpose: the window of w must be of ints")
    reach = [d * (k - 1) for d, k in zip(apart, window, strict=True)]
    spread = _spread(a, steps)
    amounts = [(r - p, r - p + m) for r, p, m in zip(reach, pads, more, strict=True)]
    return contract.conv(
        _margins(spread, amounts), _mirrored(b, count), dilation=apart, groups=count
    )


def _spread(x: Tensor, steps: tuple[int, ...]) -> Tensor:
    """x with step - 1 zeros between neighbours."""
    for axis, step in enumerate(steps, 2):
        shape = x.type.shape
        if step > 1:
            rows = reshape(x, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
            wide = pad(rows, [(0, step - 1 if a == axis + 1 else 0) for a in range(rows.ndim)])
            flat = reshape(wide, (*shape[:axis], shape[axis] * step, *shape[axis + 1 :]))
            x = flat[(*(slice(None),) * axis, slice(None, 1 - step))]
    return x


def _margins(x: Tensor, amounts: list[tuple[int, int]]) -> Tensor:
    """x with zeros around its spatial axes; negative amounts cut."""
    cuts = [slice(max(-low, 0), min(high, 0) or None) for low, high in amounts]
    kept = x[(slice(None), slice(None), *cuts)]
    return pad(kept, [(0, 0), (0, 0), *[(max(low, 0), max(high, 0)) for low, high in amounts]])


def _mirrored(w: Tensor, groups: int) -> Tensor:
    """Filters [C, O/groups, window...] as [O, C/groups, window...], each read from its end."""
    channels, out, *window = w.type.shape
    spatial = tuple(range(3, 3 + len(window)))
    apart = reshape(w, (groups, channels // groups, out, *window))
    turned = permute_dims(apart, (0, 2, 1, *spatial))
    joined = reshape(turned, (groups * out, channels // groups, *window))
    return flip(joined, axis=tuple(range(2, 2 + len(window))))
