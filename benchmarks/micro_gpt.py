"""The micro-GPT of samples/micro_gpt.py against the same model in torch: losses and time.

    python benchmarks/micro_gpt.py [--text FILE] [--steps 500]

Both start from the same weights and see the same batches, each in a process of its own (torch from
.venv/peers, `make test-peers`). Exit status 1 where the final losses differ by more than 2 %.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import axec as axe
from axec import train

ROOT = Path(__file__).resolve().parent.parent
TORCH = ROOT / ".venv" / "peers" / "bin" / "python"
ALLOWED = 0.02
LAST = 20  # steps whose mean is called the final training loss


def sample() -> Any:
    place = ROOT / "samples" / "micro_gpt.py"
    spec = importlib.util.spec_from_file_location("micro_gpt", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Clock(train.Callback):
    """Loss and seconds of each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.seconds: list[float] = []
        self._last = time.perf_counter()

    def start(self, run: train.Run) -> None:
        self._last = time.perf_counter()

    def step(self, run: train.Run) -> None:
        now = time.perf_counter()
        self.losses.append(run.metrics["loss"])
        self.seconds.append(now - self._last)
        self._last = now


def ours(gpt: Any, rows: Any, check: Any) -> dict[str, Any]:
    program, clock = axe.compile([gpt.step, gpt.loss]).load(), Clock()
    run = train.fit(program["step"], gpt.start(), rows, 1, [clock])
    held_out = [float(program["loss"](run.state["params"], tokens)) for tokens in check]
    each = statistics.median(clock.seconds)
    return {"losses": clock.losses, "held_out": statistics.fmean(held_out), "seconds": each}


def torchs(gpt: Any, rows: Any, check: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        params = gpt.start()["params"]
        names = zip(axe.tree.paths(params), axe.tree.leaves(params), strict=True)
        np.savez(f"{folder}/start.npz", **dict(names))
        np.save(f"{folder}/rows.npy", rows)
        np.save(f"{folder}/check.npy", check)
        command = [TORCH, ROOT / "benchmarks" / "peers" / "torch_micro_gpt.py", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--text")
    parser.add_argument("--steps", type=int, default=500)
    given = parser.parse_args()
    gpt = sample()
    seen, held_out = gpt.split(gpt.read(given.text))
    rows = gpt.windows(seen, given.steps * gpt.BATCH, 0).reshape(given.steps, gpt.BATCH, -1)
    check = gpt.windows(held_out, 8 * gpt.BATCH, 1).reshape(8, gpt.BATCH, -1)
    found = {"axec": ours(gpt, rows, check), "torch": torchs(gpt, rows, check)}
    print(f"{given.steps} steps of {rows[0].size - gpt.BATCH} characters")
    for name, one in found.items():
        final = statistics.fmean(one["losses"][-LAST:])
        print(
            f"{name:6} loss {final:.4f} (mean of the last {LAST} steps), held out "
            f"{one['held_out']:.4f}, {one['seconds'] * 1e3:.1f} ms a step"
        )
    a, t = found["axec"], found["torch"]
    apart = abs(a["held_out"] / t["held_out"] - 1)
    print(f"held-out losses differ by {apart:.3%}; torch's time over ours "
          f"{t['seconds'] / a['seconds']:.2f}")  # fmt: skip
    return int(apart > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
