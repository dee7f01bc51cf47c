"""Programs that were compiled before are found, and give the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.passes import base

SHARED = np.arange(96.0, dtype=np.float32).reshape(8, 12)


@axe.entry(x=axe.spec((axe.dim("n", 1, 9), 8), axe.float32), w=lambda: SHARED)
def forward(x: Any, w: Any) -> Any:
    return axe.nn.softmax(x @ w)


@axe.entry(x=axe.spec((12,), axe.float32), v=lambda: SHARED)
def other(x: Any, v: Any) -> Any:
    return {"sum": v @ x + SHARED[1, :8], "x": x}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AXEC_CACHE", str(tmp_path))


def _without_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("the passes ran")

    monkeypatch.setattr(base, "run_pipeline", fail)


def test_a_program_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = axe.compile([forward, other], target=["x86-64-v3", "x86-64-v4"])
    _without_passes(monkeypatch)
    again = axe.compile([forward, other], target=["x86-64-v3", "x86-64-v4"])
    assert again.to_bytes() == first.to_bytes()
    assert set(again.timings) == {"trace", "pack"}


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (forward, {"target": "x86-64-v4"}),
        (forward, {"passes": ["decompose", "fuse", "outline", "schedule", "plan"]}),
        (forward, {"verify_each": True}),
        (other, {}),
    ],
)
def test_another_program_or_option_is_compiled(
    source: Any, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"target": "x86-64-v3"}
    axe.compile(forward, **given)
    _without_passes(monkeypatch)
    with pytest.raises(AssertionError, match="the passes ran"):
        axe.compile(source, **(given | options))


def test_weights_are_those_of_this_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.ones((3, 8), np.float32)

    def compiled(scale: float) -> Any:
        w = SHARED * np.float32(scale)
        return axe.compile(lambda x, w: x @ w, axe.spec(x.shape), w, name="f").load()(x)

    first = compiled(1.0)
    _without_passes(monkeypatch)
    assert np.array_equal(compiled(2.0), 2 * first)


def test_every_level_of_a_found_program_can_be_shown() -> None:
    shown = []
    for _ in range(2):
        artifact = axe.compile(forward, target="x86-64-v3")
        shown.append([artifact.emit(level) for level in artifact.texts])
    assert shown[0] == shown[1]
    assert all(shown[0])
