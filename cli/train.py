"""`axec train` and `axec resume`: a run that a TOML file describes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from axec.train import Run
    from axec.train.config import Config
    from axec.train.project import Project

_SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="TABLE.KEY=VALUE",
    help="Take another value than the file's, as in --set optim.lr=1e-3.",
)


@click.command("train", short_help="Train what a TOML file describes.")
@click.argument("path", metavar="CONFIG.toml")
@click.option("-o", "--out", "folder", metavar="DIR", help="Default: runs/CONFIG here.")
@_SET
def train_command(path: str, folder: str | None, overrides: tuple[str, ...]) -> None:
    """Train the model of CONFIG.toml: one compiled step, with logs and checkpoints in a folder of
    its own. docs/training.md lists the keys."""
    from axec.diag import AxecError
    from axec.train import list_checkpoints
    from axec.train.config import read
    from axec.train.project import load

    project = load(read(path, overrides))  # what is wrong with the file is said first
    place = Path(folder) if folder is not None else Path("runs") / Path(path).stem
    if list_checkpoints(place):
        hint = f"go on with `axec resume {place}`, or take another folder with -o"
        raise AxecError("checkpoint-exists", f"{place} has checkpoints of a run", hint=hint)
    _run(project, place)


@click.command("resume", short_help="Go on with a run of axec train.")
@click.argument("folder", metavar="DIR")
@_SET
def resume_command(folder: str, overrides: tuple[str, ...]) -> None:
    """Go on from the latest checkpoint of DIR, to the bit, until the epochs of its config are over;
    `--set train.epochs=60` makes them more."""
    from axec.train.config import kept
    from axec.train.project import load

    _run(load(kept(folder, overrides)), Path(folder))


def _run(project: Project, folder: Path) -> None:
    from axec.cli.console import note, progress
    from axec.train.project import prepare

    with progress(f"compiling {project.config.model.source}"):
        program = prepare(project, folder)
    run = project.run(program, folder)
    note(_summary(folder, run, project.config))


def _summary(folder: Path, run: Run, config: Config) -> str:
    from axec.train import best, list_checkpoints

    parts = [f"{folder}: {run.step} steps", f"latest {list_checkpoints(folder)[-1].name}"]
    if config.train.monitor is not None:
        found = best(folder, config.train.monitor, config.train.mode)
        parts += [f"best {found.name}"] if found is not None else []
    return ", ".join(parts)
