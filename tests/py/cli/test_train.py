"""`axec train` and `axec resume`: a run from a file, and what is said about a wrong one."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.command import Axec

from axec import train

NET = """
import numpy as np
from axec import nn

CONSTANT = 3


def net(width=8, drop=0.1):
    parts = nn.Linear(4, width), nn.BatchNorm(width), nn.ReLU(), nn.Dropout(drop)
    return nn.Sequential(*parts, nn.Linear(width, 3))


def points(count=96):
    x = np.random.default_rng(0).standard_normal((count, 4), np.float32)
    y = (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 0)
    return {"train": (x, y), "test": (x[:20], y[:20])}
"""

CONFIG = """\
# A run
[model]
source = "net.py:net"
width = 16

[data]
source = "net.py:points"
batch = 16

[optim]
name = "adam"
lr = 1e-2

[schedule]
name = "cosine"
warm_up = 3

[train]
epochs = 4
keep = 2
every = 4
monitor = "val_accuracy"
mode = "max"
log = ["csv", "jsonl"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "a.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_train_and_resume(axec: Axec, folder: Path) -> None:
    whole = axec("train", "a.toml")
    assert "epoch 4 of 4  loss" in whole.err
    assert "runs/a: 24 steps, latest step-00000024.safetensors, best step-" in whole.err
    # A run that broke off: what it wrote after the checkpoint of step 12 is gone.
    shutil.copytree("runs/a", "runs/b")
    for path in train.list_checkpoints("runs/b"):
        path.unlink()
    axec("train", "a.toml", "-o", "runs/c", "--set", "train.epochs=2", "--set", "schedule.steps=24")
    shutil.copy(train.list_checkpoints("runs/c")[-1], "runs/b")
    again = axec("resume", "runs/b")
    assert "resumed at step 12, epoch 3 of 4" in again.err
    ends = [train.list_checkpoints(f"runs/{name}")[-1].read_bytes() for name in "ab"]
    assert ends[0] == ends[1]
    for name in ("log.csv", "log.jsonl"):
        assert (folder / "runs/a" / name).read_bytes() == (folder / "runs/b" / name).read_bytes()
    more = axec("resume", "runs/b", "--set", "train.epochs=5")
    assert "epoch 5 of 5" in more.err
    assert "checkpoint-exists" in axec("train", "a.toml", status=2).err
    Path("a.toml").write_text(CONFIG.replace("lr =", "lrr ="))
    assert "config-key" in axec("train", "a.toml", status=2).err


def test_settings_matter(axec: Axec, folder: Path) -> None:
    axec("train", "a.toml", "-o", "r", "--set", "train.epochs=1", "--set", "optim.freeze=['0.*']")
    program = folder / "r" / "step.axe"
    found = train.safetensors.read(train.list_checkpoints("r")[-1]).arrays
    assert found["params.0.weight"].shape == (16, 4)
    assert not [name for name in found if name.startswith("optimiser") and ".0.w" in name]
    assert "evaluate" in axec("inspect", program).out


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_narrow_products(axec: Axec, folder: Path, precision: str) -> None:
    given = ["--set", f"train.precision={precision}", "-o"]
    assert "24 steps" in axec("train", "a.toml", *given, "r").err
    state = train.safetensors.read(train.list_checkpoints("r")[-1]).arrays
    assert ("optimiser.scale" in state) == (precision == "float16")
    assert state["params.0.weight"].dtype == np.float32
    axec("train", "a.toml", "-o", "wide")
    wide = train.safetensors.read(train.list_checkpoints("wide")[-1]).arrays
    assert not np.array_equal(wide["params.0.weight"], state["params.0.weight"])
    np.testing.assert_allclose(wide["params.0.weight"], state["params.0.weight"], atol=0.05)


def test_inspect_shows_a_checkpoint(axec: Axec, folder: Path) -> None:
    axec("train", "a.toml", "-o", "r", "--set", "train.epochs=1")
    path = train.list_checkpoints("r")[-1]
    shown = axec("inspect", path).out
    assert "step 6, epochs 1  loss " in shown
    assert re.search(r"params\.0\.weight +float32 +16x4 +256 B", shown)
    found = json.loads(axec("inspect", path, "--json").out)
    assert found["progress"]["step"] == 6
    assert found["arrays"]["step"] == {"dtype": "int64", "shape": []}
    path.write_bytes(path.read_bytes()[:-1])
    assert "checkpoint-corrupt" in axec("inspect", path, status=2).err


def test_arrays_from_a_file(axec: Axec, folder: Path) -> None:
    x = np.random.default_rng(0).standard_normal((32, 4)).astype(np.float32)
    np.savez(folder / "d.npz", x=x, y=np.zeros(32, np.int64))
    options = ["--set", "data.source=d.npz", "--set", "train.monitor=loss"]
    assert "runs/a: 8 steps" in axec("train", "a.toml", *options).err
    np.savez(folder / "d.npz", x=x)
    error = axec("train", "a.toml", "-o", "r", *options, status=2).err
    assert "it has no 'y" in error


@pytest.mark.parametrize(
    ("old", "new", "code", "place", "says"),
    [
        ("lr = 1e-2", "lrr = 1e-2", "config-key", ":12:1", "did you mean `lr`?"),
        ("lr = 1e-2", 'lr = "fast"', "config-value", ":12:1", "is a number, not 'fast'"),
        ("lr = 1e-2", "lr = ", "config-file", ":12:6", "is no TOML"),
        ('"adam"', '"adamm"', "config-value", ":11:1", "did you mean `adam`?"),
        ("width = 16", "witdh = 16", "config-key", ":4:1", "did you mean `width`?"),
        ("batch = 16\n", "", "config-key", ":6:2", "the key `data.batch` is missing"),
        ("batch = 16", "batch = 97", "config-value", ":8:1", "1 to 96"),
        ("[train]", "[training]", "config-key", ":18:2", "did you mean `train`?"),
        ("net.py:net", "net.py:nett", "config-value", ":3:1", "did you mean `net`?"),
        ("net.py:net", "net.py:CONSTANT", "config-value", ":3:1", "a int cannot be called"),
        ("net.py:net", "net.py", "config-value", ":3:1", '"FILE.py:NAME"'),
        ("net.py:points", "no.npz", "config-value", ":7:1", "cannot read"),
        ('"csv", ', '"cvs", ', "config-value", ":24:1", "did you mean `csv`?"),
        ('"max"', '"most"', "config-value", ":23:1", "there is `min`, `max`"),
        ("keep = 2", 'precision = "f16"', "config-value", ":20:1", "did you mean"),
        ("warm_up = 3", "warm_up = 3\ngamma = 2", "config-key", ":17:1", "`schedule.gamma`"),
        ("epochs = 4", "epochs = true", "config-value", ":19:1", "an integer, not True"),
        ('"csv", "jsonl"', "1", "config-value", ":24:1", "a list of strings"),
        ("[optim]", "loss = 3\n[optim]", "config-key", ":10:1", "`data.loss`"),
    ],
)
def test_mistakes(
    axec: Axec, folder: Path, old: str, new: str, code: str, place: str, says: str
) -> None:
    assert CONFIG.count(old) == 1
    (folder / "a.toml").write_text(CONFIG.replace(old, new))
    error = axec("train", "a.toml", status=2).err
    assert f"error[{code}]" in error
    assert f"--> a.toml{place}" in error
    assert says in error
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("optim.lrr=3", "--set optim.lrr: there is no key `optim.lrr`"),
        ("optim.lr=x", "--set optim.lr: `optim.lr` is a number, not 'x'"),
        ("optim.lr", "has no key and value"),
        ("optim.lr.x=1", "is no table"),
    ],
)
def test_mistakes_on_the_command_line(axec: Axec, folder: Path, text: str, says: str) -> None:
    assert says in axec("train", "a.toml", "--set", text, status=2).err


def test_no_run_to_resume(axec: Axec, folder: Path) -> None:
    assert "is no run's folder" in axec("resume", folder, status=2).err
