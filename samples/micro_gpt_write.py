"""Writes text with what samples/micro_gpt.py trained. Needs numpy and the runtime.

python samples/micro_gpt_write.py ARTIFACT PROMPT [CHARACTERS] [TEMPERATURE]
"""

import sys
import time

import numpy as np

from axec.runtime import load


def write(program, prompt, count, temperature=0.7, seed=0):
    """Yields `count` characters after a prompt, as long as the model has positions for them."""
    rng = np.random.default_rng(seed)
    layers, shape = shape_of_cache(program)
    cache = [{"k": zeros(shape), "v": zeros(shape)} for _ in range(layers)]
    tokens = np.frombuffer(prompt.encode("ascii", "replace"), np.uint8).astype(np.int32)[None]
    scores, cache = program["prefill"](tokens, cache)
    for at in range(tokens.size, min(tokens.size + count, shape[2])):
        weights = np.exp((scores[0] - scores.max()) / temperature, dtype=np.float64)
        token = rng.choice(weights.size, p=weights / weights.sum())
        yield chr(token)
        # The cache is donated: what is new is written where the old lies, nothing is copied.
        scores, cache = program["decode"](np.array([[token]], np.int32), cache, np.int64(at))


def shape_of_cache(program):
    """Number of layers, and the shape of a layer's keys."""
    rows = program.manifest["entries"]["decode"]["inputs"]
    keys = [row["shape"] for row in rows if row["name"].endswith(".k")]
    return len(keys), keys[0]


def zeros(shape):
    return np.zeros(shape, np.float32)


def main(artifact, prompt, count="120", temperature="0.7"):
    program = load(artifact)
    print(prompt, end="")
    began, written = time.perf_counter(), 0
    for character in write(program, prompt, int(count), float(temperature)):
        print(character, end="", flush=True)
        written += 1
    each = (time.perf_counter() - began) / written
    print(f"\n[{written} characters, {each * 1e6:.0f} us each]")
    strangers = [m for m in ("axec.lang", "torch_mlir", "llvmlite") if m in sys.modules]
    return 1 if strangers else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
