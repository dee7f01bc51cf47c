"""Starting measurements: one process at a time, what is built kept between runs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from versus.peers import PEERS
from versus.peers.base import write_data
from versus.workloads import WORKLOADS, Workload

ROOT = Path(__file__).resolve().parents[2]
PEERS_PYTHON = ROOT / ".venv" / "bench" / "bin" / "python"
_TIMEOUT = {"build": 300, "reference": 60, "compile": 120, "run": 60}  # seconds
_BURN = "import os\nos.sched_setaffinity(0, {max(os.sched_getaffinity(0))})\nwhile True: pass"


def installed() -> list[str]:
    """The libraries that can be measured here, axec first."""
    if not PEERS_PYTHON.exists():
        return ["axec"]
    packages = sorted({known.package for known in PEERS.values() if known.package})
    probe = (
        "import importlib.util as u, sys\n"
        "def has(n):\n    try: return u.find_spec(n) is not None\n"
        "    except ModuleNotFoundError: return False\n"
        "print(*[n for n in sys.argv[1:] if has(n)])"
    )
    done = subprocess.run(
        [str(PEERS_PYTHON), "-c", probe, *packages], capture_output=True, text=True, check=True
    )
    found = set(done.stdout.split())
    return [n for n, known in PEERS.items() if not known.package or known.package in found]


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Keep the last core of this process busy with another process."""
    burner = subprocess.Popen([sys.executable, "-c", _BURN])
    try:
        yield
    finally:
        burner.kill()
        burner.wait()


@dataclass(frozen=True)
class Session:
    """`work`: the folder of everything that is built (safe to delete)."""

    work: Path

    def run(self, peer: str, w: Workload, threads: int, **options: object) -> dict[str, Any]:
        """Measure; builds first what is not there. A failure is {"failed": its last line}."""
        try:
            self.prepare(w)
            self._build(peer, w, threads)
            return self._worker(peer, w, "run", threads, **options)
        except RuntimeError as e:
            return {"failed": str(e)}

    def build(self, peer: str, w: Workload, threads: int) -> str | None:
        """Build what is not there; what went wrong, if anything did."""
        try:
            self.prepare(w)
            self._build(peer, w, threads)
        except RuntimeError as e:
            return str(e)
        return None

    def compile(self, peer: str, w: Workload, cache: str) -> dict[str, Any]:
        """Measure one compilation; `cache`: folder of axec's kernel cache, or "off"."""
        try:
            self.prepare(w)
            return self._worker(peer, w, "compile", os.cpu_count() or 1, AXEC_CACHE=cache)
        except RuntimeError as e:
            return {"failed": str(e)}

    def prepare(self, w: Workload) -> None:
        """Write what all peers read, and torch's results, which are the reference."""
        data = self.work / w.name
        if not (data / "params.npz").exists():
            write_data(w, data)
        if not (data / "reference.npz").exists() and "torch" in installed():
            self._worker("torch", w, "reference", os.cpu_count() or 1)

    def _build(self, peer: str, w: Workload, threads: int) -> None:
        done = self._folder(peer, w, threads) / "built"
        if PEERS[peer].builds and not (done.exists() and peer != "axec"):
            self._worker(peer, w, "build", threads)
            done.touch()

    def _folder(self, peer: str, w: Workload, threads: int) -> Path:
        suffix = f"-{threads}" if PEERS[peer].threads_matter else ""
        return self.work / w.name / f"{peer}{suffix}"

    def _worker(
        self, peer: str, w: Workload, mode: str, threads: int, **options: object
    ) -> dict[str, Any]:
        folder = self._folder(peer, w, threads)
        if mode == "build":
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        environment = {k: str(v) for k, v in options.items() if k.isupper()}
        given = [f"{k}={v}" for k, v in options.items() if not k.isupper()]
        python = sys.executable if peer == "axec" else str(PEERS_PYTHON)
        command = [python, "-m", "versus.worker", peer, w.name, mode, str(threads)]
        text = _output([*command, str(folder), *given], threads, environment, _TIMEOUT[mode])
        found: dict[str, Any] = json.loads(text.splitlines()[-1])
        return found


def limits(threads: int) -> dict[str, float]:
    """What the machine can do at most (limits.py)."""
    text = _output([sys.executable, "-m", "versus.limits", str(threads)], threads, {}, 120)
    found: dict[str, float] = json.loads(text.splitlines()[-1])
    return found


def _output(command: list[str], threads: int, more: dict[str, str], timeout: float) -> str:
    """What the process prints. RuntimeError with the last line of its errors."""
    count = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS")}
    paths = os.pathsep.join([str(ROOT / "benchmarks"), str(ROOT)])
    quiet = {"PYTHONPATH": paths, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "2"}
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **count, **quiet, **more},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"took more than {timeout} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RuntimeError(lines[-1][:300])
    return done.stdout


def chosen(names: str | None, known: list[str], what: str) -> list[str]:
    """A comma-separated list, checked; everything when None."""
    if names is None:
        return known
    found = names.split(",")
    for name in found:
        if name not in known:
            sys.exit(f"no {what} {name!r} here; there are: {', '.join(known)}")
    return found


def workloads(group: str, names: str | None) -> list[Workload]:
    """Workloads of a group, by their names or beginnings of these."""
    known = [w for w in WORKLOADS.values() if w.group == group]
    if names is None:
        return known
    found = [w for w in known if w.name.startswith(tuple(names.split(",")))]
    listed = ", ".join(w.name for w in known)
    return found or sys.exit(f"no workload of {group} begins with {names}: {listed}")
