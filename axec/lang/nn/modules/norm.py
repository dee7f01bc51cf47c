"""Normalisations as modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.lang.arrays.core import ArrayLike
from axec.lang.arrays.tensor import Tensor
from axec.lang.nn import init
from axec.lang.nn.functional import norm
from axec.lang.nn.modules.module import Module

__all__ = ["BatchNorm", "BatchNorm1d", "BatchNorm2d", "GroupNorm", "LayerNorm", "RMSNorm"]

Array = np.ndarray[Any, Any]
Rng = np.random.Generator


@dataclass(eq=False)
class LayerNorm(Module):
    """See `layer_norm`: over the last axis, of size `width`. Parameters: weight, bias [width]."""

    width: int
    eps: float = 1e-5
    bias: bool = True

    def parameters(self, rng: Rng, /) -> dict[str, Array]:
        arrays = {"weight": init.ones((self.width,))}
        return arrays | ({"bias": init.zeros((self.width,))} if self.bias else {})

    def forward(self, x: ArrayLike) -> Tensor:
        weight, bias = self.params["weight"], self.params.get("bias")
        return norm.layer_norm(x, weight, bias, eps=self.eps)


@dataclass(eq=False)
class RMSNorm(Module):
    """See `rms_norm`: over the last axis, of size `width`. Parameter: weight [width]."""

    width: int
    eps: float = 1e-5

    def parameters(self, rng: Rng, /) -> dict[str, Array]:
        return {"weight": init.ones((self.width,))}

    def forward(self, x: ArrayLike) -> Tensor:
        return norm.rms_norm(x, self.params["weight"], eps=self.eps)


@dataclass(eq=False)
class GroupNorm(Module):
    """See `group_norm`. Parameters: weight, bias [num_channels]."""

    num_groups: int
    num_channels: int
    eps: float = 1e-5

    def parameters(self, rng: Rng, /) -> dict[str, Array]:
        shape = (self.num_channels,)
        return {"weight": init.ones(shape), "bias": init.zeros(shape)}

    def forward(self, x: ArrayLike) -> Tensor:
        weight, bias = self.params["weight"], self.params["bias"]
        return norm.group_norm(x, self.num_groups, weight, bias, eps=self.eps)


@dataclass(eq=False)
class BatchNorm(Module):
    """See `batch_norm`: x [N, C, spatial...] of any number of spatial axes. Parameters: weight,
    bias [C]. State: running_mean, running_var [C], which a call with `train=True` moves."""

    num_features: int
    eps: float = 1e-5
    momentum: float = 0.1

    def parameters(self, rng: Rng, /) -> dict[str, Array]:
        shape = (self.num_features,)
        return {"weight": init.ones(shape), "bias": init.zeros(shape)}

    def buffers(self) -> dict[str, Array]:
        shape = (self.num_features,)
        return {"running_mean": init.zeros(shape), "running_var": init.ones(shape)}

    def forward(self, x: ArrayLike) -> Tensor:
        y, mean, var = norm.batch_norm(
            x,
            self.state["running_mean"],
            self.state["running_var"],
            self.params["weight"],
            self.params["bias"],
            train=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )
        if self.training:
            self.put(running_mean=mean, running_var=var)
        return y


BatchNorm1d = BatchNorm2d = BatchNorm
