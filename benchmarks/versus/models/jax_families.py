"""Models of other families as jax functions; layouts as in jax_models.py."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from versus.models.jax_models import _bn, _cross_entropy, _norm, _pool
from versus.models.jax_models import mlp as mlp
from versus.models.jax_models import resnet18 as resnet18
from versus.workloads.families import BOTTLENECKS, ENCODERS, INVERTED, LLAMA, TABLES, UNET

_LAYOUTS = {3: ("NWC", "WIO", "NWC"), 4: ("NHWC", "HWIO", "NHWC")}


def _dense(p, n, x):
    return x @ p[n + "_w"] + p[n + "_b"]


def _plain(x, w, stride=1, pad=0, groups=1):
    rank = x.ndim - 2
    return jax.lax.conv_general_dilated(
        x, w, (stride,) * rank, [(pad, pad)] * rank, dimension_numbers=_LAYOUTS[x.ndim],
        feature_group_count=groups,
    )  # fmt: skip


def _conv(p, n, x, *options):
    return _bn(p, n, _plain(x, p[n + "_w"], *options))


def _relu6(x):
    return jnp.clip(x, 0, 6)


def mobilenet(p, x):
    x = _relu6(_conv(p, "first", x, 2, 1))
    for s, (expansion, _, repeats, first) in enumerate(INVERTED):
        for b in range(repeats):
            stride, h = (1 if b else first), f"s{s}b{b}"
            y = _relu6(_conv(p, h + "up", x)) if expansion > 1 else x
            y = _conv(p, h + "depth", y, stride, 1, y.shape[-1])
            y = _conv(p, h + "down", _relu6(y))
            x = x + y if b else y
    return _dense(p, "f", _relu6(_conv(p, "last", x)).mean((1, 2)))


def resnet50(p, x):
    relu = jax.nn.relu
    x = _pool(relu(_conv(p, "first", x, 2, 3)), -jnp.inf, jax.lax.max, 3, 2, 1)
    for s, (_, repeats, first) in enumerate(BOTTLENECKS):
        for b in range(repeats):
            stride, h = (1 if b else first), f"s{s}b{b}"
            y = relu(_conv(p, h + "c0", x))
            y = _conv(p, h + "c2", relu(_conv(p, h + "c1", y, stride, 1)))
            x = relu(y + (x if b else _conv(p, h + "cd", x, stride)))
    return _dense(p, "f", x.mean((1, 2)))


def _double(p, n, x):
    for part in "ab":
        x = jax.nn.relu(_conv(p, n + part, x, 1, 1))
    return x


def unet(p, x):
    skips = []
    for i in range(len(UNET)):
        x = _pool(x, -jnp.inf, jax.lax.max, 2, 2, 0) if i else x
        x = _double(p, f"d{i}", x)
        skips.append(x)
    for i in reversed(range(len(UNET) - 1)):
        # Converted as convolutions are: [K, L, outputs, inputs], as transpose_kernel takes them.
        x = jax.lax.conv_transpose(
            x, p[f"up{i}"], (2, 2), "VALID", dimension_numbers=_LAYOUTS[4], transpose_kernel=True
        )
        x = _double(p, f"u{i}", jnp.concatenate([skips[i], x], -1))
    return _plain(x, p["out"]).transpose(0, 3, 1, 2)


def small_images_train(p, x, y):
    for i in range(3):
        x = _plain(x, p[f"c{i}"], 1, 1)
        centred = x - x.mean((0, 1, 2))
        spread = jnp.square(centred).mean((0, 1, 2))
        x = jax.nn.relu(centred * (jax.lax.rsqrt(spread + 1e-5) * p[f"g{i}"]) + p[f"b{i}"])
        x = _pool(x, -jnp.inf, jax.lax.max, 3, 2, 1)
    return _cross_entropy(_dense(p, "f", x.mean((1, 2))), y)


def _scanned(p, x, step, carried):
    """All states but the last are dropped, as callers use the last alone."""
    from_x = x.swapaxes(0, 1) @ p["weight_ih_l0"].T + p["bias_ih_l0"]
    zeros = jnp.zeros((x.shape[0], 256), x.dtype)

    def one(carry, from_x):
        from_h = carry[0] @ p["weight_hh_l0"].T + p["bias_hh_l0"]
        return step(carry, from_x, from_h), None

    return jax.lax.scan(one, (zeros,) * carried, from_x)[0][0]


def _lstm_step(carry, from_x, from_h):
    i, f, g, o = jnp.split(from_x + from_h, 4, -1)
    c = jax.nn.sigmoid(f) * carry[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _gru_step(carry, from_x, from_h):
    xs, hs = jnp.split(from_x, 3, -1), jnp.split(from_h, 3, -1)
    r, z = (jax.nn.sigmoid(a + b) for a, b in zip(xs[:2], hs[:2], strict=True))
    n = jnp.tanh(xs[2] + r * hs[2])
    return (n + z * (carry[0] - n),)


def lstm(p, x):
    return _dense(p, "f", _scanned(p, x, _lstm_step, 2))


def gru(p, x):
    return _dense(p, "f", _scanned(p, x, _gru_step, 1))


def lstm_train(p, x, y):
    return _cross_entropy(lstm(p, x), y)


def gru_train(p, x, y):
    return _cross_entropy(gru(p, x), y)


def _attention(p, h, x, heads, mask=None):
    batch, length, width = x.shape
    qkv = _dense(p, h + "qkv", x).reshape(batch, length, 3, heads, -1)
    q, k, v = (qkv[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
    scores = jnp.einsum("bhqd,bhkd->bhqk", q, k) * (width // heads) ** -0.5
    if mask is not None:
        scores = jnp.where(mask, scores, -1e30)
    a = jnp.einsum("bhqk,bhkd->bhqd", jax.nn.softmax(scores, -1), v)
    return _dense(p, h + "proj", a.transpose(0, 2, 1, 3).reshape(batch, length, width))


def _mlp(p, h, x):
    return _dense(p, h + "out", jax.nn.gelu(_dense(p, h + "fc", x), approximate=False))


def _bert(name):
    layers, _, heads, _ = ENCODERS[name]

    def bert(p, tokens, mask):
        x = _norm(p, "n", p["words"][tokens] + p["places"] + p["kinds"][0])
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
    patches = _plain(x, p["patch"], 16).reshape(x.shape[0], -1, width)
    first = jnp.broadcast_to(p["token"], (x.shape[0], 1, width))
    x = jnp.concatenate([first, patches], 1) + p["places"]
    for i in range(layers):
        h = f"h{i}_"
        x = x + _attention(p, h, _norm(p, h + "n1", x), heads)
        x = x + _mlp(p, h, _norm(p, h + "n2", x))
    return _dense(p, "f", _norm(p, "n", x)[:, 0])


def _rms(x, g):
    wide = x.astype(jnp.float32)
    scale = jax.lax.rsqrt(jnp.square(wide).mean(-1, keepdims=True) + 1e-5)
    return (wide * scale).astype(x.dtype) * g


def llama(p, x, keys=None, values=None):
    layers, _, heads, shared, _ = LLAMA
    past = 0 if keys is None else keys.shape[3]
    new_keys, new_values = [], []
    for i in range(layers):
        h, before = f"h{i}_", None if keys is None else (keys[i], values[i])
        a, k, v = _grouped(p, h, _rms(x, p[h + "n1"]), heads, shared, past, before)
        x = x + a
        y = _rms(x, p[h + "n2"])
        x = x + (jax.nn.silu(y @ p[h + "gate"]) * (y @ p[h + "up"])) @ p[h + "down"]
        new_keys.append(k)
        new_values.append(v)
    return _rms(x, p["n"]), jnp.stack(new_keys), jnp.stack(new_values)


def _rotary(x, past):
    depth = x.shape[-1]
    rates = 10000.0 ** -(jnp.arange(0, depth, 2, dtype=jnp.float32) / depth)
    angles = jnp.arange(past, past + x.shape[-2], dtype=jnp.float32)[:, None] * rates
    c, s = jnp.cos(angles).astype(x.dtype), jnp.sin(angles).astype(x.dtype)
    a, b = jnp.split(x, 2, -1)
    return jnp.concatenate([a * c - b * s, b * c + a * s], -1)


def _grouped(p, h, x, heads, shared, past, before):
    batch, length, width = x.shape
    depth = width // heads

    def split(name, count):
        return (x @ p[h + name]).reshape(batch, length, count, depth).transpose(0, 2, 1, 3)

    q, k = _rotary(split("q", heads), past), _rotary(split("k", shared), past)
    v = split("v", shared)
    keys, values = k, v
    if before is not None:
        keys, values = (jnp.concatenate(pair, 2) for pair in zip(before, (k, v), strict=True))
    groups = q.reshape(batch, shared, heads // shared, length, depth)
    scores = jnp.einsum("bghqd,bgkd->bghqk", groups, keys) * depth**-0.5
    if before is None:
        scores = jnp.where(jnp.tril(jnp.ones((length, length), bool)), scores, -1e30)
    a = jnp.einsum("bghqk,bgkd->bghqd", jax.nn.softmax(scores, -1), values)
    mixed = a.reshape(q.shape).transpose(0, 2, 1, 3).reshape(x.shape)
    return mixed @ p[h + "o"], k, v


def recommender(p, dense, indices):
    x = _perceptron(p, "low", dense, 2)
    rows = [p[f"t{i}"][indices[:, i]] for i in range(TABLES)]
    x = _perceptron(p, "high", jnp.concatenate([x, *rows], 1), 2)
    return jax.nn.sigmoid(_dense(p, "high2", x))


def _perceptron(p, n, x, layers):
    for i in range(layers):
        x = jax.nn.relu(_dense(p, f"{n}{i}", x))
    return x


def audio(p, x):
    for i in range(4):
        x = jax.nn.relu(_conv(p, f"c{i}", x, 1 if i else 4))
        windows = ((1, 4, 1), (1, 4, 1), "VALID")
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, *windows)
    return _dense(p, "f", x.mean(1))
