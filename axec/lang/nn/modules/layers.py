"""Layers as modules. Parameters have torch's names, shapes and initial distributions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects.dims import Size
from axec.lang.arrays import static
from axec.lang.arrays.arrange import reshape
from axec.lang.arrays.contract import Padding, Windows, avg_pool, max_pool
from axec.lang.arrays.core import ArrayLike, as_tensor
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.nn import init
from axec.lang.nn.functional.layers import (
    adaptive_avg_pool2d,
    conv1d,
    conv2d,
    conv_transpose2d,
    embedding,
    linear,
)
from axec.lang.nn.modules.module import Module

__all__ = [
    "AdaptiveAvgPool2d", "AvgPool1d", "AvgPool2d", "Conv1d", "Conv2d", "ConvTranspose2d",
    "Embedding", "Flatten", "Linear", "MaxPool1d", "MaxPool2d",
]  # fmt: skip

Array = np.ndarray[Any, Any]
Rng = np.random.Generator


def fan_in_uniform(rng: Rng, shape: tuple[int, ...], fan_in: int) -> Array:
    """Uniform in ±1/sqrt(fan_in): torch's default for weights and biases."""
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return init.uniform(rng, shape, -bound, bound)


@dataclass(eq=False)
class Linear(Module):
    """x [..., in] @ weight.T + bias -> [..., out]. Parameters: weight [out, in], bias [out]."""

    in_features: int
    out_features: int
    bias: bool = True

    def parameters(self, rng: Rng, /) -> dict[str, Array]:
        n, m = self.in_features, self.out_features
        found = {"weight": fan_in_uniform(rng, (m, n), n)}
        return found | ({"bias": fan_in_uniform(rng, (m,), n)} if self.bias else {})

    def forward(self, x: ArrayLike) -> Tensor:
        return linear(x, self.params["weight"], self.params.get("bias"))


@dataclass(eq=False)
class _Conv(Module):
    in_channels: int
    out_channels: int
    kernel_size: Windows
    stride: Windows = 1
    padding: Padding = 0
    dilation: Windows = 1
    groups: int = 1
    bias: bool = True

    rank = 0
    transposed = False

    def parameters(self, rng: Rng, /) -> dict[str, Array]:
        window = static.integers("kernel_size", self.kernel_size)
        window = window if len(window) == self.rank else window * self.rank
        n, m = self.in_channels, self.out_channels
        if n % self.groups or m % self.groups:
            raise error("bad-attribute", f"{n} and {m} channels have no {self.groups} groups")
        first, second = (n, m) if self.transposed else (m, n)
        shape = (first, second // self.groups, *window)
        fan_in = math.prod(shape[1:])
        found = {"weight": fan_in_uniform(rng, shape, fan_in)}
        return found | ({"bias": fan_in_uniform(rng, (m,), fan_in)} if self.bias else {})

    def forward(self, x: ArrayLike) -> Tensor:
        return (conv1d if self.rank == 1 else conv2d)(
            x,
            self.params["weight"],
            self.params.get("bias"),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )


class Conv1d(_Conv):
    """x [N, C, L] -> [N, O, positions]. Parameters: weight [O, C/groups, K], bias [O]. Options as
    in `axe.conv`."""

    rank = 1


class Conv2d(_Conv):
    """x [N, C, H, W] -> [N, O, positions...]. Parameters: weight [O, C/groups, K, L], bias [O].
    Options as in `axe.conv`."""

    rank = 2


@dataclass(eq=False)
class ConvTranspose2d(_Conv):
    """x [N, C, H, W] -> [N, O, ...], see `conv_transpose2d`. Parameters: weight
    [C, O/groups, K, L], bias [O]."""

    output_padding: int | tuple[int, int] = 0

    rank = 2
    transposed = True

    def forward(self, x: ArrayLike) -> Tensor:
        padding: Any = self.padding
        return conv_transpose2d(
            x,
            self.params["weight"],
            self.params.get("bias"),
            stride=self.stride,
            padding=padding,
            output_padding=self.output_padding,
            dilation=self.dilation,
            groups=self.groups,
        )


@dataclass(eq=False)
class Embedding(Module):
    """Integers [...] -> rows [..., embedding_dim]. Parameter: weight [num_embeddings,
    embedding_dim], normal; the row `padding_idx` is 0 and gets no gradient."""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None = None

    def parameters(self, rng: Rng, /) -> dict[str, Array]:
        weight = init.normal(rng, (self.num_embeddings, self.embedding_dim))
        if self.padding_idx is not None:
            weight[self.padding_idx] = 0
        return {"weight": weight}

    def forward(self, indices: ArrayLike) -> Tensor:
        return embedding(indices, self.params["weight"], padding_idx=self.padding_idx)


@dataclass(eq=False)
class _Pool(Module):
    kernel_size: Windows
    stride: Windows | None = None
    padding: Padding = 0

    rank = 0

    def window(self) -> tuple[int, ...]:
        found = static.integers("kernel_size", self.kernel_size)
        return found if len(found) == self.rank else found * self.rank


@dataclass(eq=False)
class _MaxPool(_Pool):
    dilation: Windows = 1

    def forward(self, x: ArrayLike) -> Tensor:
        return max_pool(
            x, self.window(), stride=self.stride, padding=self.padding, dilation=self.dilation
        )


@dataclass(eq=False)
class _AvgPool(_Pool):
    count_include_pad: bool = True

    def forward(self, x: ArrayLike) -> Tensor:
        return avg_pool(
            x,
            self.window(),
            stride=self.stride,
            padding=self.padding,
            count_include_pad=self.count_include_pad,
        )


class MaxPool1d(_MaxPool):
    """The maximum of windows over the last axis; `stride` is `kernel_size` by default."""

    rank = 1


class MaxPool2d(_MaxPool):
    """The maximum of windows over the last two axes; `stride` is `kernel_size` by default."""

    rank = 2


class AvgPool1d(_AvgPool):
    """The mean of windows over the last axis; padding counts unless `count_include_pad=False`."""

    rank = 1


class AvgPool2d(_AvgPool):
    """The mean of windows over the last two axes; padding counts unless
    `count_include_pad=False`."""

    rank = 2


@dataclass(eq=False)
class AdaptiveAvgPool2d(Module):
    """x [..., H, W] averaged to [..., output_size], see `adaptive_avg_pool2d`."""

    output_size: int | tuple[int, int]

    def forward(self, x: ArrayLike) -> Tensor:
        return adaptive_avg_pool2d(x, self.output_size)


@dataclass(eq=False)
class Flatten(Module):
    """The axes from `start` to `end` as one."""

    start: int = 1
    end: int = -1

    def forward(self, x: ArrayLike) -> Tensor:
        t = as_tensor(x)
        a, b = (static.axis("Flatten", v, t.ndim) for v in (self.start, self.end))
        shape: tuple[Size, ...] = t.shape
        return reshape(t, (*shape[:a], math.prod(shape[a : b + 1]), *shape[b + 1 :]))
