"""Modules give their functions their parameters, in torch's shapes, with torch's distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import axec as axe

nn = axe.nn
RNG = np.random.default_rng(3)


def normal(*shape: int) -> Any:
    return RNG.standard_normal(shape, np.float32)


def shapes(module: Any) -> dict[str, tuple[int, ...]]:
    params = module.init(0)
    return dict(
        zip(axe.tree.paths(params), (a.shape for a in axe.tree.leaves(params)), strict=True)
    )


# module, x, what the functions give for (params, x), shapes of the parameters
LAYERS: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "linear": (
        nn.Linear(3, 4), normal(2, 3), lambda p, x: nn.linear(x, p["weight"], p["bias"]),
        {"weight": (4, 3), "bias": (4,)},
    ),
    "linear without bias": (
        nn.Linear(3, 4, bias=False), normal(2, 3), lambda p, x: nn.linear(x, p["weight"]),
        {"weight": (4, 3)},
    ),
    "conv1d": (
        nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), normal(2, 4, 7),
        lambda p, x: nn.conv1d(x, p["weight"], p["bias"], stride=2, padding=1, groups=2),
        {"weight": (6, 2, 3), "bias": (6,)},
    ),
    "conv2d": (
        nn.Conv2d(2, 3, (3, 2), dilation=2, padding="same", bias=False), normal(2, 2, 6, 5),
        lambda p, x: nn.conv2d(x, p["weight"], dilation=2, padding="same"),
        {"weight": (3, 2, 3, 2)},
    ),
    "conv_transpose2d": (
        nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, output_padding=1), normal(2, 4, 5, 5),
        lambda p, x: nn.conv_transpose2d(
            x, p["weight"], p["bias"], stride=2, groups=2, output_padding=1
        ),
        {"weight": (4, 3, 3, 3), "bias": (6,)},
    ),
    "embedding": (
        nn.Embedding(5, 3, padding_idx=1), np.array([[1, 2], [4, 0]]),
        lambda p, x: nn.embedding(x, p["weight"], padding_idx=1), {"weight": (5, 3)},
    ),
    "layer norm": (
        nn.LayerNorm(3, eps=0.1), normal(2, 3),
        lambda p, x: nn.layer_norm(x, p["weight"], p["bias"], eps=0.1),
        {"weight": (3,), "bias": (3,)},
    ),
    "layer norm without bias": (
        nn.LayerNorm(3, bias=False), normal(2, 3), lambda p, x: nn.layer_norm(x, p["weight"]),
        {"weight": (3,)},
    ),
    "rms norm": (
        nn.RMSNorm(3), normal(2, 3), lambda p, x: nn.rms_norm(x, p["weight"]), {"weight": (3,)},
    ),
    "group norm": (
        nn.GroupNorm(2, 4), normal(2, 4, 3),
        lambda p, x: nn.group_norm(x, 2, p["weight"], p["bias"]),
        {"weight": (4,), "bias": (4,)},
    ),
    "max pool 1d": (
        nn.MaxPool1d(3, stride=2, padding=1), normal(2, 3, 7),
        lambda p, x: axe.max_pool(x, (3,), stride=2, padding=1), {},
    ),
    "max pool 2d": (nn.MaxPool2d(2), normal(2, 3, 6, 6), lambda p, x: axe.max_pool(x, 2), {}),
    "avg pool 1d": (
        nn.AvgPool1d(2, padding=1), normal(2, 3, 6),
        lambda p, x: axe.avg_pool(x, (2,), padding=1, count_include_pad=True), {},
    ),
    "avg pool 2d": (
        nn.AvgPool2d((2, 3), padding=1, count_include_pad=False), normal(2, 3, 6, 6),
        lambda p, x: axe.avg_pool(x, (2, 3), padding=1), {},
    ),
    "adaptive pool": (
        nn.AdaptiveAvgPool2d(2), normal(2, 3, 6, 4),
        lambda p, x: nn.adaptive_avg_pool2d(x, 2), {},
    ),
    "flatten": (nn.Flatten(), normal(2, 3, 4), lambda p, x: x.reshape(2, 12), {}),
    "flatten, inner": (nn.Flatten(0, 1), normal(2, 3, 4), lambda p, x: x.reshape(6, 4), {}),
    "gelu": (
        nn.GELU(approximate=True), normal(4), lambda p, x: nn.gelu(x, approximate=True), {},
    ),
    "softmax": (nn.Softmax(axis=0), normal(4, 3), lambda p, x: nn.softmax(x, axis=0), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    module, x, function, expected = LAYERS[name]
    assert shapes(module) == expected
    params = module.init(1)
    np.testing.assert_array_equal(module(params, x), function(params, x))


def test_default_distributions() -> None:
    for module, bound in ((nn.Linear(64, 256), 1 / 8), (nn.Conv2d(4, 256, 4), 1 / 8)):
        for leaf in axe.tree.leaves(module.init(0)):
            assert bound * 0.95 < abs(leaf).max() <= bound
            assert abs(leaf.mean()) < 0.02
    table = nn.Embedding(200, 50, padding_idx=3).init(0)["weight"]
    assert not table[3].any()
    assert abs(table.std() - 1) < 0.02


def test_dropout() -> None:
    x = np.ones((1000, 20), np.float32)
    for module, rate in ((nn.Dropout(0.25), 0.25), (nn.Dropout2d(0.25), 0.25)):
        np.testing.assert_array_equal(module({}, x), x)
        found = np.asarray(module({}, x, train=True, key=axe.random.key(0)))
        assert set(np.unique(found)) == {0, np.float32(1 / (1 - rate))}
        assert abs((found == 0).mean() - rate) < 0.01
    whole = np.asarray(nn.dropout2d(np.ones((50, 8, 3, 3), "f"), 0.5, key=axe.random.key(1)))
    assert (whole == whole[:, :, :1, :1]).all()
    assert 0.3 < (whole == 0).mean() < 0.7
    assert not np.asarray(nn.dropout(x, 1.0, key=axe.random.key(0))).any()


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = normal(500, 200)
    np.testing.assert_array_equal(nn.AlphaDropout()({}, x), x)
    found = np.asarray(nn.AlphaDropout(0.3)({}, x, train=True, key=axe.random.key(0)))
    assert abs(found.mean()) < 0.02
    assert abs(found.var() - 1) < 0.02


def test_dropout_has_the_gradient_of_its_mask() -> None:
    x, key = normal(30), axe.random.key(2)
    mask = np.asarray(nn.dropout(np.ones(30, "f"), 0.4, key=key))
    gradient = axe.grad(lambda v: nn.dropout(v, 0.4, key=key).sum())(x)
    np.testing.assert_array_equal(gradient, mask)


# ---- recurrent -----------------------------------------------------------------------------------


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def rnn(a: Any, b: Any, h: Any) -> Any:
    return (np.tanh(a + b),)


def lstm(a: Any, b: Any, h: Any, c: Any) -> Any:
    i, f, g, o = np.split(a + b, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(a: Any, b: Any, h: Any) -> Any:
    (ar, az, an), (br, bz, bn) = np.split(a, 3, -1), np.split(b, 3, -1)
    z = sigmoid(az + bz)
    return ((1 - z) * np.tanh(an + sigmoid(ar + br) * bn) + z * h,)


RECURRENT = {
    "rnn": (nn.RNN, nn.RNNCell, rnn),
    "lstm": (nn.LSTM, nn.LSTMCell, lstm),
    "gru": (nn.GRU, nn.GRUCell, gru),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent(name: str) -> None:
    layer, cell, step = RECURRENT[name]
    model = layer(3, 4, num_layers=2)
    p = {k: v.astype(np.float64) for k, v in model.init(0).items()}
    parts = 2 if name == "lstm" else 1
    start = tuple(RNG.standard_normal((2, 5, 4)) for _ in range(parts))
    x = RNG.standard_normal((5, 6, 3))
    y, ends = x, []
    for i in range(2):
        carry, rows = tuple(s[i] for s in start), []
        for t in range(6):
            a = y[:, t] @ p[f"weight_ih_l{i}"].T + p[f"bias_ih_l{i}"]
            b = carry[0] @ p[f"weight_hh_l{i}"].T + p[f"bias_hh_l{i}"]
            carry = step(a, b, *carry)
            rows.append(carry[0])
        y = np.stack(rows, 1)
        ends.append(carry)
    expected = tuple(np.stack(e) for e in zip(*ends, strict=True))
    found, last = model(p, x, start if parts == 2 else start[0])
    np.testing.assert_allclose(found, y, rtol=1e-6)
    for a, b in zip(last if parts == 2 else (last,), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    one = {k.removesuffix("_l0"): v for k, v in p.items() if k.endswith("_l0")}
    single = cell(3, 4)(one, x[:, 0])
    np.testing.assert_array_equal(
        single[0] if parts == 2 else single, layer(3, 4)(p, x[:, :1])[0][:, 0]
    )


def test_recurrent_options() -> None:
    model = nn.RNN(3, 4, bias=False, nonlinearity="relu")
    assert shapes(model) == {"weight_ih_l0": (4, 3), "weight_hh_l0": (4, 4)}
    assert float(model(model.init(0), normal(2, 3, 3))[0].min()) >= 0
    assert shapes(nn.GRUCell(3, 4)) == {
        "weight_ih": (12, 3), "weight_hh": (12, 4), "bias_ih": (12,), "bias_hh": (12,),
    }  # fmt: skip


# ---- attention -----------------------------------------------------------------------------------


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def heads(x: Any, w: Any, b: Any, depth: int) -> Any:
    y = x @ w.T + b
    return y.reshape(*x.shape[:2], -1, depth).swapaxes(1, 2)


def attention(p: Any, q: Any, kv: Any, kv_heads: int, seen: Any = True) -> Any:
    """Width 8, 4 heads, depth 2, in float64."""
    w, b, split = p["in_proj_weight"], p["in_proj_bias"], 8 + 2 * kv_heads
    a = heads(q, w[:8], b[:8], 2)
    k, v = heads(kv, w[8:split], b[8:split], 2), heads(kv, w[split:], b[split:], 2)
    k, v = (np.repeat(t, 4 // kv_heads, 1) for t in (k, v))
    scores = np.where(seen, a @ k.swapaxes(-1, -2) / math.sqrt(2), -np.inf)
    mixed = (softmax(scores) @ v).swapaxes(1, 2).reshape(*q.shape[:2], 8)
    return mixed @ p["out_proj"]["weight"].T + p["out_proj"]["bias"]


def wide(tree: Any) -> Any:
    return axe.tree.map(lambda a: a.astype(np.float64) + 0.01, tree)


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_attention(kv_heads: int) -> None:
    model = nn.MultiHeadAttention(8, 4, kv_heads=kv_heads)
    p = wide(model.init(0))
    assert p["in_proj_weight"].shape == (8 + 4 * kv_heads, 8)
    x, memory = RNG.standard_normal((2, 5, 8)), RNG.standard_normal((2, 7, 8))
    causal, mask = np.tril(np.ones((5, 5), bool)), RNG.uniform(size=(2, 1, 5, 7)) > 0.3
    np.testing.assert_allclose(model(p, x), attention(p, x, x, kv_heads), rtol=1e-5)
    np.testing.assert_allclose(
        model(p, x, causal=True), attention(p, x, x, kv_heads, causal), rtol=1e-5
    )
    np.testing.assert_allclose(
        model(p, x, memory, mask=mask), attention(p, x, memory, kv_heads, mask), rtol=1e-5
    )


def test_rotary_attention_depends_on_distances_alone() -> None:
    model = nn.MultiHeadAttention(8, 2, rotary_base=10000.0)
    p, x = model.init(0), normal(1, 6, 8)
    found = model(p, x, causal=True)
    shifted = model(p, x, causal=True, positions=np.arange(6) + 50)
    np.testing.assert_allclose(found, shifted, rtol=1e-3, atol=1e-5)
    assert not np.allclose(found, nn.MultiHeadAttention(8, 2)(p, x, causal=True), atol=1e-3)


def test_attention_dropout_averages_to_no_dropout() -> None:
    model = nn.MultiHeadAttention(8, 2, dropout=0.2)
    p, x = model.init(0), normal(1, 6, 8)
    mask = np.tril(np.ones((6, 6), bool), 2)
    plain = np.asarray(model(p, x, mask=mask, causal=True))
    keys = range(300)
    each = [model(p, x, mask=mask, causal=True, train=True, key=axe.random.key(k)) for k in keys]
    assert not np.array_equal(each[0], each[1])
    np.testing.assert_allclose(np.mean([np.asarray(e) for e in each], 0), plain, atol=0.06)


@pytest.mark.parametrize("norm_first", [False, True])
def test_transformer_layers(norm_first: bool) -> None:
    """Against the same formula from the functions."""
    how: Any = {"dropout": 0.0, "norm_first": norm_first, "activation": "gelu"}
    encoder = nn.TransformerEncoderLayer(8, 2, 16, **how)
    decoder = nn.TransformerDecoderLayer(8, 2, 16, **how)
    x, memory = normal(2, 5, 8), normal(2, 3, 8)
    p = decoder.init(0)
    attend = nn.MultiHeadAttention(8, 2)

    def block(y: Any, norm: str, inner: Any) -> Any:
        def normed(t: Any) -> Any:
            return nn.layer_norm(t, p[norm]["weight"], p[norm]["bias"])

        return y + inner(normed(y)) if norm_first else normed(y + inner(y))

    def feed(t: Any) -> Any:
        one, two = p["linear1"], p["linear2"]
        hidden = nn.gelu(nn.linear(t, one["weight"], one["bias"]))
        return nn.linear(hidden, two["weight"], two["bias"])

    y = block(x, "norm1", lambda t: attend(p["self_attn"], t, causal=True))
    np.testing.assert_allclose(
        encoder(p, x, causal=True), block(y, "norm2", feed), rtol=1e-4, atol=1e-5
    )
    z = block(y, "norm2", lambda t: attend(p["multihead_attn"], t, memory))
    np.testing.assert_allclose(
        decoder(p, x, memory, causal=True), block(z, "norm3", feed), rtol=1e-4, atol=1e-5
    )


BAD = {
    "heads": lambda: nn.MultiHeadAttention(8, 3),
    "kv_heads": lambda: nn.MultiHeadAttention(8, 4, kv_heads=3),
    "activation": lambda: nn.TransformerEncoderLayer(8, 2, activation="rleu"),
    "groups": lambda: nn.Conv2d(3, 4, 3, groups=2).init(),
    "nonlinearity": lambda: nn.RNN(3, 4, nonlinearity="sin")(nn.RNN(3, 4).init(), normal(1, 2, 3)),
    "sequence": lambda: nn.GRU(3, 4)(nn.GRU(3, 4).init(), normal(2, 3)),
    "probability": lambda: nn.dropout(normal(2), 1.5, key=axe.random.key(0)),
    "channels": lambda: nn.dropout2d(normal(2), 0.5, key=axe.random.key(0)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_layers(name: str) -> None:
    with pytest.raises(axe.AxecError) as caught:
        BAD[name]()
    assert caught.value.location.file.endswith("test_layers.py")
