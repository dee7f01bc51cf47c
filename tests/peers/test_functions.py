"""Activations, losses and functional layers against torch.nn.functional."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import axec as axe

nn = axe.nn
RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return RNG.standard_normal(shape, np.float32)


ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "relu": (F.relu, nn.relu),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), lambda x: nn.leaky_relu(x, 0.2)),
    "gelu": (F.gelu, nn.gelu),
    "gelu, tanh": (
        lambda x: F.gelu(x, approximate="tanh"), lambda x: nn.gelu(x, approximate=True),
    ),
    "silu": (F.silu, nn.silu),
    "elu": (lambda x: F.elu(x, 1.5), lambda x: nn.elu(x, 1.5)),
    "sigmoid": (torch.sigmoid, nn.sigmoid),
    "tanh": (torch.tanh, nn.tanh),
    "softmax": (lambda x: F.softmax(x, 0), lambda x: nn.softmax(x, axis=0)),
    "log_softmax": (lambda x: F.log_softmax(x, -1), nn.log_softmax),
    "hardswish": (F.hardswish, nn.hardswish),
    "hardsigmoid": (F.hardsigmoid, nn.hardsigmoid),
    "softplus": (lambda x: F.softplus(x, 2), lambda x: nn.softplus(x, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(against: Any, name: str) -> None:
    theirs, ours = ACTIVATIONS[name]
    against(theirs, ours, normal(6, 7) * 3)


X, Y = normal(6, 5), normal(6, 5)
P, Q = (RNG.uniform(0.05, 0.95, (6, 5)).astype(np.float32) for _ in range(2))
LABELS = np.array([3, 0, 4, -100, 2, 3])
W = RNG.uniform(0.5, 2, 5).astype(np.float32)
TW = torch.tensor(W)

# torch's loss, ours, prediction, target
LOSSES: dict[str, tuple[Any, Any, Any, Any]] = {
    "mse": (F.mse_loss, nn.mse_loss, X, Y),
    "l1": (F.l1_loss, nn.l1_loss, X, Y),
    "smooth_l1": (
        lambda *a, **k: F.smooth_l1_loss(*a, beta=0.5, **k),
        lambda *a, **k: nn.smooth_l1_loss(*a, beta=0.5, **k), X, Y,
    ),
    "huber": (
        lambda *a, **k: F.huber_loss(*a, delta=0.5, **k),
        lambda *a, **k: nn.huber_loss(*a, delta=0.5, **k), X, Y,
    ),
    "bce": (F.binary_cross_entropy, nn.binary_cross_entropy, P, Q),
    "bce of scores": (
        lambda *a, **k: F.binary_cross_entropy_with_logits(*a, weight=TW, pos_weight=2 * TW, **k),
        lambda *a, **k: nn.binary_cross_entropy_with_logits(*a, weight=W, pos_weight=2 * W, **k),
        X * 5, Q,
    ),
    "kl": (F.kl_div, nn.kl_div, X, Q),
    "kl of logs": (
        lambda *a, **k: F.kl_div(*a, log_target=True, **k),
        lambda *a, **k: nn.kl_div(*a, log_target=True, **k), X, Y,
    ),
    "cross entropy": (F.cross_entropy, nn.cross_entropy, X, LABELS),
    "cross entropy, weights, smoothing": (
        lambda *a, **k: F.cross_entropy(*a, weight=TW, label_smoothing=0.1, **k),
        lambda *a, **k: nn.cross_entropy(*a, weight=W, label_smoothing=0.1, **k), X, LABELS,
    ),
    "cross entropy, probabilities": (
        lambda *a, **k: F.cross_entropy(*a, weight=TW, label_smoothing=0.1, **k),
        lambda *a, **k: nn.cross_entropy(*a, weight=W, label_smoothing=0.1, **k), X, Q,
    ),
    "nll": (
        lambda *a, **k: F.nll_loss(*a, weight=TW, ignore_index=3, **k),
        lambda *a, **k: nn.nll_loss(*a, weight=W, ignore_index=3, **k),
        X, np.where(LABELS < 0, 3, LABELS),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:reduction")  # torch on kl_div
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(against: Any, name: str, reduction: str) -> None:
    theirs, ours, x, target = LOSSES[name]
    against(
        lambda *a: theirs(*a, reduction=reduction),
        lambda *a: ours(*a, reduction=reduction),
        x,
        target,
    )


def test_cross_entropy_of_images(against: Any) -> None:
    labels = RNG.integers(0, 5, (2, 3, 4))
    against(F.cross_entropy, lambda *a: nn.cross_entropy(*a, axis=1), normal(2, 5, 3, 4), labels)


LAYERS: dict[str, tuple[Any, Any, list[Any]]] = {
    "linear": (F.linear, nn.linear, [normal(2, 3, 4), normal(5, 4), normal(5)]),
    "conv1d": (
        lambda *a: F.conv1d(*a, stride=2, padding=2, dilation=2, groups=2),
        lambda *a: nn.conv1d(*a, stride=2, padding=2, dilation=2, groups=2),
        [normal(2, 4, 12), normal(6, 2, 3), normal(6)],
    ),
    "conv2d": (
        lambda *a: F.conv2d(*a, stride=(2, 1), padding=1),
        lambda *a: nn.conv2d(*a, stride=(2, 1), padding=1),
        [normal(2, 3, 9, 8), normal(4, 3, 3, 3), normal(4)],
    ),
    "conv_transpose2d": (
        lambda *a: F.conv_transpose2d(*a, stride=2, padding=1, output_padding=1, groups=2),
        lambda *a: nn.conv_transpose2d(*a, stride=2, padding=1, output_padding=1, groups=2),
        [normal(2, 4, 5, 6), normal(4, 3, 3, 3), normal(6)],
    ),
    "max_pool2d": (
        lambda x: F.max_pool2d(x, 3, 2, 1), lambda x: nn.max_pool(x, 3, stride=2, padding=1),
        [normal(2, 3, 9, 8)],
    ),
    "avg_pool2d": (
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        lambda x: nn.avg_pool(x, 3, stride=2, padding=1), [normal(2, 3, 9, 8)],
    ),
    "adaptive_avg_pool2d": (
        lambda x: F.adaptive_avg_pool2d(x, (3, 5)), lambda x: nn.adaptive_avg_pool2d(x, (3, 5)),
        [normal(2, 3, 8, 7)],
    ),
    "layer_norm": (
        lambda x, w, b: F.layer_norm(x, (8,), w, b), nn.layer_norm,
        [normal(3, 8), normal(8), normal(8)],
    ),
    "rms_norm": (
        lambda x, w: F.rms_norm(x, (8,), w, 1e-5), nn.rms_norm, [normal(3, 8), normal(8)],
    ),
    "group_norm": (
        lambda x, w, b: F.group_norm(x, 2, w, b), lambda x, w, b: nn.group_norm(x, 2, w, b),
        [normal(3, 4, 5), normal(4), normal(4)],
    ),
    "batch_norm": (
        lambda x, w, b: F.batch_norm(x, torch.zeros(4), torch.ones(4), w, b, True),
        lambda x, w, b: nn.batch_norm(x, np.zeros(4, "f"), np.ones(4, "f"), w, b, train=True)[0],
        [normal(3, 4, 5), normal(4), normal(4)],
    ),
    "embedding": (
        lambda i, w: F.embedding(i, w, padding_idx=2),
        lambda i, w: nn.embedding(i, w, padding_idx=2),
        [np.array([[0, 2, 4], [4, 4, 1]]), normal(5, 3)],
    ),
    "attention": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        lambda q, k, v: nn.scaled_dot_product_attention(q, k, v, causal=True),
        [normal(2, 3, 6, 4) for _ in range(3)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers(against: Any, name: str) -> None:
    theirs, ours, arrays = LAYERS[name]
    against(theirs, ours, *arrays)
