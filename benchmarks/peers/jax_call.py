"""Seconds per call of a jitted addition of 16 floats."""

import json
import timeit

import jax
import numpy as np

CALLS = 20_000

add = jax.jit(lambda x, y: x + y)
x, y = (jax.numpy.asarray(np.ones(16, np.float32)) for _ in range(2))
add(x, y).block_until_ready()
seconds = timeit.repeat(lambda: add(x, y).block_until_ready(), number=CALLS, repeat=5)
print(json.dumps({"call": min(seconds) / CALLS}))
