"""Random products of narrow numbers, compiled for every level in one file, against the reference.

Shapes, transposes, batches and what follows the product are drawn; each level that this machine
runs must agree with the interpreter, and with itself for one thread and two.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import memory_engine

import axec as axe
from axec.passes.codegen.cpu.targets import TARGETS

Array = np.ndarray[Any, Any]
FACTORS = [
    ("bfloat16", "bfloat16", "float32"), ("bfloat16", "bfloat16", None),
    ("float16", "float16", "float32"), ("float16", "float16", None),
    ("int8", "int8", "int32"), ("uint8", "int8", "int32"),
]  # fmt: skip
SIZES = (1, 2, 3, 16, 31, 64, 65, 130)


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Few and small ones: sums of their products are exact in f32, whatever the order."""
    low = 0 if dtype == "uint8" else -3
    return rng.integers(low, 4, shape).astype(axe.spec((), dtype).dtype.numpy)


def draw(seed: int) -> tuple[Any, list[Array]]:
    """A program of some products, and arrays for it."""
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    steps: list[Any] = []
    arrays: list[Array] = []
    for _ in range(4):
        left, right, wide = choose.choice(FACTORS)
        m, k, n = (choose.choice(SIZES) for _ in range(3))
        batch = choose.choice([(), (), (3,), (2, 2)])
        turned, turned_y, shared = (choose.random() < 0.4 for _ in range(3))
        x = numbers(rng, (*batch, k, m) if turned else (*batch, m, k), left)
        y_batch = () if shared else batch
        y = numbers(rng, (*y_batch, n, k) if turned_y else (*y_batch, k, n), right)
        bias = rng.integers(-2, 3, n).astype(np.float32)
        steps.append((turned, turned_y, wide, choose.choice(sorted(AFTER))))
        arrays += [x, y, bias]

    def run(*given: Any) -> list[Any]:
        found = []
        for i, (turned, turned_y, wide, after) in enumerate(steps):
            x, y, bias = given[3 * i : 3 * i + 3]
            x, y = x.mT if turned else x, y.mT if turned_y else y
            found.append(AFTER[after](axe.matmul(x, y, dtype=wide), bias))
        return found

    return run, arrays


AFTER: dict[str, Any] = {
    "nothing": lambda z, bias: z,
    "scale": lambda z, bias: z.astype(axe.float32) * 0.25 + bias,
    "relu": lambda z, bias: axe.maximum(z, 0).astype(axe.float16),
    "both": lambda z, bias: (z, axe.abs(z.astype(axe.float32) - bias)),
}


@pytest.mark.parametrize("seed", range(10))
def test_every_level_computes_what_the_reference_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    memory_engine.install(monkeypatch)
    levels = [name for name, target in TARGETS.items() if target.runs_here]
    run, arrays = draw(seed)
    path = tmp_path / "products.axe"
    specs = [axe.spec(a.shape, a.dtype) for a in arrays]
    axe.compile(run, *specs, target=levels).save(path)
    wanted = [np.asarray(v) for v in axe.tree.leaves(run(*[axe.asarray(a) for a in arrays]))]
    for level in levels:
        program = axe.load(path, target=level)
        one, two = (axe.tree.leaves(program(*arrays, threads=n)) for n in (1, 2))
        for want, a, b in zip(wanted, one, two, strict=True):
            assert np.asarray(a).dtype == want.dtype
            np.testing.assert_array_equal(a, want)
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_products_without_tiles_are_marked() -> None:
    for dtype, generic in (("float32", None), ("bfloat16", None), ("int64", True)):
        made = axe.compile(lambda x: x @ x, axe.spec((3, 3), dtype), name="square")
        (kernel,) = made.manifest["entries"]["square"]["kernels"]
        assert kernel.get("generic") is generic


def test_weights_of_mixed_precision_are_stored_narrow() -> None:
    """The casts of `axe.amp` are done when compiling; both entries give what an input would."""
    w = np.random.default_rng(0).standard_normal((70, 64)).astype(np.float32)
    x = np.random.default_rng(1).standard_normal((5, 70)).astype(np.float32)

    @axe.entry(x=axe.spec(x.shape), w=lambda: w)
    def narrow(x: Any, w: Any) -> Any:
        return axe.amp(axe.matmul)(x, w)

    @axe.entry(x=axe.spec(x.shape), w=lambda: w)
    def wide(x: Any, w: Any) -> Any:
        return x @ w

    made = axe.compile([narrow, wide])
    rows = {(r["dtype"], tuple(r["shape"])) for r in made.manifest["weights"]}
    assert rows == {("bf16", (1, 35, 64, 2)), ("f32", (1, 70, 64))}
    kernels = made.manifest["entries"]["narrow"]["kernels"]
    assert [k["template"] for k in kernels] == ["map", "gemm"]  # x is cast, w is not
    program = made.load()
    given = axe.compile(axe.amp(axe.matmul), axe.spec(x.shape), axe.spec(w.shape)).load()
    np.testing.assert_array_equal(program["narrow"](x), given(x, w))
    np.testing.assert_allclose(program["wide"](x), x @ w, rtol=1e-4, atol=1e-4)
