"""How long a call takes, as honestly as one process can tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Timing", "measure", "quantile"]

_SAMPLE_SECONDS = 20e-6  # a sample is at least this long, so that the clock's own 50 ns is noise
_WARM_SECONDS = 0.1
_MIN_SAMPLES = 7


class Timing(NamedTuple):
    """Seconds per call over `samples` samples, sorted, of `inner` calls each."""

    seconds: list[float]
    inner: int

    @property
    def median(self) -> float:
        return quantile(self.seconds, 0.5)

    @property
    def spread(self) -> float:
        """Distance between the quartiles, as a fraction of the median."""
        quartiles = quantile(self.seconds, 0.75) - quantile(self.seconds, 0.25)
        return quartiles / self.median


def quantile(ordered: list[float], fraction: float) -> float:
    """The value at `fraction` of sorted samples (nearest rank)."""
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]


def measure(
    call: Callable[[], object],
    *,
    repeat: int | None = None,
    seconds: float = 1.0,
    warm: float = _WARM_SECONDS,
) -> Timing:
    """Time `repeat` calls, or as many as fit into `seconds`, after a warm-up of `warm` seconds.

    Short calls are timed in groups, unless `repeat` says how many samples there are to be.
    """
    inner = _warm(call, warm) if repeat is None else 1
    samples: list[float] = []
    end = time.perf_counter() + seconds
    while (
        len(samples) < repeat
        if repeat is not None
        else len(samples) < _MIN_SAMPLES or time.perf_counter() < end
    ):
        start = time.perf_counter()
        for _ in range(inner):
            call()
        samples.append((time.perf_counter() - start) / inner)
    return Timing(sorted(samples), inner)


def _warm(call: Callable[[], object], seconds: float) -> int:
    """Call until caches are warm; gives how many calls fill one sample."""
    calls, start = 0, time.perf_counter()
    while calls < 2 or time.perf_counter() - start < seconds:
        call()
        calls += 1
    one = (time.perf_counter() - start) / calls
    return max(1, round(_SAMPLE_SECONDS / one))
