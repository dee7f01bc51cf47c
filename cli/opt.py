"""`axec opt`: run passes on the text of a module, for lit tests and for looking at one pass."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click


@click.command("opt")
@click.argument("path", metavar="FILE.mlir", default="-")
@click.option(
    "--pass",
    "specs",
    multiple=True,
    metavar="NAME[{option=value ...}]",
    help="A pass to run; several run in the order given.",
)
@click.option("--verify-each", is_flag=True, help="Run the verifier after every pass.")
@click.option("--list", "list_passes", is_flag=True, help="List the passes and stop.")
def opt_command(path: str, specs: tuple[str, ...], verify_each: bool, list_passes: bool) -> None:
    """Read FILE.mlir (or standard input), run passes, print the result."""
    if list_passes:
        click.echo(pass_list())
        return
    click.echo(run_opt(_read(path), specs, path, verify_each=verify_each))


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


def pass_list() -> str:
    """A line per pass: name, options with defaults, summary."""
    import dataclasses

    from axec.passes import base

    lines = []
    for name, cls in base.load().items():
        fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
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
