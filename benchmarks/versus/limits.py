"""What the machine can do at most, in a process of its own:

python -m versus.limits THREADS        prints JSON: GFLOP/s of f32 multiply-adds, GB/s of copies
"""

from __future__ import annotations

import json
import os
import sys

from axec.measure.machine import COPY, copy_rate, limits

LARGE = 256 << 20  # bytes: far beyond the caches

if __name__ == "__main__":
    threads = int(sys.argv[1])
    if threads == 1:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    most = limits(threads)
    found = {"fma_f32": most.flops, f"copy_{COPY >> 20}m": most.copy}
    found |= {f"copy_{LARGE >> 20}m": copy_rate(threads, LARGE)}
    print(json.dumps({name: rate / 1e9 for name, rate in found.items()}))
