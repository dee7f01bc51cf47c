"""Seconds that axec takes from the Python function of samples/gpt.py to the bytes of an artifact.

    python benchmarks/probes/compile_gpt.py LAYERS forward|gradient

`gradient` is the loss with its gradients. Stages stand beside the whole.

The parameters are inputs, as in the JAX program that it is compared with. Both sides have compiled
a small program before: what a process does once is measured by compile_digits.py.
"""

import importlib.util
import json
import sys
import time

import axec as axe

spec = importlib.util.spec_from_file_location("gpt", "samples/gpt.py")
gpt = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gpt)

layers = int(sys.argv[1])
params = axe.tree.map(lambda p: axe.spec(p.shape, axe.float32), gpt.init(layers))
tokens = axe.spec((4, 128), axe.int32)


def loss(params, tokens, targets):
    return axe.nn.cross_entropy(gpt.forward(params, tokens), targets)


FUNCTIONS = {
    "forward": (gpt.forward, (params, tokens)),
    "gradient": (axe.value_and_grad(loss), (params, tokens, tokens)),
}
function, arguments = FUNCTIONS[sys.argv[2]]
compile = axe.compile  # names are imported at first use, which is no part of compiling

axe.compile(lambda x: x + 1, axe.spec((4,)))
start = time.perf_counter()
artifact = compile(function, *arguments)
done = time.perf_counter()
print(json.dumps({"compile": done - start, **artifact.timings}))
