"""How long a call takes, and how quiet the machine was meanwhile."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

QUIET = 0.15  # CPUs that others may use during a measurement
_WARM, _MIN_SAMPLES, _SAMPLE = 0.2, 7, 20e-6  # seconds, samples, seconds that a sample lasts


def steady(
    call: Callable[[], object], seconds: float, attempts: int = 2, alone: bool = False
) -> dict[str, Any]:
    """Microseconds per call: median, mean, quartiles, minimum; `others`: CPUs that other processes
    used. A disturbed measurement is taken again, and the quietest one counts. `alone`: one thread
    does all the work, so that its processor's time leaves out what it waited for others: that is
    what a disturbed measurement counts then."""
    inner = _warm(call)
    found = [_once(call, seconds, inner, alone)]
    while not alone and len(found) < attempts and found[-1]["others"] >= QUIET:
        found.append(_once(call, seconds, inner, alone))
    return min(found, key=lambda f: f["others"])


def _warm(call: Callable[[], object]) -> int:
    """Call until caches are warm; gives how many calls make one sample."""
    calls, start = 0, time.perf_counter()
    while calls < 2 or time.perf_counter() - start < _WARM:
        call()
        calls += 1
    return max(1, round(_SAMPLE * calls / (time.perf_counter() - start)))


def _once(call: Callable[[], object], seconds: float, inner: int, alone: bool) -> dict[str, Any]:
    clocks, samples = (time.perf_counter, time.process_time), []
    before, start = _others(), time.perf_counter()
    while len(samples) < _MIN_SAMPLES or time.perf_counter() - start < seconds:
        begin = [clock() for clock in clocks]
        for _ in range(inner):
            call()
        ends = zip(clocks, begin, strict=True)
        samples.append([(clock() - first) / inner * 1e6 for clock, first in ends])
    others = (_others() - before) / (time.perf_counter() - start)
    passed, worked = zip(*samples, strict=True)
    times = worked if alone and others >= QUIET else passed
    low, middle, high = statistics.quantiles(times, n=4)
    return {
        "median_us": middle,
        "mean_us": statistics.fmean(times),
        "min_us": min(times),
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
