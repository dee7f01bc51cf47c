"""One measurement in a process of its own:

    python -m versus.worker PEER WORKLOAD MODE THREADS FOLDER [key=value ...]

Modes: `build` compiles and leaves what `run` loads; `run` loads it and measures calls, memory and
the difference to the reference; `compile` measures a compilation alone; `reference` writes what
results are compared with. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from versus import timing
from versus.peers import PEERS, Peer
from versus.workloads import WORKLOADS

COMPARED = 1 << 20  # elements of every result that are compared


def main(name: str, workload: str, mode: str, threads: str, folder: str, *more: str) -> None:
    if mode != "build" and int(threads) == 1:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    peer = PEERS[name].create(WORKLOADS[workload], int(threads), Path(folder))
    options = dict(text.split("=") for text in more)
    found = MODES[mode](peer, **options)
    print(json.dumps(found), flush=True)
    os._exit(0)  # some libraries crash while their threads are taken down


def build(peer: Peer) -> dict[str, Any]:
    peer.prepare()
    start = time.perf_counter()
    peer.build()
    return {"build_s": time.perf_counter() - start}


def compile(peer: Peer) -> dict[str, Any]:
    peer.prepare()
    peer.warm()
    start = time.perf_counter()
    peer.compile()
    return {"compile_s": time.perf_counter() - start}


def run(peer: Peer, seconds: str = "0.7", attempts: str = "2") -> dict[str, Any]:
    start = time.perf_counter()
    peer.load()
    loaded = time.perf_counter()
    result = peer.call()
    found: dict[str, Any] = {"load_s": loaded - start, "first_s": time.perf_counter() - loaded}
    found["rss_mib"] = timing.memory_mib("VmHWM")
    found["error"] = _error(peer, _results(peer, result))
    del result
    found |= timing.steady(peer.call, float(seconds), int(attempts), alone=peer.threads == 1)
    return found


def reference(peer: Peer) -> dict[str, Any]:
    import numpy as np

    peer.load()
    np.savez(_reference(peer), *_results(peer, peer.call()))
    return {}


def _results(peer: Peer, result: Any) -> list[Any]:
    """What is compared: a call's results; of training steps the losses of the first three, which
    stand for gradients and updates."""
    import numpy as np

    if not peer.workload.train:
        return [x.reshape(-1)[:COMPARED].astype(np.float32) for x in peer.arrays(result)]
    losses = [float(peer.arrays(r)[0].reshape(-1)[0]) for r in (result,)]
    losses += [float(peer.arrays(peer.call())[0].reshape(-1)[0]) for _ in range(2)]
    return [np.array(losses, np.float32)]


def _error(peer: Peer, results: list[Any]) -> float | None:
    """Largest difference to the reference over the largest number there; None without one."""
    import numpy as np

    if not _reference(peer).exists():
        return None
    with np.load(_reference(peer)) as file:
        wanted = [file[name] for name in file.files]
    pairs = zip(wanted, results, strict=True)
    return max(float(np.abs(a - b).max() / (np.abs(a).max() + 1e-9)) for a, b in pairs)


def _reference(peer: Peer) -> Path:
    return peer.data / "reference.npz"


MODES = {"build": build, "compile": compile, "run": run, "reference": reference}

if __name__ == "__main__":
    main(*sys.argv[1:])
