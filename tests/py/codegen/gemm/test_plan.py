"""How a product is cut up: tiles, units, scratch."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from axec.dialects import dims, dtypes
from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu import targets
from axec.passes.codegen.cpu.gemm import tiles
from axec.passes.codegen.cpu.gemm.arithmetic import grouped
from axec.passes.kernel.strides import SUMS
from axec.passes.kernel.templates.gemm import Gemm
from axec.passes.kernel.weight_layouts import PANEL

SIZES = [0, 1, 2, 3, 5, 7, 8, 9, 16, 17, 24, 31, 33, 40, 48, 63, 64, 65, 100, 1024]


def product(m: Any, k: Any, n: Any, dtype: DType = dtypes.f32) -> Gemm:
    """A product of row-major matrices."""
    return Gemm(
        dot=None, dtype=dtype, sums=SUMS.get(dtype, dtype), left=None, right=None, batch=(),
        m=m, n=n, k=k, left_strides=(k, 1), right_strides=(n, 1),
    )  # fmt: skip


def short(tile: tiles.Tile) -> bool:
    """Does a step of k hold too few multiply-adds to hide what a loop costs?"""
    return tile.rows * tile.vectors < tiles.LONG_STEP


@pytest.mark.parametrize("target", list(targets.TARGETS))
@pytest.mark.parametrize("dtype", [dtypes.f32, dtypes.f64, dtypes.bf16, dtypes.i8], ids=str)
def test_tiles_fit_registers_and_panels(target: str, dtype: DType) -> None:
    level = targets.TARGETS[target]
    arithmetic = grouped(level, dtype, dtype, SUMS.get(dtype, dtype))
    for m, n in itertools.product(SIZES, SIZES):
        gemm = product(m, 5, n, dtype)
        assert gemm.group == arithmetic.group
        tile = tiles.for_gemm(level, gemm, arithmetic.registers)
        assert -(-min(n, PANEL) // tile.columns) * tile.columns <= gemm.width
        if tile.engine:
            assert tile.rows in tiles.ENGINE_ROWS
            continue
        at_once = 1 if m == 1 else tile.vectors  # of `right`: one row needs each vector once
        in_use = tile.rows * tile.vectors + (at_once + 1) * arithmetic.registers
        assert in_use <= level.vector_registers
        even = tiles.for_gemm(level, product(m, 8, n, dtype))
        assert tile.unroll == (2 if gemm.group == 4 and short(tile) else 1)
        assert even.unroll == (2 if short(even) else 1)


@pytest.mark.parametrize(
    ("m", "rows"), [(1, 1), (3, 3), (6, 6), (7, 4), (10, 5), (12, 6), (64, 4), (66, 6), (1023, 6)]
)
def test_rows_divide_the_matrix_well(m: int, rows: int) -> None:
    gemm = product(m, 512, 512)
    assert tiles.for_gemm(targets.TARGETS["x86-64-v4"], gemm).rows == rows


def test_few_panels_are_divided_by_rows() -> None:
    tall = product(4096, 64, 64)
    assert (tall.row_block, tall.row_blocks, tall.units) == (264, 16, 16)
    wide = product(4096, 64, 1024)
    assert (wide.row_blocks, wide.units) == (1, 16)
    low = product(90, 64, 64)
    assert (low.row_blocks, low.units) == (1, 1)
    by_dim = product(dims.dim("d0"), 64, 64)
    assert str(by_dim.units) == "floordiv(d0 + 191, 192)"


@pytest.mark.parametrize(
    ("shape", "packs"),
    [
        ((16, 4096, 4096), False),  # few rows
        ((64, 1024, 3072), False),  # some rows, a low panel
        ((65, 1024, 3072), True),
        ((64, 1025, 3072), True),
        ((4096, 1024, 512), False),  # near columns
        ((4096, 1024, 528), True),
        ((4096, 1024, 500), True),  # not in whole cache lines
    ],
)
def test_packing(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int], packs: bool) -> None:
    gemm = product(*shape)
    assert gemm.packs == packs
    assert (gemm.slot_bytes > 0) == packs


def test_depth_is_in_equal_parts() -> None:
    depths = {k: product(100, k, 100).depth for k in (0, 1, 16, 385, 1024, 1025)}
    assert depths == {0: 16, 1: 16, 16: 16, 385: 400, 1024: 1024, 1025: 352}
