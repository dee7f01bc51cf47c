"""Arguments that are known when tracing (axes, sizes of windows, flags): checked and normalised."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from axec.lang.errors import AxecError, error

Axes = int | tuple[int, ...] | None


def integer(what: str, value: Any) -> int:
    """A Python int (NumPy integers count)."""
    if type(value) is int:
        return value
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return operator.index(value)
    raise wrong(what, "an int", value)


def integers(what: str, value: Any) -> tuple[int, ...]:
    """Ints from a sequence, or from one int."""
    if isinstance(value, (list, tuple, range)):
        return tuple([integer(what, v) for v in value])
    return (integer(what, value),)


def real(what: str, value: Any) -> float:
    """A finite Python number as float."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and value == value
    if number and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise wrong(what, "a finite number", value)


def flag(what: str, value: Any) -> bool:
    """True or False."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise wrong(what, "True or False", value)


def word(what: str, value: Any, *known: str) -> str:
    """One of some words. AxecError `bad-attribute` for anything else."""
    if isinstance(value, str) and value in known:
        return value
    listed = " or ".join(f'"{k}"' for k in known)
    raise error("bad-attribute", f"{what} is {listed}, not {value!r}")


def axis(name: str, value: Any, rank: int) -> int:
    """An axis in [0, rank). AxecError `axis-range` when the array has no such axis."""
    number = integer(f"{name}: an axis", value)
    if -rank <= number < rank:
        return number % rank
    if rank == 0:
        raise error("axis-range", f"{name}: no axis {number}, the array has shape ()")
    raise error(
        "axis-range",
        f"{name}: no axis {number} in an array of {rank} axes",
        hint=f"axes go from {-rank} to {rank - 1}",
    )


def axes(name: str, value: Any, rank: int) -> tuple[int, ...]:
    """Distinct axes, in the order given; None means all."""
    if value is None:
        return tuple(range(rank))
    given = integers(f"{name}: an axis", value)
    found = tuple([axis(name, a, rank) for a in given])
    if len(set(found)) != len(found):
        raise error("axis-range", f"{name}: axis {given} names one axis twice")
    return found


def wrong(what: str, wanted: str, value: Any) -> AxecError:
    """The error for an argument of another kind."""
    got = f"a {type(value).__name__}" if hasattr(value, "shape") else repr(value)
    return error("argument-type", f"{what} must be {wanted}, got {got}")
