"""Functions that move elements, against NumPy; shapes with named dims."""

from __future__ import annotations

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
SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=3)


def ramp(*shape: int) -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@QUICK
@given(SHAPES, st.data())
def test_axes(both: Both, shape: tuple[int, ...], data: st.DataObject) -> None:
    x, rank = ramp(*shape), len(shape)
    axis = st.integers(-rank, rank - 1)
    a, b = data.draw(axis), data.draw(axis)
    perm = data.draw(st.permutations(range(rank)))
    np.testing.assert_array_equal(both(lambda v: axe.permute_dims(v, perm), x), x.transpose(perm))
    np.testing.assert_array_equal(both(lambda v: v.swapaxes(a, b), x), x.swapaxes(a, b))
    np.testing.assert_array_equal(both(lambda v: axe.moveaxis(v, a, b), x), np.moveaxis(x, a, b))
    np.testing.assert_array_equal(both(lambda v: axe.flip(v, axis=a), x), np.flip(x, a))
    np.testing.assert_array_equal(both(lambda v: v.transpose(), x), x.transpose())
    found = both(lambda v: axe.expand_dims(v, (0, -1)), x)
    np.testing.assert_array_equal(found, np.expand_dims(x, (0, -1)))
    assert both(lambda v: v[None, None].squeeze((0, 1)), x).shape == shape


@QUICK
@given(st.permutations([2, 3, 4]), st.integers(0, 3))
def test_reshape(both: Both, sizes: list[int], hole: int) -> None:
    target = tuple(-1 if i == hole else s for i, s in enumerate(sizes))
    np.testing.assert_array_equal(
        both(lambda v: v.reshape(target), ramp(4, 6)), ramp(4, 6).reshape(target)
    )
    assert both(lambda v: v.reshape(*target).flatten(), ramp(24)).shape == (24,)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat_stack_split(both: Both, axis: int) -> None:
    x, y = ramp(2, 3), ramp(2, 3) + 10
    found = both(lambda a, b: axe.concat([a, b, a], axis=axis), x, y)
    np.testing.assert_array_equal(found, np.concatenate([x, y, x], axis))
    np.testing.assert_array_equal(
        both(lambda a, b: axe.stack([a, b], axis=axis), x, y), np.stack([x, y], axis)
    )
    z = ramp(4, 6)
    for cuts in (2, [1, 3]):
        parts = both(lambda v, c=cuts: axe.split(v, c, axis), z)
        for part, expected in zip(parts, np.split(z, cuts, axis), strict=True):
            np.testing.assert_array_equal(part, expected)


def test_concat_flattens_and_promotes(both: Both) -> None:
    x, y = ramp(2, 2), np.ones((3,), np.float64)
    found = both(lambda a, b: axe.concat([a, b], axis=None), x, y)
    np.testing.assert_array_equal(found, np.concatenate([x, y], None))


@QUICK
@given(st.integers(1, 3), st.sampled_from([None, 0, 1, -1]))
def test_repeat(both: Both, count: int, axis: int | None) -> None:
    x = ramp(2, 3)
    np.testing.assert_array_equal(
        both(lambda v: axe.repeat(v, count, axis=axis), x), np.repeat(x, count, axis)
    )


@pytest.mark.parametrize("counts", [2, (2,), (2, 1), (1, 3), (2, 1, 2)])
def test_tile(both: Both, counts: Any) -> None:
    x = ramp(2, 3)
    np.testing.assert_array_equal(both(lambda v: axe.tile(v, counts), x), np.tile(x, counts))


@pytest.mark.parametrize("width", [1, (1, 2), [(0, 1), (2, 0)], 0])
def test_pad(both: Both, width: Any) -> None:
    x = ramp(2, 3)
    np.testing.assert_array_equal(both(lambda v: axe.pad(v, width), x), np.pad(x, width))
    found = both(lambda v: axe.pad(v, width, constant_values=-1), x)
    np.testing.assert_array_equal(found, np.pad(x, width, constant_values=-1))


def test_broadcasting_functions(both: Both) -> None:
    x = ramp(3, 1)
    found = both(lambda v: axe.broadcast_to(v, (2, 3, 4)), x)
    np.testing.assert_array_equal(found, np.broadcast_to(x, (2, 3, 4)))
    a, b = both(lambda v, w: axe.broadcast_arrays(v, w), x, np.arange(2))
    assert (a.shape, b.shape, b.dtype) == ((3, 2), (3, 2), np.int64)


def test_transposes(both: Both) -> None:
    np.testing.assert_array_equal(both(lambda v: v.T, ramp(2, 3)), ramp(2, 3).T)
    np.testing.assert_array_equal(both(lambda v: v.mT, ramp(4, 2, 3)), ramp(4, 2, 3).mT)
    np.testing.assert_array_equal(both(axe.matrix_transpose, ramp(2, 3)), ramp(2, 3).T)


def test_named_dims_go_through(run: Run) -> None:
    batch, seq = axe.dim("batch", 1, 8), axe.dim("seq", 1, 16)

    def fn(x: Any) -> Any:
        b, s, d = x.shape
        heads = x.reshape((b, s, 2, d // 2)).transpose(0, 2, 1, 3)
        assert heads.shape == (b, 2, s, 3)
        flat = heads.reshape((-1, 3))
        assert str(flat.shape[0]) == "2*batch*seq"
        back = flat.reshape((b, 2, -1, 3)).transpose(0, 2, 1, 3)
        pair = axe.concat([x, x], axis=1)
        assert pair.shape == (b, 2 * s, d)
        first, second = axe.split(pair, 2, axis=1)
        return back.reshape(x.shape) - first + second, axe.tile(x, (1, 2, 1)), x.size

    traced = trace(lambda x: fn(x)[:2], [axe.spec((batch, seq, 6))])
    x = np.arange(3 * 4 * 6, dtype=np.float32).reshape(3, 4, 6)
    same, tiled = run(traced, x)
    np.testing.assert_array_equal(same, x)
    np.testing.assert_array_equal(tiled, np.tile(x, (1, 2, 1)))


@pytest.mark.parametrize(
    ("fn", "code"),
    [
        (lambda x: x.reshape((7,)), "reshape-size"),
        (lambda x: x.reshape((-1, 4)), "reshape-size"),
        (lambda x: x.reshape((-1, -1)), "reshape-size"),
        (lambda x: x.reshape((-2, 3)), "shape-mismatch"),
        (lambda x: x.reshape("ab"), "argument-type"),
        (lambda x: x.squeeze(0), "shape-mismatch"),
        (lambda x: axe.permute_dims(x, (0, 0)), "axis-range"),
        (lambda x: axe.permute_dims(x, (1,)), "axis-range"),
        (lambda x: axe.moveaxis(x, (0, 1), 0), "axis-range"),
        (lambda x: x[0].T, "axis-range"),
        (lambda x: axe.concat([x, x[0]]), "shape-mismatch"),
        (lambda x: axe.concat([]), "argument-type"),
        (lambda x: axe.concat(x), "argument-type"),
        (lambda x: axe.stack([x, x.T]), "shape-mismatch"),
        (lambda x: axe.split(x, 4), "shape-mismatch"),
        (lambda x: axe.pad(x, [(1, 1)]), "bad-attribute"),
        (lambda x: axe.broadcast_to(x, (2,)), "shape-mismatch"),
        (lambda x: axe.broadcast_to(x, (2, 4)), "shape-mismatch"),
        (lambda x: x.sum(axis=2), "axis-range"),
        (lambda x: x.sum(axis=(0, 0)), "axis-range"),
        (lambda x: x.sum(axis=0.5), "argument-type"),
    ],
)
def test_bad_calls(fn: Any, code: str) -> None:
    for call in (lambda: fn(axe.ones((2, 3))), lambda: trace(fn, [axe.spec((2, 3))])):
        with pytest.raises(axe.AxecError) as caught:
            call()
        assert caught.value.code == code
        assert caught.value.location.file.endswith("test_arrange.py")


@pytest.mark.parametrize(
    ("shift", "axis"), [(2, None), (-1, 0), (5, 1), ((1, -2), (0, 1)), (1, (0, 1))]
)
def test_roll(both: Both, shift: Any, axis: Any) -> None:
    x = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(
        both(lambda v: axe.roll(v, shift, axis=axis), x), np.roll(x, shift, axis)
    )


def test_unstack(both: Both) -> None:
    x = np.arange(6).reshape(2, 3)
    for axis, count in ((0, 2), (1, 3), (-1, 3)):
        found = both(lambda v, a=axis: axe.unstack(v, axis=a), x)
        assert len(found) == count
        for i, part in enumerate(found):
            np.testing.assert_array_equal(part, np.take(x, i, axis))


@pytest.mark.parametrize("indexing", ["xy", "ij"])
def test_meshgrid(both: Both, indexing: Any) -> None:
    arrays = [np.arange(3), np.arange(4) * 2.5, np.arange(2)]
    for count in (1, 2, 3):
        found = both(lambda *vs: axe.meshgrid(*vs, indexing=indexing), *arrays[:count])
        wanted = np.meshgrid(*arrays[:count], indexing=indexing)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(a, b)
