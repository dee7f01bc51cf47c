"""`axec bench`: load time, latency, throughput and rates of one entry on this machine."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from axec.cli.console import Seconds

if TYPE_CHECKING:
    from axec.measure.calls import Call
    from axec.measure.timing import Timing

_LOADS = 11


@click.command("bench", short_help="Time an entry of an artifact.")
@click.argument("path", metavar="FILE.axe")
@click.option("--entry", help="Which entry (needed when there are several).")
@click.option("--dims", multiple=True, metavar="DIM=SIZE", help="Size of a named dim.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the random inputs.")
@click.option("--threads", type=click.IntRange(1), help="At most; default: all CPUs.")
@click.option("--seconds", type=Seconds(), default=2.0, help="To measure.")
@click.option("--kernels", is_flag=True, help="Time every kernel, beside the machine's limits.")
@click.option("--vs", metavar="LIB,...", help="Also time jax, torch, onnxruntime, iree.")
@click.option("--models", metavar="FILE.py", help="What --vs runs: jax_model, torch_model, ...")
@click.option("--python", metavar="PATH", help="The interpreter that has the libraries of --vs.")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON, in SI units.")
def bench_command(
    path: str,
    entry: str | None,
    dims: tuple[str, ...],
    seed: int,
    threads: int | None,
    seconds: float,
    kernels: bool,
    vs: str | None,
    models: str | None,
    python: str | None,
    as_json: bool,
) -> None:
    """Time an entry of FILE.axe on random inputs; leave the machine idle meanwhile.

    --kernels runs each launch by itself: what kernels take together in a call differs by what they
    find in the caches. "of bound" is the least time that a kernel's FLOPs or bytes need at the
    machine's measured limits, over its own: above 100% it works out of caches, or multiplies less
    (3x3 convolutions). Kernels in and behind the first loop or branch are not timed; it says how
    many there are.

    --vs gives the same inputs to the functions jax_model (jax, iree) and torch_model of --models,
    and to the file that its onnx_model names, each in a process of its own, and compares results.
    """
    from axec.cli.console import note
    from axec.measure import peers
    from axec.measure.calls import prepare
    from axec.measure.timing import measure
    from axec.runtime.loader import load

    wanted = peers.check(vs, models, python) if vs else []

    # No spinner here: its thread would be timed too.
    loading = measure(lambda: load(path), repeat=_LOADS)
    call = prepare(load(path), entry, (), dims, seed)
    out, options = call.outputs(), {} if threads is None else {"threads": threads}
    timing = measure(lambda: call.function(*call.arguments, out=out, **options), seconds=seconds)
    figures = _figures(loading, timing, call)
    count = threads or len(os.sched_getaffinity(0))
    if kernels:
        figures |= _kernels(call, count, seconds)
    if wanted:
        said = note if sys.stderr.isatty() else lambda _: None
        figures["vs"] = peers.compare(call, wanted, str(models), count, seconds, python, said)
    if as_json:
        import json

        click.echo(json.dumps(figures, indent=2))
    else:
        _print(figures, call)


def _figures(loading: Timing, timing: Timing, call: Call) -> dict[str, Any]:
    from axec.measure.timing import quantile

    flops, moved = _work(call)
    return {
        "dims": call.dims,
        "load_s": loading.median,
        "latency_s": {
            "median": timing.median,
            "min": timing.seconds[0],
            **{f"p{p}": quantile(timing.seconds, p / 100) for p in (10, 90, 99)},
        },
        "spread": timing.spread,
        "calls": len(timing.seconds) * timing.inner,
        "calls_per_s": 1 / timing.median,
        "flops": flops,
        "flop_per_s": flops / timing.median,
        "bytes": moved,
        "bytes_per_s": moved / timing.median,
    }


def _kernels(call: Call, threads: int, seconds: float) -> dict[str, Any]:
    from axec.measure.machine import limits
    from axec.measure.profile import profile

    rows, most = profile(call, threads, seconds), limits(threads)
    found = []
    for row in rows:
        least = None
        if row.flops is not None and row.bytes is not None:
            least = max(row.flops / most.flops, row.bytes / most.copy) / row.seconds
        found.append(row._asdict() | {"of_bound": least})
    left = len(call.spec["kernels"]) - len(rows)
    return {"limits": most._asdict(), "kernels": found, "kernels_left": left}


def _work(call: Call) -> tuple[int, int]:
    """FLOPs of the call, and the bytes that any program must move: inputs, outputs, weights."""
    from axec.runtime.program import evaluate

    formula = call.spec.get("formulas", {}).get("flops", call.spec["flops"])
    outputs = call.run()
    weights = call.spec["peak_bytes"] - call.spec["arena_bytes"] - _io_bytes(call.spec)
    moved = sum(array.nbytes for array in (*call.inputs, *outputs)) + weights
    return evaluate(formula, call.dims), moved


def _io_bytes(spec: dict[str, Any]) -> int:
    """Bytes of inputs and outputs at the upper bounds of the dims."""
    from math import prod

    from axec.runtime.abi import DTYPES
    from axec.runtime.program import evaluate

    highs = {name: high for name, (_, high) in sorted(spec["dims"].items())}
    return sum(
        DTYPES[array["dtype"]][0] * prod(evaluate(size, highs) for size in array["shape"])
        for array in (*spec["inputs"], *spec["outputs"])
    )


def _print(figures: dict[str, Any], call: Call) -> None:
    from axec.cli.console import amount, duration, show, table

    latency = figures["latency_s"]
    quantiles = "  ".join(f"{k} {duration(v)}" for k, v in latency.items() if k != "median")
    sizes = ", ".join(f"{name}={size}" for name, size in call.dims.items())
    rows = [
        ("load", duration(figures["load_s"]), f"median of {_LOADS}, file in the page cache"),
        ("latency", duration(latency["median"]), quantiles),
        ("spread", f"{figures['spread']:.1%}", "distance of the quartiles over the median"),
        ("throughput", amount(figures["calls_per_s"], "calls/s"), f"{figures['calls']} calls"),
        ("work", amount(figures["flop_per_s"], "FLOP/s"), amount(figures["flops"], "FLOP")),
        (
            "traffic",
            amount(figures["bytes_per_s"], "B/s"),
            f"{amount(figures['bytes'], 'B')}: inputs, outputs and weights once",
        ),
    ]
    show(table([sizes or "static shapes", ">median", ""], rows))
    if "kernels" in figures:
        show("", _kernel_table(figures))
        if left := figures["kernels_left"]:
            show(f"not timed: {left} kernels in and behind the first loop or branch")
    if "vs" in figures:
        show("", _peer_table(figures))


def _kernel_table(figures: dict[str, Any]) -> Any:
    from axec.cli.console import amount, duration, table

    def rate(row: dict[str, Any], key: str, unit: str) -> str:
        return "" if row[key] is None else amount(row[key] / row["seconds"], unit)

    total = sum(row["seconds"] for row in figures["kernels"])
    rows = [
        (
            row["name"],
            row["template"],
            str(row["launches"]),
            duration(row["seconds"]),
            f"{row['seconds'] / total:.0%}",
            rate(row, "flops", "FLOP/s"),
            rate(row, "bytes", "B/s"),
            "" if row["of_bound"] is None else f"{row['of_bound']:.0%}",
        )
        for row in figures["kernels"]
    ]
    most = figures["limits"]
    of = f">of {amount(most['flops'], 'FLOP/s')}, {amount(most['copy'], 'B/s')}"
    titles = ["kernel", "template", ">launches", ">time", ">share", ">work", ">traffic", of]
    return table(titles, rows)


def _peer_table(figures: dict[str, Any]) -> Any:
    from axec.cli.console import duration, table

    own = figures["latency_s"]["median"]
    rows = [("axec", duration(own), "", "")]
    for name, found in figures["vs"].items():
        if "failed" in found:
            rows.append((name, "", "", found["failed"]))
        else:
            ratio = f"{found['median_s'] / own:.2f}"
            rows.append(
                (name, duration(found["median_s"]), ratio, f"differs by {found['error']:.0e}")
            )
    return table(["library", ">median", ">its time / axec's", ""], rows)
