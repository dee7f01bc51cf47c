"""Columns that are several axes, of which sizes are known at the call only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe

ROWS, COLUMNS = axe.dim("m", 1, 64), axe.dim("n", 1, 64)


def product(x: Any, y: Any) -> Any:
    return axe.einsum("k,kmn->mn", x, y)


CASES = {
    "activation": (lambda p, m, n: axe.abs(p), lambda p, m, n: abs(p)),
    "inner bias": (lambda p, m, n: p + n, lambda p, m, n: p + n),
    "outer bias": (lambda p, m, n: p + m[:, None], lambda p, m, n: p + m[:, None]),
    "positions": (
        lambda p, m, n: p * axe.astype(axe.arange(p.shape[1]), axe.float32),
        lambda p, m, n: p * np.arange(p.shape[1]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_epilogue(name: str) -> None:
    epilogue, reference = CASES[name]

    def f(x: Any, y: Any, m: Any, n: Any) -> Any:
        return epilogue(product(x, y), m, n)

    specs = [axe.spec(s) for s in ((2,), (2, ROWS, COLUMNS), (ROWS,), (COLUMNS,))]
    program = axe.compile(f, *specs).load()
    for rows, columns in ((1, 1), (2, 7), (6, 3), (8, 8), (5, 33)):
        rng = np.random.default_rng(rows)
        x, y, m, n = (
            rng.integers(-4, 5, s).astype(np.float32)
            for s in ((2,), (2, rows, columns), (rows,), (columns,))
        )
        found = program(x, y, m, n)
        np.testing.assert_array_equal(found, reference(np.einsum("k,kmn->mn", x, y), m, n))
