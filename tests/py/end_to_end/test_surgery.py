"""Model surgery: what did not change is not compiled again, and keeps its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec import nn, optim, train
from axec.passes.codegen import cache
from axec.passes.codegen.cpu import worker

MODEL = nn.Sequential(
    nn.Linear(12, 24), nn.LayerNorm(24), nn.Tanh(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 5)
)
BATCH = 8


def task(model: Any, optimiser: Any = None) -> train.Supervised:
    return train.Supervised(model, nn.cross_entropy, optimiser or optim.adam(1e-2))


def data(classes: int) -> Any:
    rng = np.random.default_rng(0)
    return rng.standard_normal((32, 12), np.float32), rng.integers(0, classes, 32)


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Compiles the step of a model with an empty kernel cache; gives how many kernels were new."""
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "cache"))
    monkeypatch.setattr(worker, "_compiled", {})

    def kernels(made: train.Supervised, classes: int = 5) -> int:
        before = cache.open_cache().info().files
        step, *_ = made.entries(*data(classes), BATCH)
        axe.compile(step)
        return cache.open_cache().info().files - before

    return kernels


def test_a_replaced_layer_is_all_that_is_compiled(compiled: Any) -> None:
    whole = compiled(task(MODEL))
    assert whole > 10
    assert compiled(task(MODEL)) == 0
    changed = compiled(task(MODEL.replace("2", nn.Sigmoid())))
    assert 0 < changed < whole / 2
    # Another width reaches the loss, both products of the layer and the update of its parameters.
    assert compiled(task(MODEL.replace("5", nn.Linear(24, 7))), 7) < whole


def test_unfreezing_layer_by_layer_keeps_moments() -> None:
    """First the head alone, then everything; the optimiser's state goes along by name."""
    x, y = data(5)
    first = task(MODEL, optim.freeze(optim.adam(1e-2), "0.*", "1.*", "3.*"))
    head = first.fit((x, y), batch=BATCH, epochs=3)
    untouched = MODEL.init(0)
    np.testing.assert_array_equal(head.state["params"]["0"]["weight"], untouched["0"]["weight"])
    second = task(MODEL)
    report = train.transfer(second.start(), head.state)
    assert not report.unexpected
    assert all(name.startswith("optimiser.") for name in report.missing)
    moments = [name for name in report.taken if name.endswith(".5.weight")]
    assert len(moments) == 3  # the parameter, and adam's two moments of it
    program = second.compile(x, y, BATCH).load()
    run = train.fit(program, report.state, train.Arrays(x, y, batch=BATCH), 3)
    assert run.metrics["loss"] < head.metrics["loss"]
