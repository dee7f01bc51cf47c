"""Recurrent layers: a step function each, which cells apply once and layers along a sequence.

A layer is a `scan`: its length may be a named dim, and the program does not grow with it.
Sequences are [N, T, features] (torch's batch_first=True).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from axec.dialects.axe.rules import show
from axec.lang.arrays import create
from axec.lang.arrays.arrange import split, stack, swapaxes
from axec.lang.arrays.core import ArrayLike, as_tensor
from axec.lang.arrays.elementwise import sigmoid, tanh
from axec.lang.arrays.tensor import Tensor
from axec.lang.control.scan import scan
from axec.lang.errors import error
from axec.lang.nn import init
from axec.lang.nn.functional.activation import relu
from axec.lang.nn.functional.layers import linear
from axec.lang.nn.modules.module import Module

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]

Array = np.ndarray[Any, Any]
Carry = tuple[Tensor, ...]  # h, or h and c: each [N, H]


class _Steps(Module):
    """A step: from what x and h give, each [N, gates * H], and the carry to the next carry."""

    gates: ClassVar[int] = 1
    carried: ClassVar[int] = 1
    hidden_size: int

    def step(self, from_x: Tensor, from_h: Tensor, carry: Carry) -> Carry:
        raise NotImplementedError

    def weights(self, rng: np.random.Generator, inputs: int, bias: bool, end: str = "") -> Any:
        """Uniform in ±1/sqrt(H)."""
        rows, bound = self.gates * self.hidden_size, 1 / math.sqrt(self.hidden_size)
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, inputs),
            "weight_hh": (rows, self.hidden_size),
        }
        shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
        return {k + end: init.uniform(rng, s, -bound, bound) for k, s in shapes.items()}

    def start(self, x: Tensor) -> Carry:
        zeros = create.zeros((x.shape[0], self.hidden_size), dtype=x.dtype)
        return (zeros,) * self.carried

    def project(self, what: str, x: Tensor, end: str = "") -> Tensor:
        p = self.params
        return linear(x, p[f"weight_{what}{end}"], p.get(f"bias_{what}{end}"))


class _Tanh(_Steps):
    """h' = tanh(x part + h part), or relu."""

    nonlinearity: str

    def step(self, from_x: Tensor, from_h: Tensor, carry: Carry) -> Carry:
        if self.nonlinearity not in ("tanh", "relu"):
            raise error(
                "bad-attribute", f"nonlinearity is 'tanh' or 'relu', got {self.nonlinearity!r}"
            )
        return ((tanh if self.nonlinearity == "tanh" else relu)(from_x + from_h),)


class _Lstm(_Steps):
    """i, f, g, o: c' = f * c + i * g, h' = o * tanh(c'). Source: Gers et al., Neural Computation 12
    (2000)."""

    gates, carried = 4, 2

    def step(self, from_x: Tensor, from_h: Tensor, carry: Carry) -> Carry:
        i, f, g, o = split(from_x + from_h, 4, axis=-1)
        c = sigmoid(f) * carry[1] + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c


class _Gru(_Steps):
    """r, z, n: n = tanh(x part + r * h part), h' = (1 - z) * n + z * h. Source: arXiv 1406.1078,
    with r applied after the product, as in cuDNN and torch."""

    gates = 3

    def step(self, from_x: Tensor, from_h: Tensor, carry: Carry) -> Carry:
        xs, hs = split(from_x, 3, axis=-1), split(from_h, 3, axis=-1)
        r, z = sigmoid(xs[0] + hs[0]), sigmoid(xs[1] + hs[1])
        n = tanh(xs[2] + r * hs[2])
        return (n + z * (carry[0] - n),)


@dataclass(eq=False)
class _Cell(_Steps):
    """One step: x [N, input_size] and a carry (zeros when left out) to the next carry. Parameters:
    weight_ih [gates * H, input_size], weight_hh [gates * H, H], bias_ih, bias_hh [gates * H]."""

    input_size: int
    hidden_size: int
    bias: bool = True

    def parameters(self, rng: np.random.Generator, /) -> dict[str, Array]:
        found: dict[str, Array] = self.weights(rng, self.input_size, self.bias)
        return found

    def forward(self, x: ArrayLike, carry: Any = None) -> Any:
        t = as_tensor(x)
        given = carry if isinstance(carry, tuple) else (carry,)
        start = self.start(t) if carry is None else tuple(map(as_tensor, given))
        new = self.step(self.project("ih", t), self.project("hh", start[0]), start)
        return new if self.carried > 1 else new[0]


@dataclass(eq=False)
class RNNCell(_Cell, _Tanh):
    __doc__ = f"{_Tanh.__doc__} {_Cell.__doc__}"

    nonlinearity: str = "tanh"


class LSTMCell(_Cell, _Lstm):
    __doc__ = f"{_Lstm.__doc__} {_Cell.__doc__}"


class GRUCell(_Cell, _Gru):
    __doc__ = f"{_Gru.__doc__} {_Cell.__doc__}"


@dataclass(eq=False)
class _Layers(_Steps):
    """`num_layers` layers over x [N, T, input_size]: (y [N, T, H], carry after the last step), each
    part of the carry [layers, N, H]; the first carry is zeros when left out. Parameters: those of
    the cell, their names with `_l0`, `_l1`, ... at the end."""

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True

    def parameters(self, rng: np.random.Generator, /) -> dict[str, Array]:
        found: dict[str, Array] = {}
        for i in range(self.num_layers):
            inputs = self.hidden_size if i else self.input_size
            found |= self.weights(rng, inputs, self.bias, f"_l{i}")
        return found

    def forward(self, x: ArrayLike, carry: Any = None) -> Any:
        whole = as_tensor(x)
        if whole.ndim != 3:
            message = (
                f"{type(self).__name__} takes x [N, T, features], got {show(whole.type.shape)}"
            )
            raise error("shape-mismatch", message, hint="one sequence is a batch: `x[None]`")
        given = carry if isinstance(carry, tuple) else (carry,)
        y = swapaxes(whole, 0, 1)  # time comes first inside
        ends = []
        for i in range(self.num_layers):
            start = self.start(whole) if carry is None else tuple(as_tensor(c)[i] for c in given)
            y, end = self._layer(y, start, f"_l{i}")
            ends.append(end)
        last = tuple(stack(parts) for parts in zip(*ends, strict=True))
        return swapaxes(y, 0, 1), last if self.carried > 1 else last[0]

    def _layer(self, x: Tensor, carry: Carry, end: str) -> tuple[Tensor, Carry]:
        """All steps; what x gives is one product for all of them."""

        def step(carry: Carry, from_x: Tensor) -> tuple[Carry, Tensor]:
            new = self.step(from_x, self.project("hh", carry[0], end), carry)
            return new, new[0]

        last, outputs = scan(step, carry, self.project("ih", x, end))
        return outputs, last


@dataclass(eq=False)
class RNN(_Layers, _Tanh):
    __doc__ = f"{_Tanh.__doc__} {_Layers.__doc__}"

    nonlinearity: str = "tanh"


class LSTM(_Layers, _Lstm):
    __doc__ = f"{_Lstm.__doc__} {_Layers.__doc__}"


class GRU(_Layers, _Gru):
    __doc__ = f"{_Gru.__doc__} {_Layers.__doc__}"
