"""Seconds per call of an addition of 16 floats, next to numpy.add's, in one process."""

import json
import sys
import timeit

import numpy as np

import axec.runtime

CALLS = 100_000

program = axec.runtime.load(sys.argv[1])
add = program["add"]
x, y, z = (np.ones(16, np.float32) for _ in range(3))
names = {"add": add, "np": np, "x": x, "y": y, "z": z}
statements = {
    "out": "add(x, y, out=z)",
    "fresh": "add(x, y)",
    "numpy_out": "np.add(x, y, out=z)",
    "numpy": "np.add(x, y)",
}
found = {
    key: min(timeit.repeat(text, globals=names, number=CALLS, repeat=5)) / CALLS
    for key, text in statements.items()
}
assert (z == 2).all()
print(json.dumps(found))
