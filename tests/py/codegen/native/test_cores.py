"""Workers that have no core of their own: they are fetched to the caller's, and sent away again.

What the system would say and do is staged: system calls of an image go through a function here."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from support.launches import arrays, fixed, job, make_image, run, square

from axec.runtime.abi import HOST_API
from axec.runtime.image import Image
from axec.runtime.program import Launch, ProgramTable

FUTEX, FUTEX_WAIT = 202, 128
SET_AFFINITY, GET_AFFINITY, CLOCK_GETTIME, GETCPU = 203, 204, 228, 309
HOME = os.sched_getaffinity(0)
CPU, ELSEWHERE = min(HOME), max(HOME)  # of the caller, of its workers
_CALL = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_long] * 7)
_system_call = ctypes.CDLL(None).syscall
_system_call.restype, _system_call.argtypes = ctypes.c_long, [ctypes.c_long] * 7

pytestmark = pytest.mark.skipif(len(HOME) < 2, reason="needs two CPUs")


@dataclass
class Stage:
    """A system in which no worker ever seems to run. `refused`: calls that fail. `workers_on`: the
    CPU of all but the caller. `events`: affinities that were read (None) and written, by thread.
    `asleep`: called when the caller goes to sleep."""

    refused: tuple[int, ...] = ()
    workers_on: int = ELSEWHERE
    events: list[tuple[int, set[int] | None]] = field(default_factory=list)
    asleep: Callable[[], None] = lambda: None
    caller: int = field(default_factory=threading.get_native_id)

    def __call__(self, number: int, *args: int) -> int:
        if number in self.refused:
            return -1
        is_caller = threading.get_native_id() == self.caller
        if number == CLOCK_GETTIME:
            (ctypes.c_long * 2).from_address(args[1])[:] = [1, 0]
            return 0
        if number == GETCPU:
            ctypes.c_int.from_address(args[0]).value = CPU if is_caller else self.workers_on
            return 0
        if number == FUTEX and args[1] == FUTEX_WAIT and is_caller:
            self.asleep()
        done: int = _system_call(number, *args)
        if number in (SET_AFFINITY, GET_AFFINITY):
            self.events.append((args[0], _cpus(args[2]) if number == SET_AFFINITY else None))
        return done


def _cpus(mask: int) -> set[int]:
    words = (ctypes.c_uint64 * 16).from_address(mask)
    return {64 * i + bit for i, word in enumerate(words) for bit in range(64) if word >> bit & 1}


_kept: list[Any] = []  # threads that never end use these; a new image is no other's, used again


def _staged(stage: Stage) -> Image:
    """An image on a stage, with a pool of its own."""
    image, call = make_image(), _CALL(stage)
    _kept.extend((image, call))
    other = {
        "syscall": ctypes.cast(call, ctypes.c_void_p).value,
        "parallel": None,
        "None": None,
        "True": None,
    }
    host = [other[n] if n in other else _address(n) for n in HOST_API]
    initialise = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(image.address("axe_init"))
    initialise(ctypes.addressof((ctypes.c_void_p * len(host))(*host)))
    return image


def _address(name: str) -> int:
    return ctypes.cast(ctypes.pythonapi[name], ctypes.c_void_p).value or 0


def _meet(image: Image, stage: Stage) -> None:
    """A job of two units that begin together. The worker's goes on when the caller sleeps."""
    launch = Launch(3, ((0, 0), (1, 0)), (), 1, 1)
    table = ProgramTable(0, 4, 4, (fixed(0), fixed(2)), (launch,))
    flags, signs = np.zeros(2, "i8"), np.array([1, 0])
    stage.asleep = lambda: signs.fill(1)
    run(image, table, (flags, signs), 2)
    assert flags.all()
    assert signs.all()


def test_a_worker_without_a_core_is_fetched_and_sent_away() -> None:
    stage = Stage()
    image = _staged(stage)
    _meet(image, stage)
    (worker, _), *_ = stage.events
    assert worker != threading.get_native_id()
    assert stage.events == [(worker, None), (worker, {CPU}), (worker, HOME - {CPU})]
    assert os.sched_getaffinity(worker) == HOME - {CPU}
    del stage.events[:]
    _meet(image, stage)  # it has its CPUs again before it is fetched once more
    assert stage.events[0] == (worker, HOME)
    assert stage.events[1:] == [(worker, None), (worker, {CPU}), (worker, HOME - {CPU})]


def test_a_worker_that_wakes_on_its_callers_core_leaves_it() -> None:
    stage = Stage(refused=(CLOCK_GETTIME,), workers_on=CPU)  # nobody fetches it
    image = _staged(stage)
    x, y, visits = arrays(1000)
    run(image, square(1000), (x, y, visits), 2)
    deadline = time.monotonic() + 20
    while len(stage.events) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)  # it falls asleep
        run(image, square(1000), (x, y, visits), 2)
    (worker, _), *_ = stage.events
    assert stage.events[:3] == [(worker, None), (worker, HOME - {CPU}), (worker, HOME)]
    # The last run may have woken it once more: it is then on its way through the same three calls.
    while os.sched_getaffinity(worker) != HOME and time.monotonic() < deadline:
        time.sleep(0.01)
    assert os.sched_getaffinity(worker) == HOME


@pytest.mark.parametrize("refused", [GET_AFFINITY, SET_AFFINITY, CLOCK_GETTIME])
def test_where_the_system_refuses_the_caller_waits(refused: int) -> None:
    stage = Stage(refused=(refused,))
    image = _staged(stage)
    _meet(image, stage)
    assert not [cpus for _, cpus in stage.events if cpus]
    x, y, visits = arrays(1000)
    for _ in range(20):
        run(image, square(1000, launches=10), (x, y, visits), 3)
    assert (visits == 200).all()


@contextlib.contextmanager
def _busy(cpu: int) -> Iterator[None]:
    """Another process keeps a CPU busy."""
    code = f"import os\nos.sched_setaffinity(0, {{{cpu}}})\nwhile True: pass"
    burner = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield
    finally:
        burner.kill()
        burner.wait()


def _moved(stop: threading.Event) -> None:
    """Have every thread run here, then there, then anywhere."""
    rng = np.random.default_rng(0)
    while not stop.is_set():
        for thread in map(int, os.listdir("/proc/self/task")):
            some = {cpu for cpu in HOME if rng.random() < 0.5}
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(thread, some or HOME)
        time.sleep(0.001)


@pytest.mark.parametrize("moving", [False, True])
def test_no_unit_is_lost_while_threads_lose_their_cores(moving: bool) -> None:
    """Callers at the same time, more threads than cores, a busy core, threads that are moved."""
    image, faults = make_image(), []
    stop = threading.Event()
    mover = threading.Thread(target=_moved, args=(stop,))

    def call(seed: int) -> None:
        x, y, visits = arrays(700 + seed)
        programs = square(x.size, launches=3), job([(x.size - 300, 1), (300, 9)], (0, x.size - 300))
        for turn in range(1000):
            run(image, programs[turn % 2], (x, y, visits), 2 + (seed + turn) % 7)
        if not (visits == 500 * 3 + 500).all() or not (y == x * x).all():
            faults.append(seed)

    callers = [threading.Thread(target=call, args=(seed,)) for seed in range(3)]
    with _busy(max(HOME)):
        for thread in (*callers, mover)[: 4 if moving else 3]:
            thread.start()
        for thread in callers:
            thread.join(timeout=60)
        stop.set()
    if moving:
        mover.join()
        for number in map(int, os.listdir("/proc/self/task")):
            os.sched_setaffinity(number, HOME)
    assert not any(thread.is_alive() for thread in callers)
    assert not faults
