"""What a library implements to be measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from versus.workloads import Made, Workload


class Peer:
    """build: `prepare()`, then `build()`, which compiles and writes into `folder`; or `compile()`
    alone. run, in another process: `load()`, then `call()`, which gives results that are ready.
    """

    def __init__(self, workload: Workload, threads: int, folder: Path) -> None:
        self.workload, self.threads, self.folder = workload, threads, folder
        self.data = folder.parent

    def prepare(self) -> None:
        """Import the library; bring parameters and inputs into its form."""

    def warm(self) -> None:
        """Compile something small: what happens once in a process is no part of `compile`."""

    def compile(self) -> None:
        """Compile in memory."""
        raise NotImplementedError

    def build(self) -> None:
        """Compile, and write what `load` needs."""

    def load(self) -> None:
        raise NotImplementedError

    def call(self) -> Any:
        raise NotImplementedError

    def arrays(self, result: Any) -> list[Any]:
        """A call's results as NumPy arrays; of a training step the loss alone."""
        found = result if isinstance(result, (tuple, list)) else [result]
        return [np.asarray(x) for x in found]

    def read(self, kind: str) -> dict[str, np.ndarray[Any, Any]]:
        """`params` or `inputs` from the file that all processes share."""
        with np.load(self.data / f"{kind}.npz") as file:
            return {name: aligned(file[name]) for name in file.files}

    def inputs(self) -> list[Any]:
        return list(self.read("inputs").values())

    def made(self) -> Made:
        return self.read("params"), self.inputs()


def aligned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy at a multiple of 64 bytes, as every library allocates its own arrays; NumPy's begin
    anywhere, and vectors that straddle cache lines would add to the noise of all."""
    room = np.empty(array.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    found = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    found[...] = array
    return found


def write_data(workload: Workload, folder: Path) -> None:
    """The files that `read` reads."""
    params, inputs = workload.make()
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "inputs.npz", *inputs)
    np.savez(folder / "params.npz", **params)
