"""One library's process: reads lines of JSON, answers each with one.

{"case": 7}         prepare case 7: {"sum": of its results, "size": of them} or {"failed": why}
{"seconds": 0.01}   call it for that long: {"best": seconds of the fastest call}
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

if __name__ == "__main__" and int(sys.argv[2]) == 1:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np

from sweep.cases import cases
from sweep.libraries import LIBRARIES, Unsupported, random

LEAST = 3  # calls


def best(call: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest call. Short ones are timed some at a time."""
    clock = time.perf_counter
    start = clock()
    call()
    inner = max(1, min(50, int(20e-6 / (clock() - start))))
    found, end, rounds = float("inf"), clock() + seconds, 0
    while rounds < LEAST or clock() < end:
        start = clock()
        for _ in range(inner):
            call()
        found, rounds = min(found, (clock() - start) / inner), rounds + 1
    return found


def figures(result: Any) -> dict[str, float]:
    """What tells wrong results from right ones: the sum of all numbers, and of their sizes."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    if hasattr(parts[0], "float"):  # torch
        parts = [x.detach().float() for x in parts]
    arrays = [np.asarray(x).astype(np.float64) for x in parts]
    return {
        "sum": sum(float(x.sum()) for x in arrays),
        "size": sum(float(abs(x).sum()) for x in arrays),
    }


def main(name: str, threads: str) -> None:
    """Until the input ends."""
    library, known = LIBRARIES[name](int(threads)), cases()
    call: Callable[[], object] = list
    for line in sys.stdin:
        asked = json.loads(line)
        if "case" in asked:
            case = known[asked["case"]]
            try:
                call = library.prepare(case, random(case))
                answer: dict[str, Any] = figures(call())
            except Unsupported:
                answer = {"failed": "has no such op"}
            except Exception as e:
                answer = {"failed": f"{type(e).__name__}: {e}".splitlines()[0][:200]}
        else:
            answer = {"best": best(call, asked["seconds"])}
        sys.__stdout__.write(json.dumps(answer) + "\n")
        sys.__stdout__.flush()
    os._exit(0)  # some libraries crash while their threads are taken down


if __name__ == "__main__":
    main(*sys.argv[1:])
