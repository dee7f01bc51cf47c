"""All functions in all dtypes: eager against NumPy, machine code against eager.

Where axec differs from NumPy by decision: no int16 and no uint64 (int8 and uint8 promote to int32,
sums of uint8 are int64); what the array API standard leaves undefined (int with float, functions of
real numbers on integers, arithmetic of bool) is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import axec as axe

Function = Callable[..., Any]  # (namespace, *arrays)

NARROW = {"float16": np.dtype("float16"), "bfloat16": np.dtype(ml_dtypes.bfloat16)}
DTYPES = ["float64", "float32", *NARROW, "int64", "int32", "int8", "uint8", "bool"]
SHAPES: list[tuple[int, ...]] = [(), (0,), (1,), (3, 5), (2, 0, 3)]
EPS = {"float64": 1e-13, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}
UNDEFINED = ("dtype-unsupported", "dtype-mix")

_UNARY = """
abs acos acosh asin asinh atan atanh bitwise_invert ceil cos cosh exp exp2 expm1 floor isfinite
isinf isnan log log1p log2 log10 logical_not negative positive reciprocal round sign signbit sin
sinh square sqrt tan tanh trunc
"""
_BINARY = """
add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide
equal floor_divide fmod greater greater_equal hypot less less_equal logaddexp logical_and logical_or
logical_xor maximum minimum multiply nextafter not_equal pow remainder subtract
"""
_FOLDS = "sum prod max min mean var std any all count_nonzero argmax argmin"
_RUNNING = "cumulative_sum cumulative_prod sort flip diff"


def array(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return np.asarray(rng.integers(0, 2, shape).astype(bool))
    if "int" in dtype:
        low = 0 if dtype.startswith("u") else -6
        return np.asarray(rng.integers(low, 7, shape).astype(dtype))
    return np.asarray(2 * rng.standard_normal(shape), NARROW.get(dtype, dtype))


def turned(dtype: str, seed: int = 0) -> Any:
    """An array whose elements do not follow each other."""
    return array((5, 6), dtype, seed).T[::2]


def _named(name: str, **given: Any) -> Function:
    return lambda xp, *xs: getattr(xp, name)(*xs, **given)


# Functions of matrices, beside those above.
MATRIX: dict[str, Function] = {
    "broadcast_to": lambda xp, x: xp.broadcast_to(x[:1], (4, 2, x.shape[1])),
    "clip": lambda xp, x: xp.clip(x, x[:1], x[1:2]),
    "concat": lambda xp, x: xp.concat([x, x[:1]], axis=0),
    "concat flat": lambda xp, x: xp.concat([x, x], axis=None),
    "cross": lambda xp, x: xp.linalg.cross(x[:, :3], x[:, 1:4]),
    "diagonal": lambda xp, x: xp.linalg.diagonal(x, offset=1),
    "einsum": lambda xp, x: xp.einsum("ij,kj->ik", x, x),
    "expand_dims": lambda xp, x: xp.expand_dims(x, axis=-2),
    "isin": lambda xp, x: xp.isin(x, x[0]),
    "matmul": lambda xp, x: xp.matmul(x, xp.matrix_transpose(x)),
    "matrix_power": lambda xp, x: xp.linalg.matrix_power(x[:3, :3], 3),
    "meshgrid": lambda xp, x: xp.meshgrid(x[0], x[:, 0])[0],
    "moveaxis": lambda xp, x: xp.moveaxis(x, 0, -1),
    "outer": lambda xp, x: xp.linalg.outer(x[0], x[:, 0]),
    "pad": lambda xp, x: xp.pad(x, ((1, 0), (0, 2))),
    "repeat": lambda xp, x: xp.repeat(x, 2, axis=-1),
    "roll": lambda xp, x: xp.roll(x, (1, -4), axis=(0, 1)),
    "searchsorted": lambda xp, x: xp.searchsorted(xp.sort(x[0]), x, side="right"),
    "stack": lambda xp, x: xp.stack([x, x], axis=-1),
    "take": lambda xp, x: xp.take(x, xp.asarray([1, -1, 0]), axis=1),
    "take_along_axis": lambda xp, x: xp.take_along_axis(
        x, xp.argsort(x, axis=1, stable=True), axis=1
    ),
    "tensordot": lambda xp, x: xp.tensordot(x, x, axes=((0,), (0,))),
    "tile": lambda xp, x: xp.tile(x, (2, 1, 2)),
    "tril": lambda xp, x: xp.tril(x, k=1),
    "triu": lambda xp, x: xp.triu(x, k=-1),
    "unstack": lambda xp, x: xp.unstack(x, axis=1)[1],
    "vecdot": lambda xp, x: xp.vecdot(x, x, axis=-2),
    "where": lambda xp, x: xp.where(x > x[:1], x, x[:, :1]),
}


def cases() -> dict[str, list[tuple[Function, list[Any]]]]:
    """By function: what is called, and with what, in all dtypes."""
    found: dict[str, list[tuple[Function, list[Any]]]] = {}
    for name in _UNARY.split():
        places = [[array(s, d)] for d in DTYPES for s in SHAPES] + [[turned(d)] for d in DTYPES]
        found[name] = [(_named(name), xs) for xs in places]
    for name in _BINARY.split():
        found[name] = [(_named(name), xs) for xs in _pairs()]
    for name in (*_FOLDS.split(), *_RUNNING.split()):
        axes: list[tuple[tuple[int, ...], Any]] = [
            ((3, 5), 0), ((3, 5), -1), ((2, 0, 3), 0), ((1,), 0), ((2, 3, 4), -2)
        ]  # fmt: skip
        if name in _FOLDS:
            axes += [((), None), ((3, 4), None)]
        found[name] = [
            (_named(name, axis=axis), [array(shape, d)]) for d in DTYPES for shape, axis in axes
        ]
    for name, fn in MATRIX.items():
        found[name] = [(fn, [x]) for d in DTYPES for x in (array((4, 5), d), array((5, 4), d).T)]
    return found


def _pairs() -> list[list[Any]]:
    shapes = [((), (3,)), ((3, 1), (1, 4)), ((0,), (1,)), ((2, 0, 3), (3,))]
    same = [[array(a, d), array(b, d, 1)] for d in DTYPES for a, b in shapes]
    mixed = [[array((3, 5), a), array((3, 5), b, 1)] for a in DTYPES for b in DTYPES]
    return [*same, *mixed, *[[turned(d), turned(d, 1)] for d in DTYPES]]


CASES = cases()


def eager(fn: Function, xs: Sequence[Any]) -> Any:
    """The result, or None where the standard says nothing and axec refuses."""
    try:
        return np.asarray(fn(axe, *map(axe.asarray, xs)))
    except axe.AxecError as e:
        if e.code not in UNDEFINED:
            raise
        return None


def from_numpy(fn: Function, xs: Sequence[Any]) -> Any:
    """NumPy's result, in the dtype that axec has in place of NumPy's; None where NumPy refuses
    (integers to negative powers)."""
    narrow = [x.dtype for x in xs if x.dtype in NARROW.values()]
    wide = [x.astype("f4") if x.dtype in NARROW.values() else x for x in xs]
    if wide and np.result_type(*wide) == np.int16:
        wide = [x.astype("i4") for x in wide]
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(fn(np, *wide))
    except (TypeError, ValueError):
        return None
    if narrow and found.dtype == np.float32 and not any(x.dtype == np.float32 for x in xs):
        return found.astype(narrow[0] if len(set(narrow)) == 1 else np.float32)
    return found.astype({"int16": "i4", "uint64": "i8"}.get(str(found.dtype), found.dtype))


def same(a: Any, b: Any, what: str) -> None:
    assert (a.shape, a.dtype) == (b.shape, b.dtype), what
    if a.dtype.kind in "biu":
        np.testing.assert_array_equal(a, b, what)
    else:
        eps = EPS[str(a.dtype)]
        wide = (x.astype("f8") for x in (a, b))
        np.testing.assert_allclose(*wide, eps, eps, equal_nan=True, err_msg=what)


@pytest.mark.parametrize("name", CASES)
def test_against_numpy(name: str) -> None:
    compared = 0
    for fn, xs in CASES[name]:
        found, wanted = eager(fn, xs), from_numpy(fn, xs)
        if found is not None and wanted is not None:
            same(found, wanted, f"{name} of {', '.join(f'{x.dtype}{x.shape}' for x in xs)}")
            compared += 1
    assert compared


@pytest.mark.parametrize("first", range(0, len(CASES), 20))
def test_machine_code(first: int) -> None:
    """One program per twenty functions, with the places that are not refused."""
    every = [c for name in list(CASES)[first : first + 20] for c in CASES[name]]
    kept = [(fn, xs, y) for fn, xs in every if (y := eager(fn, xs)) is not None]
    kept = kept[::3]  # a third of shapes and dtypes: another one for each function

    def program(given: list[list[Any]]) -> list[Any]:
        return [fn(axe, *xs) for (fn, _, _), xs in zip(kept, given, strict=True)]

    found = axe.jit(program)([xs for _, xs, _ in kept])
    for a, (_, xs, b) in zip(found, kept, strict=True):
        same(np.asarray(a), b, ", ".join(f"{x.dtype}{x.shape}" for x in xs))
