"""How long a call takes, and how quiet the machine was meanwhile."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

QUIET = 0.15  # CPUs that others may use during a measurement
_WARM, _MIN_SAMPLES, _SAMPLE = 0.2, 7, 20e-6  # seconds, samples, seconds that a sample lasts


def steady(call: Callable[[], object], seconds: float, attempts: int = 2) -> dict[str, Any]:
    """Microseconds per call: median, mean, quartiles, minimum; `others`: CPUs that other processes
    used. A disturbed measurement is taken again, and the quietest one counts."""
    inner = _warm(call)
    found = []
    while len(found) < attempts and not any(f["others"] < QUIET for f in found):
        found.append(_once(call, seconds, inner))
    return min(found, key=lambda f: f["others"])


def _warm(call: Callable[[], object]) -> int:
    """Call until caches are warm; gives how many calls make one sample."""
    calls, start = 0, time.perf_counter()
    while calls < 2 or time.perf_counter() - start < _WARM:
        call()
        calls += 1
    return max(1, round(_SAMPLE * calls / (time.perf_counter() - start)))


def _once(call: Callable[[], object], seconds: float, inner: int) -> dict[str, Any]:
    samples: list[float] = []
    before, start = _others(), time.perf_counter()
    while len(samples) < _MIN_SAMPLES or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        for _ in range(inner):
            call()
        samples.append((time.perf_counter() - begin) / inner * 1e6)
    others = (_others() - before) / (time.perf_counter() - start)
    low, middle, high = statistics.quantiles(samples, n=4)
    return {
        "median_us": middle,
        "mean_us": statistics.fmean(samples),
        "min_us": min(samples),
        "spread": (high - low) / middle,
        "calls": len(samples) * inner,
        "others": max(0.0, others),
    }


def _others() -> float:
    """CPU seconds that processes other than this one have used since boot."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    own = os.times()
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK") - own.user - own.system


def memory_mib(key: str) -> float:
    """A figure of /proc/self/status (VmHWM: peak of resident memory; VmRSS), in MiB."""
    with open("/proc/self/status") as file:
        return next(int(x.split()[1]) / 1024 for x in file if x.startswith(key))
