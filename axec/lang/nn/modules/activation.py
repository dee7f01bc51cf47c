"""Activations as modules, for `Sequential`; options are those of the function."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from axec.lang.arrays import elementwise
from axec.lang.nn.functional import activation
from axec.lang.nn.modules.module import Lambda

__all__ = [
    "ELU", "GELU", "Hardsigmoid", "Hardswish", "Identity", "LeakyReLU", "LogSoftmax", "ReLU",
    "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh",
]  # fmt: skip


def _module(name: str, fn: Callable[..., Any]) -> type[Lambda]:
    """A module class for a function of one array."""

    def construct(self: Lambda, **options: Any) -> None:
        Lambda.__init__(self, fn, **options)

    doc = f"`axe.nn.{fn.__name__}` as a module: {fn.__doc__}"
    made: type[Lambda] = types.new_class(
        name, (Lambda,), exec_body=lambda ns: ns.update(__init__=construct, __doc__=doc)
    )
    made.__module__ = __name__
    return made


ELU = _module("ELU", activation.elu)
GELU = _module("GELU", activation.gelu)
Hardsigmoid = _module("Hardsigmoid", activation.hardsigmoid)
Hardswish = _module("Hardswish", activation.hardswish)
Identity = _module("Identity", activation.identity)
LeakyReLU = _module("LeakyReLU", activation.leaky_relu)
LogSoftmax = _module("LogSoftmax", activation.log_softmax)
ReLU = _module("ReLU", activation.relu)
SiLU = _module("SiLU", activation.silu)
Sigmoid = _module("Sigmoid", elementwise.sigmoid)
Softmax = _module("Softmax", activation.softmax)
Softplus = _module("Softplus", activation.softplus)
Tanh = _module("Tanh", elementwise.tanh)
