"""Seconds per call of additions of 16 floats, next to numpy.add's, in one process."""

import json
import sys
import timeit

import ml_dtypes
import numpy as np

import axec as axe
import axec.runtime

CALLS = 100_000

program = axec.runtime.load(sys.argv[1])
x, y, z = (np.ones(16, np.float32) for _ in range(3))
h, i, j = (one.astype(ml_dtypes.bfloat16) for one in (x, y, z))
p, r = ({"a": x.copy(), "b": y.copy(), "c": [x.copy(), y.copy()]} for _ in range(2))
jit = axe.jit(lambda p, x: axe.tree.map(lambda leaf: leaf + x, p))
names = {**globals(), **program.entries}
statements = {
    "out": "add(x, y, out=z)",
    "fresh": "add(x, y)",
    "keywords": "add(x=x, y=y, out=z)",
    "half_out": "half(h, i, out=j)",
    "half": "half(h, i)",
    "tree_out": "tree(p, x, out=r)",
    "tree": "tree(p, x)",
    "jit": "jit(p, x)",
    "numpy_out": "np.add(x, y, out=z)",
    "numpy": "np.add(x, y)",
}
found = {
    key: min(timeit.repeat(text, globals=names, number=CALLS, repeat=5)) / CALLS
    for key, text in statements.items()
}
assert (z == 2).all()
assert (j == 2).all()
assert (r["c"][1] == 2).all()
print(json.dumps(found))
