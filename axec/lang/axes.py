"""Axes as users give them (negative, one or several) as axes that ops take."""

from __future__ import annotations

import operator
from typing import Any

from axec.lang.errors import error

Axes = int | tuple[int, ...] | None


def one(name: str, axis: Any, rank: int) -> int:
    """An axis in [0, rank). AxecError `axis-range` when the array has no such axis."""
    try:
        number = operator.index(axis)
    except TypeError:
        raise error("axis-range", f"{name}: an axis is an int, got {axis!r}") from None
    if -rank <= number < rank:
        return number % rank
    if rank == 0:
        raise error("axis-range", f"{name}: no axis {number}, the array has shape ()")
    raise error(
        "axis-range",
        f"{name}: no axis {number} in an array of {rank} axes",
        hint=f"axes go from {-rank} to {rank - 1}",
    )


def several(name: str, axis: Any, rank: int) -> tuple[int, ...]:
    """Distinct axes, in the order given; None means all."""
    if axis is None:
        return tuple(range(rank))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    found = tuple(one(name, a, rank) for a in given)
    if len(set(found)) != len(found):
        raise error("axis-range", f"{name}: axis {tuple(given)} names one axis twice")
    return found
