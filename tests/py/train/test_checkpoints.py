"""Checkpoints: resumed runs are the uninterrupted ones to the bit; what is wrong is named."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.training import BATCH, examples, save_parts, start, step

import axec as axe
from axec import train

CHILD = Path(__file__).parent.parent / "support" / "train_child.py"
KILLS = 20


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    save_parts(folder)
    return folder


@pytest.fixture(scope="module")
def program(parts: Path) -> Any:
    return axe.load(parts / "step.axe")


def data() -> train.Arrays:
    return train.Arrays(*examples(), batch=BATCH)


def equal(a: Any, b: Any) -> None:
    for (path, x), (_, y) in zip(train.state.leaves(a), train.state.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=path)


class Stop(train.Callback):
    """Ends the process's run in the middle of an epoch."""

    def __init__(self, at: int) -> None:
        self._at = at

    def step(self, run: train.Run) -> None:
        if run.step == self._at:
            raise KeyboardInterrupt


def test_kill_at_random_steps(parts: Path, tmp_path: Path) -> None:
    """SIGKILL 20 times on the way: weights and logs are those of a run that nobody touched."""
    once, often = tmp_path / "once", tmp_path / "often"
    command = [sys.executable, CHILD, parts]
    subprocess.run([*command, once], check=True, stdout=subprocess.DEVNULL)
    drawn = random.Random(0)
    for _ in range(KILLS):
        with subprocess.Popen([*command, often], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.read(drawn.randint(4, 14))  # a byte per step
            time.sleep(drawn.random() * 2e-3)  # into a step, or into the writing of a file
            child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
    subprocess.run([*command, often], check=True, stdout=subprocess.DEVNULL)
    last = [train.list_checkpoints(folder)[-1] for folder in (once, often)]
    assert last[0].name == last[1].name
    assert last[0].read_bytes() == last[1].read_bytes()
    assert (once / "log.jsonl").read_bytes() == (often / "log.jsonl").read_bytes()


def test_interrupted_runs_go_on(program: Any, tmp_path: Path) -> None:
    whole = train.fit(program, start(), data(), 4, [train.JsonLines(tmp_path / "a")])
    for at in (3, 12, 15):
        folder = tmp_path / str(at)
        callbacks = [train.Checkpoints(folder), train.JsonLines(folder / "log", every=2)]
        with pytest.raises(KeyboardInterrupt):
            train.fit(program, start(), data(), 4, [*callbacks, Stop(at)])
        assert train.list_checkpoints(folder)[-1].stem == f"step-{at:08}"
        run = train.fit(program, start(), data(), 4, callbacks)
        equal(run.state, whole.state)
        assert run.metrics == whole.metrics
    again = train.fit(program, start(), data(), 4, callbacks)
    assert again.step == whole.step
    equal(again.state, whole.state)


def test_which_files_stay(tmp_path: Path) -> None:
    losses = [5.0, 1.0, 4.0, 3.0, 2.0, 6.0]

    def step(state: Any, x: Any) -> Any:
        return losses[int(x[0])], {"w": state["w"] + 1}

    train.fit(
        step, {"w": np.zeros(2)}, lambda epoch: [np.full(1, epoch)], 6,
        [train.Checkpoints(tmp_path, keep=2, monitor="loss")],
    )  # fmt: skip
    steps = [int(p.stem[5:]) for p in train.list_checkpoints(tmp_path)]
    assert steps == [2, 5, 6]
    found = train.best(tmp_path, "loss")
    assert found is not None
    state, progress = train.load(found, {"w": np.zeros(2)})
    np.testing.assert_array_equal(state["w"], [2, 2])
    assert progress["metrics"] == {"loss": 1.0}
    assert train.best(tmp_path, "loss", "max") == tmp_path / "step-00000006.safetensors"
    assert train.best(tmp_path, "val_loss") is None


def test_early_stopping_is_remembered(tmp_path: Path) -> None:
    def run(patience: int) -> train.Run:
        callbacks = [train.EarlyStopping("loss", patience), train.Checkpoints(tmp_path)]
        return train.fit(lambda s, x: (1.0, s), {"w": np.zeros(1)}, [np.ones(1)], 9, callbacks)

    assert run(3).epoch == 4
    assert run(3).epoch == 4
    assert run(5).epoch == 6  # more patience: it goes on


def test_a_truncated_checkpoint_is_named_and_the_one_before_taken(
    program: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = train.fit(program, start(), data(), 3, [train.Checkpoints(tmp_path)])
    files = train.list_checkpoints(tmp_path)
    cut = files[-1].read_bytes()[:-5]
    files[-1].write_bytes(cut)
    run = train.fit(program, start(), data(), 3, [train.Checkpoints(tmp_path)])
    assert f"{files[-1]} is no whole safetensors file" in capfd.readouterr().err
    equal(run.state, whole.state)
    for path in train.list_checkpoints(tmp_path):
        path.write_bytes(cut)
    with pytest.raises(axe.AxecError, match="checkpoint-corrupt"):
        train.fit(program, start(), data(), 3, [train.Checkpoints(tmp_path)])
    assert {p.read_bytes() for p in train.list_checkpoints(tmp_path)} == {cut}  # nothing lost


def test_a_checkpoint_of_another_model(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    train.save(path, {"w": np.zeros((2, 3), np.float32), "b": [np.zeros(3)]})
    for like, says in (
        ({"w": np.zeros((2, 4), np.float32), "b": [np.zeros(3)]},
         "`w` is float32[2, 3] there, float32[2, 4] here"),
        ({"w": np.zeros((2, 3)), "b": [np.zeros(3)]}, "float32[2, 3] there, float64[2, 3] here"),
        ({"w": np.zeros((2, 3), np.float32)}, "`b.0` is no part of the state"),
        ({"w": np.zeros((2, 3), np.float32), "b": [np.zeros(3)], "c": np.zeros(1)},
         "`c` is missing"),
    ):  # fmt: skip
        with pytest.raises(axe.AxecError) as caught:
            train.load(path, like)
        assert caught.value.code == "checkpoint-mismatch"
        assert says in caught.value.message


def test_folders_that_cannot_serve(program: Any, tmp_path: Path) -> None:
    train.fit(program, start(), data(), 1, [train.Checkpoints(tmp_path)])
    with pytest.raises(axe.AxecError, match="checkpoint-exists"):
        train.fit(program, start(), data(), 1, [train.Checkpoints(tmp_path, resume=False)])
    (tmp_path / "file").touch()
    with pytest.raises(axe.AxecError, match="checkpoint-write"):
        train.fit(program, start(), data(), 1, [train.Checkpoints(tmp_path / "file" / "x")])


def test_transfer(tmp_path: Path) -> None:
    old = axe.nn.Sequential(axe.nn.Linear(3, 4), axe.nn.Linear(4, 2)).init(1)
    new = axe.nn.Sequential(axe.nn.Linear(3, 4), axe.nn.Linear(4, 5), axe.nn.Linear(5, 1)).init(2)
    path = tmp_path / "old.safetensors"
    train.save(path, {"params": old, "step": np.int64(3)})
    report = train.transfer(new, path, rename={"params.": ""})
    assert report.taken == ("0.bias", "0.weight")
    assert report.missing == ("2.bias", "2.weight")
    assert report.misfits == ("1.bias", "1.weight")
    assert report.unexpected == ("step",)
    equal(report.state["0"], old["0"])
    equal(report.state["2"], new["2"])
    report.state["0"]["weight"][:] = 0
    assert old["0"]["weight"].any()  # they are copies
    with pytest.raises(axe.AxecError, match=r"missing: 2\.bias, 2\.weight"):
        train.transfer(new, {"params": old}, rename={"params.": ""}, strict=True)
    assert train.transfer(old, old, strict=True).unexpected == ()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with axec/runtime and axec/train alone."""
    root, folder = Path(__file__).resolve().parents[3], tmp_path_factory.mktemp("bare")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "runtime", folder / "axec" / "runtime", ignore=ignored)
    shutil.copytree(root / "axec" / "train", folder / "axec" / "train", ignore=ignored)
    return folder


def test_training_needs_numpy_and_two_folders(bare: Path, parts: Path, tmp_path: Path) -> None:
    """Two epochs there: equal bits for one and two threads, and the reference interpreter's
    numbers."""
    code = (
        "import runpy, sys; sys.path[:0] = [sys.argv[1]]; del sys.argv[0]\n"
        f"runpy.run_path({str(CHILD)!r}, run_name='__main__')\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    ends = []
    for threads in "12":
        run = tmp_path / threads
        done = subprocess.run(
            [sys.executable, "-c", code, bare, parts, run, "2", threads],
            capture_output=True, text=True, check=True, env={},
        )  # fmt: skip
        loaded = set(done.stderr.split())
        assert {"numpy", "axec.train.loop"} <= loaded
        assert not {"axec.lang", "axec.driver", "torch_mlir", "llvmlite", "ml_dtypes"} & loaded
        ends.append(train.list_checkpoints(run)[-1])
    assert ends[0].read_bytes() == ends[1].read_bytes()
    state = start()
    for epoch in range(2):
        for x, y in data().batches(epoch):
            _, state = step.fn(axe.tree.map(np.asarray, state), x, y)
    found, _ = train.load(ends[0], start())
    for (path, a), (_, b) in zip(train.state.leaves(found), train.state.leaves(state), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * abs(b).max(), err_msg=path)
