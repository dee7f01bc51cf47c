"""Products, attention, reductions and sorting of many shapes, in axec and its peers, one thread
unless said otherwise:

    PYTHONPATH=benchmarks .venv/bin/python -m sweep [FAMILY ...] [--threads 2]

Every library is a process; for each case they take turns, several times, and the fastest call of
each counts, so that a busy minute hits all of them. Prints the time of the fastest peer over axec's
(above 1 axec is faster) for cases below --below, then the worst and the median per family. Results
that differ from NumPy's or torch's are told. `known` is axec with a size for the dim: what a shape
by dim costs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sweep.cases import Case, cases
from sweep.libraries import LIBRARIES

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "sweep.json"
PEERS_PYTHON = ROOT / ".venv" / "bench" / "bin" / "python"
HERE = ("axec", "known", "numpy")  # libraries of this Python
_PAUSE = 0.003  # seconds, in which the threads of a pool cease to spin
_ERROR = {"bf16": 2e-2, "i8": 0.0}  # of the sums of results, over the sum of their sizes

Record = dict[str, Any]


class Worker:
    """A library's process."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        counts = {f"{x}_NUM_THREADS": str(threads) for x in ("OMP", "MKL", "OPENBLAS")}
        python = sys.executable if name in HERE else str(PEERS_PYTHON)
        paths = os.pathsep.join(map(str, (ROOT / "benchmarks", ROOT)))
        self.process = subprocess.Popen(
            [python, "-m", "sweep.worker", name, str(threads)],
            env={**os.environ, **counts, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, **question: Any) -> Record:
        """The answer; {"failed": ...} of a process that has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        found: Record = json.loads(line) if line else {"failed": "its process ended"}
        return found

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)


def measure(
    workers: list[Worker], case: Case, number: int, rounds: int, seconds: float
) -> dict[str, Record]:
    """Answers by library, with `best`, seconds per call, where it can do the case."""
    found = {w.name: w.ask(case=number) for w in workers}
    able = [w for w in workers if "failed" not in found[w.name]]
    for _ in range(rounds):
        for worker in able:
            time.sleep(_PAUSE)
            taken = worker.ask(seconds=seconds)["best"]
            found[worker.name]["best"] = min(found[worker.name].get("best", taken), taken)
    reference = next(
        (found[n] for n in ("numpy", "torch", "jax") if "best" in found.get(n, {})), None
    )
    for one in found.values():
        if reference and "best" in one:
            difference = abs(one["sum"] - reference["sum"]) + abs(one["size"] - reference["size"])
            one["wrong"] = difference > _ERROR.get(case.dtype, 1e-3) * reference["size"]
    return found


def ratio(found: dict[str, Record]) -> tuple[float, str] | None:
    """The fastest peer's time over axec's, and its name."""
    peers = [(one["best"], name) for name, one in found.items() if name != "axec" and "best" in one]
    if "best" not in found["axec"] or not peers:
        return None
    best, name = min(peers)
    return best / found["axec"]["best"], name


def line(case: Case, found: dict[str, Record]) -> str:
    """A case as a line of text."""
    ours, compared = found["axec"].get("best"), ratio(found)
    times = " ".join(f"{n} {one['best'] * 1e6:.1f}" for n, one in found.items() if "best" in one)
    text = f"{case.title:46}" + (f" {compared[0]:5.2f} {compared[1]:12}" if compared else " " * 19)
    if ours is None:
        return f"{text} {found['axec']['failed']}"
    wrong = [name for name, one in found.items() if one.get("wrong")]
    return f"{text} {times}" + (f"   DIFFERS: {', '.join(wrong)}" if wrong else "")


def summary(ratios: dict[str, list[tuple[float, str]]]) -> str:
    """The table of families, in Markdown."""
    rows = ["| family | cases | worst | which | median | below 0.95 |", "|---|---|---|---|---|---|"]
    for family, found in ratios.items():
        worst, name = min(found)
        middle = statistics.median(x for x, _ in found)
        behind = sum(x < 0.95 for x, _ in found)
        rows.append(f"| {family} | {len(found)} | {worst:.2f} | {name} | {middle:.2f} | {behind} |")
    return "\n".join(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "families", nargs="*", help="all unless given; or beginnings of `family name`"
    )
    parser.add_argument("--libraries", default=",".join(LIBRARIES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.006, help="a library's turn")
    parser.add_argument("--below", type=float, default=0.95, help="print cases below this ratio")
    given = parser.parse_args()
    names = [n for n in given.libraries.split(",") if n in HERE or PEERS_PYTHON.exists()]
    workers = [Worker(name, given.threads) for name in names]
    ratios: dict[str, list[tuple[float, str]]] = {}
    kept = {}
    try:
        for number, case in enumerate(cases()):
            if given.families and not case.title.startswith(tuple(given.families)):
                continue
            found = measure(workers, case, number, given.rounds, given.seconds)
            kept[case.title] = found
            compared = ratio(found)
            wrong = any(one.get("wrong") for one in found.values())
            if wrong or compared is None or compared[0] < given.below:
                print(line(case, found), flush=True)
            if compared:
                ratios.setdefault(case.family, []).append((compared[0], case.name))
    finally:
        for worker in workers:
            worker.end()
    print(f"\n{given.threads} thread(s)\n\n{summary(ratios)}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
