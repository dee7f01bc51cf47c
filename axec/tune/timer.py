"""The times of kernels in compiled programs, for the search."""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from axec.artifact import Artifact
from axec.measure.calls import prepare
from axec.measure.profile import State, launches
from axec.runtime.loader import load

_LEAST_ROUNDS = 3
#: Inputs are normal numbers times this, as weights are when training begins: with larger ones what
#: comes out of a few layers is 0, without end or denormal, which some kernels take long for.
_SCALE = 0.05

Clock = Callable[[], float]


class Timer:
    """Times kernels of artifacts (axec.tune.Times). All walk through their launches together, so
    that every kernel finds what a call leaves it, and what disturbs the machine meets all of them.
    `folder`: where artifacts are put meanwhile; `wrong`: how many of them did not give the results
    of the first one."""

    def __init__(
        self, folder: Path, threads: int | None, seed: int, clock: Clock = time.perf_counter
    ) -> None:
        self.folder = folder
        self.threads = threads
        self.seed = seed
        self.clock = clock
        self.results: str | None = None  # of the first program
        self.wrong = 0

    def __call__(
        self, programs: Sequence[Artifact], names: Sequence[Collection[str]], seconds: float
    ) -> list[dict[str, float]]:
        """Seconds of kernels by name, for each artifact."""
        loaded = [self._loaded(*given) for given in enumerate(zip(programs, names, strict=True))]
        right = [one for one in loaded if one.right]
        end = self.clock() + seconds
        for number in itertools.count(1):
            for one in right:
                one.restart()
            for index in range(max(len(one.launches) for one in loaded)):
                for one in right[:: 1 if number % 2 else -1]:
                    if index < len(one.launches):
                        one.launches[index].time(self.clock)
            if number >= _LEAST_ROUNDS and self.clock() > end:
                break
        return [one.seconds() for one in loaded]

    def _loaded(self, number: int, given: tuple[Artifact, Collection[str]]) -> _Loaded:
        artifact, names = given
        path = self.folder / f"{number}.axe"
        artifact.save(path)
        loaded = _Loaded(path, names, self.threads, self.seed)
        if self.results is None:
            self.results = loaded.results
        loaded.right = loaded.results == self.results
        self.wrong += not loaded.right
        return loaded


@dataclass(slots=True)
class _Launch:
    """A launch of a kernel: words of the program table from, to. `least`: seconds so far."""

    name: str
    state: State
    at: int
    end: int
    least: float = math.inf

    def time(self, clock: Clock) -> None:
        """Run it, once: what it writes may be what it reads."""
        start = clock()
        self.state.run(self.at, self.end)
        self.least = min(self.least, clock() - start)


class _Loaded:
    """A program that is ready to run launch by launch; results: a hash of what it gives; right: are
    they those of the others?"""

    def __init__(self, path: Path, names: Collection[str], threads: int | None, seed: int) -> None:
        program, digest = load(path), hashlib.sha256()
        self.names = names
        self.launches: list[_Launch] = []
        self.right = True
        self.inputs: list[tuple[Any, Any]] = []  # as they are given, as they were at first
        for entry in program.entries:
            call = prepare(program, entry, (), (), seed)
            inputs = [_scaled(x) for x in call.inputs]
            for result in replace(call, inputs=[x.copy() for x in inputs]).run():
                digest.update(result.tobytes())
            state = State(replace(call, inputs=inputs), threads or len(os.sched_getaffinity(0)))
            self.inputs += [(x, x.copy()) for x in state.arrays[: len(inputs)]]
            found = list(launches(state.words))
            # The manifest lists kernels in the order of their first launches.
            stated = zip(dict.fromkeys(k for k, *_ in found), call.spec["kernels"], strict=False)
            called = {kernel: row["name"] for kernel, row in stated}
            self.launches += [_Launch(called[k], state, at, end) for k, at, end in found]
        self.results = digest.hexdigest()

    def restart(self) -> None:
        """Inputs as they were: a program may change those that are donated."""
        for given, first in self.inputs:
            given[...] = first

    def seconds(self) -> dict[str, float]:
        """Of the kernels that are timed, all launches together."""
        found: dict[str, float] = {}
        for one in self.launches:
            if one.name in self.names:
                found[one.name] = found.get(one.name, 0) + one.least
        return found


def _scaled(x: Any) -> Any:
    return x if x.dtype.kind in "biu" else (x * _SCALE).astype(x.dtype)
