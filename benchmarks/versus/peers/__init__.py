"""The libraries. A module of this folder is imported by the process alone that measures it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from versus.peers.base import Peer
from versus.workloads import Workload

__all__ = ["PEERS", "Known", "Peer"]


@dataclass(frozen=True)
class Known:
    """How a library is measured. `package`: what must be installed. `serves`: the workloads that it
    can do. `threads_matter`: what it builds depends on the number of threads."""

    module: str
    cls: str
    package: str
    serves: Callable[[Workload], bool] = lambda w: True
    builds: bool = True
    threads_matter: bool = False

    def create(self, workload: Workload, threads: int, folder: Path) -> Peer:
        module = importlib.import_module(f"versus.peers.{self.module}")
        peer: Peer = getattr(module, self.cls)(workload, threads, folder)
        return peer


def _not_mixed(w: Workload) -> bool:
    """There is no line that makes a float32 program one of mixed precision."""
    return w.dtype != "amp"


def _onnx(w: Workload) -> bool:
    return not w.train and w.dtype != "bf16"


def _openvino(w: Workload) -> bool:
    return not w.train and w.dtype != "int8"


# Where these have ever come near the fastest: their builds and loads take the longest.
_AOTI = ("mlp", "resnet18", "gpt_block", "gpt2", "gpt2_decode")
_IREE = ("chain", "softmax", "layer_norm", "matmul_1024", "mlp", "mlp_train")

PEERS = {
    "axec": Known("axec_peer", "Axec", ""),
    "jax": Known("jax_peer", "Jax", "jax", _not_mixed),
    "torch": Known("torch_peer", "Eager", "torch", builds=False),
    "inductor": Known("torch_peer", "Inductor", "torch", threads_matter=True),
    "aoti": Known(
        "torch_peer", "AOTInductor", "torch", lambda w: w.name in _AOTI, threads_matter=True
    ),
    "onnxruntime": Known("onnx_peer", "OnnxRuntime", "onnxruntime", _onnx),
    "openvino": Known("onnx_peer", "OpenVino", "openvino", _openvino),
    "iree": Known("iree_peer", "Iree", "iree.compiler", lambda w: w.name in _IREE),
}
