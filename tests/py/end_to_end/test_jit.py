"""`axe.jit`: one program per structure, shapes and dtypes, whatever the containers are."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest

import axec as axe
from axec.diag import AxecError

X = np.arange(4, dtype=np.float32)


@axe.tree.register
@dataclasses.dataclass
class Layer:
    w: Any
    b: Any


class Pair(NamedTuple):
    first: Any
    second: Any


def test_every_container() -> None:
    traced = []

    @axe.jit
    def f(p: Any, layer: Any, pair: Any, x: Any) -> Any:
        traced.append(1)
        return {"r": [p["b"] - p["a"], None], "s": (layer.w + layer.b, pair.first * x)}

    for p in ({"a": X, "b": 2 * X}, {"b": 2 * X, "a": X}, {"a": axe.asarray(X), "b": 2 * X}):
        found = f(p, Layer(X, 1.5), Pair(X, 2), np.float32(3))
        assert [type(v) for v in (found, found["r"], found["s"])] == [dict, list, tuple]
        assert isinstance(found["r"][0], axe.Tensor)
        assert found["r"][1] is None
        np.testing.assert_array_equal(np.asarray(found["r"][0]), X)
        np.testing.assert_array_equal(np.asarray(found["s"][0]), X + np.float32(1.5))
        np.testing.assert_array_equal(np.asarray(found["s"][1]), X * 3)
    assert len(traced) == 1


def test_what_makes_a_new_program() -> None:
    traced = []

    @axe.jit
    def f(t: Any) -> Any:
        traced.append(1)
        return [2 * leaf for leaf in axe.tree.leaves(t)]

    half = X.astype(ml_dtypes.bfloat16)
    trees: list[Any] = [X, [X], (X,), {"a": X}, {"b": X}, [X, None], [[X]], X[:3], half, [half]]
    for _ in range(2):
        for value in trees:
            (found,) = f(value)
            wanted = axe.tree.leaves(value)[0]
            assert np.asarray(found).dtype == wanted.dtype
            np.testing.assert_array_equal(np.asarray(found), wanted * 2)
    assert len(traced) == len(trees)


@pytest.mark.parametrize("bad", ["text", {1: X}, object(), X.astype("c8"), np.array(["a"])])
def test_what_is_no_array(bad: Any) -> None:
    f = axe.jit(lambda v: v)
    for value in (bad, [bad]):
        with pytest.raises(AxecError):
            f(value)


def test_arrays_in_other_orders_and_of_subclasses() -> None:
    f = axe.jit(lambda v: v + v)
    wide = np.repeat(X, 2).reshape(4, 2)
    for value in (wide.T, wide[:, ::-1], np.asfortranarray(wide), wide.view(np.matrix)):
        np.testing.assert_array_equal(np.asarray(f(value)), np.asarray(value) * 2)
