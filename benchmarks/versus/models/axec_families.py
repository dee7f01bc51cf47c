"""Models of other families as axec functions."""

from __future__ import annotations

import axec as axe
from axec import nn
from versus.models.axec_models import mlp as mlp
from versus.models.axec_models import resnet18 as resnet18
from versus.workloads.families import BOTTLENECKS, ENCODERS, INVERTED, LLAMA, TABLES, UNET


def _bn(p, n, x):
    return nn.batch_norm(x, p[n + "_m"], p[n + "_v"], p[n + "_g"], p[n + "_b"])[0]


def _dense(p, n, x):
    return x @ p[n + "_w"] + p[n + "_b"]


def _conv(p, n, x, **options):
    return _bn(p, n, nn.conv2d(x, p[n + "_w"], **options))


def _relu6(x):
    return axe.clip(x, 0, 6)


def mobilenet(p, x):
    x = _relu6(_conv(p, "first", x, stride=2, padding=1))
    for s, (expansion, _, repeats, first) in enumerate(INVERTED):
        for b in range(repeats):
            stride, h = (1 if b else first), f"s{s}b{b}"
            y = _relu6(_conv(p, h + "up", x)) if expansion > 1 else x
            y = _conv(p, h + "depth", y, stride=stride, padding=1, groups=y.shape[1])
            y = _conv(p, h + "down", _relu6(y))
            x = x + y if b else y
    return _dense(p, "f", axe.mean(_relu6(_conv(p, "last", x)), axis=(2, 3)))


def resnet50(p, x):
    x = nn.relu(_conv(p, "first", x, stride=2, padding=3))
    x = nn.max_pool(x, 3, stride=2, padding=1)
    for s, (_, repeats, first) in enumerate(BOTTLENECKS):
        for b in range(repeats):
            stride, h = (1 if b else first), f"s{s}b{b}"
            y = nn.relu(_conv(p, h + "c0", x))
            y = _conv(p, h + "c2", nn.relu(_conv(p, h + "c1", y, stride=stride, padding=1)))
            x = nn.relu(y + (x if b else _conv(p, h + "cd", x, stride=stride)))
    return _dense(p, "f", axe.mean(x, axis=(2, 3)))


def _double(p, n, x):
    for part in "ab":
        x = nn.relu(_conv(p, n + part, x, padding=1))
    return x


def unet(p, x):
    skips = []
    for i in range(len(UNET)):
        x = _double(p, f"d{i}", nn.max_pool(x, 2) if i else x)
        skips.append(x)
    for i in reversed(range(len(UNET) - 1)):
        x = nn.conv_transpose2d(x, p[f"up{i}"], stride=2)
        x = _double(p, f"u{i}", axe.concat([skips[i], x], axis=1))
    return nn.conv2d(x, p["out"])


def small_images_train(p, x, y):
    for i in range(3):
        x = nn.conv2d(x, p[f"c{i}"], padding=1)
        zeros = axe.zeros(x.shape[1])
        x = nn.relu(nn.batch_norm(x, zeros, zeros, p[f"g{i}"], p[f"b{i}"], train=True)[0])
        x = nn.max_pool(x, 3, stride=2, padding=1)
    return nn.cross_entropy(_dense(p, "f", axe.mean(x, axis=(2, 3))), y)


def lstm(p, x):
    return _dense(p, "f", nn.LSTM(256, 256)(p, x)[0][:, -1])


def gru(p, x):
    return _dense(p, "f", nn.GRU(256, 256)(p, x)[0][:, -1])


def lstm_train(p, x, y):
    return nn.cross_entropy(lstm(p, x), y)


def gru_train(p, x, y):
    return nn.cross_entropy(gru(p, x), y)


def _norm(p, n, x):
    return nn.layer_norm(x, p[n + "_g"], p[n + "_b"])


def _attention(p, h, x, heads, mask=None):
    batch, length, width = x.shape
    qkv = axe.reshape(_dense(p, h + "qkv", x), (batch, length, 3, heads, width // heads))
    q, k, v = (axe.permute_dims(qkv[:, :, i], (0, 2, 1, 3)) for i in range(3))
    a = nn.scaled_dot_product_attention(q, k, v, mask)
    return _dense(p, h + "proj", axe.reshape(axe.permute_dims(a, (0, 2, 1, 3)), x.shape))


def _mlp(p, h, x):
    return _dense(p, h + "out", nn.gelu(_dense(p, h + "fc", x)))


def _bert(name):
    layers, _, heads, _ = ENCODERS[name]

    def bert(p, tokens, mask):
        x = nn.embedding(tokens, p["words"]) + p["places"] + p["kinds"][0]
        x = _norm(p, "n", x)
        attended = axe.expand_dims(mask != 0, (1, 2))
        for i in range(layers):
            h = f"h{i}_"
            x = _norm(p, h + "n1", x + _attention(p, h, x, heads, attended))
            x = _norm(p, h + "n2", x + _mlp(p, h, x))
        return x

    return bert


bert, bert_batch8 = _bert("bert"), _bert("bert_batch8")


def vit(p, x):
    layers, width, heads, _ = ENCODERS["vit"]
    patches = axe.reshape(nn.conv2d(x, p["patch"], stride=16), (x.shape[0], width, -1))
    first = axe.broadcast_to(p["token"], (x.shape[0], 1, width))
    x = axe.concat([first, axe.swapaxes(patches, 1, 2)], axis=1) + p["places"]
    for i in range(layers):
        h = f"h{i}_"
        x = x + _attention(p, h, _norm(p, h + "n1", x), heads)
        x = x + _mlp(p, h, _norm(p, h + "n2", x))
    return _dense(p, "f", _norm(p, "n", x)[:, 0])


def llama(p, x, keys=None, values=None):
    """The result, and the keys and values of the given tokens for the cache."""
    layers, _, heads, shared, _ = LLAMA
    past = 0 if keys is None else keys.shape[3]
    new_keys, new_values = [], []
    for i in range(layers):
        h, before = f"h{i}_", None if keys is None else (keys[i], values[i])
        a, k, v = _grouped(p, h, nn.rms_norm(x, p[h + "n1"]), heads, shared, past, before)
        x = x + a
        y = nn.rms_norm(x, p[h + "n2"])
        x = x + (nn.silu(y @ p[h + "gate"]) * (y @ p[h + "up"])) @ p[h + "down"]
        new_keys.append(k)
        new_values.append(v)
    return nn.rms_norm(x, p["n"]), axe.stack(new_keys), axe.stack(new_values)


def _grouped(p, h, x, heads, shared, past, before):
    """Heads share keys in groups; keys come from the cache and from the tokens themselves."""
    batch, length, width = x.shape
    depth, places = width // heads, past + axe.arange(length)

    def split(name, count):
        parts = axe.reshape(x @ p[h + name], (batch, length, count, depth))
        return axe.permute_dims(parts, (0, 2, 1, 3))

    q, k = (nn.rotary(split(n, c), places) for n, c in (("q", heads), ("k", shared)))
    v = split("v", shared)
    seen = (k, v)
    if before is not None:
        seen = tuple(axe.concat([old, new], axis=2) for old, new in zip(before, seen, strict=True))
    groups = axe.reshape(q, (batch, shared, heads // shared, length, depth))
    every = (axe.expand_dims(t, 2) for t in seen)
    a = nn.scaled_dot_product_attention(groups, *every, causal=before is None)
    mixed = axe.permute_dims(axe.reshape(a, q.shape), (0, 2, 1, 3))
    return axe.reshape(mixed, x.shape) @ p[h + "o"], k, v


def recommender(p, dense, indices):
    x = _perceptron(p, "low", dense, 2)
    rows = [nn.embedding(indices[:, i], p[f"t{i}"]) for i in range(TABLES)]
    return axe.sigmoid(
        _dense(p, "high2", _perceptron(p, "high", axe.concat([x, *rows], axis=1), 2))
    )


def _perceptron(p, n, x, layers):
    for i in range(layers):
        x = nn.relu(_dense(p, f"{n}{i}", x))
    return x


def audio(p, x):
    for i in range(4):
        x = nn.conv1d(x, p[f"c{i}_w"], stride=1 if i else 4)
        x = nn.max_pool(nn.relu(_bn(p, f"c{i}", x)), (4,))
    return _dense(p, "f", axe.mean(x, axis=2))
