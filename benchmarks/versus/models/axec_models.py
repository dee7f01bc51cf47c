"""The workloads as axec functions."""

from __future__ import annotations

from typing import Any

import axec as axe
from axec import nn, optim
from versus.workloads import HEADS, LAYERS, RESNET_STAGES


def matmul(p, a, b):
    return a @ b


def matmul_int8(p, a, b):
    return axe.matmul(a, b, dtype=axe.int32)


def linear(p, x):
    return x @ p["w"] + p["b"]


def chain(p, x):
    y = 0.5 * x * (1.0 + axe.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
    return axe.exp(-y * y) * x + y


def softmax(p, x):
    return nn.softmax(x)


def layer_norm(p, x):
    return nn.layer_norm(x, p["g"], p["b"])


def mlp(p, x):
    for i in range(2):
        x = nn.relu(x @ p[f"w{i}"] + p[f"b{i}"])
    return x @ p["w2"] + p["b2"]


def mlp_train(p, x, y):
    return nn.cross_entropy(mlp(p, x), y)


def _bn(p, n, x):
    return nn.batch_norm(x, p[n + "_m"], p[n + "_v"], p[n + "_g"], p[n + "_b"])[0]


def resnet18(p, x):
    x = nn.relu(_bn(p, "n0", nn.conv2d(x, p["c0"], stride=2, padding=3)))
    x = nn.max_pool(x, 3, stride=2, padding=1)
    for s, (_, first) in enumerate(RESNET_STAGES):
        for b in range(2):
            stride, h = (1 if b else first), f"s{s}b{b}"
            y = nn.relu(_bn(p, h + "n1", nn.conv2d(x, p[h + "c1"], stride=stride, padding=1)))
            y = _bn(p, h + "n2", nn.conv2d(y, p[h + "c2"], padding=1))
            if h + "cd" in p:
                x = _bn(p, h + "nd", nn.conv2d(x, p[h + "cd"], stride=stride))
            x = nn.relu(x + y)
    return axe.mean(x, axis=(2, 3)) @ p["fw"] + p["fb"]


def lenet_train(p, x, y):
    x = nn.avg_pool(axe.tanh(nn.conv2d(x, p["c1"], p["b1"], padding=2)), 2)
    x = nn.avg_pool(axe.tanh(nn.conv2d(x, p["c2"], p["b2"])), 2)
    x = axe.reshape(x, (x.shape[0], 400))
    for i in range(2):
        x = axe.tanh(x @ p[f"fw{i}"] + p[f"fb{i}"])
    return nn.cross_entropy(x @ p["fw2"] + p["fb2"], y)


def _linear(p, n, x):
    return x @ p[n + "_w"] + p[n + "_b"]


def _norm(p, n, x):
    return nn.layer_norm(x, p[n + "_g"], p[n + "_b"])


def _block(p, h, x, heads, past=None):
    batch, length, width = x.shape
    qkv = _linear(p, h + "qkv", _norm(p, h + "ln1", x))
    parts = (qkv[..., i * width : (i + 1) * width] for i in range(3))
    shape = (batch, length, heads, width // heads)
    q, k, v = (axe.permute_dims(axe.reshape(t, shape), (0, 2, 1, 3)) for t in parts)
    if past is not None:
        k, v = axe.concat([past[0], k], axis=2), axe.concat([past[1], v], axis=2)
    a = nn.scaled_dot_product_attention(q, k, v, causal=past is None)
    x = x + _linear(p, h + "proj", axe.reshape(axe.permute_dims(a, (0, 2, 1, 3)), x.shape))
    m = nn.gelu(_linear(p, h + "fc", _norm(p, h + "ln2", x)), approximate=True)
    return x + _linear(p, h + "out", m), k, v


def gpt_block(p, x):
    return _block(p, "h0_", x, HEADS["gpt_block"])[0]


def gpt2(p, x):
    for layer in range(LAYERS["gpt2"]):
        x = _block(p, f"h{layer}_", x, HEADS["gpt2"])[0]
    return _norm(p, "lnf", x)


def gpt2_decode(p, token, keys, values):
    x = axe.take(p["wte"], token, axis=0) + p["wpe"][127]
    new_keys, new_values = [], []
    for layer in range(LAYERS["gpt2_decode"]):
        past = keys[layer], values[layer]
        x, k, v = _block(p, f"h{layer}_", x, HEADS["gpt2_decode"], past)
        new_keys.append(k)
        new_values.append(v)
    return _norm(p, "lnf", x) @ p["wte"].T, axe.stack(new_keys), axe.stack(new_values)


def micro_gpt_train(p, tokens, targets):
    x = axe.take(p["wte"], tokens, axis=0) + p["wpe"]
    for layer in range(LAYERS["micro_gpt_train"]):
        x = _block(p, f"h{layer}_", x, HEADS["micro_gpt_train"])[0]
    return nn.cross_entropy(_norm(p, "lnf", x) @ p["wte"].T, targets)


def optimiser(name: str, rate: float) -> Any:
    """What trains the workload."""
    return optim.adamw(rate) if name == "micro_gpt_train" else optim.sgd(rate)


def step(loss: Any, tx: Any) -> Any:
    """params, state, inputs -> loss, params, state."""

    def one(params, state, *inputs):
        value, grads = axe.value_and_grad(lambda p: loss(p, *inputs))(params)
        updates, state = tx.update(grads, state, params)
        return value, optim.apply_updates(params, updates), state

    return one
