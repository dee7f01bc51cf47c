"""`axec coverage`: every op against every check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from axec.coverage import Cell, Matrix

_GAPS = 1  # exit status


@click.command("coverage", short_help="Check every op: values, derivatives, batching, code.")
@click.option("--op", "names", multiple=True, metavar="NAME", help="Only this op; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print every cell as JSON.")
def coverage_command(names: tuple[str, ...], as_json: bool) -> int:
    """Run every op in every floating point dtype against its oracle, differences, a loop, the
    interpreter. Exit status 1 where a check fails, or has no written reason to be left out."""
    import json

    from axec import coverage
    from axec.cli.console import show

    ops = coverage.select(names)
    with _told() as tell:
        matrix = coverage.run(ops, tell)
    if as_json:
        click.echo(json.dumps(matrix.json(), indent=2))
    else:
        show(*_report(matrix))
    return _GAPS if matrix.gaps else 0


@contextmanager
def _told() -> Iterator[Callable[[str], None]]:
    """What is being checked, as a line that changes on standard error; silent in a pipe."""
    import sys

    from rich.console import Console

    if not sys.stderr.isatty():
        yield lambda text: None
        return
    with Console(stderr=True).status("coverage") as status:
        yield lambda text: status.update(f"checking {text}")


def _report(matrix: Matrix) -> Iterator[Any]:
    """The table, the reasons of its empty cells, the gaps."""
    from rich.markup import escape

    from axec.cli.console import table
    from axec.coverage import COLUMNS

    found = matrix.json()
    rows = [[op, *(_mark(matrix.of(op, c)) for c in COLUMNS)] for op in found["ops"]]
    yield table(["op", *COLUMNS], rows)
    reasons: dict[str, list[str]] = {}
    for cell in matrix.cells:
        if _mark(matrix.of(cell.op, cell.check)) == "-":
            where = reasons.setdefault(f"{cell.check}: {cell.detail}", [])
            where += [cell.op] if cell.op not in where else []
    if reasons:
        yield "[bold]- stands for[/]"
        yield from (f"  {escape(why)} ({', '.join(ops)})" for why, ops in sorted(reasons.items()))
    for gap in matrix.gaps:
        yield f"[red]gap[/] {gap.op} {gap.dtype} {gap.check}: {escape(gap.detail)}"
    yield f"{len(rows)} ops, {len(matrix.cells)} cells, {len(matrix.gaps)} gaps"


def _mark(cells: list[Cell]) -> str:
    """`ok` and in how many dtypes, `-` with a reason, or the dtypes with a gap."""
    gaps = [cell.dtype for cell in cells if cell.status == "gap"]
    if gaps:
        return f"[red]gap {' '.join(gaps)}[/]"
    count = sum(cell.status == "ok" for cell in cells)
    return f"ok {count}" if count else "-"
