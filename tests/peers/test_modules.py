"""Modules against torch.nn with torch's own parameters, carried over by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import axec as axe

nn, tnn = axe.nn, torch.nn
RNG = np.random.default_rng(1)


def normal(*shape: int) -> Any:
    return RNG.standard_normal(shape, np.float32)


def tree_of(state_dict: Any) -> Any:
    """Nested dicts of arrays from dotted names."""
    found: dict[str, Any] = {}
    for name, value in state_dict.items():
        *path, last = name.split(".")
        inner = found
        for key in path:
            inner = inner.setdefault(key, {})
        inner[last] = value.detach().numpy()
    return found


def drop(state_dict: Any) -> Any:
    stats = ("running_mean", "running_var", "num_batches_tracked")
    return {k: v for k, v in state_dict.items() if not k.endswith(stats)}


SEQUENCE: dict[str, Any] = {"batch_first": True}
FLAT: dict[str, Any] = {"dropout": 0.0}

# theirs, ours, x, how theirs is called
MODULES: dict[str, tuple[Any, Any, Any, Any]] = {
    "linear": (tnn.Linear(4, 5), nn.Linear(4, 5), normal(3, 4), None),
    "conv1d": (
        tnn.Conv1d(4, 6, 3, 2, 1, groups=2), nn.Conv1d(4, 6, 3, 2, 1, groups=2), normal(2, 4, 9),
        None,
    ),
    "conv2d": (tnn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1),
               normal(2, 3, 6, 6), None),
    "conv_transpose2d": (
        tnn.ConvTranspose2d(4, 6, 3, 2, 1, 1), nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1),
        normal(2, 4, 5, 5), None,
    ),
    "pools": (
        tnn.Sequential(tnn.MaxPool2d(2), tnn.AvgPool2d(3, 1, 1)),
        nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(3, 1, 1)), normal(2, 3, 8, 8), None,
    ),
    "pools 1d": (
        tnn.Sequential(tnn.MaxPool1d(3, 1, 1), tnn.AvgPool1d(2, padding=1)),
        nn.Sequential(nn.MaxPool1d(3, 1, 1), nn.AvgPool1d(2, padding=1)), normal(2, 3, 8), None,
    ),
    "group norm": (tnn.GroupNorm(2, 4), nn.GroupNorm(2, 4), normal(3, 4, 6), None),
    "layer norm": (tnn.LayerNorm(6), nn.LayerNorm(6), normal(3, 4, 6), None),
    "rms norm": (tnn.RMSNorm(6, 1e-5), nn.RMSNorm(6), normal(3, 4, 6), None),
    "rnn": (tnn.RNN(4, 5, 2, **SEQUENCE), nn.RNN(4, 5, 2), normal(3, 6, 4), 0),
    "lstm": (tnn.LSTM(4, 5, 2, **SEQUENCE), nn.LSTM(4, 5, 2), normal(3, 6, 4), 0),
    "gru": (tnn.GRU(4, 5, 2, **SEQUENCE), nn.GRU(4, 5, 2), normal(3, 6, 4), 0),
    "encoder layer": (
        tnn.TransformerEncoderLayer(8, 2, 16, **FLAT, **SEQUENCE),
        nn.TransformerEncoderLayer(8, 2, 16, **FLAT), normal(2, 5, 8), None,
    ),
    "encoder layer, norm first": (
        tnn.TransformerEncoderLayer(8, 2, 16, **FLAT, **SEQUENCE, norm_first=True,
                                    activation="gelu"),
        nn.TransformerEncoderLayer(8, 2, 16, **FLAT, norm_first=True, activation="gelu"),
        normal(2, 5, 8), None,
    ),
}  # fmt: skip


def check(close: Any, theirs: Any, ours: Any, call: Any, params: Any, *args: Any) -> None:
    """Value, and gradients with respect to all parameters and x, of call(torch module)(args)."""
    tensors = [torch.tensor(a, requires_grad=True) for a in args]
    wanted = call(theirs)(*tensors)
    # Above 0, so that sums of them, gradients of biases, are not what rounding leaves.
    weights = 1.5 + np.cos(np.arange(wanted.numel(), dtype=np.float32)).reshape(wanted.shape)
    (wanted * torch.tensor(weights)).sum().backward()

    def value(p: Any, *xs: Any) -> Any:
        found = ours(p, *xs)
        return (found * weights).sum(), found

    wrt = tuple(range(1 + len(args))) if params else tuple(range(1, 1 + len(args)))
    (_, found), grads = axe.jit(axe.value_and_grad(value, wrt, has_aux=True))(params, *args)
    close(found, wanted, "value")
    grads = grads if params else ({}, *grads)
    expected = tree_of({k: v.grad for k, v in theirs.named_parameters()})
    assert axe.tree.paths(grads[0]) == axe.tree.paths(expected)
    rows = axe.tree.paths(expected), axe.tree.leaves(grads[0]), axe.tree.leaves(expected)
    for path, a, b in zip(*rows, strict=True):
        close(a, b, path)
    for a, t in zip(grads[1:], tensors, strict=True):
        close(a, t.grad, "gradient of an input")


@pytest.mark.parametrize("name", MODULES)
def test_modules(close: Any, name: str) -> None:
    theirs, ours, x, index = MODULES[name]
    params = tree_of(theirs.state_dict())
    assert axe.spec_like(params) == axe.spec_like(ours.init(0))  # names, shapes, dtypes

    def call(module: Any) -> Any:
        return module if index is None else lambda *a: module(*a)[index]

    check(close, theirs, call(ours), call, params, x)


def test_decoder_layer(close: Any) -> None:
    theirs = tnn.TransformerDecoderLayer(8, 2, 16, **FLAT, **SEQUENCE)
    ours = nn.TransformerDecoderLayer(8, 2, 16, **FLAT)
    causal = tnn.Transformer.generate_square_subsequent_mask(5)
    params = tree_of(theirs.state_dict())
    check(
        close,
        theirs,
        lambda p, x, m: ours(p, x, m, causal=True),
        lambda module: lambda x, m: module(x, m, tgt_mask=causal),
        params,
        normal(2, 5, 8),
        normal(2, 3, 8),
    )


def test_multi_head_attention(close: Any) -> None:
    theirs = tnn.MultiheadAttention(8, 4, **SEQUENCE)
    params = tree_of(theirs.state_dict())
    args = normal(2, 5, 8), normal(2, 7, 8), normal(2, 7, 8)
    mask = RNG.uniform(size=(5, 7)) > 0.3
    mask[:, 0] = True
    hidden = torch.tensor(~mask)
    check(
        close,
        theirs,
        lambda p, *a: nn.MultiHeadAttention(8, 4)(p, *a, mask=mask),
        lambda module: lambda *a: module(*a, attn_mask=hidden)[0],
        params,
        *args,
    )


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells(close: Any, kind: str) -> None:
    theirs, ours = getattr(tnn, kind)(4, 5), getattr(nn, kind)(4, 5)
    x, params = normal(3, 4), tree_of(theirs.state_dict())
    wanted, found = theirs(torch.tensor(x)), axe.jit(lambda p, x: ours(p, x))(params, x)
    pairs = zip(found, wanted, strict=True) if kind == "LSTMCell" else [(found, wanted)]
    for a, b in pairs:
        close(a, b)


def test_batch_norm_over_steps(close: Any) -> None:
    theirs, ours = tnn.BatchNorm2d(3), nn.BatchNorm2d(3)
    params, state = tree_of(drop(theirs.state_dict())), ours.init_state()
    run = axe.jit(lambda p, s, x: ours(p, x, state=s, train=True))
    for _ in range(5):
        x = normal(4, 3, 5, 5) * 2 + 1
        y, state = run(params, state, x)
        close(y, theirs(torch.tensor(x)))
    stats = {k: v for k, v in theirs.state_dict().items() if k.startswith("running")}
    for name, wanted in stats.items():
        close(state[name], wanted, name)
    close(ours(params, x, state=state)[0], theirs.eval()(torch.tensor(x)))
