"""How often malloc is called while a whole training step runs: an entry `step(state, ...)` of an
artifact that donates its state; needs malloc_count.c preloaded."""

import ctypes
import json
import sys

import numpy as np

import axec.runtime
from axec.runtime.tree import unflatten

STEPS = 200

counter = ctypes.CDLL(None).malloc_count
counter.restype = ctypes.c_long

program = axec.runtime.load(sys.argv[1])
entry = program.manifest["entries"]["step"]
rng = np.random.default_rng(0)


def array(of: dict) -> np.ndarray:
    kind = {"f32": "float32", "i32": "int32", "i64": "int64"}[of["dtype"]]
    return np.asarray(rng.random(of["shape"])).astype(kind)


leaves = [array(row) for row in entry["inputs"] if row["name"].startswith("state.")]
batch = [array(row) for row in entry["inputs"] if not row["name"].startswith("state.")]
tree = entry["in_tree"]["children"][0]
state = unflatten(tree, iter([np.copy(leaf) for leaf in leaves]))
loss = np.empty((), np.float32)
step = program["step"]


def run(count: int) -> int:
    """malloc calls of so many steps."""
    start = counter()
    for _ in range(count):
        step(state, *batch, out=(loss, state))
    return int(counter() - start)


first = run(1)
run(50)  # the thread pool starts, and Python's own free lists fill
steps = run(STEPS)
start = counter()
for _ in range(STEPS):
    np.empty(10**5)
found = {"steps": STEPS, "mallocs": steps, "first": first, "control": counter() - start}
print(json.dumps({**found, "arrays": len(entry["inputs"]) + len(entry["outputs"])}))
