"""A training process without the compiler, to be killed: train_child.py PARTS RUN [EPOCHS
[THREADS]]. A byte on standard output says that a step is done."""

import os
import sys
from pathlib import Path

import numpy as np

from axec.runtime import load
from axec.runtime.tree import unflatten
from axec.train import Arrays, Callback, Checkpoints, JsonLines, fit, safetensors


class Tell(Callback):
    def step(self, run):
        os.write(1, b".")


def main(parts, folder, epochs="40", threads="1"):
    parts = Path(parts)
    program, data = load(parts / "step.axe", threads=int(threads)), np.load(parts / "data.npz")
    entry = program.manifest["entries"]["step"]
    given = safetensors.read(parts / "start.safetensors").arrays
    names = [row["name"].removeprefix("state.") for row in entry["inputs"][:-2]]
    state = unflatten(entry["in_tree"]["children"][0], iter([given[n] for n in names]))
    callbacks = [Tell(), JsonLines(f"{folder}/log.jsonl", every=5), Checkpoints(folder, every=3)]
    fit(program, state, Arrays(data["x"], data["y"], batch=8), int(epochs), callbacks)


if __name__ == "__main__":
    main(*sys.argv[1:])
