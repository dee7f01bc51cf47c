"""What a workload is, and arrays for its parameters. No library is imported here.

Arrays are in torch's layouts: images [N, C, H, W], convolutions [O, C, K, L]. Linear weights are
[in, out]. Models of each library (models/) turn them into what they like before the clock starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Params = dict[str, Array]
Made = tuple[Params, list[Array]]

MIB = 1 << 20


@dataclass(frozen=True)
class Workload:
    """`make` gives parameters and inputs from a generator. `flops` and `bytes` are what one call
    must do and move at least. `rate`: of the optimiser, for training steps. `tolerance`: of the
    largest difference to torch, over the largest result. `reach`: what the project promises.
    `group`: the table that it stands in, and the files of models/ that its function is in.
    `images`: the first input is images, which libraries may take with their channels last."""

    name: str
    title: str
    make_from: Callable[[np.random.Generator], Made]
    flops: float = 0.0
    bytes: float = 0.0
    rate: float | None = None
    dtype: str = "f32"
    tolerance: float = 2e-3
    reach: float = 1.0
    one_kernel: bool = False
    family: str = ""  # the function of models/, by default the name
    group: str = "models"
    images: bool = False

    @property
    def model(self) -> str:
        return self.family or self.name

    @property
    def train(self) -> bool:
        return self.rate is not None

    def make(self) -> Made:
        """(parameters, inputs), the same in every process."""
        return self.make_from(np.random.default_rng(0))


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)


def convolution(rng: np.random.Generator, out: int, channels: int, size: int) -> Array:
    return normal(rng, out, channels, size, size, scale=(2.0 / (channels * size**2)) ** 0.5)


def batch_norm(rng: np.random.Generator, name: str, channels: int) -> Params:
    g, b, m, v = (normal(rng, channels, scale=0.05) for _ in range(4))
    return {f"{name}_g": 1 + g, f"{name}_b": b, f"{name}_m": m, f"{name}_v": 1 + np.abs(v)}
