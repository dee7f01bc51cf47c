"""Pytrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import axec as axe
from axec.lang import tree

QUICK = settings(max_examples=60, deadline=None, derandomize=True)


class Pair(NamedTuple):
    first: Any
    second: Any


@tree.register
@dataclass
class Layer:
    w: Any
    b: Any


TREES = st.recursive(
    st.one_of(st.none(), st.integers()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
        st.builds(Pair, inner, inner),
        st.builds(Layer, inner, inner),
    ),
    max_leaves=8,
)


@QUICK
@given(TREES)
def test_flatten_and_unflatten(value: Any) -> None:
    leaves, treedef = tree.flatten(value)
    assert tree.unflatten(treedef, leaves) == value
    assert type(tree.unflatten(treedef, leaves)) is type(value)
    assert treedef.count == len(leaves) == len(tree.paths(value))
    assert tree.leaves(tree.map(lambda x: x + 1, value)) == [x + 1 for x in leaves]


def test_order_and_paths() -> None:
    value = {"b": [1, (2, None)], "a": Layer(w=3, b=Pair(4, 5))}
    assert tree.leaves(value) == [3, 4, 5, 1, 2]
    assert tree.paths(value) == ["a.w", "a.b.0", "a.b.1", "b.0", "b.1.0"]
    assert tree.paths(7) == [""]
    assert str(tree.structure(value)) == "{'a': {'w': *, 'b': (*, *)}, 'b': [*, (*, None)]}"
    assert str(tree.structure((1,))) == "(*,)"


def test_json() -> None:
    leaf = {"kind": "leaf"}
    assert tree.structure({"b": 1, "a": [2, None], "c": (3,)}).json() == {
        "kind": "dict",
        "keys": ["a", "b", "c"],
        "children": [
            {"kind": "list", "children": [leaf, {"kind": "none"}]},
            leaf,
            {"kind": "tuple", "children": [leaf]},
        ],
    }


def test_map_over_several() -> None:
    assert tree.map(lambda a, b: a - b, {"x": 5, "y": [1]}, {"y": [2], "x": 3}) == {
        "x": 2,
        "y": [-1],
    }


@pytest.mark.parametrize(
    "call",
    [
        lambda: tree.map(max, {"a": 1}, {"b": 1}),
        lambda: tree.map(max, [1, 2], (1, 2)),
        lambda: tree.unflatten(tree.structure([1, 2]), [1]),
        lambda: tree.flatten({1: 2}),
        lambda: tree.register(int),
    ],
)
def test_bad_trees(call: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        call()
    assert caught.value.code == "tree-structure"


def test_public_name() -> None:
    assert axe.tree is tree
