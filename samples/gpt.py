"""A GPT: token and position embeddings, pre-norm blocks with causal attention, tied output head.

axec compile samples/gpt.py:logits -o gpt.axe

The weights are random (a fixed seed): this sample is about the shape of the program.
"""

import numpy as np

import axec as axe

WIDTH, HEADS, VOCABULARY, LENGTH = 256, 4, 1000, 128
LAYERS = 4


def init(layers=LAYERS, seed=0):
    """Parameters as a tree of float32 arrays: normal(0, 0.02) matrices, zero biases."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02)

    def norm():
        return {"scale": np.ones(WIDTH, np.float32), "bias": np.zeros(WIDTH, np.float32)}

    def linear(n, m):
        return {"w": normal(n, m), "b": np.zeros(m, np.float32)}

    def block():
        return {
            "ln1": norm(),
            "attn": {"qkv": linear(WIDTH, 3 * WIDTH), "out": linear(WIDTH, WIDTH)},
            "ln2": norm(),
            "up": linear(WIDTH, 4 * WIDTH),
            "down": linear(4 * WIDTH, WIDTH),
        }

    return {
        "wte": normal(VOCABULARY, WIDTH),
        "wpe": normal(LENGTH, WIDTH),
        "blocks": [block() for _ in range(layers)],
        "ln": norm(),
    }


def layer_norm(x, p):
    return axe.nn.layer_norm(x, p["scale"], p["bias"], eps=1e-5)


def dense(x, p):
    return x @ p["w"] + p["b"]


def attention(x, p):
    """Every token looks at itself and those before it. x: [batch, length, WIDTH]"""
    batch, length, width = x.shape
    qkv = axe.reshape(dense(x, p["qkv"]), (batch, length, 3, HEADS, width // HEADS))
    q, k, v = (axe.permute_dims(qkv[:, :, i], (0, 2, 1, 3)) for i in range(3))
    mixed = axe.nn.scaled_dot_product_attention(q, k, v, causal=True)
    return dense(axe.reshape(axe.permute_dims(mixed, (0, 2, 1, 3)), x.shape), p["out"])


def forward(params, tokens):
    """tokens: int32 [batch, length <= LENGTH] -> logits [batch, length, VOCABULARY]"""
    x = axe.take(params["wte"], tokens, axis=0) + params["wpe"][: tokens.shape[1]]
    for p in params["blocks"]:
        x = x + attention(layer_norm(x, p["ln1"]), p["attn"])
        x = x + dense(
            axe.nn.gelu(dense(layer_norm(x, p["ln2"]), p["up"]), approximate=True), p["down"]
        )
    return layer_norm(x, params["ln"]) @ params["wte"].T


@axe.entry(params=init, tokens=axe.spec((axe.dim("batch", 1, 8), LENGTH), axe.int32))
def logits(params, tokens):
    """tokens: int32 [batch, 128] -> the score of every next token, float32 [batch, 128, 1000]"""
    return forward(params, tokens)
