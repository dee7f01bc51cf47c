"""axec beside its peers, every measurement in a process of its own, one at a time.

    make bench                      everything, and the tables of docs/benchmarks.md
    make bench ARGS="--quick"       axec and one process per peer, 2 threads, less time each
    make bench ARGS="--workloads gpt,mlp --peers axec,jax,torch --threads 2"
    make bench ARGS="--group families"   the second table: models of other families

Results go to results/ after every workload, a file per group (versus.json, families.json); what is
measured again replaces the old.
What peers compile stays in --work, and takes 20 minutes once (inductor); measuring takes as long.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from versus import report
from versus.session import ROOT, Session, busy_core, chosen, installed, limits, workloads
from versus.timing import QUIET
from versus.workloads import COMPILED, WORKLOADS

RESULTS = ROOT / "benchmarks" / "results"
FILES = {"models": "versus.json", "families": "families.json"}  # of each group
DOCUMENT = ROOT / "docs" / "benchmarks.md"
PARTS = ("build", "limits", "calls", "busy", "compile")
Results = dict[str, Any]


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(
        prog="versus", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--group", choices=list(FILES), default="models", help="which table")
    p.add_argument("--workloads", help="their names or beginnings of these, comma-separated")
    p.add_argument("--peers", help="comma-separated; by default all that are installed")
    p.add_argument("--threads", help="comma-separated counts (default: 1 and all cores)")
    p.add_argument("--parts", help=f"of {', '.join(PARTS)}; by default all")
    p.add_argument("--rounds", type=int, default=1, help="processes per figure; the best counts")
    p.add_argument("--seconds", type=float, default=0.5, help="that a process measures")
    p.add_argument("--work", type=Path, default=ROOT / "build" / "versus", help="what is built")
    p.add_argument("--quick", action="store_true", help="one thread count, 0.3 s, no compilation")
    p.add_argument("--report", action="store_true", help="only print the tables of the results")
    return p.parse_args()


def main() -> None:
    given = arguments()
    file = RESULTS / FILES[given.group]
    results: Results = json.loads(file.read_text()) if file.exists() else {}
    if not given.report:
        run = Run(given, results, file)
        for part in chosen(given.parts, list(PARTS), "part"):
            getattr(run, part)()
    print(report.text(results))
    report.write(results, DOCUMENT, given.group)


class Run:
    """One go through the parts. Results are kept under part / workload / threads / peer."""

    def __init__(self, given: argparse.Namespace, results: Results, file: Path) -> None:
        self.given, self.results, self.file = given, results, file
        self.peers = chosen(given.peers, installed(), "peer")
        self.workloads = workloads(given.group, given.workloads)
        cores = len(os.sched_getaffinity(0))
        self.counts = [int(n) for n in given.threads.split(",")] if given.threads else [cores, 1]
        if given.quick:
            self.counts, given.seconds = self.counts[:1], min(given.seconds, 0.3)
            given.parts = given.parts or "build,limits,calls"
        self.cores = cores
        self.session = Session(given.work.resolve())
        results["about"] = report.about(self.peers, datetime.now(UTC))

    def build(self) -> None:
        """What peers compile, unless it is there: `--parts build` does it before the machine is
        idle, so that measuring everything takes 20 minutes."""
        for w in self.workloads:
            for threads in self.counts:
                for peer in self._serving(w):
                    if (failed := self.session.build(peer, w, threads)) is not None:
                        print(f"  build {w.name} x{threads} {peer}: {failed}", file=sys.stderr)

    def limits(self) -> None:
        for threads in self.counts:
            self._keep("limits", "machine", threads, {"machine": limits(threads)})

    def calls(self) -> None:
        for w in self.workloads:
            for threads in self.counts:
                found: dict[str, Any] = {}
                for _ in range(self.given.rounds):
                    for peer in self._serving(w):
                        one = self.session.run(peer, w, threads, seconds=self.given.seconds)
                        found[peer] = _better(found.get(peer), one)
                        self._say(w.name, threads, peer, found[peer])
                self._keep("calls", w.name, threads, found)

    def busy(self) -> None:
        """With one core kept busy by another process, at all cores: axec, and the peers that were
        fastest undisturbed."""
        threads = self.counts[0]
        for w in self.workloads:
            before = self.results.get("calls", {}).get(w.name, {}).get(str(threads), {})
            found = {}
            for peer in report.fastest(before, 2):
                if peer in self.peers:
                    with busy_core():
                        found[peer] = self.session.run(peer, w, threads, seconds=1.0, attempts=1)
                    self._say(f"busy {w.name}", threads, peer, found[peer])
            self._keep("busy", w.name, threads, found)

    def compile(self) -> None:
        """Cold compilations beside JAX's; warm is axec with its kernel cache."""
        names = [w.name for w in self.workloads if w.name in COMPILED]
        for name in names:
            found: dict[str, Any] = {}
            for _ in range(3):
                self._compile_once(name, found)
            self._keep("compile", name, self.cores, found)

    def _compile_once(self, name: str, found: dict[str, Any]) -> None:
        cache = self.session.work / "kernels"
        plan = {"axec": ("axec", "off"), "axec warm": ("axec", str(cache)), "jax": ("jax", "off")}
        for title, (peer, place) in plan.items():
            if peer not in self.peers:
                continue
            if title not in found and place != "off":
                self.session.compile(peer, WORKLOADS[name], place)  # fills the cache
            one = self.session.compile(peer, WORKLOADS[name], place)
            found.setdefault(title, []).append(one)
            seconds = one.get("compile_s")
            shown = one.get("failed") or f"{seconds * 1e3:.0f} ms"
            print(f"  compile {name} {title}: {shown}", file=sys.stderr, flush=True)

    def _serving(self, w: Any) -> list[str]:
        from versus.peers import PEERS

        return [p for p in self.peers if PEERS[p].serves(w)]

    def _keep(self, part: str, name: str, threads: int, found: dict[str, Any]) -> None:
        """Put into the results and write them: a run may be stopped at any time."""
        place = self.results.setdefault(part, {}).setdefault(name, {})
        place.setdefault(str(threads), {}).update(found)
        RESULTS.mkdir(exist_ok=True)
        partial = self.file.with_suffix(".part")
        partial.write_text(json.dumps(self.results, indent=1, sort_keys=True) + "\n")
        partial.replace(self.file)

    def _say(self, name: str, threads: int, peer: str, one: dict[str, Any]) -> None:
        at = time.strftime("%H:%M:%S")
        if "failed" in one:
            text = f"failed: {one['failed']}"
        else:
            noise = f", others {one['others']:.1f} CPUs" if one["others"] > QUIET else ""
            error = one["error"]
            text = f"{report.duration(one['median_us'])} +-{one['spread']:.0%}{noise}" + (
                "" if error is None else f", error {error:.0e}"
            )
        print(f"{at} {name} x{threads} {peer}: {text}", file=sys.stderr, flush=True)


def _better(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """The faster of two processes' figures: what is slower was disturbed."""
    if old is None or "failed" in old:
        return new
    if "failed" in new or old["median_us"] <= new["median_us"]:
        return old
    return new


if __name__ == "__main__":
    main()
