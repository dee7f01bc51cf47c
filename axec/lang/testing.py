"""Checks for users' own programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axec.lang import tree
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.tensor import Tensor
from axec.lang.differences import central_difference
from axec.lang.errors import error
from axec.lang.functions import need_function, need_sequence
from axec.lang.transform.derivatives import jvp, vjp

__all__ = ["Comparison", "check_grads", "compare_grads"]

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
    compare_grads(fn, args, order, modes, tolerance=tolerance, seed=seed)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A derivative that agrees with differences: `derivative` ("jvp of vjp"), how many numbers were
    compared, the largest error relative to `1 + |expected|`, the error that is allowed."""

    derivative: str
    count: int
    error: float
    limit: float


def compare_grads(
    fn: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    tolerance: float | None = None,
    seed: int = 0,
    names: Sequence[str] = (),
) -> list[Comparison]:
    """`check_grads`, and what it compared. `names`: of the leaves of `args`, for the error."""
    need_function(fn, "check_grads")
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

    called = names or tree.paths(treedef)
    run = _Run(modes, tolerance, np.random.default_rng(seed), [called[i] for i in floats])
    run.check(of_floats, [arrays[i].astype(np.float64) for i in floats], order, "")
    return run.done


Fn = Callable[..., list[Any]]
Arrays = list[Any]


@dataclass(slots=True)
class _Run:
    """What holds for all derivatives of one check, and what has been compared."""

    modes: Sequence[str]
    tolerance: float | None
    rng: Any
    names: Sequence[str]  # of the arguments
    done: list[Comparison] = field(default_factory=list)

    def check(self, fn: Fn, xs: Arrays, order: int, of: str) -> None:
        """Compare the derivatives of `fn`, itself a derivative `of` the user's function."""
        ts = _directions(xs, self.rng)
        expected, limit = _difference(fn, xs, ts)
        limit = limit if self.tolerance is None else self.tolerance
        for mode in self.modes:
            name, derivative = _MODES[mode]
            then = derivative(self, fn, xs, ts, expected, limit, f"{name}{of}")
            if order > 1:
                self.check(then, xs, order - 1, f" of {name}{of}")

    def note(self, what: str, found: Arrays, expected: Arrays, limit: float) -> None:
        """Enter what agrees."""
        errors = [_errors(a, b) for a, b in zip(found, expected, strict=True)]
        worst = max((float(np.max(e, initial=0)) for e in errors), default=0.0)
        self.done.append(Comparison(what, sum(e.size for e in errors), worst, limit))


def _forward(
    run: _Run, fn: Fn, xs: Arrays, ts: Arrays, expected: Arrays, limit: float, what: str
) -> Fn:
    found = [np.asarray(t, np.float64) for t in map(np.asarray, jvp(fn, xs, ts)[1])]
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        _compare(what, a, b, limit, f" of result {i}")
    run.note(what, found, expected, limit)
    return lambda *at: jvp(fn, at, ts)[1]


def _reverse(
    run: _Run, fn: Fn, xs: Arrays, ts: Arrays, expected: Arrays, limit: float, what: str
) -> Fn:
    """<g, difference along t> = <vjp(g), t>."""
    results, pullback = vjp(fn, *xs)
    gs = _directions([np.asarray(y) for y in results], run.rng)
    found = list(map(np.asarray, pullback(gs)))
    along, wanted = _inner(found, ts), _inner(gs, expected)
    if not _agrees(along, wanted, limit):
        for i, name in enumerate(run.names):
            alone = [t if i == k else np.zeros_like(t) for k, t in enumerate(ts)]
            change, _ = _difference(fn, xs, alone)
            _compare(what, _inner(found, alone), _inner(gs, change), limit, f" along `{name}`")
    _compare(what, along, wanted, limit)
    run.note(what, [along], [wanted], limit)
    return lambda *at: list(vjp(fn, *at)[1](gs))


_MODES = {"fwd": ("jvp", _forward), "rev": ("vjp", _reverse)}


def _directions(arrays: Arrays, rng: Any) -> Arrays:
    return [np.asarray(rng.standard_normal(a.shape)).astype(a.dtype) for a in arrays]


def _difference(fn: Fn, xs: Arrays, ts: Arrays) -> tuple[Arrays, float]:
    """The derivative of fn along ts by central differences, and the limit of relative error."""
    dtypes = [np.asarray(y).dtype.name for y in fn(*map(Tensor, xs))]
    step, limit = _LIMITS["float64" if set(dtypes) <= {"float64"} else "float32"]

    def values(*at: Any) -> list[Any]:
        return [np.asarray(y, np.float64) for y in fn(*map(Tensor, at))]

    return central_difference(values, xs, ts, step), limit


def _inner(a: Arrays, b: Arrays) -> Any:
    pairs = zip(a, b, strict=True)
    return np.asarray(sum(np.sum(np.asarray(x, np.float64) * y) for x, y in pairs))


def _errors(found: Any, expected: Any) -> Any:
    """Relative to `1 + |expected|`; zero where both are NaN."""
    both = np.isnan(found) & np.isnan(expected)
    return np.where(both, 0, np.abs(found - expected) / (1 + np.abs(expected)))


def _agrees(found: Any, expected: Any, limit: float) -> bool:
    return bool(np.all(_errors(found, expected) <= limit))


def _compare(what: str, found: Any, expected: Any, limit: float, where: str = "") -> None:
    if not _agrees(found, expected, limit):
        errors = _errors(found, expected)
        at = np.unravel_index(np.argmax(np.where(np.isnan(errors), np.inf, errors)), errors.shape)
        place = f" at {[int(i) for i in at]}" if at else ""
        raise error(
            "grad-check",
            f"{what} gives {found[at]:.9g}{place}{where}, central differences {expected[at]:.9g}",
            hint="correct the rule, or raise `tolerance` where the function is not smooth there",
        )
