"""Minimax polynomials by Remez exchange: how the coefficients of the math library were found.

Source: Muller, Elementary Functions: Algorithms and Implementation, 3rd ed., 3.3 and 3.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp

Function = Callable[[Any], Any]
DIGITS = 40
TINY = 1e-12  # below it functions are their series' first terms


@dataclass(frozen=True)
class Fit:
    """Minimise the largest |P(x) - f(x)| * weight(x) on [low, high] over polynomials of a degree;
    `bits`: the claim is that it is at most 2**-bits."""

    function: Function
    low: Any
    high: Any
    degree: int
    weight: Function
    bits: float


def minimax(fit: Fit, rounds: int = 30, dense: int = 600) -> tuple[list[Any], Any]:
    """Coefficients, constant term first, and the largest weighted error."""
    n = fit.degree + 2
    grid = _chebyshev(fit, dense)
    known = [(x, fit.function(x), fit.weight(x)) for x in grid]
    nodes = _chebyshev(fit, n)
    for _ in range(rounds):
        found, level = _interpolate(fit, nodes)
        errors = [(x, (horner(found, x) - f) * w) for x, f, w in known]
        extremes = _alternating(errors, n)
        worst = max(abs(e) for _, e in errors)
        if len(extremes) < n or worst < 1.001 * level:
            break
        nodes = [x for x, _ in extremes]
    return found, worst


def horner(coefficients: Sequence[Any], x: Any) -> Any:
    """The polynomial at x, constant term first."""
    found = mp.mpf(0)
    for c in reversed(coefficients):
        found = found * x + c
    return found


def _chebyshev(fit: Fit, n: int) -> list[Any]:
    middle, half = (fit.low + fit.high) / 2, (fit.high - fit.low) / 2
    return [middle - half * mp.cos(mp.pi * (i + mp.mpf(1) / 2) / n) for i in range(n)]


def _interpolate(fit: Fit, nodes: list[Any]) -> tuple[list[Any], Any]:
    """The polynomial whose weighted errors at the nodes are +level, -level, ..."""
    n = len(nodes)
    rows = [
        [*[x**j for j in range(fit.degree + 1)], (-1) ** i / fit.weight(x)]
        for i, x in enumerate(nodes)
    ]
    solved = mp.lu_solve(mp.matrix(rows), mp.matrix([fit.function(x) for x in nodes]))
    return [solved[j] for j in range(n - 1)], abs(solved[n - 1])


def _alternating(errors: list[tuple[Any, Any]], n: int) -> list[tuple[Any, Any]]:
    """The n largest errors of alternating sign."""
    found: list[tuple[Any, Any]] = []
    for x, e in errors:
        if found and (found[-1][1] > 0) == (e > 0):
            if abs(e) > abs(found[-1][1]):
                found[-1] = (x, e)
        else:
            found.append((x, e))
    while len(found) > n:
        found.pop(0 if abs(found[0][1]) < abs(found[-1][1]) else -1)
    return found


# ---- the functions, each without what its caller adds --------------------------------------------


def exp_tail(r: Any) -> Any:
    """(exp(r) - 1 - r) / r**2."""
    return (mp.expm1(r) - r) / r**2 if abs(r) > TINY else mp.mpf(1) / 2 + r / 6


def log_tail(f: Any) -> Any:
    """(log(1 + f) - f + f**2 / 2) / f**3."""
    return (mp.log1p(f) - f + f * f / 2) / f**3 if abs(f) > 1e-9 else mp.mpf(1) / 3 - f / 4


def atanh_tail(z: Any) -> Any:
    """(2 atanh(s) - 2s) / s**3, s = sqrt(z)."""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s**3 if z > TINY else mp.mpf(2) / 3 + 2 * z / 5


def atanh_far_tail(z: Any) -> Any:
    """(2 atanh(s) - 2s - 2/3 s**3) / s**5, s = sqrt(z)."""
    return (atanh_tail(z) - mp.mpf(2) / 3) / z if z > 1e-9 else mp.mpf(2) / 5 + 2 * z / 7


def log2_series(z: Any) -> Any:
    """2 atanh(s) / (s ln 2), s = sqrt(z)."""
    s = mp.sqrt(z)
    return 2 * mp.atanh(s) / s / mp.log(2) if z > TINY else (2 + 2 * z / 3) / mp.log(2)


def sin_tail(z: Any) -> Any:
    """(sin(r) - r) / r**3, r = sqrt(z)."""
    r = mp.sqrt(z)
    return (mp.sin(r) - r) / r**3 if z > TINY else -mp.mpf(1) / 6 + z / 120


def cos_tail(z: Any) -> Any:
    """(cos(r) - 1 + r**2 / 2) / r**4, r = sqrt(z)."""
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2 if z > 1e-9 else mp.mpf(1) / 24 - z / 720


def erf_ratio(z: Any) -> Any:
    """erf(x) / x - 1, x = sqrt(z)."""
    x = mp.sqrt(z)
    return mp.erf(x) / x - 1 if z > TINY else 2 / mp.sqrt(mp.pi) - 1


def erf_exponent(x: Any) -> Any:
    """-log(1 - erf(x))."""
    return -mp.log(mp.erfc(x))


def erf_weight(x: Any) -> Any:
    """What an error of `erf_exponent` does to erf."""
    return mp.erfc(x) / mp.erf(x)


def fits() -> dict[str, Fit]:
    """Every fit of the library, by the name of its table (and of the format)."""
    half = mp.log(2) / 2 * mp.mpf("1.0001")
    low, high = mp.sqrt(mp.mpf(1) / 2) - 1, mp.sqrt(mp.mpf(2)) - 1
    steep = ((mp.sqrt(mp.mpf(2)) - 1) / (mp.sqrt(mp.mpf(2)) + 1)) ** 2
    slack = steep * mp.mpf("1.0001")
    arc = (mp.pi / 4 + mp.mpf(1) / 200) ** 2
    zero, one = mp.mpf(0), mp.mpf(1)

    def reduced(r: Any) -> Any:
        return abs(r) + mp.mpf(10) ** -6

    return {
        "EXP f32": Fit(exp_tail, -half, half, 4, reduced, 26.1),
        "EXP f64": Fit(exp_tail, -half, half, 10, reduced, 61.7),
        "EXP2_F64_FOR_F32": Fit(lambda r: mp.mpf(2) ** r, mp.mpf("-0.5001"), mp.mpf("0.5001"), 7,
                                lambda r: 1 / mp.mpf(2) ** r, 34.5),
        "LOG_F32": Fit(log_tail, low, high, 8, lambda f: f * f + mp.mpf(10) ** -9, 30.3),
        "LOG_F64": Fit(atanh_tail, zero, steep, 7, lambda z: z / 2 + mp.mpf(10) ** -9, 66.7),
        "LOG2_F64_FOR_F32": Fit(log2_series, zero, slack, 5, lambda z: 1 / log2_series(z), 45.0),
        "LOG_TAIL_F64": Fit(atanh_far_tail, zero, slack, 7,
                            lambda z: z * z / 2 + mp.mpf(10) ** -9, 73.5),
        "SIN f32": Fit(sin_tail, zero, arc, 2, lambda z: z + mp.mpf(10) ** -9, 27.9),
        "SIN f64": Fit(sin_tail, zero, arc, 5, lambda z: z + mp.mpf(10) ** -9, 57.8),
        "COS f32": Fit(cos_tail, zero, arc, 2,
                       lambda z: z * z / mp.cos(mp.sqrt(z)) + mp.mpf(10) ** -9, 32.9),
        "COS f64": Fit(cos_tail, zero, arc, 5,
                       lambda z: z * z / mp.cos(mp.sqrt(z)) + mp.mpf(10) ** -9, 63.8),
        "ERF_SMALL_F64": Fit(erf_ratio, zero, one, 12, lambda z: one, 62.7),
        "ERF_LARGE_F64": Fit(erf_exponent, one, mp.mpf("5.95"), 20, erf_weight, 66.0),
        "EXP_NEAR_F32": Fit(exp_tail, -half / 16, half / 16, 1,
                            lambda r: r * r + mp.mpf(10) ** -18, 29.1),
    }  # fmt: skip
