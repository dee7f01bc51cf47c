"""Layers as functions of their parameters. Weights lie as in torch: linear [out, in], convolutions
[out, in/groups, window...]."""

from __future__ import annotations

from typing import Any

import numpy as np

from axec.dialects.axe.rules import show
from axec.dialects.types import Shape
from axec.lang.arrays import contract, core, static
from axec.lang.arrays.arrange import expand_dims, moveaxis, reshape
from axec.lang.arrays.contract import Padding, Windows, avg_pool, conv
from axec.lang.arrays.core import ArrayLike, as_tensor, promote
from axec.lang.arrays.create import arange
from axec.lang.arrays.dispatch import cast
from axec.lang.arrays.elementwise import not_equal, where
from axec.lang.arrays.indexing import take
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import AxecError, error
from axec.lang.spec import as_dtype, float32
from axec.lang.transform.derivatives import stop_gradient, vjp

__all__ = [
    "adaptive_avg_pool2d", "conv1d", "conv2d", "conv_transpose2d", "embedding", "linear", "one_hot",
]  # fmt: skip


def linear(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, /) -> Tensor:
    """x @ weight.T + bias: x [..., in], weight [out, in], bias [out] give [..., out]."""
    t, w = promote("linear", x, weight)
    if w.ndim != 2 or t.ndim < 1 or t.type.shape[-1] != w.type.shape[1]:
        raise error(
            "shape-mismatch",
            f"linear: x {show(t.type.shape)} and weight {show(w.type.shape)} must be [..., in] and "
            "[out, in]",
        )
    y = contract.dot(t, w, ([t.ndim - 1], [1]))  # its gradients lie as the weights do
    return y if bias is None else y + as_tensor(bias)


def conv1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    /,
    *,
    stride: Windows = 1,
    padding: Padding = 0,
    dilation: Windows = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of x [N, C, L] with weight [O, C/groups, K], plus bias [O]; options as in
    `axe.conv`."""
    return _conv("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    /,
    *,
    stride: Windows = 1,
    padding: Padding = 0,
    dilation: Windows = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of x [N, C, H, W] with weight [O, C/groups, K, L], plus bias [O]; options
    as in `axe.conv`."""
    return _conv("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def _conv(name: str, rank: int, x: Any, weight: Any, bias: Any, *options: Any) -> Tensor:
    t = as_tensor(x)
    if t.ndim != rank + 2:
        raise error(
            "shape-mismatch",
            f"{name}: x has {rank + 2} axes, this array has shape {show(t.type.shape)}",
            hint="a single image needs a batch axis: `x[None]`" if t.ndim == rank + 1 else None,
        )
    names = ("stride", "padding", "dilation", "groups")
    y = conv(t, weight, **dict(zip(names, options, strict=True)))
    return y if bias is None else y + _per_channel(bias, rank)


def _per_channel(bias: ArrayLike, rank: int) -> Tensor:
    return expand_dims(as_tensor(bias), tuple(range(1, rank + 1)))


def conv_transpose2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    /,
    *,
    stride: Windows = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
    dilation: Windows = 1,
    groups: int = 1,
) -> Tensor:
    """The transpose of `conv2d` as a linear map: x [N, C, H, W], weight [C, O/groups, K, L], bias
    [O] give [N, O, (H - 1) * stride - 2 * padding + dilation * (K - 1) + output_padding + 1, ...].
    """
    t, w = promote("conv_transpose2d", x, weight)
    if t.ndim != 4 or w.ndim != 4 or t.type.shape[1] != w.type.shape[0]:
        raise error(
            "shape-mismatch",
            f"conv_transpose2d: x {show(t.type.shape)} and weight {show(w.type.shape)} must be "
            "[N, C, H, W] and [C, O/groups, K, L]",
        )
    steps, pads, extra, apart = (
        _two("stride", stride),
        _two("padding", padding),
        _two("output_padding", output_padding),
        _two("dilation", dilation),
    )
    rows = zip(t.type.shape[2:], w.type.shape[2:], steps, pads, extra, apart, strict=True)
    space = [(n - 1) * s - 2 * p + d * (k - 1) + more + 1 for n, k, s, p, more, d in rows]
    count = static.integer("groups", groups)

    def forward(image: Tensor) -> Tensor:
        return conv(image, w, stride=steps, padding=pads, dilation=apart, groups=count)

    shape: Shape = (t.type.shape[0], w.type.shape[1] * count, *space)
    _, pullback = vjp(forward, core.full(shape, 0, t.dtype))
    y: Tensor = pullback(t)[0]
    return y if bias is None else y + _per_channel(bias, 2)


def _two(name: str, value: Any) -> tuple[int, ...]:
    pair = static.integers(name, value)
    pair = pair if isinstance(value, (list, tuple)) else pair * 2
    if len(pair) != 2 or min(pair) < 0:
        raise error("bad-attribute", f"{name} must be one int >= 0, or two, got {value!r}")
    return pair


def adaptive_avg_pool2d(x: ArrayLike, output_size: int | tuple[int, int], /) -> Tensor:
    """x [..., H, W] averaged to [..., output_size]: position i of n covers the elements from
    floor(i * size / n) to ceil((i + 1) * size / n)."""
    t = as_tensor(x)
    wanted = _two("output_size", output_size)
    sizes = [s for s in t.type.shape[-2:] if isinstance(s, int)]
    if t.ndim < 2 or len(sizes) != 2 or min(wanted) < 1:
        raise error(
            "shape-mismatch",
            f"adaptive_avg_pool2d: cannot average {show(t.type.shape)} to {show(wanted)}: both "
            "sizes must be known, the results positive",
        )
    if all(s % n == 0 for s, n in zip(sizes, wanted, strict=True)):
        return avg_pool(t, tuple(s // n for s, n in zip(sizes, wanted, strict=True)))
    for axis, size, n in ((-1, sizes[1], wanted[1]), (-2, sizes[0], wanted[0])):
        bins = cast(as_tensor(_bins(size, n)), t.dtype)
        t = moveaxis(contract.matmul(moveaxis(t, axis, -1), bins), -1, axis)
    return t


def _bins(size: int, n: int) -> np.ndarray[Any, Any]:
    """The matrix [size, n] that averages."""
    matrix = np.zeros((size, n), np.float32)
    for i in range(n):
        start, stop = i * size // n, -(-(i + 1) * size // n)
        matrix[start:stop, i] = 1 / (stop - start)
    return matrix


def one_hot(indices: ArrayLike, num_classes: int, /, *, dtype: Any = float32) -> Tensor:
    """Integers [...] as rows [..., num_classes] that are 1 at the index, otherwise 0 (all 0 for an
    index outside)."""
    t = as_tensor(indices)
    count = static.integer("num_classes", num_classes)
    return cast(hits("one_hot", t, count), as_dtype(dtype))


def hits(name: str, indices: Tensor, count: int, axis: int = -1) -> Tensor:
    """Where a new axis of size `count` has the position that the index says, as bool."""
    if not indices.dtype.is_integer:
        raise _no_index(name, indices)
    place = static.axis(name, axis, indices.ndim + 1)
    if indices.dtype.size < 4:  # so that every position has a number in the dtype
        indices = indices.astype("int32")
    positions = arange(count, dtype=indices.dtype)
    aligned = reshape(positions, (count, *(1,) * (indices.ndim - place)))
    return expand_dims(indices, place) == aligned


def _no_index(name: str, x: Tensor) -> AxecError:
    return error(
        "index-type",
        f"{name}: indices are integers, this is {x.type}",
        hint="cast with `.astype(axe.int64)`",
    )


def embedding(
    indices: ArrayLike, weight: ArrayLike, /, *, padding_idx: int | None = None
) -> Tensor:
    """Rows of weight [V, D] by integers [...]: [..., D]. The row `padding_idx` gets no gradient.
    Run-time indices outside the table are clamped to it, as everywhere in axec."""
    at, table = as_tensor(indices), as_tensor(weight)
    if not at.dtype.is_integer:
        raise _no_index("embedding", at)
    if table.ndim != 2:
        raise error(
            "shape-mismatch", f"embedding: weight is [V, D], this is {show(table.type.shape)}"
        )
    rows = take(table, at, axis=0)
    if padding_idx is None:
        return rows
    row = static.integer("padding_idx", padding_idx)
    fixed = take(stop_gradient(table), row, axis=0)
    return where(expand_dims(not_equal(at, row), -1), rows, fixed)
