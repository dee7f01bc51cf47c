"""Products that fold several axes in any order: none of them is a generic fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe
from axec import nn


def _letters(rng: np.random.Generator, *parts: str) -> str:
    return "".join(rng.permutation(list("".join(parts))))


@pytest.mark.parametrize("seed", range(24))
def test_any_order_of_axes(seed: int) -> None:
    """einsum of factors whose batch (a), folded (k, l, m) and free axes stand anywhere."""
    rng = np.random.default_rng(seed)
    size = {c: int(rng.integers(2, 6)) for c in "aijklm"} | {"j": 17}
    batch, folded = "a"[: rng.integers(2)], "klm"[: rng.integers(2, 4)]
    x, y = (_letters(rng, batch, folded, free) for free in ("i", "j"))
    arrays = [rng.integers(-4, 5, [size[c] for c in s]).astype(np.float32) for s in (x, y)]
    text = f"{x},{y}->{batch}ij"
    artifact = axe.compile(lambda a, b: axe.einsum(text, a, b), *axe.spec_like(arrays))
    (entry,) = artifact.manifest["entries"].values()
    assert "reduce" not in {kernel["template"] for kernel in entry["kernels"]}, text
    np.testing.assert_array_equal(artifact.load()(*arrays), np.einsum(text, *arrays))


def test_rows_of_other_order_are_copied() -> None:
    """Rows that are no run would have the right factor packed again for each few of them."""

    def f(x: Any, w: Any) -> Any:
        return nn.linear(axe.swapaxes(x, 0, 1), w)

    x, w = (np.random.default_rng(0).integers(-4, 5, s).astype("f") for s in ((8, 9, 24), (70, 24)))
    artifact = axe.compile(f, *axe.spec_like((x, w)))
    (entry,) = artifact.manifest["entries"].values()
    assert [kernel["template"] for kernel in entry["kernels"]] == ["map", "gemm"]
    np.testing.assert_array_equal(artifact.load()(x, w), x.swapaxes(0, 1) @ w.T)
