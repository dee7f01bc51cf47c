"""Functions that move elements: shapes, order of axes, joining, repeating, padding.

Names and rules of the Python array API standard 2024.12; shapes may hold named dims.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from axec.dialects import dims
from axec.dialects.axe import arrange as ops
from axec.dialects.axe.rules import show
from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.lang import hints
from axec.lang.arrays import core, dispatch, static
from axec.lang.arrays.core import ArrayLike, as_tensor, as_tensors, known_shape
from axec.lang.arrays.dispatch import apply
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import AxecError, error
from axec.lang.sizes import as_shape, as_size, divide

__all__ = [
    "broadcast_arrays", "broadcast_to", "concat", "expand_dims", "flip", "matrix_transpose",
    "meshgrid", "moveaxis", "pad", "permute_dims", "repeat", "reshape", "roll", "split", "squeeze",
    "stack", "swapaxes", "tile", "transpose", "unstack",
]  # fmt: skip


def reshape(x: ArrayLike, /, shape: Any) -> Tensor:
    """The same elements in row-major order under another shape; one size may be -1 (what is left).

    Raises AxecError `reshape-size` when the numbers of elements differ.
    """
    t = as_tensor(x)
    given = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    sizes = [as_size(s) for s in given]
    open_axes = [i for i, s in enumerate(sizes) if s == -1]
    if len(open_axes) > 1:
        raise error("reshape-size", f"reshape: only one size can be -1, got {show(given)}")
    if open_axes:
        known = dims.product(s for s in sizes if s != -1)
        left = divide(t.type.count, known)
        if left is None:
            raise _no_reshape(t, sizes)
        sizes[open_axes[0]] = left
    new = as_shape(sizes)
    if dims.product(new) != t.type.count:
        raise _no_reshape(t, sizes)
    return t if new == t.type.shape else apply(ops.reshape, t, shape=new)


def _no_reshape(x: Tensor, sizes: Sequence[Size]) -> AxecError:
    fixed = [s for s in sizes if s != -1]
    message = f"reshape: {show(x.type.shape)} has {x.type.count} elements, {show(sizes)} "
    if len(fixed) < len(sizes):
        message += f"needs a multiple of {dims.product(fixed)}"
    else:
        message += f"has {dims.product(fixed)}"
    for i in range(len(sizes)):
        rest = dims.product(s for j, s in enumerate(sizes) if j != i and s != -1)
        if divide(x.type.count, rest) is not None:
            text = ", ".join("-1" if j == i else str(s) for j, s in enumerate(sizes))
            comma = "," if len(sizes) == 1 else ""
            hint = f"the shape `({text}{comma})` has as many elements"
            return error("reshape-size", message, hint=hint)
    return error("reshape-size", message, hint="-1 stands for the size that fits")


def permute_dims(x: ArrayLike, /, axes: Sequence[int]) -> Tensor:
    """Axes in another order: result axis i is axis axes[i] of x."""
    t = as_tensor(x)
    perm = static.axes("permute_dims", axes, t.ndim)
    if len(perm) != t.ndim:
        raise error(
            "axis-range",
            f"permute_dims: {perm} must name each axis of {show(t.type.shape)}",
            hint=f"for example `({', '.join(map(str, reversed(range(t.ndim))))})`",
        )
    return t if perm == tuple(range(t.ndim)) else apply(ops.transpose, t, perm=perm)


def transpose(x: ArrayLike, /, axes: Sequence[int] | None = None) -> Tensor:
    """NumPy's name for `permute_dims`; without axes it reverses them all."""
    t = as_tensor(x)
    return permute_dims(t, tuple(reversed(range(t.ndim))) if axes is None else axes)


def transpose_matrix(x: ArrayLike, /) -> Tensor:
    """The transpose of a 2-d array; `x.T`."""
    t = as_tensor(x)
    if t.ndim != 2:
        raise error(
            "axis-range",
            f".T is for 2 axes, this array has shape {show(t.type.shape)}",
            hint="`.mT` exchanges the last two axes, `axe.permute_dims` any",
        )
    return permute_dims(t, (1, 0))


def matrix_transpose(x: ArrayLike, /) -> Tensor:
    """The last two axes exchanged; `x.mT`."""
    return swapaxes(x, -1, -2)


def swapaxes(x: ArrayLike, axis1: int, axis2: int, /) -> Tensor:
    """Two axes exchanged."""
    t = as_tensor(x)
    a = static.axis("swapaxes", axis1, t.ndim)
    b = static.axis("swapaxes", axis2, t.ndim)
    perm = list(range(t.ndim))
    perm[a], perm[b] = perm[b], perm[a]
    return permute_dims(t, perm)


def moveaxis(
    x: ArrayLike, source: int | tuple[int, ...], destination: int | tuple[int, ...], /
) -> Tensor:
    """Axes `source` moved to the positions `destination`; the others keep their order."""
    t = as_tensor(x)
    old = static.axes("moveaxis", source, t.ndim)
    new = static.axes("moveaxis", destination, t.ndim)
    if len(old) != len(new):
        raise error("axis-range", f"moveaxis: {len(old)} axes cannot go to {len(new)} places")
    perm = [a for a in range(t.ndim) if a not in old]
    for place, axis in sorted(zip(new, old, strict=True)):
        perm.insert(place, axis)
    return permute_dims(t, perm)


def squeeze(x: ArrayLike, /, axis: int | tuple[int, ...]) -> Tensor:
    """Axes of size 1 removed."""
    t = as_tensor(x)
    gone = static.axes("squeeze", axis, t.ndim)
    for a in gone:
        if t.type.shape[a] != 1:
            raise error(
                "shape-mismatch",
                f"squeeze: axis {a} of {show(t.type.shape)} has size {t.type.shape[a]}, not 1",
            )
    return _shaped(t, tuple(s for i, s in enumerate(t.type.shape) if i not in gone))


def expand_dims(x: ArrayLike, /, axis: int | tuple[int, ...]) -> Tensor:
    """New axes of size 1 at these positions of the result."""
    t = as_tensor(x)
    rank = t.ndim + len(static.integers("expand_dims: an axis", axis))
    new = static.axes("expand_dims", axis, rank)
    rest = iter(t.type.shape)
    return _shaped(t, tuple(1 if i in new else next(rest) for i in range(rank)))


def _shaped(x: Tensor, shape: Shape) -> Tensor:
    """A reshape that is known to fit."""
    return x if x.type.shape == shape else apply(ops.reshape, x, shape=shape)


def flip(x: ArrayLike, /, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """Elements in reverse order along axes (all of them by default)."""
    t = as_tensor(x)
    return apply(ops.reverse, t, axes=static.axes("flip", axis, t.ndim))


def broadcast_to(x: ArrayLike, /, shape: Any) -> Tensor:
    """x repeated to a shape: new axes in front, axes of size 1 stretched."""
    t = as_tensor(x)
    target = known_shape(shape)
    fits = t.ndim <= len(target) and all(
        a in (1, b) for a, b in zip(t.type.shape, target[len(target) - t.ndim :], strict=True)
    )
    if not fits:
        raise hints.cannot_broadcast("broadcast_to", t.type.shape, target)
    return core.stretch(t, target)


def broadcast_arrays(*arrays: ArrayLike) -> list[Tensor]:
    """The arrays, each with its own dtype, repeated to their common shape."""
    return core.broadcast("broadcast_arrays", [as_tensor(x) for x in arrays])


def concat(arrays: Sequence[ArrayLike], /, *, axis: int | None = 0) -> Tensor:
    """The arrays one after another along an axis (flattened first when it is None)."""
    found = as_tensors(arrays, "concat")
    if axis is None:
        return _joined([reshape(t, (-1,)) for t in found], 0)
    return _concat("concat", found, static.axis("concat", axis, found[0].ndim))


def _concat(name: str, found: list[Tensor], axis: int) -> Tensor:
    first = found[0].type.shape
    for i, t in enumerate(found):
        other = t.type.shape
        if len(first) != len(other) or _without(first, axis) != _without(other, axis):
            raise error(
                "shape-mismatch",
                f"{name}: shapes {show(first)} of array 0 and {show(other)} of array {i} differ "
                f"beside axis {axis}",
                hint=_concat_hint(first, other),
            )
    return _joined(found, axis)


def _joined(found: Sequence[Tensor], axis: int) -> Tensor:
    """A balanced tree of binary concats."""
    if len(found) == 1:
        return found[0]
    half = len(found) // 2
    left, right = _joined(found[:half], axis), _joined(found[half:], axis)
    return apply(ops.concat, left, right, axis=axis)


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _concat_hint(a: Shape, b: Shape) -> str:
    if len(a) != len(b):
        return "give both the same number of axes, for example with `x[None]`"
    differ = [k for k in range(len(a)) if a[k] != b[k]]
    if len(differ) == 1:
        return f"they fit with `axis={differ[0]}`"
    return "sizes may differ on the joined axis alone"


def stack(arrays: Sequence[ArrayLike], /, *, axis: int = 0) -> Tensor:
    """Arrays of one shape side by side along a new axis."""
    found = as_tensors(arrays, "stack")
    for i, t in enumerate(found):
        if t.type.shape != found[0].type.shape:
            raise error(
                "shape-mismatch",
                f"stack: shapes {show(found[0].type.shape)} of array 0 and {show(t.type.shape)} "
                f"of array {i} differ",
                hint="join them along an axis that they have: `axe.concat`",
            )
    place = static.axis("stack", axis, found[0].ndim + 1)
    return _concat("stack", [expand_dims(t, place) for t in found], place)


def split(x: ArrayLike, indices_or_sections: int | Sequence[int], /, axis: int = 0) -> list[Tensor]:
    """Parts of x along an axis: so many equal ones, or cut before these indices."""
    t = as_tensor(x)
    a = static.axis("split", axis, t.ndim)
    size = t.type.shape[a]
    if isinstance(indices_or_sections, (list, tuple)):
        cuts: list[Size] = [0, *(as_size(i) for i in indices_or_sections), size]
    else:
        count = static.integer("split: the number of parts", indices_or_sections)
        part = divide(size, count) if count > 0 else None
        if part is None:
            raise error(
                "shape-mismatch",
                f"split: axis {a} of size {size} has no {count} equal parts",
                hint="give the indices to cut at: `axe.split(x, [2, 5])`",
            )
        cuts = [part * i for i in range(count + 1)]
    whole: list[Any] = [slice(None)] * t.ndim
    pieces = []
    for start, stop in pairwise(cuts):
        whole[a] = slice(start, stop)
        pieces.append(t[tuple(whole)])
    return pieces


def repeat(x: ArrayLike, repeats: int, /, *, axis: int | None = None) -> Tensor:
    """Each element `repeats` times in a row along an axis (of the flattened x when it is None)."""
    t = as_tensor(x) if axis is not None else reshape(x, (-1,))
    a = static.axis("repeat", 0 if axis is None else axis, t.ndim)
    repeats = static.integer("repeat: the number of repeats", repeats)
    shape = t.type.shape
    apart = expand_dims(t, a + 1)
    wide = core.stretch(apart, known_shape((*shape[: a + 1], repeats, *shape[a + 1 :])))
    return _shaped(wide, (*shape[:a], shape[a] * repeats, *shape[a + 1 :]))


def tile(x: ArrayLike, repetitions: int | Sequence[int], /) -> Tensor:
    """Copies of x side by side: repetitions[i] along axis i, counted from the last."""
    t = as_tensor(x)
    counts = list(static.integers("tile: a number of repetitions", repetitions))
    rank = max(t.ndim, len(counts))
    counts = [1] * (rank - len(counts)) + counts
    shape = (1,) * (rank - t.ndim) + t.type.shape
    apart = _shaped(t, tuple(s for n in shape for s in (1, n)))
    pairs = zip(counts, shape, strict=True)
    wide = core.stretch(apart, known_shape([s for pair in pairs for s in pair]))
    return _shaped(wide, tuple(c * n for c, n in zip(counts, shape, strict=True)))


def roll(
    x: ArrayLike,
    /,
    shift: int | tuple[int, ...],
    *,
    axis: int | tuple[int, ...] | None = None,
) -> Tensor:
    """Elements moved by `shift` places towards the end; those beyond it come in at the front. With
    `axis` None, of the flattened x."""
    t = as_tensor(x)
    if axis is None:
        flat = roll(reshape(t, (-1,)), shift, axis=0)
        return _shaped(flat, t.type.shape)
    shifts, axes = static.integers("roll: a shift", shift), static.axes("roll", axis, t.ndim)
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    if len(shifts) != len(axes):
        raise error("bad-attribute", f"roll: {len(shifts)} shifts for {len(axes)} axes")
    for amount, place in zip(shifts, axes, strict=True):
        t = _rolled(t, amount, place)
    return t


def _rolled(x: Tensor, amount: int, axis: int) -> Tensor:
    size = x.type.shape[axis]
    if not isinstance(size, int):
        raise error("dim-value", f"roll: the axis of size `{size}` must have a size that is an int")
    at = -amount % size if size else 0
    front = (slice(None),) * axis
    if at == 0:
        return x
    return concat([x[(*front, slice(at, None))], x[(*front, slice(at))]], axis=axis)


def unstack(x: ArrayLike, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of x along an axis, which they lack."""
    t = as_tensor(x)
    place = static.axis("unstack", axis, t.ndim)
    size = t.type.shape[place]
    if not isinstance(size, int):
        raise error("dim-value", f"unstack: `{size}` slices are not known when tracing")
    return tuple(t[(*(slice(None),) * place, i)] for i in range(size))


def meshgrid(*arrays: ArrayLike, indexing: str = "xy") -> list[Tensor]:
    """Coordinate matrices of 1-d arrays: array i varies along axis i, or with "xy" the first along
    axis 1 and the second along axis 0."""
    static.word("meshgrid: indexing", indexing, "xy", "ij")
    found = [as_tensor(a) for a in arrays]
    if any(t.ndim != 1 for t in found):
        raise error("shape-mismatch", "meshgrid: needs arrays of one axis")
    order = list(range(len(found)))
    if indexing == "xy":
        order[:2] = order[:2][::-1]
    rank = len(found)
    shape = [found[i].type.shape[0] for i in order]
    shapes = [tuple(shape[a] if order[a] == i else 1 for a in range(rank)) for i in range(rank)]
    return [core.stretch(_shaped(t, s), tuple(shape)) for t, s in zip(found, shapes, strict=True)]


def pad(
    x: ArrayLike,
    pad_width: int | tuple[int, int] | Sequence[tuple[int, int]],
    /,
    *,
    constant_values: ArrayLike | None = None,
) -> Tensor:
    """x with constants (0, or False) around it; `pad_width` is one amount, one (before, after), or
    one pair per axis, as in NumPy."""
    t = as_tensor(x)
    pairs = _pad_pairs(pad_width, t.ndim)
    if len(pairs) != t.ndim or any(len(p) != 2 or min(p) < 0 for p in pairs):
        raise error(
            "bad-attribute",
            f"pad: {pad_width} gives no (before, after) >= 0 for each axis of {show(t.type.shape)}",
        )
    nothing = constant_values is None
    value = core.full((), 0, t.dtype) if nothing else core.promote("pad", t, constant_values)[1]
    low, high = zip(*pairs, strict=True) if pairs else ((), ())
    return apply(ops.pad, t, dispatch.cast(value, t.dtype), low=low, high=high)


def _pad_pairs(pad_width: Any, rank: int) -> list[tuple[int, ...]]:
    """One tuple of amounts per axis."""
    if isinstance(pad_width, (list, tuple)) and any(
        isinstance(p, (list, tuple)) for p in pad_width
    ):
        return [static.integers("pad: an amount", p) for p in pad_width]
    amounts = static.integers("pad: an amount", pad_width)
    return [amounts * 2 if len(amounts) == 1 else amounts] * rank
