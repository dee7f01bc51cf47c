"""`axec run`: call an entry of an artifact and show or keep what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from axec.measure.calls import Call

_PREVIEW = 6  # leading values of an output that are shown


@click.command("run", short_help="Call an entry of an artifact.")
@click.argument("path", metavar="FILE.axe")
@click.option("--entry", help="Which entry (needed when there are several).")
@click.option("--in", "files", multiple=True, metavar="NAME=FILE.npy", help="An input.")
@click.option("--random", is_flag=True, help="Draw the inputs that no --in gives.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of --random.")
@click.option("--dims", multiple=True, metavar="DIM=SIZE", help="Size of a named dim.")
@click.option("--repeat", type=click.IntRange(1), help="Time this many calls.")
@click.option("--threads", type=click.IntRange(1), help="At most; default: all CPUs.")
@click.option("--out", "folder", metavar="DIR", help="Write every output to DIR/NAME.npy.")
def run_command(
    path: str,
    entry: str | None,
    files: tuple[str, ...],
    random: bool,
    seed: int,
    dims: tuple[str, ...],
    repeat: int | None,
    threads: int | None,
    folder: str | None,
) -> None:
    """Call an entry of FILE.axe. Needs no compiler: it is the runtime that production uses."""
    from axec.cli.console import show, signature, table
    from axec.measure.calls import prepare
    from axec.runtime.loader import load

    call = prepare(load(path), entry, files, dims, seed if random else None)
    options = {} if threads is None else {"threads": threads}
    results = call.run(**options)
    show(f"[bold]{_escape(signature(call.name, call.spec))}[/]{_sizes(call)}")
    columns = ["output", "dtype", "shape", ">min", ">mean", ">max", "first values"]
    show(table(columns, _rows(call, results)))
    if folder is not None:
        _save(call, results, Path(folder))
    if repeat is not None:
        _print_times(call, repeat, options)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _sizes(call: Call) -> str:
    return "".join(f"  {name}={size}" for name, size in call.dims.items())


def _rows(call: Call, results: list[Any]) -> Iterator[list[str]]:
    import numpy as np

    for spec, result in zip(call.spec["outputs"], results, strict=True):
        values = np.asarray(result, "float64")
        folds = (np.min, np.mean, np.max)
        numbers = [f"{fold(values):.4g}" if values.size else "-" for fold in folds]
        first = " ".join(f"{v:.4g}" for v in values.ravel()[:_PREVIEW])
        more = " ..." if values.size > _PREVIEW else ""
        shape = "x".join(map(str, result.shape)) or "scalar"
        yield [_escape(spec["name"]), spec["dtype"], shape, *numbers, first + more]


def _save(call: Call, results: list[Any], folder: Path) -> None:
    import numpy as np

    from axec.cli.console import note
    from axec.runtime.errors import AxecError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for spec, result in zip(call.spec["outputs"], results, strict=True):
            # An output's name may hold path signs ("out['a/b']"); a file's name must not.
            file = folder / f"{spec['name'].replace('/', '_')}.npy"
            # .npy has no bfloat16: its bits travel as uint16, which --in takes back.
            plain = result.view("uint16") if spec["dtype"] == "bf16" else result
            np.save(file, plain, allow_pickle=False)
            note(f"wrote {file}")
    except OSError as e:
        raise AxecError("output-file", f"cannot write into {folder}: {e.strerror}") from None


def _print_times(call: Call, repeat: int, options: dict[str, int]) -> None:
    from axec.cli.console import duration, show
    from axec.measure.timing import measure, quantile

    # The outputs are handed in, as a server would do it.
    out = call.outputs()
    timing = measure(lambda: call.function(*call.arguments, out=out, **options), repeat=repeat)
    figures = {"median": timing.median, "min": timing.seconds[0]}
    figures |= {f"p{p}": quantile(timing.seconds, p / 100) for p in (10, 90, 99)}
    text = "  ".join(f"{name} {duration(value)}" for name, value in figures.items())
    show(f"{repeat} calls: {text}")
