"""What the machine can do at most: multiply-adds of f32 in registers, and copies of memory.

python -m versus.limits THREADS        prints JSON
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable

import numpy as np

COPIES = {"copy_16m": 16 << 20, "copy_256m": 256 << 20}  # bytes read, and as many written


def main(threads: int) -> None:
    if threads == 1:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    found = {name: _copy(size, threads) for name, size in COPIES.items()}
    found["fma_f32"] = _fma(threads)
    print(json.dumps(found))


def _together(parts: list[Callable[[], object]]) -> Callable[[], float]:
    """Run all parts at once in threads that wait for each other: seconds from the last one's start
    to the last one's end."""
    gate = threading.Barrier(len(parts))
    spans: list[tuple[float, float]] = []

    def work(part: Callable[[], object]) -> None:
        gate.wait()
        start = time.perf_counter()
        part()
        spans.append((start, time.perf_counter()))

    def run() -> float:
        spans.clear()
        workers = [threading.Thread(target=work, args=(p,)) for p in parts]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return max(e for _, e in spans) - min(s for s, _ in spans)

    return run


def _copy(size: int, threads: int) -> float:
    """GB/s, reads and writes together. Every thread copies its part several times."""
    times, share = max(1, (64 << 20) // size), size // threads
    rooms = [[np.ones(share, np.uint8) for _ in range(2)] for _ in range(threads)]
    parts: list[Callable[[], object]] = [
        lambda a=a, b=b: [np.copyto(b, a) for _ in range(times)] for a, b in rooms
    ]
    run = _together(parts)
    return 2 * size * times / min(run() for _ in range(9)) / 1e9


def _fma(threads: int) -> float:
    """GFLOP/s of the loop of gemm.py, in every thread."""
    from gemm import peak_flops, peak_loop

    from axec.passes.codegen.cpu import targets

    (target,) = targets.resolve_all(["native"])
    run = _together([peak_loop(target) for _ in range(threads)])
    return threads * peak_flops(target) / min(run() for _ in range(25)) / 1e9


if __name__ == "__main__":
    main(int(sys.argv[1]))
