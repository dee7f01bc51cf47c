"""`axec compile`: a Python file with marked entries becomes an artifact, or the IR of a stage."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from axec.garbage import uncollected

EMIT = ("axe", "kernel", "exec", "llvm", "asm", "artifact")


@click.command("compile", short_help="Compile a Python file to an artifact.")
@click.argument("source", metavar="FILE.py[:ENTRY]")
@click.option("-o", "--output", metavar="PATH", help="File to write (default: FILE.axe here).")
@click.option(
    "--target",
    "targets",
    multiple=True,
    help="native, x86-64-v3, x86-64-v4, ...; give it several times for one file that serves all.",
)
@click.option("--emit", type=click.Choice(EMIT), default="artifact", help="What to write.")
@click.option("--print-after", multiple=True, metavar="STAGE", help="Print the IR after a stage.")
@click.option("--stop-after", metavar="STAGE", help="Print the IR after a stage and stop.")
@click.option("--verify-each", is_flag=True, help="Run the verifier after every stage.")
@click.option("--tuned/--no-tuned", default=True, help="Use what `axec tune` found here.")
@click.option("--time-passes", is_flag=True, help="Print the time that each stage took.")
@uncollected()
def compile_command(
    source: str,
    output: str | None,
    targets: tuple[str, ...],
    emit: str,
    time_passes: bool,
    **options: Any,
) -> None:
    """Compile the entries of FILE.py (functions under @axe.entry) ahead of time."""
    from axec.cli.console import note, progress
    from axec.passes.codegen.cpu.ahead import begin_support
    from axec.passes.codegen.cpu.targets import NATIVE, resolve_all

    wanted = list(targets) or [NATIVE]
    if not options["stop_after"]:
        begin_support(resolve_all(wanted))  # LLVM loads while the compiler does

    from axec.driver import compile_entries
    from axec.lang.entry import find_entries

    path, name = split(source)
    # With --print-after the stages' text is the output; a spinner would be in its way.
    quiet = bool(options["print_after"] or options["stop_after"])
    with contextlib.nullcontext() if quiet else progress(f"compiling {source}"):
        artifact = compile_entries(
            find_entries(path, name),
            target=wanted,
            **options,
        )
    if artifact is None:  # --stop-after: the IR has been printed
        return
    if emit != "artifact":
        _write_text(artifact.emit(emit), output)
    else:
        place = output or Path(path).stem + ".axe"
        artifact.save(place)
        note(_summary(place, artifact))
    if time_passes:
        note(_times(artifact.timings))


def split(source: str) -> tuple[str, str | None]:
    """`FILE.py:ENTRY` -> (file, entry); a colon that is part of the file's name stays."""
    path, colon, name = source.rpartition(":")
    return (path, name) if colon and name.isidentifier() else (source, None)


def _write_text(text: str, output: str | None) -> None:
    if output is None or output == "-":
        click.echo(text, nl=not text.endswith("\n"))
    else:
        Path(output).write_text(text)


def _summary(place: str, artifact: Any) -> str:
    from axec.cli.console import duration, size

    manifest = artifact.manifest
    targets = ", ".join(t["name"] for t in manifest["targets"])
    peak = max(e["peak_bytes"] for e in manifest["entries"].values())
    names = ", ".join(manifest["entries"])
    took = duration(sum(artifact.timings.values()))
    return (
        f"{place}: {names} for {targets}, {size(Path(place).stat().st_size)}, "
        f"peak {size(peak)}, in {took}"
    )


def _times(timings: Mapping[str, float]) -> str:
    total = sum(timings.values())
    rows = [*timings.items(), ("total", total)]
    return "\n".join(
        f"{seconds * 1e3:9.2f} ms {seconds / (total or 1):6.1%}  {stage}" for stage, seconds in rows
    )
