"""Functions that multiply and sum: matrix products, convolution, pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axec.dialects import dtypes
from axec.dialects.attrs import Pairs
from axec.dialects.axe import composite
from axec.dialects.axe import contract as ops
from axec.dialects.axe import reduce as reduce_ops
from axec.dialects.axe.rules import show
from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.lang import hints
from axec.lang.arrays import core, static
from axec.lang.arrays.arrange import moveaxis
from axec.lang.arrays.core import ArrayLike, as_tensor, promote
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.sizes import divide
from axec.lang.spec import as_dtype, dtype_name

__all__ = ["avg_pool", "conv", "matmul", "max_pool", "tensordot", "vecdot"]

Windows = int | tuple[int, ...]
Padding = str | int | Sequence[int | tuple[int, int]]


def dot(
    x: Tensor,
    y: Tensor,
    contract: tuple[Sequence[int], Sequence[int]],
    batch: tuple[Sequence[int], Sequence[int]] = ((), ()),
) -> Tensor:
    """`dot_general` on operands whose paired axes are known to fit."""
    return apply(
        ops.dot_general,
        x,
        y,
        batch_x=tuple(batch[0]),
        batch_y=tuple(batch[1]),
        contract_x=tuple(contract[0]),
        contract_y=tuple(contract[1]),
    )


def factors(name: str, dtype: Any, *values: ArrayLike) -> list[Tensor]:
    """The operands of a product, promoted; with `dtype`, of the dtype in which it is summed, which
    is the result's: each is cast to it, for which kernels need no copy. AxecError `dtype-mix` when
    an operand does not promote to it."""
    if dtype is None:
        return promote(name, *values)
    wide, found = as_dtype(dtype), [as_tensor(v) for v in values]
    for t in found:
        if dtypes.promote(t.type.dtype, wide) is not wide:
            raise error(
                "dtype-mix",
                f"{name}: {dtype_name(t.type.dtype)} does not widen to {dtype_name(wide)}",
                hint=f"cast the result: `axe.{name}(...).astype(axe.{dtype_name(wide)})`",
            )
    return [cast(t, wide) for t in found]


def matmul(x1: ArrayLike, x2: ArrayLike, /, *, dtype: Any = None) -> Tensor:
    """The matrix product `x1 @ x2`: [..., M, K] and [..., K, N] give [..., M, N]; leading axes
    broadcast; a 1-d operand is a row on the left, a column on the right, and its axis is gone.

    `dtype`: of the sums and the result, wider than the operands': float32 for bfloat16 and float16,
    int32 for int8 and uint8, also mixed (JAX calls it preferred_element_type). Without it the
    result has the operands' dtype; bfloat16 and float16 are summed in float32 and rounded once.
    """
    x, y = factors("matmul", dtype, x1, x2)
    a, b = x.type.shape, y.type.shape
    if not a or not b:
        raise error(
            "shape-mismatch",
            f"matmul: shapes {show(a)} and {show(b)}: a scalar has no axis to sum over",
            hint="multiply with `*`",
        )
    inner = len(b) - 2 if len(b) > 1 else 0
    if a[-1] != b[inner]:
        raise error(
            "shape-mismatch",
            f"matmul: {show(a)} @ {show(b)}: the inner sizes {a[-1]} and {b[inner]} differ",
            hint=hints.matmul(a, b),
        )
    if len(b) <= 2:
        return dot(x, y, ([len(a) - 1], [inner]))
    return _batched(x, y)


def _batched(x: Tensor, y: Tensor) -> Tensor:
    """matmul with leading axes on the right; a vector on the left has none."""
    if x.ndim <= 2:
        # [M, K] with [..., K, N]: sum first, then put M where it belongs.
        found = dot(x, y, ([x.ndim - 1], [y.ndim - 2]))
        return found if x.ndim == 1 else moveaxis(found, 0, -2)
    lead = core.common_shape("matmul", x.type.shape[:-2], y.type.shape[:-2])
    x = core.stretch(x, (*lead, *x.type.shape[-2:]))
    y = core.stretch(y, (*lead, *y.type.shape[-2:]))
    batch = range(len(lead))
    return dot(x, y, ([x.ndim - 1], [y.ndim - 2]), (batch, batch))


def tensordot(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    *,
    axes: int | tuple[Sequence[int], Sequence[int]] = 2,
    dtype: Any = None,
) -> Tensor:
    """Sum of products over pairs of axes: the last `axes` of x1 with the first of x2, or the axes
    listed for each. The result has the other axes of x1, then those of x2. `dtype`: as `matmul`."""
    x, y = factors("tensordot", dtype, x1, x2)
    if isinstance(axes, (list, tuple)) and len(axes) == 2:
        pairs: Sequence[Any] = axes
    else:
        count = static.integer("tensordot: axes", axes)
        pairs = (range(-count, 0), range(count))
    left = static.axes("tensordot", pairs[0], x.ndim)
    right = static.axes("tensordot", pairs[1], y.ndim)
    sizes = [x.type.shape[a] for a in left], [y.type.shape[a] for a in right]
    if sizes[0] != sizes[1]:
        raise error(
            "shape-mismatch",
            f"tensordot: axes {left} of {show(x.type.shape)} and {right} of {show(y.type.shape)} "
            f"have sizes {show(sizes[0])} and {show(sizes[1])}",
        )
    return dot(x, y, (left, right))


def vecdot(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1, dtype: Any = None) -> Tensor:
    """Sum of products along one axis, which is counted from the end; the other axes broadcast.
    `dtype`: as `matmul`."""
    x, y = factors("vecdot", dtype, x1, x2)
    a, b = (static.axis("vecdot", axis, t.ndim) for t in (x, y))
    if x.type.shape[a] != y.type.shape[b]:
        raise error(
            "shape-mismatch",
            f"vecdot: axis {axis} of {show(x.type.shape)} and {show(y.type.shape)} differ",
        )
    x, y = core.broadcast("vecdot", [moveaxis(x, a, -1), moveaxis(y, b, -1)])
    batch = range(x.ndim - 1)
    return dot(x, y, ([x.ndim - 1], [y.ndim - 1]), (batch, batch))


def conv(
    x: ArrayLike,
    w: ArrayLike,
    /,
    *,
    stride: Windows = 1,
    padding: Padding = 0,
    dilation: Windows = 1,
    groups: int = 1,
    dtype: Any = None,
) -> Tensor:
    """Cross-correlation of x [N, C, spatial...] with w [O, C/groups, spatial...], over any number
    of spatial axes.

    `padding`: "valid" (none), "same" (as many positions as x / stride), one amount, or per axis an
    amount or a (before, after) pair. Result [N, O, positions...]. `dtype`: as `matmul`.
    """
    a, b = factors("conv", dtype, x, w)
    if a.ndim != b.ndim or a.ndim < 3:
        raise error(
            "shape-mismatch",
            f"conv: x {show(a.type.shape)} and w {show(b.type.shape)} must be [N, C, spatial...] "
            "and [O, C/groups, spatial...]",
            hint="a single image needs a batch axis: `x[None]`" if a.ndim < b.ndim else None,
        )
    count = static.integer("groups", groups)
    _need_channels(a.type.shape[1], b.type.shape, count)
    rank = a.ndim - 2
    window = tuple(s for s in b.type.shape[2:] if isinstance(s, int))
    if len(window) != rank:
        raise error("dim-value", f"conv: the window of w {show(b.type.shape)} must be of ints")
    steps, apart = per_axis("stride", stride, rank), per_axis("dilation", dilation, rank)
    pads = _padding(padding, a.type.shape[2:], window, steps, apart)
    return apply(ops.conv, a, b, stride=steps, padding=pads, dilation=apart, groups=count)


def _need_channels(channels: Size, w: Shape, groups: int) -> None:
    wanted = w[1] * groups
    if channels == wanted:
        return
    hint = f"x needs {wanted} channels on axis 1, or w {channels} on its axis 1"
    fitting = divide(channels, w[1])
    if isinstance(fitting, int) and fitting and divide(w[0], fitting) is not None:
        hint = f"`groups={fitting}` fits these shapes"
    raise error(
        "shape-mismatch",
        f"conv: x has {channels} channels, w {show(w)} with {groups} "
        f"{'group' if groups == 1 else 'groups'} takes {wanted}",
        hint=hint,
    )


def max_pool(
    x: ArrayLike,
    size: Windows,
    /,
    *,
    stride: Windows | None = None,
    padding: Padding = 0,
    dilation: Windows = 1,
) -> Tensor:
    """The maximum of windows over the last axes (as many as `size` has; an int means two).
    `stride` is `size` by default; padding never wins."""
    t = as_tensor(x)
    window = _window(size)
    steps = per_axis("stride", window if stride is None else stride, len(window))
    apart = per_axis("dilation", dilation, len(window))
    pads = _padding(padding, t.type.shape[t.ndim - len(window) :], window, steps, apart)
    return apply(
        reduce_ops.window,
        t,
        kind="max",
        size=window,
        stride=steps,
        padding=pads,
        dilation=apart,
    )


def avg_pool(
    x: ArrayLike,
    size: Windows,
    /,
    *,
    stride: Windows | None = None,
    padding: Padding = 0,
    count_include_pad: bool = False,
) -> Tensor:
    """The mean of windows over the last axes (as many as `size` has; an int means two). `stride`
    is `size` by default; padding counts as elements only with `count_include_pad`."""
    t = as_tensor(x)
    window = _window(size)
    steps = per_axis("stride", window if stride is None else stride, len(window))
    once = (1,) * len(window)
    pads = _padding(padding, t.type.shape[t.ndim - len(window) :], window, steps, once)
    return apply(
        composite.avg_pool,
        t,
        size=window,
        stride=steps,
        padding=pads,
        count_include_pad=static.flag("count_include_pad", count_include_pad),
    )


def _window(size: Windows) -> tuple[int, ...]:
    found = static.integers("the size of a window", size)
    if not found:
        raise error("bad-attribute", "a window has one or more axes")
    return found if isinstance(size, (list, tuple)) else found * 2


def per_axis(what: str, value: Windows, rank: int, least: int = 1) -> tuple[int, ...]:
    """One int per spatial axis, from one or from as many."""
    found = static.integers(what, value)
    if not isinstance(value, (list, tuple)):
        found *= rank
    if len(found) != rank or any(v < least for v in found):
        message = f"{what} must be one int >= {least}, or {rank} of them, got {value!r}"
        raise error("bad-attribute", message)
    return found


def _padding(
    padding: Any,
    sizes: Shape,
    window: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Pairs:
    """(before, after) per axis from any of the forms that users write."""
    if isinstance(padding, str) and padding == "same":
        spans = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True)]
        return tuple(map(_same, sizes, spans, stride))
    amounts = 0 if isinstance(padding, str) and padding == "valid" else padding
    each = amounts if isinstance(amounts, (list, tuple)) else [amounts] * len(window)
    if len(each) == len(window) and not isinstance(amounts, str):
        found = [static.integers("padding", p) for p in each]
        pairs = tuple((p[0], p[-1]) for p in found if 1 <= len(p) <= 2 and min(p) >= 0)
        if len(pairs) == len(window):
            return pairs
    raise error(
        "bad-attribute",
        f"padding must be 'valid', 'same', an int, or {len(window)} ints or pairs, got {padding!r}",
    )


def _same(size: Size, span: int, stride: int) -> tuple[int, int]:
    """The padding that gives ceil(size / stride) positions; the odd element goes after."""
    if isinstance(size, int):
        rest = size % stride or stride
    elif stride == 1:
        rest = 1
    else:
        raise error(
            "dim-value",
            f'padding "same" with stride {stride} depends on the size of axis `{size}`',
            hint="give the amounts: `padding=((before, after), ...)`",
        )
    total = max(span - rest, 0)
    return total // 2, total - total // 2
