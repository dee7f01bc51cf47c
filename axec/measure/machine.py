"""What this machine can do at most: multiply-adds in registers, copies of memory."""

from __future__ import annotations

import ctypes
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from axec.passes.codegen.cpu.targets import Target

__all__ = ["Limits", "copy_rate", "limits", "peak_flops", "peak_loop"]

COPY = 16 << 20  # bytes that a copy reads, and as many that it writes, by default
_SUMS, _STEPS = 12, 200_000  # of the loop of multiply-adds
_ROUNDS = 15

Call = Callable[[], object]


class Limits(NamedTuple):
    """FLOP/s of f32 multiply-adds that wait for nothing; B/s of a copy, read and written."""

    flops: float
    copy: float


def limits(threads: int) -> Limits:
    """Both, measured with so many threads. About a second."""
    from axec.passes.codegen.cpu import targets

    (target,) = targets.resolve_all([targets.NATIVE])
    run = _together([peak_loop(target) for _ in range(threads)])
    best = min(run() for _ in range(_ROUNDS))
    return Limits(threads * peak_flops(target) / best, copy_rate(threads))


def copy_rate(threads: int, size: int = COPY) -> float:
    """B/s, reads and writes together, of copies of `size` bytes that the threads share."""
    import numpy as np

    share, times = size // threads, max(1, (64 << 20) // size)
    rooms = [[np.ones(share, np.uint8) for _ in range(2)] for _ in range(threads)]

    def copies(source: Any, target: Any) -> Call:
        def run() -> None:
            for _ in range(times):
                np.copyto(target, source)

        return run

    run = _together([copies(*room) for room in rooms])
    return 2 * share * threads * times / min(run() for _ in range(_ROUNDS))


def peak_loop(target: Target) -> Call:
    """A call with multiply-adds of f32 in registers that do not wait for each other."""
    import numpy as np

    from axec.passes.codegen.cpu import worker
    from axec.passes.codegen.cpu.elf import linker
    from axec.passes.codegen.llvm import F32, PTR, VOID, Module, vec

    module, type_ = Module("peak"), vec(F32, target.lanes(4))
    b = module.function("peak", VOID, {"place": PTR}, "export")
    (place,) = b.args
    x = b.load(type_, place)
    with b.for_(0, _STEPS, carried=[x] * _SUMS) as loop:
        loop.yield_(*[b.fma(x, x, total) for total in loop.carried])
    found = loop.results[0]
    for total in loop.results[1:]:
        found = b.add(found, total)
    b.store(found, place)
    b.ret()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peak.so"
        path.write_bytes(linker.link(worker.compile_modules([module], target)))
        run = ctypes.CDLL(str(path)).peak
    room = np.zeros(64, np.float32)
    return lambda: (run(ctypes.c_void_p(room.ctypes.data)), room)


def peak_flops(target: Target) -> int:
    """FLOPs of one call of `peak_loop`."""
    return 2 * _SUMS * _STEPS * target.lanes(4)


def _together(parts: list[Call]) -> Callable[[], float]:
    """Runs all parts at once, a thread each: seconds from the first start to the last end. Code
    outside of Python must do the work."""
    gate = threading.Barrier(len(parts))
    spans: list[tuple[float, float]] = []

    def work(part: Call) -> None:
        gate.wait()
        start = time.perf_counter()
        part()
        spans.append((start, time.perf_counter()))

    def run() -> float:
        spans.clear()
        workers = [threading.Thread(target=work, args=(part,)) for part in parts]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return max(end for _, end in spans) - min(start for start, _ in spans)

    return run
