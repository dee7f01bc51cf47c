"""Whatever a public function is called with: a result or an AxecError, never another exception."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import axec as axe
from axec import lang

FUNCTIONS = {
    name: fn
    for name in lang.NAMES
    if inspect.isfunction(fn := getattr(lang, name)) and name != "entry"
}
DIM = axe.dim("batch", 1, 4)
VALUES: list[Any] = [
    None, True, 0, 1, -1, 3, 2.5, float("nan"), "ij->ji", "same", (), (0,), (1, 2), (-1, 3), [0, 1],
    [], {}, slice(None), DIM, (DIM, 2), np.float64(2), np.int8(3), "float32", axe.int32, object(),
    np.ones((2, 3), np.float32), np.ones(3, np.int32), np.ones((2, 2), bool), np.ones(2, complex),
    np.array("x"), [np.ones(2), np.ones(2)], axe.spec(3), axe.ones((2, 3)), axe.ones(()),
    axe.arange(3), axe.zeros((0, 2)), axe.ones((1, 2, 4, 4)), axe.ones((2, 2, 3, 3)),
]  # fmt: skip


def points_here(error: axe.AxecError) -> None:
    assert error.location is not None
    assert error.location.file.endswith("test_misuse.py")


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(FUNCTIONS)), st.data())
def test_functions(name: str, data: st.DataObject) -> None:
    fn = FUNCTIONS[name]
    parameters = inspect.signature(fn).parameters.values()
    args: list[Any] = []
    named: dict[str, Any] = {}
    for p in parameters:
        if p.default is not p.empty and data.draw(st.booleans()):
            continue
        value = data.draw(st.sampled_from(VALUES), label=p.name)
        if p.kind is p.VAR_POSITIONAL:
            args += data.draw(st.lists(st.sampled_from(VALUES), max_size=3))
        elif p.kind is p.KEYWORD_ONLY or (p.kind is p.POSITIONAL_OR_KEYWORD and named):
            named[p.name] = value
        elif p.default is p.empty or len(args) == list(parameters).index(p):
            args.append(value)
    try:
        fn(*args, **named)
    except axe.AxecError as e:
        points_here(e)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=4))
def test_indices(index: list[Any]) -> None:
    for place in (tuple(index), index[0]):
        for use in (lambda x, i: x[i], lambda x, i: x.at[i].set(1)):
            try:
                use(axe.ones((2, 3, 4)), place)
            except axe.AxecError as e:
                points_here(e)
