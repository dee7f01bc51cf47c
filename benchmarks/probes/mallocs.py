"""How often malloc is called while a compiled entry runs; needs malloc_count.c preloaded."""

import ctypes
import json
import sys

import numpy as np

import axec.runtime

CALLS = 1000

counter = ctypes.CDLL(None).malloc_count
counter.restype = ctypes.c_long

program = axec.runtime.load(sys.argv[1])
(name,) = program.entries
batch = {"batch": 64}
spec = program.manifest["entries"][name]


def array(of: dict) -> np.ndarray:
    return np.ones([batch.get(size, size) for size in of["shape"]], "float32")


inputs = [array(of) for of in spec["inputs"]]
out = array(spec["outputs"][0])
entry = program[name]
for _ in range(100):  # the thread pool starts, and Python's own free lists fill
    entry(*inputs, out=out)

start = counter()
for _ in range(CALLS):
    entry(*inputs, out=out)
mallocs = counter() - start

# The counter itself counts: big arrays go through malloc once each.
start = counter()
for _ in range(CALLS):
    np.empty(10**5)
print(json.dumps({"calls": CALLS, "mallocs": mallocs, "control": counter() - start}))
