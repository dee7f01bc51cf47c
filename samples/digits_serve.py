"""Production's side of samples/digits.py: numpy and axec.runtime, no compiler, no framework.

python samples/digits_serve.py MODEL.axe DATA.npz
"""

import sys
import time

import numpy as np


def seconds(call, calls):
    """The fastest of five rounds, per call."""
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        rounds.append(time.perf_counter() - start)
    return min(rounds) / calls


def main():
    path, data = sys.argv[1], np.load(sys.argv[2])
    images, answers, labels = data["images"], data["answers"], data["labels"]

    start = time.perf_counter()
    from axec.runtime import load

    program = load(path)
    scores = program(images)
    loaded = time.perf_counter() - start
    strangers = {"torch_mlir", "llvmlite", "sklearn", "axec.driver"} & set(sys.modules)
    print(f"loaded    and run for the first time in {loaded * 1e3:.1f} ms, with numpy alone")

    same = int((scores.argmax(axis=1) == answers).sum())
    right = f"accuracy {(scores.argmax(axis=1) == labels).mean():.1%}"
    print(f"checked   same class as scikit-learn on {same} of {len(images)} images; {right}")

    one, scores_of_one = images[:1].copy(), np.empty((1, 10), np.float32)
    single = seconds(lambda: program(one, out=scores_of_one), 10_000)
    every = seconds(lambda: program(images, out=scores), 100)
    print(f"called    1 image {single * 1e6:.2f} us; {len(images)} images {every * 1e6:.0f} us")
    sys.exit(0 if same == len(images) and not strangers else 1)


if __name__ == "__main__":
    main()
