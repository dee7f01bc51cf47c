"""Dropout as modules, which act when a call has `train=True`."""

from __future__ import annotations

from dataclasses import dataclass

from axec.lang.arrays.core import ArrayLike, as_tensor
from axec.lang.arrays.tensor import Tensor
from axec.lang.nn.functional.dropout import alpha_dropout, dropout, dropout2d
from axec.lang.nn.modules.module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout2d"]


@dataclass(eq=False)
class Dropout(Module):
    """`dropout` with a key of the call when it has `train=True`, otherwise x itself."""

    p: float = 0.5

    def forward(self, x: ArrayLike) -> Tensor:
        return dropout(x, self.p, key=self.key()) if self.training and self.p else as_tensor(x)


@dataclass(eq=False)
class Dropout2d(Module):
    """`dropout2d` with a key of the call when it has `train=True`, otherwise x itself."""

    p: float = 0.5

    def forward(self, x: ArrayLike) -> Tensor:
        return dropout2d(x, self.p, key=self.key()) if self.training and self.p else as_tensor(x)


@dataclass(eq=False)
class AlphaDropout(Module):
    """`alpha_dropout` with a key of the call when it has `train=True`, otherwise x itself."""

    p: float = 0.5

    def forward(self, x: ArrayLike) -> Tensor:
        active = self.training and self.p
        return alpha_dropout(x, self.p, key=self.key()) if active else as_tensor(x)
