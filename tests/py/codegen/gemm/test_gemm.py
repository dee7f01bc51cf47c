"""Gemm kernels against NumPy: shapes, layouts, epilogues, named dims, partitions, bounds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.guarded import fenced
from support.tensors import arrays, t

from axec.dialects import dims, dtypes
from axec.dialects.opdef import Array
from axec.passes.kernel.weight_layouts import Panels

Make = Any


def dot(
    op: Any, x: Any, y: Any, cx: Sequence[int] = (1,), cy: Sequence[int] = (0,),
    bx: Sequence[int] = (), by: Sequence[int] = (),
) -> Any:  # fmt: skip
    attributes = {"contract_x": cx, "contract_y": cy, "batch_x": bx, "batch_y": by}
    return op("dot_general", x, y, **{k: tuple(v) for k, v in attributes.items()})


def close(found: Array, wanted: Array, steps: int) -> None:
    """Equal within the rounding of a sum of `steps` products of numbers around 1."""
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    epsilon = np.finfo(np.float32 if found.dtype != np.float64 else np.float64).eps
    np.testing.assert_allclose(found, wanted, rtol=0, atol=32 * epsilon * (1 + steps))


def every(units: int) -> Sequence[int]:
    return range(units + 1)


def uneven(units: int) -> Sequence[int]:
    return sorted({0, 1, units // 3, 2 * units // 3 + 1, units})


SHAPES = [  # m, k, n: empty, one, prime, whole tiles, edges below and to the right, parts of k
    (0, 5, 7), (5, 0, 7), (5, 7, 0), (1, 7, 5), (5, 1, 1), (2, 3, 1), (1, 0, 5),
    (6, 8, 64), (7, 9, 70), (13, 17, 23), (3, 2, 129), (64, 64, 64), (65, 31, 65), (97, 53, 16),
    (1, 300, 333), (1, 1030, 64), (17, 1031, 11), (67, 1040, 67), (131, 800, 40), (290, 29, 33),
    (12, 16, 16), (11, 5, 48), (70, 1100, 1024),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes(make: Make, target: str, shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    for dtype in ("f32", "f64"):
        types = [t(m, k, dtype=dtype), t(k, n, dtype=dtype)]
        code = make(target, types, dot)
        x, y = arrays(types)
        (found,) = code(x, y)
        close(found, x @ y, k)
        for cuts in (every, uneven):
            assert np.array_equal(code(x, y, cuts=cuts)[0], found)


@pytest.mark.parametrize("shape", [(5, 40, 70), (1, 100, 40), (81, 1049, 67), (300, 20, 17)])
@pytest.mark.parametrize("left", [False, True])
def test_transposed(make: Make, target: str, shape: tuple[int, int, int], left: bool) -> None:
    """Factors that are contracted over another axis than they lie in memory."""
    m, k, n = shape
    types = [t(k, m) if left else t(m, k), t(n, k)]
    code = make(target, types, lambda op, x, y: dot(op, x, y, (0,) if left else (1,), (1,)))
    x, y = arrays(types)
    (found,) = code(x, y)
    close(found, (x.T if left else x) @ y.T, k)
    assert np.array_equal(code(x, y, cuts=every)[0], found)


EINSUMS = [  # left, right, subscripts, axes as dot takes them
    ((3, 2, 17, 20), (3, 2, 20, 70), "abmk,abkn->abmn", ((3,), (2,), (0, 1), (0, 1))),
    ((2, 33, 4, 16), (2, 40, 4, 16), "bshd,bthd->bhst", ((3,), (3,), (0, 2), (0, 2))),
    ((2, 4, 70, 40), (2, 40, 4, 16), "bhst,bthd->bhsd", ((3,), (1,), (0, 1), (0, 2))),
    ((6, 50, 30), (6, 50, 70), "sdm,sdn->mn", ((0, 1), (0, 1))),
    ((6, 50, 30), (30, 70), "abk,kn->abn", ((2,), (0,))),
    ((6, 30, 50), (30, 70), "akb,kn->abn", ((1,), (0,))),
    ((30, 9), (9, 7, 11), "mk,knj->mnj", ((1,), (0,))),
    ((30, 9, 3), (9, 70, 3), "mkb,knb->bmn", ((1,), (0,), (2,), (2,))),
    ((300, 50), (50,), "mk,k->m", ((1,), (0,))),
    ((50,), (50, 300), "k,kn->n", ((0,), (0,))),
    ((30,), (50,), "m,n->mn", ((), ())),
    ((5, 60), (5, 60, 80), "bk,bkn->bn", ((1,), (1,), (0,), (0,))),
    ((5, 60), (5, 80, 60), "bk,bnk->bn", ((1,), (2,), (0,), (0,))),
    ((3, 1, 60), (3, 60, 9), "bmk,bkn->bmn", ((2,), (1,), (0,), (0,))),
]


@pytest.mark.parametrize("case", EINSUMS, ids=lambda c: c[2])
def test_axes(make: Make, target: str, case: tuple[Any, ...]) -> None:
    left, right, subscripts, axes = case
    types = [t(*left), t(*right)]
    code = make(target, types, lambda op, x, y: dot(op, x, y, *axes))
    x, y = arrays(types)
    (found,) = code(x, y)
    close(found, np.einsum(subscripts, x, y), 300)
    assert np.array_equal(code(x, y, cuts=every)[0], found)


def test_transpose_ops_are_read_through(make: Make, target: str) -> None:
    types = [t(40, 30), t(70, 40)]

    def build(op: Any, x: Any, y: Any) -> Any:
        return dot(op, op("transpose", x, perm=(1, 0)), op("transpose", y, perm=(1, 0)))

    x, y = arrays(types)
    close(make(target, types, build)(x, y)[0], x.T @ y.T, 40)


def _along(op: Any, x: Any, shape: tuple[Any, ...], *axes: int) -> Any:
    return op("broadcast", x, shape=shape, axes=axes)


def _bias_relu(op: Any, x: Any, y: Any, bias: Any, shape: tuple[Any, ...]) -> Any:
    zero = _along(op, op("constant", value=np.zeros((), np.float32)), shape)
    return op("max", op("add", dot(op, x, y), _along(op, bias, shape, 1)), zero)


@pytest.mark.parametrize("m", [1, 5, 64, 133])
def test_bias_and_activation(make: Make, target: str, m: int) -> None:
    types = [t(m, 1100), t(1100, 70), t(70)]
    code = make(target, types, lambda op, x, y, b: _bias_relu(op, x, y, b, (m, 70)))
    x, y, b = arrays(types)
    (found,) = code(x, y, b)
    close(found, np.maximum(x @ y + b, 0), 1100)
    assert np.array_equal(code(x, y, b, cuts=every)[0], found)


@pytest.mark.parametrize("m", [1, 70, 133])
def test_residual_and_two_results(make: Make, target: str, m: int) -> None:
    types = [t(m, 1100), t(1100, 70), t(70), t(m, 70)]

    def build(op: Any, x: Any, y: Any, bias: Any, residual: Any) -> Any:
        before = op("add", dot(op, x, y), _along(op, bias, (m, 70), 1))
        return [before, op("add", op("tanh", before), residual)]

    x, y, b, r = arrays(types)
    first, second = make(target, types, build)(x, y, b, r)
    close(first, x @ y + b, 1100)
    close(second, np.tanh(x @ y + b) + r, 1100)


@pytest.mark.parametrize("m", [1, 20, 133])
@pytest.mark.parametrize("dtype", ["f64", "i32", "bool"])
def test_results_of_another_dtype(make: Make, target: str, m: int, dtype: str) -> None:
    """No result can hold the sums of parts: scratch does."""
    types = [t(m, 1100), t(1100, 70)]
    code = make(target, types, lambda op, x, y: op("cast", dot(op, x, y), dtype=dtypes.of(dtype)))
    x, y = (np.rint(4 * a) for a in arrays(types))  # sums of integers are exact
    wanted = (x @ y).astype(dtypes.of(dtype).numpy)
    assert np.array_equal(code(x, y)[0], wanted)
    assert np.array_equal(code(x, y, cuts=every)[0], wanted)


def test_epilogue_over_several_axes(make: Make, target: str) -> None:
    """Row and column positions that the epilogue takes apart again."""
    types = [t(3, 10, 9), t(9, 7, 11), t(3), t(7)]

    def build(op: Any, x: Any, y: Any, rows: Any, columns: Any) -> Any:
        shape = (3, 10, 7, 11)
        found = op("mul", dot(op, x, y, (2,), (0,)), _along(op, rows, shape, 0))
        return op("add", found, _along(op, columns, shape, 2))

    x, y, rows, columns = arrays(types)
    wanted = np.einsum("abk,knj->abnj", x, y) * rows[:, None, None, None] + columns[:, None]
    close(make(target, types, build)(x, y, rows, columns)[0], wanted, 20)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(2, 40, 64), (9, 37, 70), (133, 1050, 13), (0, 5, 9), (3, 0, 9)])
def test_right_factor_in_panels(
    make: Make, target: str, shape: tuple[int, int, int], transposed: bool
) -> None:
    """As weights lie in an artifact: the columns of a panel from the first row to the last."""
    m, k, n = shape
    for rows in (m, "d0"):  # as a number and as a named dim
        types = [t(rows, k), t(n, k) if transposed else t(k, n), t(n)]
        layout = Panels(k, n, transposed)
        sizes = {} if rows == m else {"d0": m}
        known = dims.dim("d0") if sizes else m

        def build(op: Any, x: Any, y: Any, b: Any, m: Any = known) -> Any:
            product = dot(op, x, y, (1,), (int(transposed),))
            return op("add", product, _along(op, b, (m, n), 1))

        code = make(target, types, build, layouts=["", str(layout), ""])
        assert code.workspace == ()
        x, y, b = arrays(types, d0=m)
        (found,) = code(x, layout.apply(y), b, **sizes)
        close(found, x @ (y.T if transposed else y) + b, k)
        assert np.array_equal(code(x, layout.apply(y), b, cuts=every, **sizes)[0], found)
        if sizes:  # one row has a tile of its own
            x = x[:1] if m else arrays(types, d0=1)[0]
            (found,) = code(x, layout.apply(y), b, d0=1)
            close(found, x @ (y.T if transposed else y) + b, k)


ROWS = [0, 1, 2, 5, 6, 7, 64, 193, 400]


@pytest.mark.parametrize("width", [70, 1100])
def test_rows_by_dim(make: Make, target: str, width: int) -> None:
    types = [t("d0", 130), t(130, width), t(width)]
    code = make(target, types, lambda op, x, y, b: _bias_relu(op, x, y, b, (dims.dim("d0"), width)))
    for m in ROWS:
        x, y, b = arrays(types, d0=m)
        (found,) = code(x, y, b, d0=m)
        close(found, np.maximum(x @ y + b, 0), 130)
        assert np.array_equal(code(x, y, b, cuts=every, d0=m)[0], found)


@pytest.mark.parametrize("m", [1, 3, 80])
def test_depth_and_width_by_dim(make: Make, target: str, m: int) -> None:
    types = [t(m, "d0"), t("d0", "d1")]
    code = make(target, types, dot)
    for k, n in [(0, 5), (1, 1), (7, 64), (500, 65), (384, 0), (1000, 130)]:
        x, y = arrays(types, d0=k, d1=n)
        (found,) = code(x, y, d0=k, d1=n)
        close(found, x @ y, k)


def test_attention_by_dim(make: Make, target: str) -> None:
    types = [t("d0", 4, "d1", 16), t("d0", 4, "d1", 16)]
    code = make(target, types, lambda op, x, y: dot(op, x, y, (3,), (3,), (0, 1), (0, 1)))
    for batch, length in [(1, 1), (2, 7), (3, 65)]:
        x, y = arrays(types, d0=batch, d1=length)
        (found,) = code(x, y, d0=batch, d1=length)
        close(found, x @ y.swapaxes(2, 3), 16)
        assert np.array_equal(code(x, y, cuts=every, d0=batch, d1=length)[0], found)


def _in_order(x: Array, y: Array) -> Array:
    """Sums that grow in the order of k, each step rounded once (the product of two f32 is exact
    in f64; the sum is rounded to f64 and then to f32, which differs once in 2**29)."""
    found = np.zeros((x.shape[0], y.shape[1]), np.float32)
    for k in range(x.shape[1]):
        found = (found + np.multiply.outer(x[:, k].astype(float), y[k])).astype(np.float32)
    return found


@pytest.mark.parametrize("shape", [(9, 61, 70), (100, 1100, 70)])
@pytest.mark.parametrize("transposed", [False, True])
def test_sums_grow_in_the_order_of_k(
    make: Make, target: str, shape: tuple[int, int, int], transposed: bool
) -> None:
    m, k, n = shape
    types = [t(m, k), t(n, k) if transposed else t(k, n)]
    code = make(target, types, lambda op, x, y: dot(op, x, y, (1,), (int(transposed),)))
    x, y = arrays(types)
    assert np.array_equal(code(x, y)[0], _in_order(x, y.T if transposed else y))


@pytest.mark.parametrize("shape", [(1, 37, 70), (7, 37, 70), (100, 1100, 70)])
def test_special_values_stay_in_their_row_and_column(
    make: Make, target: str, shape: tuple[int, int, int]
) -> None:
    m, k, n = shape
    types = [t(m, k), t(k, n)]
    x, y = arrays(types)
    x[m // 2, k - 1], y[k - 2, n - 1], y[0, 3] = np.nan, np.inf, -np.inf
    (found,) = make(target, types, dot)(x, y)
    with np.errstate(all="ignore"):
        wanted = x @ y
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    assert np.array_equal(np.isposinf(found), np.isposinf(wanted))


@pytest.mark.parametrize("shape", [(1, 37, 70), (5, 37, 70), (100, 1100, 67), (7, 12, 5)])
@pytest.mark.parametrize("transposed", [False, True])
def test_nothing_beyond_the_arrays_is_touched(
    make: Make, target: str, shape: tuple[int, int, int], transposed: bool
) -> None:
    m, k, n = shape
    types = [t(m, k), t(n, k) if transposed else t(k, n), t(n)]

    def build(op: Any, x: Any, y: Any, bias: Any) -> Any:
        found = dot(op, x, y, (1,), (int(transposed),))
        return op("add", found, _along(op, bias, (m, n), 1))

    code = make(target, types, build)
    child = os.fork()
    if child == 0:  # a stray access kills the child, not the tests
        inputs = list(map(fenced, arrays(types)))
        out = fenced(np.zeros((m, n), np.float32))
        scratch = [fenced(np.zeros(size, np.uint8)) for size in code.workspace]
        code.call([*inputs, out, *scratch], (0, code.units))
        x, y, bias = inputs
        wanted = x @ (y.T if transposed else y) + bias
        os._exit(0 if np.allclose(out, wanted, atol=1e-3) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
