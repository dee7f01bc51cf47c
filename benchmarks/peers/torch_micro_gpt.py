"""The model of samples/micro_gpt.py in torch: the same weights, the same 500 steps.

    torch_micro_gpt.py PARTS      PARTS/start.npz: the weights by name; PARTS/rows.npy: the batches
                                  [steps, batch, length + 1]; PARTS/check.npy: held-out ones

Prints JSON: the losses of all steps, the held-out loss after them, the median seconds of a step.
"""

import json
import math
import statistics
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

HEADS, WARM_UP, RATE = 4, 50, 3e-3


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.qkv(x).view(batch, length, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(*parts, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.ln1, self.attn, self.ln2 = nn.LayerNorm(width), Attention(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.down(functional.gelu(self.up(self.ln2(x))))


class GPT(nn.Module):
    def __init__(self, vocabulary, length, width, layers):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.ln, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln(x))


def loss_of(model, tokens):
    scores = model(tokens[:, :-1])
    return functional.cross_entropy(scores.flatten(0, 1), tokens[:, 1:].flatten())


def rate(step, steps):
    """Warm-up times half a cosine down to a tenth, as a factor of RATE."""
    down = 0.1 + 0.9 * (1 + math.cos(math.pi * min(step / steps, 1))) / 2
    return min(step / WARM_UP, 1) * down


def main(parts):
    start = dict(np.load(f"{parts}/start.npz"))
    rows, check = (
        torch.tensor(np.load(f"{parts}/{name}.npy"), dtype=torch.int64)
        for name in ("rows", "check")
    )
    vocabulary, width = start["wte.weight"].shape
    layers = 1 + max(int(name.split(".")[1]) for name in start if name.startswith("blocks."))
    model = GPT(vocabulary, start["wpe.weight"].shape[0], width, layers)
    model.load_state_dict({name: torch.tensor(array) for name, array in start.items()})
    optimiser = torch.optim.AdamW(model.parameters(), RATE, (0.9, 0.99), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda n: rate(n, 500))
    losses, seconds = [], []
    for tokens in rows:
        began = time.perf_counter()
        optimiser.zero_grad()
        loss = loss_of(model, tokens)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - began)
    with torch.no_grad():
        held_out = statistics.fmean(loss_of(model, tokens).item() for tokens in check)
    each = statistics.median(seconds)
    print(json.dumps({"losses": losses, "held_out": held_out, "seconds": each}))


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(*sys.argv[1:])
