"""The measures of the project, printed beside what they are compared with.

    python benchmarks/run.py [NAME ...]      all measures, or those whose names contain NAME

Each figure is the median over fresh processes that time themselves, taken while the machine is
quiet if it ever is; what is compared runs in turns, one library per process. docs/benchmarks.md.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from quiet import QUIET, ROUNDS, disturbance, samples

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS_PYTHON = ROOT / ".venv" / "bench" / "bin" / "python"
RESULTS = HERE / "results" / "measures.json"
NO_CACHE = "off"  # value of AXEC_CACHE: compiled kernels are not kept on disk

DIGITS = "samples/digits.py:predict"
STEP = "samples/train_digits.py:step"
CALLS = "benchmarks/probes/add.py"
LAYERS = 12


class Row(NamedTuple):
    """One line of the table: figures are strings for people, `raw` what they were made from."""

    what: str
    reach: str
    here: str
    beside: str
    raw: dict[str, Any]


def probe(name: str, *args: object, python: str | Path = sys.executable, **env: str) -> Any:
    """Run `probes/NAME.py` (or `peers/...`) in a fresh process; gives the JSON that it prints."""
    command = [str(python), str(HERE / f"{name}.py"), *map(str, args)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def median(rows: list[dict[str, float]], key: str) -> float:
    return statistics.median(row[key] for row in rows)


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def us(seconds: float) -> str:
    return f"{seconds * 1e6:.3f} us"


def axec(*args: object, **env: str) -> None:
    """Run an axec command line in a fresh process."""
    command = [sys.executable, "-m", "axec.cli", *map(str, args)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, check=True, capture_output=True)


def shell_seconds(*args: object, **env: str) -> float:
    start = time.perf_counter()
    axec(*args, **env)
    return time.perf_counter() - start


def has_peers() -> bool:
    return PEERS_PYTHON.exists()


def build(folder: Path) -> dict[str, Path]:
    """Compile what the probes load: digits, its training step, additions of 16 floats."""
    made = {"cache": folder / "cache"}
    sources = {"digits": DIGITS, "step": STEP, "add": f"{CALLS}:add", "calls": CALLS}
    for name, source in sources.items():
        made[name] = folder / f"{name}.axe"
        axec("compile", source, "-o", made[name], AXEC_CACHE=str(made["cache"]))
    return made


def cold_start(files: dict[str, Path]) -> list[Row]:
    runs = samples(lambda: probe("probes/cold_start", files["digits"]))
    parts = ", ".join(f"{k} {ms(median(runs, k))}" for k in ("import", "load", "call"))
    beside = f"import numpy itself {ms(median(runs, 'numpy'))}"
    here = f"{ms(median(runs, 'total'))} ({parts})"
    return [Row("import + load + first call, over numpy", "15 ms", here, beside, {"runs": runs})]


def checked_call(files: dict[str, Path]) -> list[Row]:
    runs = samples(lambda: probe("probes/call", files["calls"]))
    given = f"numpy.add {us(median(runs, 'numpy_out'))}"
    fresh = f"numpy.add {us(median(runs, 'numpy'))}"
    jax = samples(lambda: probe("peers/jax_call", python=PEERS_PYTHON)) if has_peers() else []
    if jax:
        fresh += f", jax.jit {us(median(jax, 'call'))}"
    what, raw = "checked call, 2 x 16 floats", {"axec": runs, "jax": jax}
    more = {
        "by keyword, out=": ("3 us", "keywords", given),
        "of bfloat16, out=": ("1.5 us", "half_out", f"fresh {us(median(runs, 'half'))}"),
        "with a tree of 4 arrays, out=": ("3 us", "tree_out", f"fresh {us(median(runs, 'tree'))}"),
        "of axe.jit with this tree": ("20 us", "jit", "tensors from numpy's arrays"),
    }
    return [
        Row(f"{what}, out=", "0.4 us", us(median(runs, "out")), given, raw),
        Row(f"{what}, fresh output", "0.8 us", us(median(runs, "fresh")), fresh, {}),
        *[
            Row(f"call {k}", aim, us(median(runs, key)), by, {})
            for k, (aim, key, by) in more.items()
        ],
    ]


def compile_digits(files: dict[str, Path]) -> list[Row]:
    line = ("compile", DIGITS, "-o", files["digits"].with_name("timed.axe"))
    cold = samples(lambda: shell_seconds(*line, AXEC_CACHE=NO_CACHE))
    warm = samples(lambda: shell_seconds(*line, AXEC_CACHE=str(files["cache"])))
    runs = samples(lambda: probe("probes/compile_digits", AXEC_CACHE=NO_CACHE))
    first, again = (ms(median(runs, key)) for key in ("first", "again"))
    kept = f"with kernels cached on disk {ms(statistics.median(warm))}"
    raw = {"cold": cold, "warm": warm}
    return [
        Row("compile digits, whole process", "1200 ms", ms(statistics.median(cold)), kept, raw),
        Row("compile digits, in process", "300 ms", first, f"again there {again}", {"runs": runs}),
    ]


def compile_gpt(files: dict[str, Path]) -> list[Row]:
    rows = []
    for what in ("forward", "gradient"):
        runs = _compilations(files, what)
        mine = median(runs["axec"], "compile")
        beside = "JAX is not installed"
        if "jax" in runs:
            other, lower = (median(runs["jax"], key) for key in ("compile", "lower"))
            beside = f"JAX {ms(other)} (of it lower {ms(lower)}); ratio {mine / other:.2f}"
        beside += f"; found on disk {ms(median(runs['cached'], 'compile'))}"
        rows.append(Row(f"{_MODEL} {what}", "1/3 of JAX", ms(mine), beside, runs))
    parts = [sum(one[stage] for stage in _FRONT) for one in runs["axec"]]
    stages = ", ".join(f"{stage} {ms(median(runs['axec'], stage))}" for stage in _FRONT)
    whole = ms(statistics.median(parts))
    return [*rows, Row("of the gradient: AD and simplify", "60 ms", whole, stages, {})]


_MODEL = f"compile a {LAYERS}-layer d=256 GPT,"
_FRONT = ("roll", "transform", "decompose", "simplify")


def _compilations(files: dict[str, Path], what: str) -> dict[str, list[Any]]:
    """By library, and of axec with its cache warm."""
    arguments = (LAYERS, what)

    def turn() -> dict[str, Any]:
        """One compilation by each, so that a busy minute hits all."""
        found = {
            "axec": probe("probes/compile_gpt", *arguments, AXEC_CACHE=NO_CACHE),
            "cached": probe("probes/compile_gpt", *arguments, AXEC_CACHE=str(files["cache"])),
        }
        jax = (
            {"jax": probe("peers/jax_gpt", *arguments, python=PEERS_PYTHON)} if has_peers() else {}
        )
        return found | jax

    turn()  # fills the cache
    turns = samples(turn)
    return {name: [one[name] for one in turns] for name in turns[0]}


def compile_growth(files: dict[str, Path]) -> list[Row]:
    def turn() -> dict[str, Any]:
        return {
            str(layers): probe("probes/compile_gpt", layers, "forward", AXEC_CACHE=NO_CACHE)
            for layers in (4, 24)
        }

    turns = samples(turn)
    runs = {name: [one[name] for one in turns] for name in turns[0]}
    few, many = (median(runs[name], "compile") for name in ("4", "24"))
    here, beside = f"{many / few:.2f}", f"{ms(few)} and {ms(many)}"
    return [Row("compile 24 layers of it over 4, forward", "1.3", here, beside, runs)]


def sizes(files: dict[str, Path]) -> list[Row]:
    sources = sorted((ROOT / "runtime").glob("*.py"))
    lines = {path.name: path.read_text().count("\n") for path in sources}
    largest = max(lines, key=lambda name: lines[name])
    manifest = probe("probes/manifest", files["digits"])
    weights = sum(s["size"] for s in manifest["segments"] if s["kind"] == "weights")
    whole = files["digits"].stat().st_size
    return [
        Row(
            "runtime/ size",
            "1500 lines, file 400",
            f"{sum(lines.values())} lines",
            f"largest: {largest} {lines[largest]}",
            {"lines": lines},
        ),
        Row(
            "digits artifact without weights",
            "100 kB",
            f"{(whole - weights) / 1e3:.1f} kB",
            f"with weights {whole / 1e3:.1f} kB",
            {"bytes": whole, "weights": weights},
        ),
    ]


def mallocs(files: dict[str, Path]) -> list[Row]:
    what, reach = "malloc calls inside a compiled entry", "0"
    compiler = shutil.which("cc")
    if compiler is None:
        return [Row(what, reach, "not measured", "no C compiler for the counter", {})]
    library = files["digits"].with_name("count.so")
    source = HERE / "probes" / "malloc_count.c"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(command, check=True)
    found = {
        name: probe("probes/mallocs", files[name], LD_PRELOAD=str(library))
        for name in ("digits", "add")
    }
    calls = found["digits"]["calls"]
    counted = ", ".join(f"{name} {f['mallocs']}" for name, f in found.items())
    beside = f"the counter sees {found['add']['control']} in {calls} x numpy.empty(10**5)"
    step = probe("probes/step_mallocs", files["step"], LD_PRELOAD=str(library))
    here = f"{step['mallocs']} in {step['steps']} steps of digits, {step['arrays']} arrays each"
    return [
        Row(what, reach, f"{counted} in {calls} calls", beside, found),
        Row("malloc calls of a whole training step", reach, here, "the step's own call too", step),
    ]


MEASURES: dict[str, Callable[[dict[str, Path]], list[Row]]] = {
    "cold-start": cold_start,
    "call": checked_call,
    "compile-digits": compile_digits,
    "compile-gpt": compile_gpt,
    "compile-growth": compile_growth,
    "size": sizes,
    "malloc": mallocs,
}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import importlib.metadata as packages

    names = ("numpy", "llvmlite", "torch-mlir")
    with open("/proc/cpuinfo") as file:
        model = next((x.split(":")[1].strip() for x in file if x.startswith("model name")), "?")
    return {
        "cpu": model,
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": _commit(),
        **{name: packages.version(name) for name in names},
    }


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"


def main(names: list[str]) -> None:
    from axec.cli.console import note, show, table

    chosen = [m for m in MEASURES if not names or any(n in m for n in names)]
    about = machine()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="axec-bench-") as folder:
        files = build(Path(folder))
        for name in chosen:
            note(f"measuring {name}")
            rows += MEASURES[name](files)
    show(f"{about['cpu']}, {about['cpus']} CPUs, medians of {ROUNDS} fresh processes")
    show(table(["measure", ">reach", ">here", "beside it"], [row[:4] for row in rows]))
    about["others"] = max(disturbance, default=0.0)
    if about["others"] > QUIET:
        show(f"others used up to {about['others']:.1f} CPUs meanwhile: do not trust the times")
    RESULTS.parent.mkdir(exist_ok=True)
    report = {"machine": about, "rows": [row._asdict() for row in rows]}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    note(f"wrote {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
