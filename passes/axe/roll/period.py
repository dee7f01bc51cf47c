"""Where a sequence of words repeats itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_TRIED = 4  # periods that are looked at


@dataclass(frozen=True, slots=True)
class Run:
    """words[i] == words[i + period] wherever both are in start .. stop - 1."""

    start: int
    stop: int
    period: int

    @property
    def saved(self) -> int:
        """Words that need no look once one period is known."""
        return ((self.stop - self.start) // self.period - 1) * self.period


def longest(words: Sequence[int], first: int, last: int) -> Run | None:
    """The run in words[first:last] that saves most; None where nothing stands twice.

    A word that a period holds once says how long the period is: candidates are the distances
    between one word and the same word before it, the most frequent ones. O(words)."""
    seen: dict[int, int] = {}
    distances: Counter[int] = Counter()
    for i in range(first, last):
        if (before := seen.get(words[i])) is not None:
            distances[i - before] += 1
        seen[words[i]] = i
    runs = [_run(words, first, last, period) for period, _ in distances.most_common(_TRIED)]
    return max(runs, key=lambda r: (r.saved, -r.start), default=None)


def _run(words: Sequence[int], first: int, last: int, period: int) -> Run:
    """The longest stretch with this period."""
    best = Run(first, first, period)
    start = first
    for i in range(first, last - period + 1):
        if i < last - period and words[i] == words[i + period]:
            continue
        if i - start > best.stop - period - best.start:
            best = Run(start, i + period, period)
        start = i + 1
    return best
