"""A GPT over characters: one compiled step trains it, then an artifact writes text with it.

python samples/micro_gpt.py [--text FILE] [--steps 500]

The text is the documentation that every CPython carries (`pydoc_data.topics`), or FILE. The trained
weights become part of build/micro_gpt.axe, whose two entries write with a cache of keys and values:
`prefill` reads a prompt, `decode` one character after another. `samples/micro_gpt_write.py` is the
process that writes; it never sees the compiler.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

import axec as axe
from axec import nn, optim, train

BUILD = Path(__file__).resolve().parent.parent / "build"
WEIGHTS = BUILD / "micro_gpt.safetensors"
LAYERS, HEADS, WIDTH, LENGTH, VOCABULARY = 3, 4, 128, 128, 128  # vocabulary: ASCII
DEPTH = WIDTH // HEADS
BATCH, STEPS, RATE, WARM_UP = 16, 500, 3e-3, 50


class Attention(nn.Module):
    """Causal self-attention, over x alone or over a cache of earlier keys and values."""

    def __init__(self):
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x, cache=None, at=None):
        """x [N, T, W]; with a cache {"k", "v"} [N, heads, LENGTH, D] x stands at positions `at`,
        `at` + 1, ..., and the result is (y, new cache)."""
        batch, length, _ = x.shape
        parts = axe.reshape(self.qkv(x), (batch, length, 3, HEADS, DEPTH))
        q, k, v = (axe.permute_dims(parts[:, :, i], (0, 2, 1, 3)) for i in range(3))
        if cache is None:
            return self.merged(nn.scaled_dot_product_attention(q, k, v, causal=True))
        k = axe.dynamic_update_slice(cache["k"], k, (0, 0, at, 0))
        v = axe.dynamic_update_slice(cache["v"], v, (0, 0, at, 0))
        seen = axe.arange(LENGTH) <= at + axe.arange(length)[:, None]
        y = self.merged(nn.scaled_dot_product_attention(q, k, v, seen))
        return y, {"k": k, "v": v}

    def merged(self, y):
        batch, _, length, _ = y.shape
        return self.out(axe.reshape(axe.permute_dims(y, (0, 2, 1, 3)), (batch, length, WIDTH)))


class Block(nn.Module):
    def __init__(self):
        self.ln1, self.attn, self.ln2 = nn.LayerNorm(WIDTH), Attention(), nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x, cache=None, at=None):
        mixed = self.attn(self.ln1(x), cache, at)
        y, cache = (mixed, None) if cache is None else mixed
        x = x + y
        x = x + self.down(nn.gelu(self.up(self.ln2(x))))
        return x if cache is None else (x, cache)


class GPT(nn.Module):
    def __init__(self):
        self.wte, self.wpe = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.ln, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, tokens):
        """tokens [N, T <= LENGTH] -> scores of the next character [N, T, VOCABULARY]"""
        x = self.wte(tokens) + self.wpe(axe.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln(x))


class Writer(GPT):
    """The same model over a cache: one more character at a time."""

    def forward(self, tokens, cache, at):
        """tokens [N, T] at positions `at`, ... -> (scores after the last [N, VOCABULARY], cache)"""
        x = self.wte(tokens) + self.wpe(at + axe.arange(tokens.shape[1]))
        new = []
        for block, part in zip(self.blocks, cache, strict=True):
            x, part = block(x, part, at)
            new.append(part)
        return self.head(self.ln(x[:, -1])), new


MODEL, WRITER = GPT(), Writer()
OPTIMISER = optim.chain(
    optim.clip_by_global_norm(1.0),
    optim.adamw(
        optim.schedules.warm_up(optim.schedules.cosine(RATE, STEPS, RATE / 10), WARM_UP),
        0.9,
        0.99,
        weight_decay=0.1,
    ),
)


# ---- training ------------------------------------------------------------------------------------


def start(seed=0):
    """What a step changes. Embeddings are normal(0, 0.02) as in GPT-2, the rest as torch's."""
    params = MODEL.init(seed)
    for name in ("wte", "wpe"):
        params[name]["weight"] *= np.float32(0.02)
    return {"params": params, "optimiser": OPTIMISER.init(params)}


def loss_of(params, tokens):
    """Cross entropy of every next character: tokens [N, LENGTH + 1] -> scalar"""
    return nn.cross_entropy(MODEL(params, tokens[:, :-1]), tokens[:, 1:])


TOKENS = axe.spec((BATCH, LENGTH + 1), axe.int32)


@axe.entry(state=lambda: axe.spec_like(start()), tokens=TOKENS)
def step(state, tokens):
    """tokens [batch, LENGTH + 1] -> loss, next state"""
    value, grads = axe.value_and_grad(loss_of)(state["params"], tokens)
    updates, optimiser = OPTIMISER.update(grads, state["optimiser"], state["params"])
    params = optim.apply_updates(state["params"], updates)
    return value, {"params": params, "optimiser": optimiser}


@axe.entry(params=lambda: axe.spec_like(start()["params"]), tokens=TOKENS)
def loss(params, tokens):
    """tokens [batch, LENGTH + 1] -> loss"""
    return loss_of(params, tokens)


def read(path=None):
    """A text as ASCII codes, int32; what is not ASCII becomes `?`."""
    if path is None:
        from pydoc_data.topics import topics

        text = "\n".join(topics[name] for name in sorted(topics))
    else:
        text = Path(path).read_text()
    return np.frombuffer(text.encode("ascii", "replace"), np.uint8).astype(np.int32)


def windows(text, count, seed):
    """`count` stretches of LENGTH + 1 characters at random places of a text."""
    places = np.random.default_rng(seed).integers(0, len(text) - LENGTH, count)
    return text[places[:, None] + np.arange(LENGTH + 1)]


def split(text):
    """What the model learns from, and the last tenth, which it does not see."""
    return text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]


def trained(text, steps=STEPS, callbacks=()):
    """The run of a training on a text: loss and held-out loss by 50 steps, and the weights."""
    seen, held_out = split(text)
    # An epoch is 50 steps here, so that callbacks see something on the way.
    rows = windows(seen, steps * BATCH, 0).reshape(-1, min(50, steps), BATCH, LENGTH + 1)
    check = windows(held_out, 4 * BATCH, 1).reshape(-1, BATCH, LENGTH + 1)
    program = axe.compile([step, loss]).load()
    evaluate = train.Evaluate(lambda state, x: program["loss"](state["params"], x), check)
    return train.fit(
        program["step"], start(), rows.__getitem__, len(rows), [evaluate, *callbacks], source=step
    )


# ---- writing -------------------------------------------------------------------------------------


def weights():
    """The trained parameters; they become part of the artifact."""
    return train.load(WEIGHTS, start()["params"])[0]


def empty_cache():
    """Keys and values of no position yet."""
    part = np.zeros((1, HEADS, LENGTH, DEPTH), np.float32)
    return [{"k": part, "v": part} for _ in range(LAYERS)]


CACHE = axe.spec_like(empty_cache())


@axe.entry(
    params=weights,
    tokens=axe.spec((1, axe.dim("prompt", 1, LENGTH)), axe.int32),
    cache=CACHE,
    donate=("cache",),  # it is written where it lies
)
def prefill(params, tokens, cache):
    """The first characters [1, prompt] -> scores of the next [1, VOCABULARY], cache"""
    return WRITER(params, tokens, cache, 0)


@axe.entry(
    params=weights,
    token=axe.spec((1, 1), axe.int32),
    cache=CACHE,
    at=axe.spec((), axe.int64),
    donate=("cache",),
)
def decode(params, token, cache, at):
    """The character at position `at` [1, 1] -> scores of the next [1, VOCABULARY], cache"""
    return WRITER(params, token, cache, at)


def main():
    parser = argparse.ArgumentParser(description="Train a GPT over characters, then write text.")
    parser.add_argument("--text", metavar="FILE", help="text to learn (default: CPython's topics)")
    parser.add_argument("--steps", type=int, default=STEPS)
    given = parser.parse_args()
    BUILD.mkdir(exist_ok=True)
    run = trained(read(given.text), given.steps, [train.Progress()])
    train.save(WEIGHTS, run.state["params"])
    artifact = axe.compile([prefill, decode])
    artifact.save(BUILD / "micro_gpt.axe")
    write = Path(__file__).with_name("micro_gpt_write.py")
    command = [sys.executable, write, BUILD / "micro_gpt.axe", "The "]
    sys.exit(subprocess.run(command).returncode)


if __name__ == "__main__":
    main()
