"""Checks for users' own programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axec.lang import tree
from axec.lang.core import as_tensor
from axec.lang.errors import error
from axec.lang.functions import need_function, need_sequence
from axec.lang.tensor import Tensor
from axec.lang.transform import jvp, vjp

__all__ = ["check_grads"]

# By dtype of the results: step of the central differences, and the relative error that is allowed.
# The step balances rounding, eps / step, against the neglected third derivative, step**2.
_LIMITS = {"float64": (1e-5, 1e-6), "float32": (1e-2, 1e-2)}


def check_grads(
    fn: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    """Compare derivatives of `fn` at `args` with central differences, in random directions, up to
    the given order; `modes`: "fwd" checks jvp, "rev" vjp.

    Floating point arguments are taken as float64 so that differences mean something; `tolerance`
    is the relative error that is allowed (by default 1e-6, where the results are narrower 1e-2).
    Raises AxecError `grad-check` with the numbers where they differ, `argument-type` otherwise."""
    need_function(fn, "check_grads")
    rng = np.random.default_rng(seed)
    leaves, treedef = tree.flatten(list(need_sequence(args, "args")))
    arrays = [np.asarray(as_tensor(x)) for x in leaves]
    floats = [i for i, a in enumerate(arrays) if as_tensor(a).dtype.is_float]
    unknown = [m for m in modes if m not in _MODES]
    if unknown or not floats:
        what = f"no mode {unknown[0]!r}" if unknown else "no floating point arguments"
        raise error("argument-type", f"check_grads: {what}", hint='modes are "fwd" and "rev"')

    def of_floats(*xs: Any) -> list[Any]:
        given: list[Any] = [Tensor(a) for a in arrays]
        for i, x in zip(floats, xs, strict=True):
            given[i] = x
        found = tree.leaves(fn(*tree.unflatten(treedef, given)))
        return [y for y in map(as_tensor, found) if y.dtype.is_float]

    _check(of_floats, [arrays[i].astype(np.float64) for i in floats], order, modes, tolerance, rng)


Fn = Callable[..., list[Any]]
Arrays = list[Any]


def _check(
    fn: Fn, xs: Arrays, order: int, modes: Sequence[str], tolerance: float | None, rng: Any
) -> None:
    ts = _directions(xs, rng)
    expected, limit = _difference(fn, xs, ts)
    limit = limit if tolerance is None else tolerance
    for mode in modes:
        derivative = _MODES[mode](fn, xs, ts, rng, expected, limit)
        if order > 1:
            _check(derivative, xs, order - 1, modes, tolerance, rng)


def _forward(fn: Fn, xs: Arrays, ts: Arrays, rng: Any, expected: Arrays, limit: float) -> Fn:
    found = list(map(np.asarray, jvp(fn, xs, ts)[1]))
    for a, b in zip(found, expected, strict=True):
        _compare("jvp", np.asarray(a, np.float64), b, limit)
    return lambda *at: jvp(fn, at, ts)[1]


def _reverse(fn: Fn, xs: Arrays, ts: Arrays, rng: Any, expected: Arrays, limit: float) -> Fn:
    """<g, difference along t> = <vjp(g), t>."""
    results, pullback = vjp(fn, *xs)
    gs = _directions([np.asarray(y) for y in results], rng)
    found = list(map(np.asarray, pullback(gs)))
    _compare("vjp", _inner(found, ts), _inner(gs, expected), limit)
    return lambda *at: list(vjp(fn, *at)[1](gs))


_MODES = {"fwd": _forward, "rev": _reverse}


def _directions(arrays: Arrays, rng: Any) -> Arrays:
    return [np.asarray(rng.standard_normal(a.shape)).astype(a.dtype) for a in arrays]


def _difference(fn: Fn, xs: Arrays, ts: Arrays) -> tuple[Arrays, float]:
    """The derivative of fn along ts by central differences, and the limit of relative error."""
    dtypes = [np.asarray(y).dtype.name for y in fn(*map(Tensor, xs))]
    step, limit = _LIMITS["float64" if set(dtypes) <= {"float64"} else "float32"]
    sides = []
    for s in (step, -step):
        at = [Tensor(np.asarray(x + s * t)) for x, t in zip(xs, ts, strict=True)]
        sides.append([np.asarray(y, np.float64) for y in fn(*at)])
    return [(a - b) / (2 * step) for a, b in zip(*sides, strict=True)], limit


def _inner(a: Arrays, b: Arrays) -> Any:
    pairs = zip(a, b, strict=True)
    return np.asarray(sum(np.sum(np.asarray(x, np.float64) * y) for x, y in pairs))


def _compare(what: str, found: Any, expected: Any, limit: float) -> None:
    gap = np.abs(found - expected)
    allowed = limit * (1 + np.abs(expected))
    wrong = ~(gap <= allowed) & ~(np.isnan(found) & np.isnan(expected))
    if np.any(wrong):
        at = np.unravel_index(np.argmax(np.where(wrong, gap / allowed, 0)), wrong.shape)
        raise error(
            "grad-check",
            f"{what} gives {found[at]:.9g}, central differences {expected[at]:.9g}",
            hint="correct the rule, or raise `tolerance` where the function is not smooth there",
        )
