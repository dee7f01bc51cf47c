"""`axec inspect`: what a file says about itself, without running any of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click


@click.command("inspect", short_help="Show what an artifact or a checkpoint says of itself.")
@click.argument("path", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="The manifest as JSON (docs/artifact.md).")
def inspect_command(path: str, as_json: bool) -> None:
    """Show signatures, memory, work, targets and provenance of FILE.axe; arrays and progress of
    FILE.safetensors."""
    from axec.runtime.format import Container

    if path.endswith(".safetensors"):
        _inspect_arrays(path, as_json)
        return
    container = Container(path)
    if as_json:
        click.echo(json.dumps(container.manifest, indent=2, sort_keys=True))
        return
    from axec.cli.console import show

    show(*_page(path, container))


def _inspect_arrays(path: str, as_json: bool) -> None:
    from axec.cli.console import show, size, table
    from axec.train import safetensors
    from axec.train.checkpoints import progress_of

    file = safetensors.read(path)
    progress = progress_of(file.metadata)
    arrays = {n: {"dtype": str(a.dtype), "shape": [*a.shape]} for n, a in file.arrays.items()}
    if as_json:
        found = {"arrays": arrays, "progress": progress, "metadata": file.metadata}
        click.echo(json.dumps(found, indent=2, sort_keys=True))
        return
    total = sum(a.size for a in file.arrays.values())
    whole = size(Path(path).stat().st_size)
    show(f"[bold]{_text(path)}[/]  {whole}, {len(arrays)} arrays, {total:,} numbers")
    if progress:
        metrics = "  ".join(f"{k} {v:.6g}" for k, v in progress.get("metrics", {}).items())
        show(f"step {progress.get('step', '?')}, epochs {progress.get('epoch', '?')}  {metrics}")
    rows = []
    for name, array in sorted(file.arrays.items()):
        shape = "x".join(map(str, array.shape)) or "scalar"
        rows.append([_text(name), str(array.dtype), shape, size(array.nbytes)])
    show(table(["array", "dtype", "shape", ">size"], rows))


def _page(path: str, container: Any) -> Iterator[Any]:
    from axec.cli.console import size

    manifest = container.manifest
    form = manifest["format"]
    signed = f"signatures {len(container.signatures)}" if container.signatures else "not signed"
    yield (
        f"[bold]{_text(path)}[/]  {size(Path(path).stat().st_size)}, "
        f"format {form['name']} {form['major']}.{form['minor']}, ABI {form['abi']}, {signed}"
    )
    for name, entry in manifest["entries"].items():
        yield from _entry(name, entry, manifest["weights"])
        yield from _steps(entry, container.read(entry["program"]))
    yield _targets(manifest)
    yield from _made(manifest["weights"])
    yield _segments(manifest)
    yield _provenance(manifest["provenance"])


def _text(value: object) -> str:
    from rich.markup import escape

    return escape(str(value))


def _entry(name: str, entry: dict[str, Any], weights: list[dict[str, Any]]) -> Iterator[Any]:
    from axec.cli.console import amount, signature, size, table

    yield f"\n[bold cyan]{_text(signature(name, entry))}[/]"
    for dim, (low, high) in entry["dims"].items():
        yield f"  dim [bold]{_text(dim)}[/] from {low} to {high}"
    formulas = entry.get("formulas", {})
    at = " at the dims' upper bounds" if entry["dims"] else ""
    rows = [
        ("peak memory", size(entry["peak_bytes"]), formulas.get("peak_bytes")),
        ("  of it arena", size(entry["arena_bytes"]), formulas.get("arena_bytes")),
        ("  no arena can be below", size(entry["lower_bound_bytes"]), None),
        ("work", amount(entry["flops"], "FLOP"), formulas.get("flops")),
    ]
    exact = [(a, b, _text(c or "")) for a, b, c in rows]
    yield table([f"a call{at}", ">", "exactly" if entry["dims"] else "bytes, FLOPs"], exact)
    kernels = [
        (
            _text(kernel["name"]),
            _text(_template(kernel)),
            str(kernel["calls"]),
            amount(kernel["flops"], "FLOP"),
            size(kernel["bytes"]),
        )
        for kernel in entry["kernels"]
    ]
    yield table(["kernel", "template", ">calls", ">work", ">traffic"], kernels)


def _template(kernel: dict[str, Any]) -> str:
    """The template, and what is not as the cost model would have it."""
    generic = ["generic"] if kernel.get("generic") else []
    return ", ".join([kernel["template"], *generic, *filter(None, [kernel.get("choice")])])


def _steps(entry: dict[str, Any], program: bytes) -> Iterator[Any]:
    """How many launches run in how many jobs; the loops and branches of an entry, if it has any,
    each with what it holds."""
    from axec.cli.console import table
    from axec.runtime.program import ProgramTable, inner, jobs

    found = ProgramTable.decode(program)
    sizes = [len(job) for job in jobs(found.steps)]
    yield f"  {sum(sizes)} launches in {len(sizes)} jobs, up to {max(sizes, default=0)} in one"
    values: list[int] = []
    for value in found.values:
        values.append(
            value.evaluate([high for _, (_, high) in sorted(entry["dims"].items())], values)
        )
    if any(inner(step) for step in found.steps):
        rows = [
            (_text("  " * depth + what), held) for depth, what, held in _nested(found.steps, values)
        ]
        yield table(["loops and branches", "of it directly"], rows)


def _nested(steps: Any, values: list[int], depth: int = 0) -> Iterator[tuple[int, str, str]]:
    from axec.runtime.program import WORD, Loop, Switch, inner

    for step in steps:
        if isinstance(step, Loop):
            known = step.limit < len(values)
            turns = values[step.limit] if known else None
            times = (
                "until it is left" if turns == WORD.stop - 1 else f"{turns} turns" if known else ""
            )
            yield depth, f"loop {times}".strip(), _held(step.body)
        elif isinstance(step, Switch):
            held = " | ".join(map(_held, step.branches))
            yield depth, f"one of {len(step.branches)} branches", held
        for part in inner(step):
            yield from _nested(part, values, depth + 1)


def _held(steps: Any) -> str:
    """How many steps of each kind, without those in inner ones."""
    from collections import Counter

    counts = Counter(type(step).__name__.lower() for step in steps)
    return ", ".join(f"{n} {kind}" for kind, n in counts.items()) or "nothing"


def _targets(manifest: dict[str, Any]) -> Any:
    from axec.cli.console import size, table

    sizes = {segment["name"]: segment["size"] for segment in manifest["segments"]}
    rows = [
        (
            _text(target["name"]),
            _text(target["arch"]),
            size(sizes[target["code"]]),
            _text(" ".join(target["features"])),
        )
        for target in manifest["targets"]
    ]
    return table(["target", "machine", ">code", "needs"], rows)


def _made(weights: list[dict[str, Any]]) -> Iterator[Any]:
    """The weights that were computed when compiling, if there are any."""
    from axec.cli.console import table

    rows = [
        (_text(w["name"]), w["dtype"], _text(", ".join(w["from"]))) for w in weights if "from" in w
    ]
    if rows:
        yield table(["weight made when compiling", "dtype", "from"], rows)


def _segments(manifest: dict[str, Any]) -> Any:
    from axec.cli.console import size, table

    rows = [
        (_text(s["name"]), _text(s["kind"]), size(s["size"]), s["sha256"])
        for s in manifest["segments"]
    ]
    return table(["segment", "kind", ">size", "SHA-256"], rows)


def _provenance(provenance: dict[str, Any]) -> Any:
    from axec.cli.console import table

    rows = [
        (_text(key), _text(value if isinstance(value, str) else json.dumps(value)))
        for key, value in provenance.items()
    ]
    return table(["made from", ""], rows)
