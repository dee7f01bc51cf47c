"""How weights are stored for products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.driver import PIPELINE
from axec.passes.kernel import weight_layouts
from axec.passes.kernel.weight_layouts import PANEL, Filters, Panels, Taps, Winograd


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(3, 64), (5, 65), (2, 1), (7, 200), (0, 5)])
def test_panels(shape: tuple[int, int], transposed: bool) -> None:
    k, n = shape
    layout = Panels(k, n, transposed)
    matrix = np.arange(k * n, dtype=np.float32).reshape(k, n) + 1
    stored = layout.apply(np.ascontiguousarray(matrix.T) if transposed else matrix)
    assert stored.shape == layout.shape
    assert stored.flags.c_contiguous
    back = stored.transpose(1, 0, 2).reshape(k, layout.shape[0] * PANEL)
    assert np.array_equal(back[:, :n], matrix)
    assert not back[:, n:].any()
    assert weight_layouts.parse(str(layout)) == layout


@pytest.mark.parametrize("text", ["", "panels", "panels 3x", "panels 3x4 ", "rows 3x4", "taps 3x4"])
def test_other_texts_are_no_layout(text: str) -> None:
    with pytest.raises(ValueError, match="not a layout"):
        weight_layouts.parse(text)


def test_taps() -> None:
    filters = np.arange(4 * 3 * 2 * 5.0).reshape(4, 3, 2, 5)
    layout = Taps(4, 3, 10)
    stored = layout.apply(filters)
    assert stored.shape == layout.shape == (10, 4, 3)
    assert stored.flags.c_contiguous
    for row in range(2):
        for column in range(5):
            assert np.array_equal(stored[5 * row + column], filters[:, :, row, column])
    assert weight_layouts.parse(str(layout)) == layout


@pytest.mark.parametrize("width", [4, 5, 8])
def test_filters(width: int) -> None:
    filters = np.arange(2 * 5 * 3 * 4.0).reshape(10, 3, 2, 2) + 1
    layout = Filters(2, 5, 3, 4, width)
    stored = layout.apply(filters)
    assert stored.shape == layout.shape == (2, -(-5 // width), 4, 3, width)
    assert stored.flags.c_contiguous
    for group, output, channel, tap in np.ndindex(2, 5, 3, 4):
        panel, column = divmod(output, width)
        number = filters[group * 5 + output, channel].ravel()[tap]
        assert stored[group, panel, tap, channel, column] == number
    assert np.count_nonzero(stored) == filters.size
    assert weight_layouts.parse(str(layout)) == layout


def test_winograd() -> None:
    """Corners are those of the filter; row 1 of G takes the mean of three, times 3/2."""
    filters = np.random.default_rng(0).standard_normal((10, 3, 3, 3))
    layout = Winograd(10, 3, 8)
    stored = layout.apply(filters)
    assert stored.shape == layout.shape == (2, 16, 3, 8)
    assert stored.flags.c_contiguous
    corners = stored[:, [0, 3, 12, 15]].transpose(1, 0, 3, 2).reshape(4, 16, 3)
    for corner, (row, column) in zip(corners, [(0, 0), (0, 2), (2, 0), (2, 2)], strict=True):
        assert np.array_equal(corner[:10], filters[:, :, row, column])
        assert not corner[10:].any()
    middle = stored[:, 5].transpose(0, 2, 1).reshape(16, 3)[:10]
    np.testing.assert_allclose(middle, filters.sum(axis=(2, 3)) / 4, rtol=1e-12)
    assert weight_layouts.parse(str(layout)) == layout


def test_axes_that_are_one_side_of_a_matrix() -> None:
    weight = np.arange(6 * 4 * 5.0).reshape(6, 4, 5)  # k is 6, n is 4 * 5
    assert np.array_equal(Panels(6, 20, False).apply(weight)[0, :, :20], weight.reshape(6, 20))
    assert np.array_equal(Panels(5, 24, True).apply(weight)[0, :, :24], weight.reshape(24, 5).T)


def test_an_artifact_with_weights_in_panels(tmp_path: Any) -> None:
    """The same results with and without; the manifest says what is stored and what it takes."""
    rng = np.random.default_rng(0)
    w, v = (rng.standard_normal(s, dtype=np.float32) for s in ((300, 120), (120, 190)))

    def twice(x: Any) -> Any:
        return (x @ w) @ v

    spec = axe.spec((axe.dim("batch", 1, 90), 300), axe.float32)
    plain = tuple(p for p in PIPELINE if p != "pack_weights")
    packed, other = axe.compile(twice, spec), axe.compile(twice, spec, passes=plain)
    shapes = [row["shape"] for row in packed.manifest["weights"]]
    assert shapes == [[2, 300, 64], [3, 120, 64]]
    entries = [a.manifest["entries"]["twice"] for a in (packed, other)]
    assert entries[0]["arena_bytes"] <= entries[1]["arena_bytes"]
    stored = sum(4 * int(np.prod(s)) for s in shapes)
    outside = 4 * 90 * (300 + 190)
    assert entries[0]["peak_bytes"] == stored + outside + entries[0]["arena_bytes"]
    programs = []
    for name, artifact in (("packed", packed), ("other", other)):
        artifact.save(tmp_path / f"{name}.axe")
        programs.append(axe.load(tmp_path / f"{name}.axe"))
    for batch in (1, 2, 17, 90):
        x = rng.standard_normal((batch, 300), dtype=np.float32)
        first, second = (program(x) for program in programs)
        np.testing.assert_allclose(first, (x @ w) @ v, rtol=1e-3, atol=1e-2)
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-2)


def test_entries_that_store_one_array_in_two_ways(tmp_path: Any) -> None:
    w = np.random.default_rng(0).standard_normal((64, 64), dtype=np.float32)
    x = np.ones((5, 64), np.float32)

    @axe.entry(x=axe.spec((5, 64), axe.float32))
    def product(x: Any) -> Any:
        return x @ w

    @axe.entry(x=axe.spec((64, 64), axe.float32))
    def total(x: Any) -> Any:
        return x + w

    artifact = axe.compile([product, total])
    assert sorted(len(r["shape"]) for r in artifact.manifest["weights"]) == [2, 3]
    artifact.save(tmp_path / "two.axe")
    program = axe.load(tmp_path / "two.axe")
    np.testing.assert_allclose(program["product"](x), x @ w, atol=1e-4)
    np.testing.assert_array_equal(program["total"](w), w + w)


@pytest.mark.parametrize("groups", [1, 2])
def test_filters_by_taps(tmp_path: Any, groups: int) -> None:
    rng = np.random.default_rng(0)
    w = rng.standard_normal((6, 4 // groups, 3, 2), dtype=np.float32)
    x = rng.standard_normal((3, 4, 9, 11), dtype=np.float32)

    def filtered(x: Any) -> Any:
        return axe.nn.conv(x, w, groups=groups, padding=1)

    artifact = axe.compile(filtered, axe.spec((axe.dim("batch", 1, 3), 4, 9, 11), axe.float32))
    assert [row["shape"] for row in artifact.manifest["weights"]] == [[6, 6, 4 // groups]]
    artifact.save(tmp_path / "conv.axe")
    wanted = axe.compile(
        filtered,
        axe.spec(x.shape, axe.float32),
        passes=[p for p in PIPELINE if p != "pack_weights"],
    )
    wanted.save(tmp_path / "plain.axe")
    found = axe.load(tmp_path / "conv.axe")(x)
    np.testing.assert_allclose(found, axe.load(tmp_path / "plain.axe")(x), atol=1e-5)
