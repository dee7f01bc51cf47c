"""The elementary functions: errors in ulp against the declared ones, special values, equal bits on
every target and for any number of lanes, and where the coefficients come from."""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from support import remez

from axec.dialects.axe.accuracy import ULP
from axec.passes.codegen.cpu import targets, worker
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.cpu.math import FUNCTIONS, coefficients
from axec.passes.codegen.llvm import Module, vec
from axec.passes.codegen.llvm.types import F32, F64, I64, PTR, VOID

Array = np.ndarray[Any, Any]

NAMES = ("exp", "expm1", "log", "log1p", "pow", "tanh", "sigmoid", "erf", "sin", "cos")
FORMATS = {np.float32: F32, np.float64: F64}
COUNT = 1 << 17  # random points per function, format and target; a multiple of all lanes
SIN_LIMIT = 2.0**45
SPECIAL = (
    0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 2.0, 0.5, -0.5, 3.0, -3.0, 1e-8, -1e-8,
    1e-45, -1e-45, 1e-40, 1e-310, -1e-310, 1e-38, 3e38, -3e38, 1e300, -1e300, 1e5, 88.7, 88.8, 89.5,
    -87.3, -103.9, -104.1, 709.7, 709.8, -745.1, -746.5, 2.0**24, -(2.0**24) - 2, 17.4, -17.4, 9.1,
)  # fmt: skip


@cache
def library(target: str, lanes: int = 0) -> Any:
    """All functions over arrays, `NAME_f32(x, y, out, count)`, as one shared object. lanes: 0 is a
    whole register."""
    module = Module("math")
    for name in (*NAMES, "exp_of_negative"):
        for element in FORMATS.values():
            width = lanes or targets.TARGETS[target].lanes(element.size)
            parameters = {"x": PTR, "y": PTR, "out": PTR, "count": I64}
            b = module.function(f"{name}_{element.mangled}", VOID, parameters, "export")
            b.avx512 = targets.TARGETS[target].has("avx512f")
            *sources, out, count = b.args
            with b.for_(0, count, width) as loop:
                arguments = [
                    b.load(vec(element, width), b.at(source, element, loop.index))
                    for source in sources[: 1 + (name == "pow")]
                ]
                b.store(FUNCTIONS[name](b, *arguments), b.at(out, element, loop.index))
            b.ret()
    handle = os.memfd_create("math")
    os.write(handle, linker.link(worker.compile_modules([module], targets.TARGETS[target])))
    return ctypes.CDLL(f"/proc/self/fd/{handle}")


def apply(target: str, name: str, x: Array, y: Array, lanes: int = 0) -> Array:
    """The function of machine code; x.size is a multiple of the lanes."""
    out = np.empty_like(x)
    function = getattr(library(target, lanes), f"{name}_{FORMATS[x.dtype.type].mangled}")
    addresses = [ctypes.c_void_p(a.ctypes.data) for a in (x, y, out)]
    function(*addresses, ctypes.c_int64(x.size))
    return out


def points(name: str, dtype: Any, seed: int = 0) -> tuple[Array, Array]:
    """Numbers of all magnitudes, more where functions bend; first all pairs of special ones."""
    rng = np.random.default_rng(seed)
    bits = {np.float32: np.uint32, np.float64: np.uint64}[dtype]
    with np.errstate(all="ignore"):
        special = np.array(SPECIAL).astype(dtype)

    def numbers() -> Array:
        quarter = COUNT // 4
        wild = rng.integers(0, np.iinfo(bits).max, quarter, dtype=bits).view(dtype)
        spread = rng.standard_normal(quarter) * 10 ** rng.uniform(-6, 4, quarter)
        near, far = rng.uniform(-1, 1, quarter), rng.uniform(-100, 100, quarter)
        return np.concatenate([wild, *(v.astype(dtype) for v in (near, far, spread))])

    x, y = numbers(), numbers()
    x[: special.size**2] = np.repeat(special, special.size)
    y[: special.size**2] = np.tile(special, special.size)
    if name == "pow":
        y[COUNT // 2 : COUNT * 3 // 4] = np.round(y[COUNT // 2 : COUNT * 3 // 4])
        x[COUNT // 2 :] = abs(x[COUNT // 2 :])
    if name in ("sin", "cos"):
        x[abs(x) > SIN_LIMIT] = 1
    return x, y


def _sigmoid(x: Array) -> Array:
    e = np.exp(-abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _erf(x: Array) -> Array:
    return np.array([math.erf(v) for v in x.astype(np.float64)])


ORACLES: dict[str, Callable[..., Array]] = {
    "pow": np.power, "sigmoid": _sigmoid, "erf": _erf,
    **{name: getattr(np, name) for name in NAMES if hasattr(np, name) and name != "pow"},
}  # fmt: skip


def errors(found: Array, wanted: Array) -> Array:
    """Distance in ulp of the format; infinite where one is NaN or infinite and the other not."""
    with np.errstate(all="ignore"):
        nearest = wanted.astype(found.dtype)
        unit = np.spacing(abs(nearest)).astype(wanted.dtype)
        distance = abs(found.astype(wanted.dtype) - wanted) / unit
    finite = np.isfinite(found) & np.isfinite(nearest)
    same = (found == nearest) | (np.isnan(found) & np.isnan(nearest))
    return np.where(finite, distance, np.where(same, 0, np.inf))


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_errors_and_special_values(name: str, dtype: Any, target: str) -> None:
    x, y = points(name, dtype)
    operands = [x, y] if name == "pow" else [x]
    wide = np.float64 if dtype is np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        wanted = ORACLES[name](*[v.astype(wide) for v in operands])
    found = apply(target, name, x, y)
    off = errors(found, wanted)
    # math.erf is itself up to 1 ulp of f64 off; test_f64_against_mpmath looks closer.
    limit = ULP[name][dtype is np.float64] + (2 if name == "erf" and dtype is np.float64 else 0)
    worst = int(np.argmax(off))
    assert off[worst] <= limit, (off[worst], [v[worst] for v in operands], found[worst])
    assert off[np.isfinite(off)].max() > limit / 8  # the declared error is no empty bound
    zeros = (found == 0) & (wanted == 0)
    np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(wanted[zeros]))


MPMATH: dict[str, Callable[..., Any]] = {
    "exp": mp.exp, "expm1": mp.expm1, "log": mp.log, "log1p": mp.log1p, "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "erf": mp.erf, "sin": mp.sin, "cos": mp.cos,
    "pow": lambda x, y: x**y,
}  # fmt: skip
RANGES = {
    "exp": (-700, 700), "expm1": (-30, 700), "log": (1e-3, 1e3), "log1p": (-0.99, 10),
    "tanh": (-19, 19), "sigmoid": (-700, 40), "erf": (-5.9, 5.9), "sin": (-1e5, 1e5),
    "cos": (-1e13, 1e13), "pow": (0.01, 30),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_f64_against_mpmath(name: str, target: str) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(*RANGES[name], 1024), rng.uniform(-80, 80, 1024)
    if name in ("erf", "tanh", "sin"):
        x[:512] = rng.uniform(-1.5, 1.5, 512)
    found = apply(target, name, x, y)
    with mp.workdps(remez.DIGITS):
        exact = [
            MPMATH[name](*map(mp.mpf, pair)) if name == "pow" else MPMATH[name](mp.mpf(pair[0]))
            for pair in zip(x.tolist(), y.tolist(), strict=True)
        ]
        off = [
            abs(mp.mpf(float(a)) - e) / mp.mpf(float(np.spacing(abs(float(e)))))
            for a, e in zip(found, exact, strict=True)
        ]
    assert max(off) <= ULP[name][1]


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_same_bits_everywhere(name: str, dtype: Any, target: str) -> None:
    """One lane, four lanes, whole registers, another target."""
    x, y = (v[:4096].copy() for v in points(name, dtype, seed=1))
    x[SPECIAL_PAIRS:] = points(name, dtype, seed=2)[0][-(4096 - SPECIAL_PAIRS) :]
    wanted = apply("x86-64-v3", name, x, y)
    for lanes in (0, 1, 4):
        assert same_bits(apply(target, name, x, y, lanes), wanted)


@pytest.mark.parametrize("dtype", FORMATS)
def test_exp_of_negative_has_the_bits_of_exp(dtype: Any, target: str) -> None:
    x = -abs(points("exp", dtype)[0])
    wanted = apply(target, "exp", x, x)
    assert same_bits(apply(target, "exp_of_negative", x, x), wanted)
    assert ((wanted > 0) & (wanted < np.finfo(dtype).tiny)).any()


SPECIAL_PAIRS = len(SPECIAL) ** 2


def same_bits(x: Array, y: Array) -> bool:
    """Equal, apart from the payloads of NaN."""
    x, y = (np.where(np.isnan(v), np.asarray(np.nan, v.dtype), v) for v in (x, y))
    return x.tobytes() == y.tobytes()


def test_sin_and_cos_refuse_what_they_cannot_reduce(target: str) -> None:
    for dtype in FORMATS:
        x = np.full(64, SIN_LIMIT * 1.5, dtype)
        for name in ("sin", "cos"):
            assert np.isnan(apply(target, name, x, x)).all()


# ---- coefficients --------------------------------------------------------------------------------


with mp.workdps(remez.DIGITS):
    FITS = remez.fits()


def stored(name: str) -> tuple[float, ...]:
    table, _, format_ = name.partition(" ")
    found = getattr(coefficients, table)
    return tuple(found[{"f32": F32, "f64": F64}[format_]] if format_ else found)


@pytest.mark.parametrize("name", FITS)
def test_coefficients_reach_their_error(name: str) -> None:
    """The stored polynomial is as close to the function as its comment says."""
    fit = FITS[name]
    with mp.workdps(remez.DIGITS):
        at = [fit.low + (fit.high - fit.low) * i / 500 for i in range(501)]
        polynomial = [mp.mpf(c) for c in stored(name)]
        worst = max(abs(remez.horner(polynomial, x) - fit.function(x)) * fit.weight(x) for x in at)
        assert len(polynomial) == fit.degree + 1
        assert worst <= mp.mpf(2) ** -min(fit.bits, 55)  # stored as f64


@pytest.mark.parametrize("name", ["EXP f32", "LOG_F32", "SIN f32", "COS f64", "EXP_NEAR_F32"])
def test_coefficients_are_minimax(name: str) -> None:
    fit = FITS[name]
    with mp.workdps(remez.DIGITS):
        found, worst = remez.minimax(fit)
        assert worst <= mp.mpf(2) ** -fit.bits
    np.testing.assert_allclose([float(c) for c in found], stored(name), rtol=1e-5)
