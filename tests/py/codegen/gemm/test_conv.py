"""Convolutions of the gemm template against the NumPy reference."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from support.convolutions import (
    CASES,
    NARROW,
    ONE,
    PAD,
    attributes,
    every,
    expected,
    reference,
)
from support.guarded import fenced
from support.tensors import arrays, t

from axec.dialects import dtypes, types
from axec.passes.codegen.cpu import targets
from axec.passes.kernel.templates.convolution import conv_of

Make = Any


def with_bias(op: Any, x: Any, w: Any, bias: Any, given: dict[str, Any]) -> Any:
    found = op("conv", x, w, **given)
    return op("add", found, op("broadcast", bias, shape=types.of(found).shape, axes=(1,)))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_conv(make: Make, target: str, case: tuple[Any, ...], dtype: str) -> None:
    x, w, walk = case
    given = attributes(*walk)
    shapes = [t(*x, dtype=dtype), t(*w, dtype=dtype), t(w[0], dtype=dtype)]
    code = make(target, shapes, lambda op, x, w, b: with_bias(op, x, w, b, given))
    inputs = arrays(shapes)
    wanted = expected(*inputs, given)
    (found,) = code(*inputs)
    assert found.shape == wanted.shape
    tolerance = 1e-4 if dtype == "f32" else 1e-12
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
    assert np.array_equal(code(*inputs, cuts=every)[0], found)


@pytest.mark.parametrize("pair", NARROW, ids="-".join)
def test_narrow_factors(make: Make, target: str, pair: tuple[str, str, str]) -> None:
    """Few and small numbers: their sums are exact in f32, and rounded once where the result is
    narrow."""
    left, right, result = pair
    for x, w, walk in (CASES[2], CASES[4], CASES[7], CASES[12]):
        shapes, given = [t(*x, dtype=left), t(*w, dtype=right)], attributes(*walk)

        def build(op: Any, x: Any, w: Any, given: Any = given) -> Any:
            if result in ("f32", "i32"):
                x, w = (op("cast", v, dtype=dtypes.of(result)) for v in (x, w))
            return op("conv", x, w, **given)

        code = make(target, shapes, build)
        rng = np.random.default_rng(0)
        inputs = [rng.integers(0, 4, s.shape).astype(s.dtype.numpy) for s in shapes]
        assert reference.eval is not None
        wide = [v.astype(np.float32) for v in inputs]
        wanted = np.asarray(reference.eval(*wide, **given)).astype(dtypes.of(result).numpy)
        (found,) = code(*inputs)
        assert found.dtype == wanted.dtype
        assert np.array_equal(found, wanted)
        assert np.array_equal(code(*inputs, cuts=every)[0], found)


def test_bare_conv_and_activation_of_it(make: Make, target: str) -> None:
    shapes, given = [t(2, 3, 9, 9), t(5, 3, 3, 3)], attributes(ONE, PAD, ONE, 1)

    def build(op: Any, x: Any, w: Any) -> Any:
        found = op("conv", x, w, **given)
        return [found, op("tanh", found)]

    x, w = arrays(shapes)
    first, second = make(target, shapes, build)(x, w)
    wanted = expected(x, w, np.zeros(5, np.float32), given)
    np.testing.assert_allclose(first, wanted, atol=1e-4)
    np.testing.assert_allclose(second, np.tanh(wanted), atol=1e-4)


def test_channels_last_through_transposes(make: Make, target: str) -> None:
    """x as [N, H, W, C], w as [kh, kw, C, O]: strides take the transposes in."""
    shapes, given = [t(2, 9, 11, 3), t(3, 3, 3, 5), t(5)], attributes(ONE, PAD, ONE, 1)

    def build(op: Any, x: Any, w: Any, bias: Any) -> Any:
        x = op("transpose", x, perm=(0, 3, 1, 2))
        w = op("transpose", w, perm=(3, 2, 0, 1))
        return with_bias(op, x, w, bias, given)

    x, w, bias = arrays(shapes)
    (found,) = make(target, shapes, build)(x, w, bias)
    wanted = expected(x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1), bias, given)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_sizes_by_dim(make: Make, target: str) -> None:
    shapes = [t("d0", 4, "d1", "d2"), t(6, 4, 3, 3), t(6)]
    given = attributes((2, 1), PAD, ONE, 1)
    code = make(target, shapes, lambda op, x, w, b: with_bias(op, x, w, b, given))
    for sizes in [(0, 3, 3), (2, 3, 70), (1, 1, 1), (3, 8, 600)]:
        named = dict(zip(("d0", "d1", "d2"), sizes, strict=True))
        inputs = arrays(shapes, **named)
        (found,) = code(*inputs, **named)
        np.testing.assert_allclose(found, expected(*inputs, given), atol=1e-4)
        assert np.array_equal(code(*inputs, cuts=every, **named)[0], found)


def test_what_is_no_product(make: Make) -> None:
    """Integers and windows whose size is a named dim are left to the reduce template."""
    found: list[Any] = []

    def build(op: Any, x: Any, w: Any) -> Any:
        made = op("conv", x, w, **attributes(ONE, PAD, ONE, 1))
        found.append(conv_of(made.owner))
        return made

    native = targets.resolve("native").name
    make(native, [t(1, 2, 5, 5), t(3, 2, 3, 3)], build)
    assert found[-1] is not None
    for shapes in (
        [t(1, 2, 5, 5, dtype="i32"), t(3, 2, 3, 3, dtype="i32")],
        [t(1, 2, 5, 5), t(3, 2, "d0", 3)],
    ):
        with pytest.raises(AssertionError, match="a gemm kernel"):
            make(native, shapes, build)
        assert found[-1] is None


@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_nothing_beyond_the_arrays_is_touched(make: Make, target: str, stride: int) -> None:
    shapes = [t(1, 3, 9, 21), t(5, 3, 3, 3), t(5)]
    given = attributes((stride, stride), ((1, 1), (2, 2)), ONE, 1)
    code = make(target, shapes, lambda op, x, w, b: with_bias(op, x, w, b, given))
    child = os.fork()
    if child == 0:  # a stray access kills the child, not the tests
        wanted = expected(*arrays(shapes), given)
        for at_end in (False, True):
            inputs = [fenced(np.zeros(x.shape, np.float32), low=not at_end) for x in shapes]
            for guarded, values in zip(inputs, arrays(shapes), strict=True):
                guarded[...] = values
            out = fenced(np.zeros(wanted.shape, np.float32), low=not at_end)
            code.call([*inputs, out], (0, code.units))
            if not np.allclose(out, wanted, atol=1e-3):
                os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
