"""Seconds that JAX takes to trace, lower and compile the model of samples/gpt.py.

python benchmarks/peers/jax_gpt.py LAYERS forward|gradient
"""

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

HEADS, WIDTH, VOCABULARY, LENGTH = 4, 256, 1000, 128


def layer_norm(x, p):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * p["scale"] + p["bias"]


def dense(x, p):
    return x @ p["w"] + p["b"]


def attention(x, p):
    batch, length, width = x.shape
    qkv = dense(x, p["qkv"]).reshape(batch, length, 3, HEADS, width // HEADS)
    q, k, v = (qkv[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
    scores = q @ k.swapaxes(-1, -2) / np.float32((width // HEADS) ** 0.5)
    scores = jnp.where(jnp.tril(jnp.ones((length, length), bool)), scores, -jnp.inf)
    mixed = jax.nn.softmax(scores, axis=-1) @ v
    return dense(mixed.transpose(0, 2, 1, 3).reshape(x.shape), p["out"])


def forward(params, tokens):
    x = params["wte"][tokens] + params["wpe"][: tokens.shape[1]]
    for p in params["blocks"]:
        x = x + attention(layer_norm(x, p["ln1"]), p["attn"])
        hidden = jax.nn.gelu(dense(layer_norm(x, p["ln2"]), p["up"]), approximate=True)
        x = x + dense(hidden, p["down"])
    return layer_norm(x, params["ln"]) @ params["wte"].T


def loss(params, tokens, targets):
    log_p = jax.nn.log_softmax(forward(params, tokens), axis=-1)
    return -jnp.take_along_axis(log_p, targets[..., None], axis=-1).mean()


def shapes(layers):
    def f32(*shape):
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    def norm():
        return {"scale": f32(WIDTH), "bias": f32(WIDTH)}

    def linear(a, b):
        return {"w": f32(a, b), "b": f32(b)}

    block = {
        "ln1": norm(),
        "attn": {"qkv": linear(WIDTH, 3 * WIDTH), "out": linear(WIDTH, WIDTH)},
        "ln2": norm(),
        "up": linear(WIDTH, 4 * WIDTH),
        "down": linear(4 * WIDTH, WIDTH),
    }
    return {
        "wte": f32(VOCABULARY, WIDTH),
        "wpe": f32(LENGTH, WIDTH),
        "blocks": [block] * layers,
        "ln": norm(),
    }


jax.jit(lambda x: x + 1).lower(jax.ShapeDtypeStruct((4,), jnp.float32)).compile()
params, tokens = shapes(int(sys.argv[1])), jax.ShapeDtypeStruct((4, LENGTH), jnp.int32)
functions = {
    "forward": (forward, (params, tokens)),
    "gradient": (jax.value_and_grad(loss), (params, tokens, tokens)),
}
function, arguments = functions[sys.argv[2]]
start = time.perf_counter()
lowered = jax.jit(function).lower(*arguments)
middle = time.perf_counter()
lowered.compile()
done = time.perf_counter()
print(json.dumps({"lower": middle - start, "compile": done - start}))
