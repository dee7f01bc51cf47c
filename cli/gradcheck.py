"""`axec gradcheck`: the derivatives of an entry against central differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from axec.gradcheck import Checked

_WRONG = 1  # exit status


@click.command("gradcheck", short_help="Check an entry's derivatives against differences.")
@click.argument("source", metavar="FILE.py:ENTRY")
@click.option("--order", type=click.IntRange(1, 4), default=2, help="Highest order.")
@click.option("--modes", default="fwd,rev", metavar="fwd,rev", help="Forward, reverse, or both.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the inputs.")
@click.option("--tolerance", type=float, help="Relative error that is allowed.")
def gradcheck_command(
    source: str, order: int, modes: str, seed: int, tolerance: float | None
) -> int:
    """Draw inputs for the entries of FILE.py, with small sizes for named dims, and compare the
    derivatives of all their floating point inputs and weights. Exit status 1 where they differ."""
    from axec.cli.compile import split
    from axec.cli.console import note, show
    from axec.diag import AxecError, render
    from axec.gradcheck import check
    from axec.lang.entry import find_entries

    status = 0
    for entry in find_entries(*split(source)):
        try:
            found = check(entry, order, modes.split(","), seed=seed, tolerance=tolerance)
        except AxecError as e:
            if e.code != "grad-check":
                raise
            note(f"{entry.name}: wrong\n{render(e)}")
            status = _WRONG
        else:
            show(*_report(entry.name, found))
    return status


def _report(name: str, found: Checked) -> Iterator[Any]:
    """What was varied, a row per derivative, the largest error of all."""
    from rich.markup import escape

    from axec.cli.console import table

    sizes = "".join(f"  {dim}={size}" for dim, size in found.dims.items())
    yield f"[bold]{name}[/]{sizes}  with respect to {escape(', '.join(found.names))}"
    rows = [
        (c.derivative, str(c.count), f"{c.error:.1e}", f"{c.limit:.0e}") for c in found.comparisons
    ]
    yield table(["derivative", ">compared", ">largest error", ">allowed"], rows)
    yield f"largest error {max(c.error for c in found.comparisons):.1e}"
