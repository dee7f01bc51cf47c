"""`axec tune`: measure how kernels are cut up best on this machine, and keep it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import math
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from axec.artifact import Artifact
    from axec.cli.profile import State
    from axec.tune import Kernel, Result, Search

_LEAST_ROUNDS = 3
#: Inputs are normal numbers times this, as weights are when training begins: with larger ones what
#: comes out of a few layers is 0, without end or denormal, which some kernels take long for.
_SCALE = 0.05

Clock = Callable[[], float]


@click.command("tune", short_help="Measure which tiles and blocks suit a program's kernels.")
@click.argument("source", metavar="FILE.py[:ENTRY]")
@click.option("-o", "--output", metavar="PATH", help="Also write the artifact with what was found.")
@click.option("--threads", type=click.IntRange(1), help="Threads of the calls that are timed.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=20.0, help="To time.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the random inputs.")
def tune_command(
    source: str, output: str | None, threads: int | None, seconds: float, seed: int
) -> None:
    """Time the kernels of FILE.py with other tiles, rows, depths and blocks than the built-in cost
    model chooses; leave the machine idle meanwhile.

    What is faster by more than 3% is kept in the cache (`axec cache info`), where `axec compile` on
    this machine finds it. Results are the same bits. Ctrl-C keeps what was found so far.
    """
    from axec.cli.compile import split
    from axec.cli.console import show
    from axec.driver import compile_entries
    from axec.lang.entry import find_entries
    from axec.passes.codegen.cpu import targets
    from axec.tune import Search, kernels_of

    _need_a_place(output)
    entries = find_entries(*split(source))

    def build(choices: Mapping[str, str]) -> Artifact:
        made = compile_entries(entries, tuned=choices)
        assert made is not None
        return made

    kernels = kernels_of(entries, targets.NATIVE)
    with tempfile.TemporaryDirectory() as folder, _progress() as note:
        timer = Timer(Path(folder), threads, seed)
        search = Search(kernels, build, timer, seconds, note)
        with contextlib.suppress(KeyboardInterrupt):
            search.run()
    _keep(search)
    if output is not None:
        build(search.choices()).save(output)
    show(*_page(kernels, list(search.results.values()), timer.wrong))


def _need_a_place(output: str | None) -> None:
    """AxecError `tune-cache` where nothing could be kept."""
    from axec.diag import AxecError
    from axec.passes.codegen.cache import open_cache

    if open_cache().folder is None and output is None:
        message = "the cache is off (AXEC_CACHE), so what is found could not be kept"
        raise AxecError("tune-cache", message, hint="-o FILE.axe, or AXEC_CACHE=FOLDER")


def _keep(search: Search[Artifact]) -> None:
    from axec.passes.codegen import tuned
    from axec.passes.codegen.cpu import targets

    tuned.keep(targets.resolve(targets.NATIVE), search.choices())


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
        from axec.cli.arrays import prepare
        from axec.cli.profile import State, launches
        from axec.runtime.loader import load

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


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[float, str], None]]:
    """A bar on standard error, drawn between the timings: no thread of its own would be idle."""
    import sys

    if not sys.stderr.isatty():
        yield lambda part, text: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), auto_refresh=False, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def note(part: float, text: str) -> None:
            bar.update(task, completed=part, description=text)
            bar.refresh()

        yield note


def _page(kernels: Sequence[Kernel], results: Sequence[Result], wrong: int) -> Iterator[Any]:
    from axec.cli.console import duration, table

    rows = [
        (
            r.kernel.name,
            r.kernel.template,
            duration(r.before),
            duration(r.after) if r.choice.fields else "",
            f"{r.before / r.after:.2f}" if r.choice.fields else "",
            str(r.choice),
        )
        for r in sorted(results, key=lambda r: -r.before)
    ]
    yield table(["kernel", "template", ">cost model", ">tuned", ">faster", "choice"], rows)
    gained = sum(bool(r.choice.fields) for r in results)
    without = sum(not k.axes for k in kernels)
    small = len(kernels) - len(results) - without
    yield (
        f"{gained} of {len(results)} kernels are faster by more than noise; {without} leave "
        f"nothing to choose, {small} take less than 1% of the time or run in loops only"
    )
    if wrong:
        yield f"[bold red]{wrong} programs gave other results[/] and were dropped: please report it"
