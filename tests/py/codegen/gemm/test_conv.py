"""Convolutions of the gemm template against the NumPy reference."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from axec.dialects import dims, dtypes, types
from axec.dialects.axe.contract import conv as reference
from axec.dialects.opdef import Array
from axec.dialects.types import TensorType
from axec.passes.codegen.cpu import targets
from axec.passes.kernel.convolution import conv_of

Make = Any
LIBC = ctypes.CDLL(None)
PROT_NONE = 0


def t(*shape: int | str, dtype: str = "f32") -> TensorType:
    sizes = tuple(dims.parse(n) if isinstance(n, str) else n for n in shape)
    return TensorType(dtypes.of(dtype), sizes)


def attributes(
    stride: Sequence[int], padding: Sequence[tuple[int, int]], dilation: Sequence[int], groups: int
) -> dict[str, Any]:
    return {
        "stride": tuple(stride),
        "padding": tuple(padding),
        "dilation": tuple(dilation),
        "groups": groups,
    }


def arrays(shapes: Sequence[TensorType], **sizes: int) -> list[Array]:
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal([dims.evaluate(n, sizes) for n in x.shape]).astype(x.dtype.numpy)
        for x in shapes
    ]


def every(units: int) -> Sequence[int]:
    return range(units + 1)


ONE, PAD = (1, 1), ((1, 1), (1, 1))
CASES = [  # x, w, (stride, padding, dilation, groups)
    ((1, 64, 56, 56), (24, 64, 3, 3), (ONE, PAD, ONE, 1)),
    ((2, 3, 17, 19), (7, 3, 3, 3), (ONE, PAD, ONE, 1)),
    ((2, 3, 17, 39), (7, 3, 7, 7), ((2, 3), ((3, 2), (1, 4)), (1, 2), 1)),
    ((1, 3, 40, 40), (16, 3, 7, 7), ((2, 2), ((3, 3), (3, 3)), ONE, 1)),
    ((2, 4, 5, 7), (6, 2, 3, 2), ((1, 2), ((1, 1), (0, 3)), (2, 1), 2)),
    ((2, 6, 9, 9), (6, 1, 3, 3), (ONE, PAD, ONE, 6)),
    ((5, 1, 8, 8), (16, 1, 3, 3), (ONE, PAD, ONE, 1)),
    ((5, 16, 4, 4), (48, 16, 3, 3), (ONE, PAD, ONE, 1)),
    ((1, 40, 7, 7), (200, 40, 3, 3), (ONE, PAD, ONE, 1)),
    ((2, 4, 8, 8), (6, 4, 1, 1), (ONE, ((0, 0), (0, 0)), ONE, 1)),
    ((2, 4, 8, 9), (6, 4, 1, 1), ((5, 5), ((0, 0), (0, 0)), ONE, 1)),
    ((3, 2, 16), (4, 2, 1), ((1,), ((0, 0),), (1,), 1)),
    ((3, 2, 700), (4, 2, 5), ((1,), ((2, 2),), (1,), 1)),
    ((3, 2, 2000), (4, 2, 5), ((6,), ((0, 0),), (3,), 1)),
    ((2, 2, 5, 6, 7), (3, 2, 2, 3, 2), ((1, 2, 1), ((0, 1), (1, 0), (1, 1)), (1, 1, 2), 1)),
    ((2, 3, 4, 4), (5, 3, 4, 4), (ONE, ((0, 0), (0, 0)), ONE, 1)),
    ((2, 0, 5, 5), (6, 0, 3, 3), (ONE, PAD, ONE, 1)),
    ((0, 2, 5, 5), (6, 2, 3, 3), (ONE, PAD, ONE, 1)),
]  # fmt: skip


def with_bias(op: Any, x: Any, w: Any, bias: Any, given: dict[str, Any]) -> Any:
    found = op("conv", x, w, **given)
    return op("add", found, op("broadcast", bias, shape=types.of(found).shape, axes=(1,)))


def expected(x: Array, w: Array, bias: Array, given: dict[str, Any]) -> Array:
    assert reference.eval is not None
    found = reference.eval(x, w, **given)
    assert isinstance(found, np.ndarray)
    return found + bias.reshape((1, -1) + (1,) * (x.ndim - 2))


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


NARROW = [("bf16", "bf16", "f32"), ("bf16", "bf16", "bf16"), ("f16", "f16", "f16"),
          ("u8", "i8", "i32")]  # fmt: skip


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


def _between_guard_pages(shape: tuple[int, ...], at_end: bool) -> Array:
    """An array before or behind memory that nobody may touch."""
    count, page = int(np.prod(shape)) * 4, mmap.PAGESIZE
    room = -(-count // page) * page
    raw = np.frombuffer(mmap.mmap(-1, room + 2 * page), np.uint8)
    for start in (0, room + page):
        assert LIBC.mprotect(ctypes.c_void_p(raw.ctypes.data + start), page, PROT_NONE) == 0
    first = page + room - count if at_end else page
    return raw[first : first + count].view(np.float32).reshape(shape)


@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_nothing_beyond_the_arrays_is_touched(make: Make, target: str, stride: int) -> None:
    shapes = [t(1, 3, 9, 21), t(5, 3, 3, 3), t(5)]
    given = attributes((stride, stride), ((1, 1), (2, 2)), ONE, 1)
    code = make(target, shapes, lambda op, x, w, b: with_bias(op, x, w, b, given))
    child = os.fork()
    if child == 0:  # a stray access kills the child, not the tests
        wanted = expected(*arrays(shapes), given)
        for at_end in (False, True):
            inputs = [_between_guard_pages(x.shape, at_end) for x in shapes]
            for guarded, values in zip(inputs, arrays(shapes), strict=True):
                guarded[...] = values
            out = _between_guard_pages(wanted.shape, at_end)
            code.call([*inputs, out], (0, code.units))
            if not np.allclose(out, wanted, atol=1e-3):
                os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
