"""Matrix products, einsum, convolution and pooling against NumPy and plain loops."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import axec as axe
from axec.lang.tracing import trace

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
Both = Callable[..., Any]
Run = Callable[..., Any]


def whole(rng: np.random.Generator, *shape: int) -> np.ndarray[Any, Any]:
    """Small whole numbers, whose sums of products are exact."""
    return rng.integers(-3, 4, shape).astype(np.float32)


RNG = np.random.default_rng(0)


@QUICK
@given(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3))
def test_matmul(both: Both, shapes: Any) -> None:
    x, y = (whole(RNG, *s) for s in shapes.input_shapes)
    np.testing.assert_array_equal(both(lambda a, b: a @ b, x, y), x @ y)


@pytest.mark.parametrize("dtype", ["int32", "int64", "float64"])
def test_matmul_dtypes(both: Both, dtype: str) -> None:
    x, y = whole(RNG, 2, 3).astype(dtype), whole(RNG, 3, 4).astype(dtype)
    found = both(axe.matmul, x, y)
    np.testing.assert_array_equal(found, x @ y)
    assert found.dtype == dtype


WIDER = [
    ("bfloat16", "bfloat16", "float32"), ("float16", "float16", "float64"),
    ("int8", "int8", "int32"), ("uint8", "int8", "int32"),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right", "wide"), WIDER)
def test_products_in_a_wider_dtype(both: Both, left: str, right: str, wide: str) -> None:
    x, y = (np.arange(60).reshape(s) % 11 for s in ((3, 20), (20, 3)))
    x, y = (v.astype(axe.spec((), d).dtype.numpy) for v, d in ((x, left), (y, right)))
    wanted = x.astype(np.float64) @ y.astype(np.float64)
    for fn in (
        lambda a, b: axe.matmul(a, b, dtype=wide),
        lambda a, b: axe.tensordot(a, b, axes=1, dtype=wide),
        lambda a, b: axe.einsum("ik,kj->ij", a, b, dtype=wide),
        lambda a, b: axe.vecdot(a[:, None], b.T[None], dtype=wide),
        lambda a, b: axe.conv(a.T[None], b.T[:, :, None], dtype=wide)[0].T,
    ):
        found = both(fn, x, y)
        assert found.dtype == wide
        np.testing.assert_array_equal(found, wanted)


def test_sums_are_not_narrower_than_factors() -> None:
    x = axe.ones((2, 2))
    with pytest.raises(axe.AxecError, match="matmul: float32 does not widen to bfloat16") as e:
        axe.matmul(x, x, dtype=axe.bfloat16)
    assert e.value.code == "dtype-mix"
    assert "astype(axe.bfloat16)" in str(e.value.hint)


def test_matmul_with_numpy_on_the_left(both: Both) -> None:
    w, x = whole(RNG, 4, 2), whole(RNG, 2, 3)
    np.testing.assert_array_equal(both(lambda a: w @ a, x), w @ x)


@pytest.mark.parametrize("axes", [0, 1, 2, ((0,), (1,)), ((1, 2), (0, -2)), ((-1,), (2,))])
def test_tensordot(both: Both, axes: Any) -> None:
    x, y = whole(RNG, 3, 3, 3), whole(RNG, 3, 3, 3)
    found = both(lambda a, b: axe.tensordot(a, b, axes=axes), x, y)
    np.testing.assert_array_equal(found, np.tensordot(x, y, axes))


@pytest.mark.parametrize("axis", [-1, -2])
def test_vecdot(both: Both, axis: int) -> None:
    x, y = whole(RNG, 2, 3, 3), whole(RNG, 3, 3)
    found = both(lambda a, b: axe.vecdot(a, b, axis=axis), x, y)
    np.testing.assert_array_equal(found, np.vecdot(x, y, axis=axis))


EINSUMS = [
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->i", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij->j", (2, 2, 3)),
    ("iii->i", (2, 2, 2)),
    ("ba", (2, 3)),
    ("...i->...", (2, 3, 4)),
    ("i,i->i", (3,), (3,)),
    ("i,j->ij", (2,), (3,)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,jk->ki", (2, 3), (3, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("...ij,...jk->...ik", (2, 3, 4), (4, 2)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)),
    ("ij,kj->i", (2, 3), (4, 3)),
    ("ij,j->", (2, 3), (3,)),
    ("ij,ij->ij", (2, 3), (1, 3)),
    ("i,ij,j->", (2,), (2, 3), (3,)),
    ("ab,bc,cd->da", (2, 3), (3, 4), (4, 2)),
    ("abc,cd,db->a", (2, 3, 2), (2, 4), (4, 3)),
    (" ij , jk -> ik ", (2, 3), (3, 2)),
]


@pytest.mark.parametrize("case", EINSUMS, ids=lambda c: f"{c[0]}")
def test_einsum(both: Both, case: Any) -> None:
    text, *shapes = case
    arrays = [whole(RNG, *s) for s in shapes]
    found = both(lambda *xs: axe.einsum(text, *xs), *arrays)
    np.testing.assert_array_equal(found, np.einsum(text, *arrays))


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("ij,jk", [(2, 3)]),
        ("ij", [(2, 3, 4)]),
        ("i1->i", [(2, 3)]),
        ("ij,jk->ik", [(2, 3), (4, 5)]),
        ("ij->ik", [(2, 3)]),
        ("ij->ii", [(2, 3)]),
    ],
)
def test_bad_einsum(text: str, shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(axe.AxecError) as caught:
        axe.einsum(text, *[axe.ones(s) for s in shapes])
    assert caught.value.code == "einsum-subscripts"
    assert caught.value.hint


def test_named_dims(run: Run) -> None:
    b, s = axe.dim("batch", 1, 8), axe.dim("seq", 1, 8)

    def fn(q: Any, k: Any) -> Any:
        scores = q @ k.mT
        assert scores.shape == (b, s, s)
        return axe.einsum("bst,btd->bsd", scores, k), q @ k[0].T

    q, k = whole(RNG, 2, 3, 4), whole(RNG, 2, 3, 4)
    traced = trace(fn, [axe.spec((b, s, 4)), axe.spec((b, s, 4))])
    first, second = run(traced, q, k)
    np.testing.assert_array_equal(first, (q @ k.mT) @ k)
    np.testing.assert_array_equal(second, q @ k[0].T)


def conv_loops(
    x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> np.ndarray[Any, Any]:
    """The definition, one result element at a time."""
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)]
    sizes = [(n - p) // s + 1 for n, p, s in zip(x.shape[2:], spans, stride, strict=True)]
    out = np.zeros((x.shape[0], w.shape[0], *sizes), x.dtype)
    per, out_per = w.shape[1], w.shape[0] // groups
    for n, o, *place in itertools.product(*map(range, out.shape)):
        g = o // out_per
        window = tuple(
            slice(p * s, p * s + span, d)
            for p, s, span, d in zip(place, stride, spans, dilation, strict=True)
        )
        out[(n, o, *place)] = (x[n, g * per : (g + 1) * per][(slice(None), *window)] * w[o]).sum()
    return out


@QUICK
@given(
    st.sampled_from([1, 2]),
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(0, 2),
    st.integers(1, 2),
)
def test_conv(
    both: Both, rank: int, groups: int, window: int, stride: int, pad: int, dilation: int
) -> None:
    x = whole(RNG, 2, 2 * groups, *[5, 6][:rank])
    w = whole(RNG, 2 * groups, 2, *[window] * rank)
    options = {"stride": stride, "padding": pad, "dilation": dilation, "groups": groups}
    found = both(lambda a, b: axe.conv(a, b, **options), x, w)
    each = [(stride,) * rank, ((pad, pad),) * rank, (dilation,) * rank]
    np.testing.assert_array_equal(found, conv_loops(x, w, *each, groups))


@pytest.mark.parametrize("size", [5, 6, 7])
@pytest.mark.parametrize("window", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding(both: Both, size: int, window: int, stride: int) -> None:
    x, w = whole(RNG, 1, 1, size), whole(RNG, 1, 1, window)
    found = both(lambda a, b: axe.conv(a, b, padding="same", stride=stride), x, w)
    assert found.shape[-1] == -(-size // stride)
    assert both(lambda a, b: axe.conv(a, b, padding="valid"), x, w).shape[-1] == size - window + 1


def test_same_padding_of_a_named_axis(run: Run) -> None:
    spec = axe.spec((1, 1, axe.dim("length", 3, 9)))
    w = whole(RNG, 1, 1, 3)
    traced = trace(lambda x: axe.conv(x, w, padding="same"), [spec])
    x = whole(RNG, 1, 1, 7)
    np.testing.assert_array_equal(run(traced, x)[0], conv_loops(x, w, [1], [(1, 1)], [1], 1))
    with pytest.raises(axe.AxecError, match="depends on the size"):
        trace(lambda x: axe.conv(x, w, padding="same", stride=2), [spec])


def windows(x: Any, size: int, stride: int) -> np.ndarray[Any, Any]:
    found = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(-2, -1))
    return found[..., ::stride, ::stride, :, :]


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("stride", [None, 1, 2])
def test_pooling(both: Both, size: int, stride: int | None) -> None:
    x = whole(RNG, 2, 3, 5, 6)
    expected = windows(x, size, stride or size)
    found = both(lambda v: axe.max_pool(v, size, stride=stride), x)
    np.testing.assert_array_equal(found, expected.max((-2, -1)))
    found = both(lambda v: axe.avg_pool(v, size, stride=stride), x)
    np.testing.assert_allclose(found, expected.mean((-2, -1)), rtol=1e-6)


def test_pooling_with_padding(both: Both) -> None:
    x = np.ones((1, 1, 2, 2), np.float32)
    assert both(lambda v: axe.max_pool(-v, 3, padding=1), x).item() == -1
    counted = both(lambda v: axe.avg_pool(v, 3, padding=1, count_include_pad=True), x)
    assert counted.item() == np.float32(4 / 9)
    assert both(lambda v: axe.avg_pool(v, 3, padding=1), x).item() == 1


@pytest.mark.parametrize(
    "fn",
    [
        lambda: axe.matmul(axe.ones((2, 3)), axe.ones((2, 3))),
        lambda: axe.matmul(axe.ones(()), axe.ones((3,))),
        lambda: axe.matmul(axe.ones((2, 3, 4)), axe.ones((3, 4, 2))),
        lambda: axe.tensordot(axe.ones((2, 3)), axe.ones((2, 3)), axes=1),
        lambda: axe.vecdot(axe.ones(2), axe.ones(3)),
        lambda: axe.conv(axe.ones((1, 3, 4)), axe.ones((2, 3))),
        lambda: axe.conv(axe.ones((1, 3, 4)), axe.ones((2, 2, 3))),
        lambda: axe.conv(axe.ones((1, 3, 2)), axe.ones((2, 3, 3))),
        lambda: axe.conv(axe.ones((1, 3, 4)), axe.ones((2, 3, 3)), padding="full"),
        lambda: axe.conv(axe.ones((1, 3, 4)), axe.ones((2, 3, 3)), stride=0),
        lambda: axe.max_pool(axe.ones((2, 2)), 3),
    ],
)
def test_bad_calls(fn: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        fn()
    assert caught.value.code in ("shape-mismatch", "bad-attribute")
    assert caught.value.location.file.endswith("test_contract.py")
