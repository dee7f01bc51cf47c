"""A function of the DSL runs twice in these tests: at once on arrays, and traced, through the
reference interpreter. Both must give the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.dialects import load
from axec.dialects.interpret import interpret
from axec.lang import tree
from axec.lang.tracing import Traced, trace


def run(traced: Traced, *arrays: Any) -> list[np.ndarray[Any, Any]]:
    """A traced function through the interpreter; the outputs in order."""
    with load():
        assert traced.module.operation.verify()
        return list(interpret(traced.func, [*arrays, *traced.weights.values()]))


def both(fn: Callable[..., Any], *arrays: Any, specs: Any = None) -> Any:
    """What fn gives for the arrays, as NumPy arrays, checked to be the same eager and traced."""
    arrays = tuple(np.asarray(a) for a in arrays)
    eager = tree.map(np.asarray, fn(*map(axe.asarray, arrays)))
    given = specs or [axe.spec(a.shape, a.dtype) for a in arrays]
    found = run(trace(fn, given, name="fn"), *arrays)
    for a, b in zip(tree.leaves(eager), found, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    return eager


@pytest.fixture(scope="session", name="both")
def both_fixture() -> Callable[..., Any]:
    return both


@pytest.fixture(scope="session", name="run")
def run_fixture() -> Callable[..., Any]:
    return run
