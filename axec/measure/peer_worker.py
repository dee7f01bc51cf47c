"""One library on one model, in a process of its own that needs NumPy and the library alone.

    python -c "$(cat peer_worker.py)" PEER MODELS.py INPUTS.npz OUTPUTS.npz THREADS SECONDS

Prints JSON: microseconds per call, and the largest difference to OUTPUTS over its largest number.
"""

from __future__ import annotations

import json
import os
import runpy
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[[], list[Any]]


def main(peer: str, models: str, given: str, wanted: str, threads: str, seconds: str) -> None:
    for name in ("OMP", "MKL", "OPENBLAS"):
        os.environ[f"{name}_NUM_THREADS"] = threads
    if int(threads) < len(cores := sorted(os.sched_getaffinity(0))):
        os.sched_setaffinity(0, cores[: int(threads)])
    import numpy as np

    inputs, outputs = ([*np.load(path).values()] for path in (given, wanted))
    names = runpy.run_path(models)
    call = PEERS[peer](names, inputs, int(threads), Path(models).parent)
    found = [np.asarray(x, np.float64) for x in call()]
    pairs = list(zip(outputs, found, strict=True))
    errors = [np.abs(a - b).max() / (np.abs(a).max() + 1e-30) for a, b in pairs if a.size]
    samples = _samples(call, float(seconds))
    figures = {"median_s": statistics.median(samples), "min_s": min(samples)}
    print(json.dumps({**figures, "error": float(max(errors, default=0.0))}), flush=True)
    os._exit(0)  # some libraries crash while their threads are taken down


def _samples(call: Call, seconds: float) -> list[float]:
    """Seconds per call; a fifth of the time warms up."""
    samples: list[float] = []
    begin = time.perf_counter()
    while len(samples) < 7 or time.perf_counter() - begin < 1.2 * seconds:
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        if end - begin > 0.2 * seconds:
            samples.append(end - start)
    return samples


def _model(names: dict[str, Any], name: str) -> Any:
    if name not in names:
        sys.exit(f"the models file has no `{name}`")
    return names[name]


def _jax(names: dict[str, Any], inputs: list[Any], threads: int, folder: Path) -> Call:
    import jax

    arrays = [jax.numpy.asarray(x) for x in inputs]
    program = jax.jit(_model(names, "jax_model")).lower(*arrays).compile()
    return lambda: jax.tree.leaves(jax.block_until_ready(program(*arrays)))


def _torch(names: dict[str, Any], inputs: list[Any], threads: int, folder: Path) -> Call:
    import torch

    torch.set_num_threads(threads)
    tensors, model = [torch.from_numpy(x) for x in inputs], _model(names, "torch_model")

    def call() -> list[Any]:
        with torch.inference_mode():
            found = model(*tensors)
        return list(found) if isinstance(found, (tuple, list)) else [found]

    return call


def _onnxruntime(names: dict[str, Any], inputs: list[Any], threads: int, folder: Path) -> Call:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    path = str(folder / _model(names, "onnx_model"))
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = dict(zip([i.name for i in session.get_inputs()], inputs, strict=True))
    return lambda: list(session.run(None, feed))


def _iree(names: dict[str, Any], inputs: list[Any], threads: int, folder: Path) -> Call:
    import iree.compiler
    import iree.runtime as rt
    import jax

    lowered = jax.jit(_model(names, "jax_model"), keep_unused=True).lower(*inputs)
    flags = ["--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3"]
    code = iree.compiler.compile_str(
        str(lowered.compiler_ir("stablehlo")),
        input_type="stablehlo",
        target_backends=["llvm-cpu"],
        extra_args=flags,
    )
    if threads > 1:
        rt.flags.parse_flags(f"--task_topology_group_count={threads}")
    config = rt.Config("local-sync" if threads == 1 else "local-task")
    context = rt.SystemContext(config=config)
    module = rt.VmModule.copy_buffer(config.vm_instance, code)
    context.add_vm_module(module)
    function = context.modules[module.name]["main"]
    arrays = [rt.asdevicearray(config.device, x) for x in inputs]

    def call() -> list[Any]:
        found = function(*arrays)
        return [x.to_host() for x in (found if isinstance(found, (tuple, list)) else [found])]

    return call


PEERS = {"jax": _jax, "torch": _torch, "onnxruntime": _onnxruntime, "iree": _iree}

if __name__ == "__main__":
    main(*sys.argv[1:])
