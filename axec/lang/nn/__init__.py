"""Neural networks: layers, losses and initialisers. Names and defaults are torch's; parameters and
state are arguments.

Functions: activations, normalisations, `linear`, `conv2d`, `embedding`, ..., and losses.
"""

from __future__ import annotations

from axec.lang.contract import avg_pool, conv, max_pool
from axec.lang.elementwise import sigmoid, tanh
from axec.lang.nn.activation import (
    elu,
    gelu,
    hardsigmoid,
    hardswish,
    identity,
    leaky_relu,
    log_softmax,
    relu,
    silu,
    softmax,
    softplus,
)
from axec.lang.nn.attention import rotary, scaled_dot_product_attention
from axec.lang.nn.functional import (
    adaptive_avg_pool2d,
    conv1d,
    conv2d,
    conv_transpose2d,
    embedding,
    linear,
    one_hot,
)
from axec.lang.nn.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from axec.lang.nn.norm import batch_norm, group_norm, layer_norm, rms_norm

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "cross_entropy",
    "elu",
    "embedding",
    "gelu",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "huber_loss",
    "identity",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool",
    "mse_loss",
    "nll_loss",
    "one_hot",
    "relu",
    "rms_norm",
    "rotary",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
]
