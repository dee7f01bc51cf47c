"""Models of other families as torch functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from versus.models.torch_models import mlp as mlp
from versus.models.torch_models import resnet18 as resnet18
from versus.workloads.families import BOTTLENECKS, ENCODERS, INVERTED, LLAMA, TABLES, UNET


def _bn(p, n, x):
    return F.batch_norm(x, p[n + "_m"], p[n + "_v"], p[n + "_g"], p[n + "_b"], False, 0.0, 1e-5)


def _dense(p, n, x):
    return torch.matmul(x, p[n + "_w"]) + p[n + "_b"]


def _conv(p, n, x, **options):
    return _bn(p, n, F.conv2d(x, p[n + "_w"], **options))


def mobilenet(p, x):
    x = F.relu6(_conv(p, "first", x, stride=2, padding=1))
    for s, (expansion, _, repeats, first) in enumerate(INVERTED):
        for b in range(repeats):
            stride, h = (1 if b else first), f"s{s}b{b}"
            y = F.relu6(_conv(p, h + "up", x)) if expansion > 1 else x
            y = _conv(p, h + "depth", y, stride=stride, padding=1, groups=y.shape[1])
            y = _conv(p, h + "down", F.relu6(y))
            x = x + y if b else y
    return _dense(p, "f", F.relu6(_conv(p, "last", x)).mean((2, 3)))


def resnet50(p, x):
    x = F.max_pool2d(F.relu(_conv(p, "first", x, stride=2, padding=3)), 3, 2, 1)
    for s, (_, repeats, first) in enumerate(BOTTLENECKS):
        for b in range(repeats):
            stride, h = (1 if b else first), f"s{s}b{b}"
            y = F.relu(_conv(p, h + "c0", x))
            y = _conv(p, h + "c2", F.relu(_conv(p, h + "c1", y, stride=stride, padding=1)))
            x = F.relu(y + (x if b else _conv(p, h + "cd", x, stride=stride)))
    return _dense(p, "f", x.mean((2, 3)))


def _double(p, n, x):
    for part in "ab":
        x = F.relu(_conv(p, n + part, x, padding=1))
    return x


def unet(p, x):
    skips = []
    for i in range(len(UNET)):
        x = _double(p, f"d{i}", F.max_pool2d(x, 2) if i else x)
        skips.append(x)
    for i in reversed(range(len(UNET) - 1)):
        x = F.conv_transpose2d(x, p[f"up{i}"], stride=2)
        x = _double(p, f"u{i}", torch.cat([skips[i], x], 1))
    return F.conv2d(x, p["out"])


def small_images_train(p, x, y):
    for i in range(3):
        x = F.conv2d(x, p[f"c{i}"], padding=1)
        x = F.relu(F.batch_norm(x, None, None, p[f"g{i}"], p[f"b{i}"], True))
        x = F.max_pool2d(x, 3, 2, 1)
    return F.cross_entropy(_dense(p, "f", x.mean((2, 3))), y)


def _layer(p):
    return [p[f"{n}_l0"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def _zeros(x):
    return x.new_zeros(1, x.shape[0], 256)


def lstm(p, x):
    h = _zeros(x)
    y = torch.lstm(x, (h, h), _layer(p), True, 1, 0.0, x.requires_grad, False, True)[0]
    return _dense(p, "f", y[:, -1])


def gru(p, x):
    y = torch.gru(x, _zeros(x), _layer(p), True, 1, 0.0, x.requires_grad, False, True)[0]
    return _dense(p, "f", y[:, -1])


def lstm_train(p, x, y):
    return F.cross_entropy(lstm(p, x), y)


def gru_train(p, x, y):
    return F.cross_entropy(gru(p, x), y)


def _norm(p, n, x):
    return F.layer_norm(x, (x.shape[-1],), p[n + "_g"], p[n + "_b"])


def _attention(p, h, x, heads, mask=None):
    batch, length, width = x.shape
    qkv = _dense(p, h + "qkv", x).view(batch, length, 3, heads, width // heads)
    q, k, v = (t.transpose(1, 2) for t in qkv.unbind(2))
    a = F.scaled_dot_product_attention(q, k, v, mask)
    return _dense(p, h + "proj", a.transpose(1, 2).reshape(batch, length, width))


def _mlp(p, h, x):
    return _dense(p, h + "out", F.gelu(_dense(p, h + "fc", x)))


def _bert(name):
    layers, _, heads, _ = ENCODERS[name]

    def bert(p, tokens, mask):
        x = F.embedding(tokens, p["words"]) + p["places"] + p["kinds"][0]
        x = _norm(p, "n", x)
        attended = (mask != 0)[:, None, None]
        for i in range(layers):
            h = f"h{i}_"
            x = _norm(p, h + "n1", x + _attention(p, h, x, heads, attended))
            x = _norm(p, h + "n2", x + _mlp(p, h, x))
        return x

    return bert


bert, bert_batch8 = _bert("bert"), _bert("bert_batch8")


def vit(p, x):
    layers, width, heads, _ = ENCODERS["vit"]
    patches = F.conv2d(x, p["patch"], stride=16).flatten(2).transpose(1, 2)
    x = torch.cat([p["token"].expand(x.shape[0], 1, width), patches], 1) + p["places"]
    for i in range(layers):
        h = f"h{i}_"
        x = x + _attention(p, h, _norm(p, h + "n1", x), heads)
        x = x + _mlp(p, h, _norm(p, h + "n2", x))
    return _dense(p, "f", _norm(p, "n", x)[:, 0])


def llama(p, x, keys=None, values=None):
    layers, _, heads, shared, _ = LLAMA
    past = 0 if keys is None else keys.shape[3]
    new_keys, new_values = [], []
    for i in range(layers):
        h, before = f"h{i}_", None if keys is None else (keys[i], values[i])
        y = F.rms_norm(x, (x.shape[-1],), p[h + "n1"], 1e-5)
        a, k, v = _grouped(p, h, y, heads, shared, past, before)
        x = x + a
        y = F.rms_norm(x, (x.shape[-1],), p[h + "n2"], 1e-5)
        gated = F.silu(torch.matmul(y, p[h + "gate"])) * torch.matmul(y, p[h + "up"])
        x = x + torch.matmul(gated, p[h + "down"])
        new_keys.append(k)
        new_values.append(v)
    x = F.rms_norm(x, (x.shape[-1],), p["n"], 1e-5)
    return x, torch.stack(new_keys), torch.stack(new_values)


def _rotary(x, past):
    depth = x.shape[-1]
    rates = 10000.0 ** -(torch.arange(0, depth, 2, dtype=torch.float32) / depth)
    places = torch.arange(past, past + x.shape[-2], dtype=torch.float32)
    angles = places[:, None] * rates
    c, s = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, -1)
    return torch.cat([a * c - b * s, b * c + a * s], -1)


def _grouped(p, h, x, heads, shared, past, before):
    def split(name, count):
        parts = torch.matmul(x, p[h + name])
        return parts.view(*x.shape[:2], count, -1).transpose(1, 2)

    q, k = _rotary(split("q", heads), past), _rotary(split("k", shared), past)
    v = split("v", shared)
    seen = (k, v)
    if before is not None:
        seen = [torch.cat(pair, 2) for pair in zip(before, seen, strict=True)]
    causal = before is None
    a = F.scaled_dot_product_attention(q, *seen, is_causal=causal, enable_gqa=True)
    return torch.matmul(a.transpose(1, 2).reshape(x.shape), p[h + "o"]), k, v


def recommender(p, dense, indices):
    x = _perceptron(p, "low", dense, 2)
    rows = [F.embedding(indices[:, i], p[f"t{i}"]) for i in range(TABLES)]
    x = _perceptron(p, "high", torch.cat([x, *rows], 1), 2)
    return torch.sigmoid(_dense(p, "high2", x))


def _perceptron(p, n, x, layers):
    for i in range(layers):
        x = F.relu(_dense(p, f"{n}{i}", x))
    return x


def audio(p, x):
    for i in range(4):
        x = F.conv1d(x, p[f"c{i}_w"], stride=1 if i else 4)
        x = F.max_pool1d(F.relu(_bn(p, f"c{i}", x)), 4)
    return _dense(p, "f", x.mean(2))
