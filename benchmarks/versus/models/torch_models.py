"""The workloads as torch functions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from versus.workloads import HEADS, LAYERS, RESNET_STAGES


def matmul(p, a, b):
    return a @ b


def matmul_int8(p, a, b):
    return torch._int_mm(a, b)


def linear(p, x):
    return torch.addmm(p["b"], x, p["w"])


def chain(p, x):
    y = 0.5 * x * (1.0 + torch.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
    return torch.exp(-y * y) * x + y


def softmax(p, x):
    return torch.softmax(x, -1)


def layer_norm(p, x):
    return F.layer_norm(x, (1024,), p["g"], p["b"])


def mlp(p, x):
    for i in range(2):
        x = torch.relu(torch.addmm(p[f"b{i}"], x, p[f"w{i}"]))
    return torch.addmm(p["b2"], x, p["w2"])


def mlp_train(p, x, y):
    return F.cross_entropy(mlp(p, x), y)


def _bn(p, n, x):
    return F.batch_norm(x, p[n + "_m"], p[n + "_v"], p[n + "_g"], p[n + "_b"], False, 0.0, 1e-5)


def resnet18(p, x):
    x = F.relu(_bn(p, "n0", F.conv2d(x, p["c0"], stride=2, padding=3)))
    x = F.max_pool2d(x, 3, 2, 1)
    for s, (_, first) in enumerate(RESNET_STAGES):
        for b in range(2):
            stride, h = (1 if b else first), f"s{s}b{b}"
            y = F.relu(_bn(p, h + "n1", F.conv2d(x, p[h + "c1"], stride=stride, padding=1)))
            y = _bn(p, h + "n2", F.conv2d(y, p[h + "c2"], padding=1))
            if h + "cd" in p:
                x = _bn(p, h + "nd", F.conv2d(x, p[h + "cd"], stride=stride))
            x = F.relu(x + y)
    return torch.addmm(p["fb"], x.mean((2, 3)), p["fw"])


def lenet_train(p, x, y):
    x = F.avg_pool2d(torch.tanh(F.conv2d(x, p["c1"], p["b1"], padding=2)), 2)
    x = F.avg_pool2d(torch.tanh(F.conv2d(x, p["c2"], p["b2"])), 2).flatten(1)
    for i in range(2):
        x = torch.tanh(torch.addmm(p[f"fb{i}"], x, p[f"fw{i}"]))
    return F.cross_entropy(torch.addmm(p["fb2"], x, p["fw2"]), y)


def _linear(p, n, x):
    return torch.matmul(x, p[n + "_w"]) + p[n + "_b"]


def _norm(p, n, x):
    return F.layer_norm(x, (x.shape[-1],), p[n + "_g"], p[n + "_b"])


def _block(p, h, x, heads, past=None):
    batch, length, width = x.shape
    qkv = _linear(p, h + "qkv", _norm(p, h + "ln1", x)).split(width, -1)
    q, k, v = (t.reshape(batch, length, heads, -1).transpose(1, 2) for t in qkv)
    if past is not None:
        k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
    a = F.scaled_dot_product_attention(q, k, v, is_causal=past is None)
    x = x + _linear(p, h + "proj", a.transpose(1, 2).reshape(batch, length, width))
    m = F.gelu(_linear(p, h + "fc", _norm(p, h + "ln2", x)), approximate="tanh")
    return x + _linear(p, h + "out", m), k, v


def gpt_block(p, x):
    return _block(p, "h0_", x, HEADS["gpt_block"])[0]


def gpt2(p, x):
    for layer in range(LAYERS["gpt2"]):
        x = _block(p, f"h{layer}_", x, HEADS["gpt2"])[0]
    return _norm(p, "lnf", x)


def gpt2_decode(p, token, keys, values):
    x = p["wte"][token] + p["wpe"][127]
    new_keys, new_values = [], []
    for layer in range(LAYERS["gpt2_decode"]):
        past = keys[layer], values[layer]
        x, k, v = _block(p, f"h{layer}_", x, HEADS["gpt2_decode"], past)
        new_keys.append(k)
        new_values.append(v)
    x = torch.matmul(_norm(p, "lnf", x), p["wte"].t())
    return x, torch.stack(new_keys), torch.stack(new_values)


def micro_gpt_train(p, tokens, targets):
    x = p["wte"][tokens] + p["wpe"]
    for layer in range(LAYERS["micro_gpt_train"]):
        x = _block(p, f"h{layer}_", x, HEADS["micro_gpt_train"])[0]
    logits = torch.matmul(_norm(p, "lnf", x), p["wte"].t())
    return F.cross_entropy(logits.view(-1, 65), targets.reshape(-1))


class Model(torch.nn.Module):
    """A function as a module that owns its parameters."""

    def __init__(self, fn: Any, params: dict[str, Any], train: bool) -> None:
        super().__init__()
        self.fn, self.names = fn, list(params)
        for name, value in params.items():
            self.register_parameter(name, torch.nn.Parameter(value, requires_grad=train))

    def forward(self, *inputs: Any) -> Any:
        return self.fn({name: getattr(self, name) for name in self.names}, *inputs)
