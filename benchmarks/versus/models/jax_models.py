"""The workloads as jax functions; images are [N, H, W, C] and convolutions [K, L, C, O], which XLA
likes best on CPUs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from versus.workloads import HEADS, LAYERS, RESNET_STAGES, Made


def converted(images: bool, params: dict, inputs: list) -> Made:
    """Arrays as these functions take them."""
    if images:  # what has more than two axes is filters
        moved = {k: np.moveaxis(v, (0, 1), (-1, -2)) for k, v in params.items() if v.ndim > 2}
        params = params | {k: v.copy() for k, v in moved.items()}
        inputs = [np.moveaxis(inputs[0], 1, -1).copy(), *inputs[1:]]
    return params, [x.astype(np.int32) if x.dtype == np.int64 else x for x in inputs]


def matmul(p, a, b):
    return a @ b


def matmul_int8(p, a, b):
    return jnp.matmul(a, b, preferred_element_type=jnp.int32)


def linear(p, x):
    return x @ p["w"] + p["b"]


def chain(p, x):
    y = 0.5 * x * (1.0 + jnp.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
    return jnp.exp(-y * y) * x + y


def softmax(p, x):
    return jax.nn.softmax(x, axis=-1)


def _normed(x, g, b):
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5) * g + b


def layer_norm(p, x):
    return _normed(x, p["g"], p["b"])


def mlp(p, x):
    for i in range(2):
        x = jax.nn.relu(x @ p[f"w{i}"] + p[f"b{i}"])
    return x @ p["w2"] + p["b2"]


def _cross_entropy(logits, y):
    logp = jax.nn.log_softmax(logits, -1)
    return -jnp.take_along_axis(logp, y[..., None], -1).mean()


def mlp_train(p, x, y):
    return _cross_entropy(mlp(p, x), y)


def _conv(x, w, stride=1, pad=0):
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        x, w, (stride, stride), [(pad, pad)] * 2, dimension_numbers=layout
    )


def _bn(p, n, x):
    scale = p[n + "_g"] * jax.lax.rsqrt(p[n + "_v"] + 1e-5)
    return x * scale + (p[n + "_b"] - p[n + "_m"] * scale)


def _pool(x, start, fold, size, stride, pad):
    padding = [(0, 0), (pad, pad), (pad, pad), (0, 0)]
    return jax.lax.reduce_window(
        x, start, fold, (1, size, size, 1), (1, stride, stride, 1), padding
    )


def resnet18(p, x):
    relu = jax.nn.relu
    x = relu(_bn(p, "n0", _conv(x, p["c0"], 2, 3)))
    x = _pool(x, -jnp.inf, jax.lax.max, 3, 2, 1)
    for s, (_, first) in enumerate(RESNET_STAGES):
        for b in range(2):
            stride, h = (1 if b else first), f"s{s}b{b}"
            y = relu(_bn(p, h + "n1", _conv(x, p[h + "c1"], stride, 1)))
            y = _bn(p, h + "n2", _conv(y, p[h + "c2"], 1, 1))
            if h + "cd" in p:
                x = _bn(p, h + "nd", _conv(x, p[h + "cd"], stride))
            x = relu(x + y)
    return x.mean((1, 2)) @ p["fw"] + p["fb"]


def lenet_train(p, x, y):
    x = _pool(jnp.tanh(_conv(x, p["c1"], 1, 2) + p["b1"]), 0.0, jax.lax.add, 2, 2, 0) * 0.25
    x = _pool(jnp.tanh(_conv(x, p["c2"]) + p["b2"]), 0.0, jax.lax.add, 2, 2, 0) * 0.25
    x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)
    for i in range(2):
        x = jnp.tanh(x @ p[f"fw{i}"] + p[f"fb{i}"])
    return _cross_entropy(x @ p["fw2"] + p["fb2"], y)


def _linear(p, n, x):
    return x @ p[n + "_w"] + p[n + "_b"]


def _norm(p, n, x):
    return _normed(x, p[n + "_g"], p[n + "_b"])


def _block(p, h, x, heads, past=None):
    batch, length, width = x.shape
    qkv = jnp.split(_linear(p, h + "qkv", _norm(p, h + "ln1", x)), 3, -1)
    q, k, v = (t.reshape(batch, length, heads, -1).transpose(0, 2, 1, 3) for t in qkv)
    if past is not None:
        k, v = jnp.concatenate([past[0], k], 2), jnp.concatenate([past[1], v], 2)
    scores = jnp.einsum("bhqd,bhkd->bhqk", q, k) * (width // heads) ** -0.5
    if past is None:
        scores = jnp.where(jnp.tril(jnp.ones((length, length), bool)), scores, -1e30)
    a = jnp.einsum("bhqk,bhkd->bhqd", jax.nn.softmax(scores, -1), v)
    x = x + _linear(p, h + "proj", a.transpose(0, 2, 1, 3).reshape(batch, length, width))
    m = jax.nn.gelu(_linear(p, h + "fc", _norm(p, h + "ln2", x)), approximate=True)
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
    return _norm(p, "lnf", x) @ p["wte"].T, jnp.stack(new_keys), jnp.stack(new_values)


def micro_gpt_train(p, tokens, targets):
    x = p["wte"][tokens] + p["wpe"]
    for layer in range(LAYERS["micro_gpt_train"]):
        x = _block(p, f"h{layer}_", x, HEADS["micro_gpt_train"])[0]
    return _cross_entropy(_norm(p, "lnf", x) @ p["wte"].T, targets)


def sgd(loss, rate):
    """state = params; gives (state, loss)."""

    def step(state, *inputs):
        value, grads = jax.value_and_grad(loss)(state, *inputs)
        return jax.tree.map(lambda p, g: p - rate * g, state, grads), value

    return step


def adamw(loss, rate, b1=0.9, b2=0.999, eps=1e-8, decay=0.01):
    """state = (params, m, v, count); gives (state, loss), as torch.optim.AdamW does it."""

    def step(state, *inputs):
        p, m, v, count = state
        value, grads = jax.value_and_grad(loss)(p, *inputs)
        count = count + 1
        m = jax.tree.map(lambda a, g: b1 * a + (1 - b1) * g, m, grads)
        v = jax.tree.map(lambda a, g: b2 * a + (1 - b2) * g * g, v, grads)
        c1, c2 = 1 - b1**count, 1 - b2**count

        def update(w, a, s):
            return w * (1 - rate * decay) - rate * (a / c1) / (jnp.sqrt(s / c2) + eps)

        return (jax.tree.map(update, p, m, v), m, v, count), value

    return step
