"""Trains what samples/train_digits.py compiled. Needs numpy and the runtime, not the compiler.

python samples/train_digits_run.py ARTIFACT DATA HELD_OUT [EPOCHS]
"""

import sys
import time

import numpy as np

from axec.runtime import load
from axec.runtime.tree import unflatten


def train(program, data, held_out, epochs):
    """Yields the mean loss of each epoch and the parameters after it."""
    spec = program.manifest["entries"]["step"]
    images, labels = data["images"][:-held_out], data["labels"][:-held_out]
    batch = spec["inputs"][-1]["shape"][0]
    leaves = [data[name] for name in sorted_states(data.files)]
    state = unflatten(spec["in_tree"]["children"][0], iter([leaf.copy() for leaf in leaves]))
    order, loss = np.random.default_rng(0), np.empty((), np.float32)
    for _ in range(epochs):
        total, places = 0.0, order.permutation(len(images))
        for start in range(0, len(images) - batch + 1, batch):
            rows = places[start : start + batch]
            # The state changes in place, so that a step allocates nothing.
            program["step"](state, images[rows], labels[rows], out=(loss, state))
            total += float(loss)
        yield total / (len(images) // batch), state["params"]


def sorted_states(names):
    """state_0, state_1, ... in order of their numbers."""
    return sorted((n for n in names if n.startswith("state_")), key=lambda n: int(n[6:]))


def main(artifact, data, held_out, epochs="30"):
    program, data, held_out = load(artifact), np.load(data), int(held_out)
    began = time.perf_counter()
    for epoch, (loss, params) in enumerate(train(program, data, held_out, int(epochs)), 1):
        if epoch % 10 == 0 or epoch == int(epochs):
            answers = program["scores"](params, data["images"][-held_out:]).argmax(-1)
            right = (answers == data["labels"][-held_out:]).mean()
            print(f"trained   {epoch} epochs: loss {loss:.4f}, right on {right:.1%} of {held_out}")
    steps = int(epochs) * ((len(data["images"]) - held_out) // 64)
    seconds = time.perf_counter() - began
    strangers = [m for m in ("axec.lang", "torch_mlir", "llvmlite") if m in sys.modules]
    print(f"          {steps} steps in {seconds:.2f} s, {seconds / steps * 1e6:.0f} us a step")
    return 1 if strangers else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
