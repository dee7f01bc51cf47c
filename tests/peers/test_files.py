"""Files against the packages that others read and write them with: safetensors, tensorboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import axec as axe
from axec import train


def test_safetensors_both_ways(tmp_path: Path) -> None:
    theirs = pytest.importorskip("safetensors.torch")
    rng = np.random.default_rng(0)
    arrays = {
        "f32": rng.standard_normal((3, 4), np.float32),
        "f64": rng.standard_normal(5),
        "f16": rng.standard_normal(3).astype(np.float16),
        "i64": np.int64(7),
        "bool": np.array([True, False]),
        "empty": np.zeros((0, 2), np.int32),
    }
    train.safetensors.write(tmp_path / "ours", arrays, {"by": "axec"})
    found = theirs.load_file(tmp_path / "ours")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name].numpy(), array)
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    tensors["bf16"] = torch.tensor([1.5, -2.25], dtype=torch.bfloat16)
    theirs.save_file(tensors, tmp_path / "theirs", {"k": "v"})
    file = train.safetensors.read(tmp_path / "theirs")
    assert file.metadata == {"k": "v"}
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(file.arrays[name].astype(np.float64), tensor.double().numpy())


def test_weights_of_a_torch_model(tmp_path: Path, close: Any) -> None:
    """A state_dict on disk, taken over by name: the same function."""
    save = pytest.importorskip("safetensors.torch").save_file
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3))
    save(theirs.state_dict(), tmp_path / "net.safetensors")
    nn = axe.nn
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    params = train.transfer(model.init(), tmp_path / "net.safetensors", strict=True).state
    x = np.random.default_rng(1).standard_normal((5, 4), np.float32)
    close(axe.jit(model)(params, x), theirs(torch.tensor(x)))


def test_tensorboard_reads_the_events(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def step(state: Any, x: Any) -> Any:
        return {"loss": float(x[0])}, state

    data = train.Arrays(np.arange(6.0), batch=2, shuffle=False)
    state = {"w": np.zeros(1)}
    for epochs in (1, 2):
        callbacks = [train.TensorBoard(tmp_path / "tb", every=2), train.Checkpoints(tmp_path / "c")]
        train.fit(step, state, data, epochs, callbacks)
    events = EventAccumulator(str(tmp_path / "tb"))
    events.Reload()
    rows = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in ("loss", "step/loss")}
    assert rows == {
        "loss": [(3, 2.0), (6, 2.0)],
        "step/loss": [(2, 2.0), (4, 0.0), (6, 4.0)],
    }


def test_torch_data_loaders_serve() -> None:
    x = torch.arange(12.0).reshape(6, 2)
    dataset = torch.utils.data.TensorDataset(x, torch.arange(6))

    def loader(epoch: int) -> Any:
        order = torch.Generator().manual_seed(epoch)
        return torch.utils.data.DataLoader(dataset, 2, shuffle=True, generator=order)

    def step(state: Any, x: Any, y: Any) -> Any:
        assert isinstance(x, np.ndarray)
        np.testing.assert_array_equal(x[:, 0], 2 * y)
        return 0.0, {"seen": state["seen"] + y.sum()}

    run = train.fit(step, {"seen": np.int64(0)}, loader, 3)
    assert (run.step, int(run.state["seen"])) == (9, 45)
