"""The measures of the project, printed beside what they are compared with.

    python benchmarks/run.py [NAME ...]      all measures, or those whose names contain NAME

Each figure is the median over fresh processes that time themselves; what is compared runs in
turns, one library per process. See docs/benchmarks.md.
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

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS_PYTHON = ROOT / ".venv" / "bench" / "bin" / "python"
RESULTS = HERE / "results" / "measures.json"
ROUNDS = 7
TURNS = range(ROUNDS)
NO_CACHE = "off"  # value of AXEC_CACHE: compiled kernels are not kept on disk
IDLE = 0.3  # load average above which the figures are not to be trusted

DIGITS = "samples/digits.py:predict"
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


def build(folder: Path) -> dict[str, Path]:
    """Compile what the probes load: digits, and an addition of two vectors of 16 floats."""
    made = {"cache": folder / "cache"}
    for name, source in (("digits", DIGITS), ("add", "benchmarks/probes/add.py:add")):
        made[name] = folder / f"{name}.axe"
        axec("compile", source, "-o", made[name], AXEC_CACHE=str(made["cache"]))
    return made


def cold_start(files: dict[str, Path]) -> list[Row]:
    runs = [probe("probes/cold_start", files["digits"]) for _ in TURNS]
    parts = ", ".join(f"{k} {ms(median(runs, k))}" for k in ("import", "load", "call"))
    beside = f"import numpy itself {ms(median(runs, 'numpy'))}"
    here = f"{ms(median(runs, 'total'))} ({parts})"
    return [Row("import + load + first call, over numpy", "15 ms", here, beside, {"runs": runs})]


def checked_call(files: dict[str, Path]) -> list[Row]:
    runs = [probe("probes/call", files["add"]) for _ in TURNS]
    beside = f"numpy.add {us(median(runs, 'numpy'))}"
    fresh = f"numpy.add {us(median(runs, 'numpy_out'))} with out="
    raw: dict[str, Any] = {"runs": runs}
    if PEERS_PYTHON.exists():
        jax = [probe("peers/jax_call", python=PEERS_PYTHON) for _ in TURNS]
        fresh, raw = f"{beside}, jax.jit {us(median(jax, 'call'))}", {**raw, "jax": jax}
    what = "checked call, 2 x 16 floats"
    return [
        Row(f"{what}, out=", "0.4 us", us(median(runs, "out")), _with_out(runs), raw),
        Row(f"{what}, fresh output", "0.8 us", us(median(runs, "fresh")), fresh, {}),
    ]


def _with_out(runs: list[dict[str, float]]) -> str:
    return f"numpy.add {us(median(runs, 'numpy_out'))}"


def compile_digits(files: dict[str, Path]) -> list[Row]:
    target = files["digits"].with_name("timed.axe")
    whole = {
        cache: [_shell_seconds("compile", DIGITS, "-o", target, AXEC_CACHE=cache) for _ in TURNS]
        for cache in (NO_CACHE, str(files["cache"]))
    }
    cold, warm = (statistics.median(times) for times in whole.values())
    runs = [probe("probes/compile_digits", AXEC_CACHE=NO_CACHE) for _ in TURNS]
    again = f"again in that process {ms(median(runs, 'again'))}"
    kept = f"with kernels cached on disk {ms(warm)}"
    return [
        Row("compile digits, whole process", "1200 ms", ms(cold), kept, whole),
        Row(
            "compile digits, in process", "300 ms", ms(median(runs, "first")), again, {"runs": runs}
        ),
    ]


def _shell_seconds(*args: object, **env: str) -> float:
    start = time.perf_counter()
    axec(*args, **env)
    return time.perf_counter() - start


def compile_gpt(files: dict[str, Path]) -> list[Row]:
    ours, cached, theirs = [], [], []
    for _ in TURNS:  # in turns: a busy minute hits all
        ours.append(probe("probes/compile_gpt", LAYERS, AXEC_CACHE=NO_CACHE))
        cached.append(probe("probes/compile_gpt", LAYERS, AXEC_CACHE=str(files["cache"])))
        if PEERS_PYTHON.exists():
            theirs.append(probe("peers/jax_gpt", LAYERS, python=PEERS_PYTHON))
    mine = median(ours, "compile")
    beside = "JAX is not installed"
    if theirs:
        other = median(theirs, "compile")
        parts = f"lower {ms(median(theirs, 'lower'))}"
        beside = f"JAX {ms(other)} (of it {parts}); ratio {mine / other:.2f}"
    beside += f"; with kernels cached on disk {ms(median(cached[1:], 'compile'))}"
    raw = {"axec": ours, "cached": cached, "jax": theirs}
    what = f"compile a {LAYERS}-layer d=256 GPT forward"
    return [Row(what, "1/2 of JAX", ms(mine), beside, raw)]


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
    return [Row(what, reach, f"{counted} in {calls} calls", beside, found)]


MEASURES: dict[str, Callable[[dict[str, Path]], list[Row]]] = {
    "cold-start": cold_start,
    "call": checked_call,
    "compile-digits": compile_digits,
    "compile-gpt": compile_gpt,
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
        "load": os.getloadavg()[0],
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
    if about["load"] > IDLE:
        note(f"load average {about['load']:.2f}: this machine is busy; do not trust the figures")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="axec-bench-") as folder:
        files = build(Path(folder))
        for name in chosen:
            note(f"measuring {name}")
            rows += MEASURES[name](files)
    show(f"{about['cpu']}, {about['cpus']} CPUs, medians of {ROUNDS} fresh processes")
    show(table(["measure", ">reach", ">here", "beside it"], [row[:4] for row in rows]))
    RESULTS.parent.mkdir(exist_ok=True)
    report = {"machine": about, "rows": [row._asdict() for row in rows]}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    note(f"wrote {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
