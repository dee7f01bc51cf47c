"""The samples that train, at a size that takes a second; docs/training.md has their full runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.samples import SAMPLES, sample

import axec as axe
from axec import train
from axec.cli.main import main
from axec.runtime import load


def test_a_run_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """digits_net.py, by the settings of digits.toml."""
    line = ["train", str(SAMPLES / "digits.toml"), "-o", str(tmp_path), "--set", "train.epochs=2"]
    assert main(line) == 0
    assert "epoch 2 of 2" in capsys.readouterr().err


def test_xor() -> None:
    module = sample("xor")
    run, program = module.trained()
    assert run.metrics["loss"] < 1e-2
    found = program["predict"](run.state["params"], run.state["state"], module.X) > 0
    np.testing.assert_array_equal(found, module.Y)


def test_diabetes() -> None:
    network, linear = sample("diabetes").trained(epochs=40)
    assert network > 0.25
    assert abs(network - linear) < 0.1


def test_train_cnn() -> None:
    run = sample("train_cnn").trained(epochs=4, width=8)
    assert run.metrics["val_accuracy"] > 0.9


def test_shifted_images_start_anywhere() -> None:
    module = sample("train_cnn")
    images = np.random.default_rng(0).random((20, 1, 8, 8))
    data = module.Shifted(images, np.arange(20), batch=5)
    whole, later = list(data.batches(1)), list(data.batches(1, 2))
    for (a, _), (b, _) in zip(whole[2:], later, strict=True):
        np.testing.assert_array_equal(a, b)
    inside = {tuple(x[0, 1:7, 1:7].ravel()) for x in images}
    moved = [x for batch, _ in whole for x in batch]
    assert 0 < sum(tuple(x[0, 1:7, 1:7].ravel()) in inside for x in moved) < 20
    for x in moved:  # the middle of an image is there, up to a pixel away
        spots = {x[0, r : r + 6, c : c + 6].tobytes() for r in range(3) for c in range(3)}
        assert any(image[0, 1:7, 1:7].tobytes() in spots for image in images)


def test_lstm() -> None:
    module = sample("lstm")
    run = module.trained(epochs=1)
    assert run.metrics["val_loss"] < 0.25
    x, y = module.examples(100, 3)
    assert (x[:, :, 1].sum(1) == 2).all()
    marked = x[:, :, 0][x[:, :, 1] == 1].reshape(100, 2)
    np.testing.assert_allclose(marked.sum(1), y[:, 0], rtol=1e-6)


def test_resnet() -> None:
    module = sample("resnet")
    shapes = {path: a.shape for path, a in train.state.leaves(module.network(64).init(0))}
    convolutions = [s for path, s in shapes.items() if len(s) == 4 and ".short." not in path]
    assert len(convolutions) + 1 == 18  # and the linear layer
    assert sum(int(np.prod(s)) for s in shapes.values()) == pytest.approx(11.17e6, rel=1e-3)
    run = module.trained(width=4, epochs=4, count=64, batch=16)
    assert run.metrics["loss"] < 2


# ---- the character model -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The sample with weights of a short training on a short text."""
    module: Any = sample("micro_gpt")
    module.WEIGHTS = tmp_path_factory.mktemp("gpt") / "weights.safetensors"
    module.run = module.trained(module.read()[:20000], steps=12)
    train.save(module.WEIGHTS, module.run.state["params"])
    return module


def test_micro_gpt_learns(gpt: Any) -> None:
    assert gpt.run.metrics["val_loss"] < 4 < np.log(gpt.VOCABULARY)
    assert len(gpt.read()) > 400_000
    assert gpt.read(__file__).max() < gpt.VOCABULARY


def test_micro_gpt_writes_as_the_whole_model_reads(gpt: Any, tmp_path: Path) -> None:
    """Prefill and decode over a cache give the scores of the model on the whole text."""
    path = tmp_path / "gpt.axe"
    axe.compile([gpt.prefill, gpt.decode]).save(path)
    program = load(path)
    tokens = gpt.windows(gpt.read(), 1, 5)[:, : gpt.LENGTH]
    params = train.load(gpt.WEIGHTS, gpt.start()["params"])[0]
    wanted = np.asarray(axe.jit(gpt.MODEL)(params, tokens))
    scores, cache = program["prefill"](tokens[:, :100], gpt.empty_cache())
    np.testing.assert_allclose(scores, wanted[:, 99], rtol=1e-4, atol=1e-4)
    for at in range(100, gpt.LENGTH):
        scores, cache = program["decode"](tokens[:, at : at + 1], cache, np.int64(at))
        np.testing.assert_allclose(scores, wanted[:, at], rtol=1e-4, atol=1e-4)
    # The same in the process that writes: twice the same text, as long as there are positions.
    command = [sys.executable, SAMPLES / "micro_gpt_write.py", path, "The ", "200"]
    texts = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in "ab"
    ]
    first, second = (text.rsplit("\n[", 1)[0] for text in texts)
    assert first == second
    assert first.startswith("The ")
    assert len(first) == gpt.LENGTH
