"""Batches: order, rests, any place to start from, any iterable."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import axec as axe
from axec.train.data import Arrays, Stream, arguments, as_data, prefetched


@settings(deadline=None)
@given(
    n=st.integers(1, 40), batch=st.integers(1, 40), start=st.integers(0, 5),
    epoch=st.integers(0, 3), shuffle=st.booleans(), drop_last=st.booleans(),
)  # fmt: skip
def test_an_epoch_has_every_example_once(
    n: int, batch: int, start: int, epoch: int, shuffle: bool, drop_last: bool
) -> None:
    options: Any = {"batch": batch, "shuffle": shuffle, "drop_last": drop_last}
    if drop_last and batch > n:
        with pytest.raises(axe.AxecError, match="data-empty"):
            Arrays(np.arange(n), **options)
        return
    data = Arrays(np.arange(n), 2 * np.arange(n), **options)
    whole = list(data.batches(epoch))
    assert len(whole) == len(data)
    for x, y in whole:
        np.testing.assert_array_equal(y, 2 * x)
    seen = np.concatenate([x for x, _ in whole])
    assert len(set(seen)) == len(seen) == (n - n % batch if drop_last else n)
    later = list(Arrays(np.arange(n), **options).batches(epoch, start))
    for (x,), (wanted, _) in zip(later, whole[start:], strict=True):
        np.testing.assert_array_equal(x, wanted)


def test_orders_follow_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        data = Arrays(np.arange(50), batch=10, seed=seed)
        return [int(v) for (x,) in data.batches(epoch) for v in x]

    orders = [order(s, e) for s, e in itertools.product(range(2), range(2))]
    assert len({tuple(o) for o in orders}) == 4
    assert order(1, 1) == orders[3]


def test_names() -> None:
    data = Arrays({"x": np.arange(4), "y": np.zeros(4)}, batch=2, shuffle=False)
    first = next(data.batches(0))
    assert list(first) == ["x", "y"]
    assert arguments(first)[0] == ()
    with pytest.raises(axe.AxecError, match=r"the arrays have \[3, 4\] examples"):
        Arrays(np.zeros(3), np.zeros(4), batch=1)


class Torchlike:
    """A tensor by the methods that count."""

    ndim = 1

    def __init__(self, values: Any) -> None:
        self._values = values

    def detach(self) -> Torchlike:
        return self

    cpu = detach

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self._values, dtype)


class WithEpochs(list[Any]):
    epoch = -1

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


def test_streams() -> None:
    loader = [[Torchlike([1, 2]), Torchlike([3, 4])], [Torchlike([5, 6]), Torchlike([7, 8])]]
    second = list(as_data(loader).batches(0, 1))
    assert len(second) == 1
    np.testing.assert_array_equal(second[0], [[5, 6], [7, 8]])
    (batch,) = as_data([{"x": [1, 2], "y": Torchlike([3])}]).batches(0)
    assert isinstance(batch["x"], np.ndarray)
    assert isinstance(batch["y"], np.ndarray)
    by_epoch = Stream(lambda epoch: iter([np.full(2, epoch)]))
    assert [int(b[0]) for e in range(3) for b in by_epoch.batches(e)] == [0, 1, 2]
    known = WithEpochs([np.zeros(1)])
    list(as_data(known).batches(4))
    assert known.epoch == 4
    for wrong in (3, None, lambda: None):
        with pytest.raises(axe.AxecError, match="data-type"):
            as_data(wrong)


def test_prefetch_is_ahead_and_ends() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    assert list(prefetched(iter(range(20)), 3)) == list(range(20))
    before = threading.active_count()
    ahead = prefetched(numbers(), 3)
    assert next(ahead) == 0
    limit = time.monotonic() + 10
    while len(made) < 5 and time.monotonic() < limit:
        time.sleep(0.001)
    assert len(made) == 5  # one was taken, three are ready, one waits for room
    ahead.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_errors_of_the_thread_come_out() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise KeyError("here")

    ahead = prefetched(broken(), 2)
    assert next(ahead) == 1
    with pytest.raises(KeyError, match="here"):
        next(ahead)
