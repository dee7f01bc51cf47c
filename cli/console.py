"""How the commands print: tables on standard output, progress on standard error, units."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

__all__ = [
    "Seconds",
    "amount",
    "duration",
    "note",
    "progress",
    "show",
    "signature",
    "size",
    "table",
]

_PIPE_WIDTH = 120  # columns where standard output is no terminal


class Seconds(click.FloatRange):
    """A command's option: a time above 0 that ends (click's ranges let nan through)."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return found


def show(*parts: Any) -> None:
    """Print rich renderables or markup on standard output."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    # rich fills every line to the width with blanks.
    print("\n".join(line.rstrip() for line in captured.get().splitlines()).strip("\n"))


def note(text: str) -> None:
    """One plain line on standard error, so that standard output stays what was asked for."""
    print(text, file=sys.stderr)


@contextlib.contextmanager
def progress(text: str) -> Iterator[None]:
    """A spinner on standard error while the block runs; silent where that is no terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Any:
    """A light table; a column whose name starts with '>' is right-aligned."""
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD if any(columns) else None,
        show_header=any(columns),
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for column in columns:
        right = column.startswith(">")
        made.add_column(column.lstrip(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def signature(name: str, spec: Mapping[str, Any]) -> str:
    """`f(x: f32[batch, 64]) -> f32[batch, 10]`."""
    inputs = ", ".join(f"{array['name']}: {_type(array)}" for array in spec["inputs"])
    outputs = ", ".join(map(_type, spec["outputs"]))
    return f"{name}({inputs}) -> {outputs}"


def _type(array: Mapping[str, Any]) -> str:
    return f"{array['dtype']}[{', '.join(map(str, array['shape']))}]"


def amount(number: float, unit: str) -> str:
    """A number with three significant digits and an SI prefix: `amount(2.5e6, "B")` = "2.50 MB"."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if float(f"{number:.3g}") >= factor:
            return f"{_three_digits(number / factor)} {prefix}{unit}"
    return f"{number:.3g} {unit}"


def size(count: int) -> str:
    """Bytes for a person."""
    return amount(count, "B")


def duration(seconds: float) -> str:
    """Seconds for a person: three significant digits in s, ms or us."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if float(f"{seconds:.3g}") >= factor:
            return f"{_three_digits(seconds / factor)} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _three_digits(number: float) -> str:
    return f"{number:#.3g}".rstrip(".")
