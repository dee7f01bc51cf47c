"""Handwritten digits: a network that one compiled step trains, without a framework.

python samples/train_digits.py    compile the step; train in a process with numpy alone

Loss, gradients and Adam's update are one entry of the artifact, `step`; `scores` is the network.
`samples/train_digits_run.py` is the training process: it never sees the compiler.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

import axec as axe
from axec import nn, optim

BUILD = Path(__file__).resolve().parent.parent / "build"
BATCH, HELD_OUT = 64, 360  # the last images of the data set are not trained on

MODEL = nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
)
OPTIMISER = optim.chain(
    optim.clip_by_global_norm(1.0),
    optim.adamw(optim.schedules.warm_up(3e-3, 20), weight_decay=1e-2),
)


def start():
    """What a step changes: parameters, and the optimiser's state. The seed makes it repeatable."""
    params = MODEL.init(0)
    return {"params": params, "optimiser": OPTIMISER.init(params)}


@axe.entry(
    donate=("state",),  # the next state takes the memory of this one
    state=lambda: axe.spec_like(start()),
    x=axe.spec((BATCH, 64), axe.float32),
    y=axe.spec((BATCH,), axe.int64),
)
def step(state, x, y):
    """x: images [batch, 64] with ink from 0 to 1, y: digits [batch] -> loss, next state"""

    def loss(params):
        return nn.cross_entropy(MODEL(params, x), y)

    value, grads = axe.value_and_grad(loss)(state["params"])
    updates, optimiser = OPTIMISER.update(grads, state["optimiser"], state["params"])
    params = optim.apply_updates(state["params"], updates)
    return value, {"params": params, "optimiser": optimiser}


@axe.entry(
    params=lambda: axe.spec_like(start()["params"]),
    x=axe.spec((axe.dim("images", 1, 2048), 64), axe.float32),
)
def scores(params, x):
    """x: images [images, 64] -> a score per digit [images, 10]"""
    return MODEL(params, x)


def dataset():
    """Path of an .npz: images and labels, shuffled, and the first state as state_0, state_1, ..."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    mixed = np.random.default_rng(0).permutation(len(images))
    images, labels = images[mixed], labels[mixed]
    first = {f"state_{i}": leaf for i, leaf in enumerate(axe.tree.leaves(start()))}
    path = BUILD / "train_digits.npz"
    BUILD.mkdir(exist_ok=True)
    np.savez(path, images=(images / 16).astype(np.float32), labels=labels, **first)
    return path


def main():
    path = BUILD / "train_digits.axe"
    data = dataset()
    artifact = axe.compile([step, scores])
    artifact.save(path)
    calls = sum(k["calls"] for k in artifact.manifest["entries"]["step"]["kernels"])
    print(
        f"compiled  {path.relative_to(BUILD.parent)}: {path.stat().st_size / 1e3:.1f} kB, "
        f"{calls} kernels a step, in {sum(artifact.timings.values()):.2f} s"
    )
    run = Path(__file__).with_name("train_digits_run.py")
    sys.exit(subprocess.run([sys.executable, run, path, data, str(HELD_OUT)]).returncode)


if __name__ == "__main__":
    main()
