"""Threads, forks, leaks."""

from __future__ import annotations

import gc
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from axec.runtime.call import CPUS
from axec.runtime.loader import Program, load

W = np.array([1, 2, 3, 4], "f4")


def check(program: Program, seed: int, calls: int) -> list[str]:
    """Calls of every kind with numbers of their own; what came out wrong."""
    rng = np.random.default_rng(seed)
    wrong = []
    out = np.zeros(16, "f4")
    for i in range(calls):
        x, y = rng.random((2, 16), "f4")
        rows = rng.random((int(rng.integers(1, 65)), 4), "f4")
        threads = 1 + i % CPUS
        if not (program["add"](x, y, out=out, threads=threads) == x + y).all():
            wrong.append("add")
        if not (program["add"](x, y=y.tolist()) == x + y).all():
            wrong.append("add, slow")
        if not (program["scale"](rows) == rows * W + np.float32(len(rows))).all():
            wrong.append("scale")
        if not (program["scale"](rows[::-1]) == rows[::-1] * W + np.float32(len(rows))).all():
            wrong.append("scale, slow")
        if program["tree"]({"a": x, "b": y}, y)["r"][0].tolist() != (x + y).tolist():
            wrong.append("tree")
    return wrong


def run_threads(work: Callable[[int], Any], count: int) -> None:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)


def test_many_callers(loaded: Program) -> None:
    wrong: list[str] = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        run_threads(lambda i: wrong.extend(check(loaded, i, 100)), 8)
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
    assert 1 <= len(loaded["scale"].__self__._arenas) <= 8


def test_many_loaders(path: Path) -> None:
    wrong: list[str] = []

    def work(seed: int) -> None:
        for i in range(5):
            wrong.extend(check(load(path), 10 * seed + i, 4))

    run_threads(work, 6)
    assert wrong == []


def in_child(work: Callable[[], bool]) -> int:
    """Exit status of a fork that runs `work`; -1 when it hangs."""
    child = os.fork()
    if child == 0:
        status = 3
        try:
            status = 0 if work() else 1
        finally:
            os._exit(status)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forks(loaded: Program, path: Path) -> None:
    assert check(loaded, 0, 5) == []  # the pool has threads now
    assert in_child(lambda: check(loaded, 1, 20) == []) == 0
    assert in_child(lambda: check(load(path), 2, 5) == []) == 0
    assert check(loaded, 3, 5) == []


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forks_while_others_call(loaded: Program) -> None:
    stop = threading.Event()
    wrong: list[str] = []

    def call(seed: int) -> None:
        while not stop.is_set():
            wrong.extend(check(loaded, seed, 5))

    threads = [threading.Thread(target=call, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        statuses = [in_child(lambda: check(loaded, 9, 5) == []) for _ in range(5)]
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=20)
    assert statuses == [0] * 5
    assert wrong == []


def memory() -> tuple[int, int]:
    """Resident KiB of this process, and blocks that Python's allocator has given out."""
    gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * resource.getpagesize() // 1024, sys.getallocatedblocks()


def assert_no_growth(work: Callable[[], Any], warm: int, calls: int) -> None:
    for _ in range(warm):
        work()
    before = memory()
    for _ in range(calls):
        work()
    after = memory()
    # Python takes memory from the system 1 MiB at a time; 0.3 KiB per call would show.
    assert after[0] - before[0] < 3000
    assert after[1] - before[1] < 300


X, Y, OUT = np.ones(16, "f4"), np.ones(16, "f4"), np.ones(16, "f4")
ROWS = np.ones((9, 4), "f4")
CALLS: dict[str, Callable[[Program], Any]] = {
    "native": lambda p: p["add"](X, Y, out=OUT),
    "fresh output": lambda p: p["add"](X, Y),
    "dynamic": lambda p: p["scale"](ROWS),
    "slow": lambda p: p["add"](X, y=Y),
    "tree": lambda p: p["tree"]({"a": X, "b": Y}, X),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_leak_nothing(path: Path, name: str) -> None:
    call, loaded = CALLS[name], load(path, threads=1)
    counts = [sys.getrefcount(a) for a in (X, Y, OUT, ROWS)]
    assert_no_growth(lambda: call(loaded), 1000, 10_000)
    assert [sys.getrefcount(a) for a in (X, Y, OUT, ROWS)] == counts


def test_refused_calls_leak_nothing(loaded: Program) -> None:
    def refuse() -> None:
        for args in ((X,), (X, Y[:3]), (X, Y.astype("f8"))):
            try:
                loaded["add"](*args)
            except Exception:
                continue
            raise AssertionError("it was taken")

    assert_no_growth(refuse, 300, 2000)


def test_loads_leak_nothing(path: Path) -> None:
    assert_no_growth(lambda: load(path)["scale"](ROWS), 30, 400)
