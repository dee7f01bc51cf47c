"""Functions whose result has a size that depends on values. They work on arrays whose values are
known; a traced array has none, and a program knows its sizes before it runs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from axec.dialects.opdef import Array
from axec.lang.arrays.core import ArrayLike, as_tensor
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error

__all__ = ["nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values"]


class UniqueAll(NamedTuple):
    """Result of `unique_all`."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """Result of `unique_counts`."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """Result of `unique_inverse`."""

    values: Tensor
    inverse_indices: Tensor


def nonzero(x: ArrayLike, /) -> tuple[Tensor, ...]:
    """The int64 positions of the elements that are not 0, one array per axis, in row-major order.
    Of known arrays: in a program, mask with `where` or count with `count_nonzero`."""
    hint = "mask with `axe.where`, or count with `axe.count_nonzero`"
    found = known("nonzero", x, hint)
    if not found.ndim:
        raise error("axis-range", "nonzero: needs an axis, this array has shape ()")
    return tuple(_tensor(places) for places in np.nonzero(found))


def unique_values(x: ArrayLike, /) -> Tensor:
    """The different values, in order. Of known arrays. Each NaN is a value of its own."""
    return _unique("unique_values", x)[0]


def unique_counts(x: ArrayLike, /) -> UniqueCounts:
    """The different values, in order, and how often each occurs. Of known arrays."""
    values, _, _, counts = _unique("unique_counts", x)
    return UniqueCounts(values, counts)


def unique_inverse(x: ArrayLike, /) -> UniqueInverse:
    """The different values, in order, and for each element of x the position of its value among
    them, in the shape of x. Of known arrays."""
    values, _, inverse, _ = _unique("unique_inverse", x)
    return UniqueInverse(values, inverse)


def unique_all(x: ArrayLike, /) -> UniqueAll:
    """The different values, in order; where each occurs first in the flat x; the position of each
    element's value among them, in the shape of x; how often each occurs. Of known arrays."""
    return UniqueAll(*_unique("unique_all", x))


def _unique(name: str, x: ArrayLike) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    array = known(name, x, "sort with `axe.sort` and compare neighbours")
    values, first, inverse, counts = np.unique(
        array, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    shaped = inverse.reshape(array.shape)
    return _tensor(values), _tensor(first), _tensor(shaped), _tensor(counts)


def known(name: str, x: ArrayLike, hint: str) -> Array:
    """The values of an array. AxecError `dim-value` for a traced one."""
    t = as_tensor(x)
    if t.trace is not None:
        message = f"{name}: the size of its result depends on values; programs know their sizes"
        raise error("dim-value", message, hint=hint)
    array: Array = t.value
    return array


def _tensor(array: Array) -> Tensor:
    dtype: Any = np.int64 if array.dtype == np.intp else array.dtype
    return Tensor(np.asarray(array, dtype))
