"""`axec opt`: run passes on the text of a module, for lit tests and for looking at one pass."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click


@click.command("opt", short_help="Run passes on the text of a module.")
@click.argument("path", metavar="FILE.mlir", default="-")
@click.option(
    "--pass",
    "specs",
    multiple=True,
    metavar="NAME[{option=value ...}]",
    help="A pass to run; several run in the order given.",
)
@click.option("--split-input-file", is_flag=True, help="Take parts between `// -----` one by one.")
@click.option("--verify-each", is_flag=True, help="Run the verifier after every pass.")
@click.option("--list", "list_passes", is_flag=True, help="List the passes and stop.")
def opt_command(
    path: str,
    specs: tuple[str, ...],
    split_input_file: bool,
    verify_each: bool,
    list_passes: bool,
) -> int:
    """Read FILE.mlir (or standard input), run passes, print the result."""
    if list_passes:
        click.echo(pass_list())
        return 0
    text = _read(path)
    if not split_input_file:
        click.echo(run_opt(text, specs, path, verify_each=verify_each))
        return 0
    return max([_run_part(part, specs, path, verify_each) for part in split(text)])


def run_opt(
    text: str, specs: Sequence[str] = (), name: str = "-", *, verify_each: bool = False
) -> str:
    """The module's text after the passes; it is verified before and after them.

    Raises AxecError `ir-invalid` for what does not parse or verify, and those of `parse_spec`.
    """
    from axec.dialects import load
    from axec.mlir import ir
    from axec.passes import base

    passes = [base.parse_spec(spec) for spec in specs]
    module = base.parse(text, name)
    with load(), ir.Location.unknown():
        base.run_pipeline(module, passes, verify_each=verify_each)
        base.verify(module, passes[-1].name if passes else "the parser")
        return str(module)


def split(text: str) -> list[str]:
    """The parts of a text between lines `// -----`, on the lines that they have in the whole."""
    parts, above = [], 0
    for part in text.split("// -----\n"):
        parts.append("\n" * above + part)
        above += part.count("\n") + 1
    return parts


def _run_part(text: str, specs: Sequence[str], path: str, verify_each: bool) -> int:
    from axec.diag import AxecError, render

    try:
        click.echo(run_opt(text, specs, path, verify_each=verify_each))
    except AxecError as error:
        click.echo(render(error), err=True)
        return 2
    return 0


def pass_list() -> str:
    """A line per pass: name, options with defaults, summary."""
    import dataclasses
    import typing

    from axec.passes import base

    lines = []
    for name, cls in base.load().items():
        fields = dataclasses.fields(typing.cast(Any, cls))
        options = " ".join(f"{f.name}={f.default}" for f in fields)
        lines.append(f"{name}{{{options}}}" if options else name)
        lines.append(f"    {cls.summary()}")
    return "\n".join(lines)


def _read(path: str) -> str:
    from axec.diag import AxecError

    if path == "-":
        return sys.stdin.read()
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as e:
        raise AxecError("ir-file", f"cannot read {path}: {e}") from None
