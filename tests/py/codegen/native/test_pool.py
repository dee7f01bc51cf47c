"""The thread pool and `axe_run`: every unit once, the same bits for any number of threads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest
from support.launches import arrays, fixed, job, make_image, run, square

from axec.runtime.image import Image
from axec.runtime.program import Launch, Op, ProgramTable, Value

THREADS = (1, 2, 3, 4, 7, 16)


@pytest.fixture(scope="module")
def image() -> Image:
    return make_image()


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("units", [1, 2, 3, 1000, 4097])
def test_every_unit_runs_once(image: Image, threads: int, units: int) -> None:
    x, y, visits = arrays(units)
    run(image, square(units, launches=20), (x, y, visits), threads)
    assert (visits == 20).all()
    np.testing.assert_array_equal(y, x * x)


def test_no_units_run_nothing(image: Image) -> None:
    x, y, visits = arrays(4)
    for units in (0, -3):
        run(image, square(units), (x, y, visits), 2)
    assert not visits.any()


def test_grain_bounds_the_parts(image: Image) -> None:
    """10 units of grain 4 are worth two threads; the result does not show it."""
    x, y, visits = arrays(10)
    for grain in (1, 4, 100):
        run(image, square(10, grain=grain), (x, y, visits), 8)
    assert (visits == 3).all()


def test_values_are_computed_from_the_dims(image: Image) -> None:
    """Units and block dims of a dynamic program: every opcode, negative floor division too."""
    n, m, add, mul = (Op.DIM, 0), (Op.DIM, 1), (Op.ADD, 0), (Op.MUL, 0)
    values = (
        fixed(0),
        Value((n, (Op.CONST, 2), mul, (Op.CONST, 1), add)),  # 2 n + 1
        Value((n, m, (Op.MAX, 0), (Op.FLOORDIV, 2))),  # max(n, m) // 2
        Value(((Op.CONST, 3), n, (Op.CONST, -1), mul, add, (Op.FLOORDIV, 4))),  # (3 - n) // 4
        fixed(8),
    )
    launches = tuple(Launch(1, ((0, 0),), (dim,), 1, 1) for dim in (1, 2, 3))
    shifted = Launch(1, ((0, 4),), (4,), 1, 1)  # from byte 8 on
    table = ProgramTable(2, 3, 3, values, (*launches, shifted))
    for dims in ((5, 9), (10, 3), (1, 1)):
        target = np.zeros(30, "i8")
        run(image, table, (target,), 2, dims)
        expected = np.zeros(30, "i8")
        numbers = [value.evaluate(dims) for value in values]
        expected[: numbers[1]] += sum(numbers[1:4])
        expected[1 : numbers[1] + 1] += 8
        np.testing.assert_array_equal(target, expected)


#: Units and grain of the launches of a job: whole ones, none, single units, odd counts.
JOBS = (
    ((1000, 1), (1, 1), (0, 1), (7, 100), (4097, 3)),
    ((1, 50),) * 40,
    ((-2, 1), (0, 5), (3, 1)),
    ((5, 1000), (6, 1000)),
)


@pytest.mark.parametrize("threads", range(1, 9))
@pytest.mark.parametrize("sizes", JOBS)
def test_every_unit_of_a_job_runs_once(
    image: Image, threads: int, sizes: Sequence[tuple[int, int]]
) -> None:
    counts = [max(units, 0) for units, _ in sizes]
    x, y, visits = arrays(sum(counts))
    program = job(sizes, [sum(counts[:i]) for i in range(len(counts))])
    for _ in range(20):
        run(image, program, (x, y, visits), threads)
    assert (visits == 20).all()
    np.testing.assert_array_equal(y, x * x)


def test_what_does_not_fit_a_range_runs_alone(image: Image) -> None:
    """Numbers of units whose sum wraps, of a kernel that looks at a flag only."""
    flag = np.ones(1, "i8")
    hold = Launch(2, ((0, 0),), (), 1, 1, joined=True)
    table = ProgramTable(
        0, 3, 3, (fixed(0), fixed(2**62)), (hold,) * 3 + (hold._replace(joined=False),)
    )
    run(image, table, (flag,), 4)


def test_callers_at_the_same_time(image: Image) -> None:
    """Eight threads, each with its own arrays; one of them at a time has the pool."""
    faults: list[int] = []

    def call(seed: int) -> None:
        x, y, visits = arrays(500 + seed)
        alone = square(x.size, launches=3)
        parts = [(x.size - 400, 1), (400, 9)]
        both = job(parts, (0, x.size - 400))
        both = both._replace(steps=both.steps * 3)
        for turn in range(1, 200):
            run(image, (alone, both)[turn % 2], (x, y, visits), 2 + seed % 3)
            if not (visits == 3 * turn).all() or not (y == x * x).all():
                faults.append(seed)

    threads = [threading.Thread(target=call, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def _works(image: Image) -> bool:
    x, y, visits = arrays(1000)
    run(image, square(1000, launches=30), (x, y, visits), 4)
    for _ in range(20):
        run(image, job(((600, 1), (400, 7)), (0, 600)), (x, y, visits), 4)
    return bool((visits == 50).all() and (y == x * x).all())


def test_after_a_fork_both_sides_work(image: Image) -> None:
    assert _works(image)
    for _ in range(3):
        child = os.fork()
        if child == 0:
            grandchild = os.fork()
            ok = _works(image)
            if grandchild == 0:
                os._exit(not ok)
            ok = ok and os.waitpid(grandchild, 0)[1] == 0
            os._exit(not ok)
        assert _works(image)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_while_the_pool_is_in_use(image: Image) -> None:
    """The child has a pool of its own, though the parent's was taken when it forked."""
    flag = np.zeros(1, "i8")
    hold = Launch(2, ((0, 0),), (), 1, 1)
    table = ProgramTable(0, 3, 3, (fixed(0), fixed(2)), (hold,))
    holder = threading.Thread(target=run, args=(image, table, (flag,), 2))
    holder.start()
    time.sleep(0.05)
    child = os.fork()
    if child == 0:
        ok = _works(image) and len(os.listdir("/proc/self/task")) > 1
        os._exit(not ok)
    status = os.waitpid(child, 0)[1]
    flag[0] = 1
    holder.join()
    assert status == 0
    assert _works(image)


def test_images_share_one_pool(image: Image) -> None:
    """A second image of the same code runs on the threads of the first."""
    assert _works(image)
    threads = set(os.listdir("/proc/self/task"))  # those of other tests may end meanwhile
    other = make_image()
    assert _works(other)
    assert set(os.listdir("/proc/self/task")) <= threads


def test_wide_units_do_not_depend_on_the_partition(image: Image) -> None:
    x, y, visits = arrays(4096)
    results = []
    for threads in THREADS:
        y[:] = 0
        run(image, square(4096), (x, y, visits), threads)
        results.append(y.tobytes())
    assert len(set(results)) == 1
