"""The `axec` command: its sub-commands, and what an error looks like.

Nothing heavy is imported before a command runs, so that `axec --help` is instant.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

# Sub-command -> the module of this folder whose `NAME_command` it is, in the order of the help.
COMMANDS = {
    "compile": "compile",
    "run": "run",
    "train": "train",
    "resume": "train",
    "inspect": "inspect",
    "verify": "keys",
    "keygen": "keys",
    "sign": "keys",
    "bench": "bench",
    "tune": "tune",
    "opt": "opt",
    "cache": "cache",
    "coverage": "coverage",
    "gradcheck": "gradcheck",
    "doctor": "doctor",
}

_BAD_INPUT = 2  # exit status of every error that a user can act on
_BUG = 1

_settings: dict[str, bool] = {}


def _set_traceback(_: click.Context, __: click.Parameter, value: bool) -> None:
    if value:
        _settings["traceback"] = True


def _traceback_option() -> click.Option:
    return click.Option(
        ["--traceback"],
        is_flag=True,
        expose_value=False,
        callback=_set_traceback,
        help="Show the Python traceback of an error.",
    )


class Commands(click.Group):
    """Sub-commands whose modules are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"axec.cli.{COMMANDS[name]}")
        command: click.Command = getattr(module, f"{name}_command")
        if not any(p.name == "traceback" for p in command.params):
            command.params.append(_traceback_option())
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean '{near[0]}'?" if near else " See 'axec --help'."
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from axec import __version__

        click.echo(f"axec {__version__}")
        ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"show_default": True},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Show the version and exit.",
        ),
        _traceback_option(),
    ],
)
def axec() -> None:
    """Compile Python model functions to one file that a small runtime runs.

    \b
    axec compile samples/digits.py:predict -o digits.axe
    axec inspect digits.axe
    axec run digits.axe --random
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line; gives the exit status (0, 2 for bad input, 1 for a bug of axec)."""
    _settings.clear()
    try:
        return axec.main(args, prog_name="axec", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return _BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody to tell
        return 0
    except Exception as error:
        if _settings.get("traceback"):
            raise
        return _report(error)


def _report(error: Exception) -> int:
    from axec.diag import AxecError, render

    if isinstance(error, AxecError):
        click.echo(render(error), err=True)
        return _BAD_INPUT
    where = _innermost(error)
    click.echo(f"error[internal]: {type(error).__name__}: {error}{where}", err=True)
    click.echo("hint: `--traceback` shows where; please report it if the fault is axec's", err=True)
    return _BUG


def _innermost(error: BaseException) -> str:
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"\n  --> {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
