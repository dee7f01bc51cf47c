"""`axec tune`: measure how kernels are cut up best on this machine, and keep it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from axec.cli.console import Seconds

if TYPE_CHECKING:
    from axec.artifact import Artifact
    from axec.tune import Kernel, Result, Search


@click.command("tune", short_help="Measure which tiles and blocks suit a program's kernels.")
@click.argument("source", metavar="FILE.py[:ENTRY]")
@click.option("-o", "--output", metavar="PATH", help="Also write the artifact with what was found.")
@click.option("--threads", type=click.IntRange(1), help="Of the calls; default: all CPUs.")
@click.option("--seconds", type=Seconds(), default=20.0, help="To time.")
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
    from axec.runtime.call import check_threads
    from axec.tune import Search, kernels_of
    from axec.tune.timer import Timer

    _need_a_place(output)
    if threads is not None:
        check_threads(threads)
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

    found = open_cache().info()
    if not found.writable and output is None:
        fault = f"{found.folder} cannot be written" if found.folder else "it is off (AXEC_CACHE)"
        message = f"what is found could not be kept in the cache: {fault}"
        raise AxecError("tune-cache", message, hint="-o FILE.axe, or AXEC_CACHE=FOLDER")


def _keep(search: Search[Artifact]) -> None:
    from axec.passes.codegen import tuned
    from axec.passes.codegen.cpu import targets

    tuned.keep(targets.resolve(targets.NATIVE), search.choices())


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
