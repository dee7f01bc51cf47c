"""Tables from the results, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

import platform
import statistics
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from versus.session import PEERS_PYTHON, ROOT
from versus.timing import QUIET
from versus.workloads import WORKLOADS, Workload

# Around the tables of each group.
MARKS = {
    "models": ("<!-- versus: made by benchmarks/versus -->", "<!-- versus: end -->"),
    "families": ("<!-- families: made by benchmarks/versus -->", "<!-- families: end -->"),
}
_PACKAGES = ("jax", "torch", "onnxruntime", "openvino", "iree-base-compiler")


def about(peers: list[str], now: datetime) -> dict[str, Any]:
    """What the figures are measured on."""
    with open("/proc/cpuinfo") as file:
        model = next((x.split(":")[1].strip() for x in file if x.startswith("model name")), "?")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return {
        "cpu": model,
        "python": platform.python_version(),
        "date": now.strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit.stdout.strip() or "unknown",
        "versions": _versions() if len(peers) > 1 else {},
    }


def _versions() -> dict[str, str]:
    code = (
        "import importlib.metadata as m\n"
        f"for n in {_PACKAGES}:\n"
        "    try: print(n, m.version(n))\n"
        "    except m.PackageNotFoundError: pass"
    )
    done = subprocess.run([str(PEERS_PYTHON), "-c", code], capture_output=True, text=True)
    return dict(line.split() for line in done.stdout.splitlines())


def duration(us: float) -> str:
    return f"{us:.2f} us" if us < 100 else f"{us:.0f} us" if us < 1000 else f"{us / 1e3:.2f} ms"


def fastest(found: dict[str, Any], peers: int) -> list[str]:
    """axec, and so many of the fastest peers, that worked."""
    working = {p: f["median_us"] for p, f in found.items() if "median_us" in f and _right(f)}
    others = sorted((p for p in working if p != "axec"), key=lambda p: working[p])
    return [p for p in ("axec",) if p in working] + others[:peers]


def _right(found: dict[str, Any]) -> bool:
    return found.get("error") is None or found["error"] < 0.05


def text(results: dict[str, Any]) -> str:
    """All tables as Markdown."""
    return "\n".join(_page(results))


def write(results: dict[str, Any], document: Path, group: str) -> None:
    """Put the tables of a group between their marks in the document."""
    begin, end = MARKS[group]
    before, _, rest = document.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if found:
        document.write_text(f"{before}{begin}\n\n{text(results)}\n\n{end}{after}")


def _page(results: dict[str, Any]) -> Iterator[str]:
    machine = results["about"]
    versions = ", ".join(f"{n} {v}" for n, v in machine["versions"].items()) or "no peers"
    yield (
        f"{machine['date']}, commit {machine['commit']}; {machine['cpu']}, Python "
        f"{machine['python']}; {versions}."
    )
    limits = results.get("limits", {}).get("machine", {})
    for threads, found in limits.items():
        one = found["machine"]
        yield (
            f"\nMachine with {threads} thread{'s'[: threads != '1']}: {one['fma_f32']:.0f} GFLOP/s "
            f"of f32 multiply-adds; copies of {one['copy_16m']:.0f} GB/s (16 MiB to 16 MiB), "
            f"{one['copy_256m']:.0f} GB/s (256 MiB)."
        )
    calls = results.get("calls", {})
    for threads in sorted({t for found in calls.values() for t in found}, reverse=True):
        yield f"\n### Calls, {threads} thread{'s'[: threads != '1']}\n"
        bound = limits.get(threads, {}).get("machine")
        yield from _table(_CALLS, _call_rows(calls, threads, bound))
    if results.get("busy"):
        yield "\n### One core busy\n"
        yield from _table(_BUSY, _busy_rows(results))
    if results.get("compile"):
        yield "\n### Compilation\n"
        yield from _table(_COMPILE, _compile_rows(results["compile"]))
    yield "\n### Peak memory of a process that loads and runs, MiB\n"
    yield from _memory(calls)


_CALLS = ("workload", "axec", "of bound", "fastest peer", "peer / axec", "others, peer / axec")
_SLOWER = "slower than undisturbed: median, mean"
_BUSY = ("workload", "axec", _SLOWER, f"peers: median ({_SLOWER})")
_COMPILE = ("program", "axec", "JAX", "axec / JAX", "axec, kernels cached")


def _table(titles: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(titles) + " |"
    yield "|---" * len(titles) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _call_rows(
    calls: dict[str, Any], threads: str, bound: dict[str, float] | None
) -> Iterator[tuple[str, ...]]:
    for name, w in WORKLOADS.items():
        found = calls.get(name, {}).get(threads)
        if not found:
            continue
        order = fastest(found, len(found))
        mine = found.get("axec", {})
        if "axec" not in order:
            yield w.title, _failure(mine), "", "", "", ""
            continue
        ratios = [(p, found[p]["median_us"] / mine["median_us"]) for p in order[1:]]
        best = f"{ratios[0][0]} {_time(found[ratios[0][0]])}" if ratios else ""
        ratio = f"**{ratios[0][1]:.2f}**" if ratios else ""
        failed = [f"{p} failed" for p in found if p not in order]
        others = ", ".join([*(f"{p} {r:.2f}" for p, r in ratios[1:]), *failed])
        yield w.title, _time(mine), _of_bound(w, mine, bound), best, ratio, others


def _failure(found: dict[str, Any]) -> str:
    if "failed" in found:
        return f"failed: {found['failed'][:80]}"
    return f"wrong: error {found['error']:.0e}" if found else "not measured"


def _time(found: dict[str, Any]) -> str:
    """Median, half the distance of the quartiles, and a mark when others were at work."""
    mark = " *" if found["others"] > QUIET else ""
    return f"{duration(found['median_us'])} ±{found['spread'] / 2:.0%}{mark}"


def _of_bound(w: Workload, found: dict[str, Any], bound: dict[str, float] | None) -> str:
    """The time that FLOPs at peak, or bytes at the speed of a copy, would take, over ours."""
    if not bound or w.dtype != "f32" or not (w.flops or w.bytes):
        return ""
    copy = bound["copy_16m" if w.bytes <= 64 << 20 else "copy_256m"]
    least = max(w.flops / bound["fma_f32"] / 1e3, w.bytes / copy / 1e3)
    return f"{least / found['median_us']:.0%}"


def _busy_rows(results: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, w in WORKLOADS.items():
        for threads, found in results["busy"].get(name, {}).items():
            calm = results["calls"][name][threads]
            slower = {
                p: (duration(f["median_us"]), _slower(f, calm[p]["median_us"]))
                for p, f in found.items()
                if "mean_us" in f and "median_us" in calm.get(p, {})
            }
            if "axec" in slower:
                own = slower.pop("axec")
                peers = ", ".join(
                    f"{p} {time} ({factors})" for p, (time, factors) in slower.items()
                )
                yield w.title, *own, peers


def _slower(found: dict[str, Any], calm: float) -> str:
    """The mean too: calls that wait for a thread without a core are few, and long."""
    return f"{found['median_us'] / calm:.2f}x, {found['mean_us'] / calm:.2f}x"


def _compile_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, w in WORKLOADS.items():
        for runs in found.get(name, {}).values():
            seconds = {
                title: statistics.median(r["compile_s"] for r in several if "compile_s" in r)
                for title, several in runs.items()
                if any("compile_s" in r for r in several)
            }
            mine, jax, warm = (seconds.get(k) for k in ("axec", "jax", "axec warm"))
            ratio = f"**{mine / jax:.2f}**" if mine and jax else ""
            yield (
                w.title,
                *(f"{s * 1e3:.0f} ms" if s else "failed" for s in (mine, jax)),
                ratio,
                (f"{warm * 1e3:.0f} ms" if warm else ""),
            )


def _memory(calls: dict[str, Any]) -> Iterator[str]:
    peers = sorted({p for w in calls.values() for t in w.values() for p in t} - {"axec"})

    def rows() -> Iterator[tuple[str, ...]]:
        for name, w in WORKLOADS.items():
            for found in list(calls.get(name, {}).values())[:1]:
                figures = [found.get(p, {}).get("rss_mib") for p in ("axec", *peers)]
                yield w.title, *("" if f is None else f"{f:.0f}" for f in figures)

    yield from _table(("workload", "axec", *peers), rows())
