"""`x[...]`, `x.at[...]`, take and dynamic slices against NumPy."""

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


def ramp(*shape: int) -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@QUICK
@given(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4), st.data())
def test_basic_indexing(both: Both, shape: tuple[int, ...], data: st.DataObject) -> None:
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True, max_dims=6))
    x = ramp(*shape)
    np.testing.assert_array_equal(both(lambda v: v[index], x), x[index])


@QUICK
@given(st.integers(0, 6), st.data())
def test_slices(both: Both, size: int, data: st.DataObject) -> None:
    ends = st.one_of(st.none(), st.integers(-8, 8))
    step = data.draw(st.one_of(st.none(), st.integers(-3, 3).filter(bool)))
    part = slice(data.draw(ends), data.draw(ends), step)
    x = ramp(size, 2)
    np.testing.assert_array_equal(both(lambda v: v[part], x), x[part])


@QUICK
@given(
    st.permutations(["array", "int", "slice", "none"]),
    hnp.array_shapes(max_dims=2, max_side=3),
    st.data(),
)
def test_one_integer_array(
    both: Both, kinds: list[str], index_shape: tuple[int, ...], data: st.DataObject
) -> None:
    x = ramp(3, 4, 5)
    array = data.draw(hnp.arrays(np.int64, index_shape, elements=st.integers(-3, 2)))
    made = {"array": array, "int": 1, "slice": slice(None, None, 2), "none": None}
    index = tuple(made[k] for k in kinds)
    np.testing.assert_array_equal(both(lambda v: v[index], x), x[index])
    traced = both(lambda v, i: v[tuple(i if k == "array" else made[k] for k in kinds)], x, array)
    np.testing.assert_array_equal(traced, x[index])


def test_lists_and_run_time_integers(both: Both) -> None:
    x = ramp(4, 3)
    np.testing.assert_array_equal(both(lambda v: v[[2, 0, -1]], x), x[[2, 0, -1]])
    np.testing.assert_array_equal(both(lambda v: v[[]], x), x[[]])
    np.testing.assert_array_equal(both(lambda v, i: v[i], x, np.int32(-2)), x[-2])
    np.testing.assert_array_equal(both(lambda v, i: v[:, i, None], x, np.int64(2)), x[:, 2, None])


def test_run_time_indices_are_clamped(run: Run) -> None:
    traced = trace(lambda v, i: v[i], [axe.spec((4,)), axe.spec((3,), axe.int64)])
    found = run(traced, ramp(4), np.array([9, -9, 3]))[0]
    np.testing.assert_array_equal(found, [3, 0, 3])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32"])
def test_index_dtypes(both: Both, dtype: str) -> None:
    x, i = ramp(5, 2), np.array([4, 0, 3], dtype)
    np.testing.assert_array_equal(both(lambda v, j: axe.take(v, j, axis=0), x, i), x[[4, 0, 3]])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_take(both: Both, axis: int) -> None:
    x, i = ramp(3, 4), np.array([[0, 2], [1, -1]])
    np.testing.assert_array_equal(
        both(lambda v, j: v.take(j, axis=axis), x, i), np.take(x, i, axis)
    )


def test_iteration_and_len(both: Both) -> None:
    x = ramp(3, 2)
    assert len(axe.asarray(x)) == 3
    found = both(lambda v: [row * i for i, row in enumerate(v)], x)
    np.testing.assert_array_equal(np.stack(found), x * np.arange(3)[:, None])


BATCH = axe.dim("batch", 4, 9)
DYNAMIC = {
    "all": np.s_[:],
    "first": np.s_[0],
    "last": np.s_[-1],
    "fourth": np.s_[3],
    "head": np.s_[:3],
    "tail": np.s_[-3:],
    "middle": np.s_[1:-1],
    "every other": np.s_[1::2],
    "backwards": np.s_[::-1],
    "every other backwards": np.s_[::-2],
    "with new axis": np.s_[None, -2:, ..., 1],
    "array": np.s_[[0, -1, 3]],
}


@pytest.mark.parametrize("name", DYNAMIC)
@pytest.mark.parametrize("size", [4, 5, 9])
def test_dynamic_axis(run: Run, name: str, size: int) -> None:
    index, x = DYNAMIC[name], ramp(size, 2)
    traced = trace(lambda v: v[index], [axe.spec((BATCH, 2))])
    np.testing.assert_array_equal(run(traced, x)[0], x[index])


def test_dynamic_ends(run: Run) -> None:
    # Dims as indices: an expression that stays inside for every size in the range.
    traced = trace(lambda v: v[v.shape[0] // 2 : v.shape[0] - 1], [axe.spec((BATCH,))])
    np.testing.assert_array_equal(run(traced, ramp(7))[0], ramp(7)[3:6])


@pytest.mark.parametrize("index", [np.s_[5], np.s_[:5], np.s_[-5:], np.s_[-5], np.s_[3:1:-1]])
def test_dynamic_axis_that_may_be_too_short(index: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        trace(lambda v: v[index], [axe.spec((BATCH, 2))])
    assert caught.value.code == "index-range"
    assert "batch in 4..9" in caught.value.message


@pytest.mark.parametrize(
    ("index", "code"),
    [
        (np.s_[3], "index-range"),
        (np.s_[-4], "index-range"),
        (np.s_[[0, 3]], "index-range"),
        (np.s_[0, 0, 0], "index-count"),
        (np.s_[..., 0, ...], "index-type"),
        (np.s_[1.5], "index-type"),
        (np.s_["x"], "index-type"),
        (np.s_[1.0:2], "index-type"),
        (np.s_[::0], "index-range"),
        (np.s_[np.array([0.5])], "index-type"),
    ],
)
def test_bad_index(index: Any, code: str) -> None:
    with pytest.raises(axe.AxecError) as caught:
        axe.zeros((3, 2))[index]
    assert caught.value.code == code
    assert caught.value.location.file.endswith("test_indexing.py")


AT = [np.s_[0], np.s_[-1], np.s_[1:3], np.s_[:, 1], np.s_[..., -1], np.s_[2, 0], np.s_[:]]


@pytest.mark.parametrize("index", AT)
def test_at(both: Both, index: Any) -> None:
    x = ramp(4, 3)
    expected = x.copy()
    expected[index] = 7
    np.testing.assert_array_equal(both(lambda v: v.at[index].set(7), x), expected)
    expected[index] = x[index] * 3
    np.testing.assert_array_equal(both(lambda v: v.at[index].multiply(3), x), expected)
    expected[index] = x[index] + x[index]
    np.testing.assert_array_equal(both(lambda v: v.at[index].add(v[index]), x), expected)
    np.testing.assert_array_equal(both(lambda v: v.at[index].get(), x), x[index])


def test_at_a_run_time_row(both: Both) -> None:
    x, row = ramp(4, 3), np.ones(3, np.float32)
    found = both(lambda v, i, r: v.at[i].set(r), x, np.int32(2), row)
    x[2] = row
    np.testing.assert_array_equal(found, x)


def test_dynamic_slices(both: Both) -> None:
    x = ramp(5, 4)

    def fn(v: Any, i: Any) -> Any:
        part = axe.dynamic_slice(v, [i, 1], [2, 3])
        return part, axe.dynamic_update_slice(v, part * 0, [0, i])

    part, updated = both(fn, x, np.int32(3))
    np.testing.assert_array_equal(part, x[3:5, 1:4])
    expected = x.copy()
    expected[0:2, 1:4] = 0  # start 3 is clamped to 1
    np.testing.assert_array_equal(updated, expected)


MASK = np.arange(12).reshape(4, 3) % 5 > 1
MASKS = [np.s_[MASK], np.s_[MASK[:, 0]], np.s_[:, MASK[0]], np.s_[[True, False, True, True]],
         np.s_[MASK & False], np.s_[None, MASK], np.s_[1, MASK[1]]]  # fmt: skip


@pytest.mark.parametrize("index", MASKS)
def test_known_masks(both: Both, index: Any) -> None:
    x = ramp(4, 3)
    np.testing.assert_array_equal(both(lambda v: v[index] + 0, x), x[index])
    wanted = x.copy()
    wanted[index] = 7
    np.testing.assert_array_equal(both(lambda v: v.at[index].set(7), x), wanted)
    with pytest.raises(axe.AxecError, match="a mask of shape"):
        axe.zeros((3, 3))[MASK]
    with pytest.raises(axe.AxecError, match="known only at run time"):
        axe.jit(lambda v: v[v > 2])(x)
