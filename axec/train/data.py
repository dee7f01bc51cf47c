"""Data of a training: anything that gives the batches of an epoch, from any batch on.

The order of `Arrays` is a function of (seed, epoch), so a resumed run needs no state of a random
generator: epoch and batch say where it was.
"""

from __future__ import annotations

import inspect
import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from axec.runtime.errors import AxecError
from axec.train.state import Array

Batch = Any  # a tuple of arrays (arguments by position), a dict (by name), or one array


class Data(Protocol):
    """What `fit` reads."""

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (from 0), from batch `start` on."""
        ...


class Arrays:
    """Batches of NumPy arrays whose first axis counts examples.

    `Arrays(images, labels, batch=64)` gives tuples, `Arrays({"x": images, "y": labels}, batch=64)`
    dicts. `shuffle`: a new order in every epoch, drawn from `seed`. `drop_last`: leave out what
    fills no batch. AxecError `data-length` where lengths differ, `data-empty` where there is no
    batch at all.
    """

    def __init__(
        self, *arrays: Any, batch: int, shuffle: bool = True, seed: int = 0, drop_last: bool = True
    ) -> None:
        self._names = list(arrays[0]) if len(arrays) == 1 and isinstance(arrays[0], dict) else None
        found = arrays[0].values() if self._names is not None else arrays
        self._arrays: list[Array] = [np.asarray(a) for a in found]
        lengths = {len(a) if a.ndim else 0 for a in self._arrays}
        if len(lengths) != 1:
            raise AxecError("data-length", f"the arrays have {sorted(lengths)} examples")
        self.examples, self.batch = lengths.pop(), batch
        self._shuffle, self._seed, self._drop_last = shuffle, seed, drop_last
        if batch < 1 or not len(self):
            message = f"{self.examples} examples give no batch of {batch}"
            hint = "take a smaller batch, or drop_last=False" if self.examples else None
            raise AxecError("data-empty", message, hint=hint)

    def __len__(self) -> int:
        """Batches of an epoch."""
        whole = self.examples // self.batch
        return whole if self._drop_last else -(-self.examples // self.batch)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        order = np.arange(self.examples)
        if self._shuffle:
            order = np.random.default_rng([self._seed, epoch]).permutation(self.examples)
        for i in range(start, len(self)):
            rows = order[i * self.batch : (i + 1) * self.batch]
            picked = [a[rows] for a in self._arrays]
            yield dict(zip(self._names, picked, strict=True)) if self._names else tuple(picked)


class Stream:
    """Batches of any iterable: a torch DataLoader, a Hugging Face dataset, a grain loader, a list.

    `source` is the iterable, or a function of the epoch that gives one; then the order can follow
    the epoch, which a run that is resumed bit by bit needs. Leaves become NumPy arrays (`.numpy()`,
    DLPack, lists of numbers); what an earlier process had of an epoch is read and skipped.
    """

    def __init__(self, source: Iterable[Any] | Callable[[int], Iterable[Any]]) -> None:
        self._source = source

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        source: Any = self._source
        if not isinstance(source, Iterable):
            source = source(epoch)
        elif hasattr(source, "set_epoch"):  # Hugging Face's streams, torch's samplers
            source.set_epoch(epoch)
        return map(as_arrays, itertools.islice(source, start, None))


def as_data(data: Any) -> Data:
    """Data as `fit` reads it: as they are if they have `batches`, otherwise as a Stream. AxecError
    `data-type` for what is no iterable."""
    if hasattr(data, "batches"):
        found: Data = data
        return found
    if isinstance(data, Iterable) or (callable(data) and _takes_one(data)):
        return Stream(data)
    raise AxecError(
        "data-type",
        f"a {type(data).__name__} gives no batches",
        hint="pass axe.train.Arrays(x, y, batch=64), an iterable of batches, or a function of the "
        "epoch that gives one",
    )


def _takes_one(fn: Any) -> bool:
    try:
        inspect.signature(fn).bind(0)
    except (TypeError, ValueError):
        return False
    return True


def as_arrays(batch: Any) -> Batch:
    """A batch with NumPy arrays as leaves."""
    if isinstance(batch, Mapping):
        return {k: as_arrays(v) for k, v in batch.items()}
    if isinstance(batch, (list, tuple)) and any(_is_nested(b) for b in batch):
        return tuple(as_arrays(b) for b in batch)
    if hasattr(batch, "detach"):  # torch
        batch = batch.detach().cpu()
    return np.asarray(batch)


def _is_nested(value: Any) -> bool:
    return isinstance(value, (list, tuple, Mapping)) or getattr(value, "ndim", 0) > 0


def arguments(batch: Batch) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and named arguments of a step for one batch."""
    if isinstance(batch, Mapping):
        return (), dict(batch)
    return (batch if isinstance(batch, tuple) else (batch,)), {}


_END = object()


class _Ahead:
    """A thread that makes batches, up to `depth` of them before they are taken."""

    def __init__(self, batches: Iterator[Batch], depth: int) -> None:
        self._batches = batches
        self._ready: queue.Queue[Any] = queue.Queue(depth)  # (batch or _END, its error)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="axec-prefetch", daemon=True)
        self._thread.start()

    def take(self) -> Batch:
        """The next batch, or _END. Raises what made the thread fail."""
        batch, failed = self._ready.get()
        if failed is not None:
            raise failed
        return batch

    def close(self) -> None:
        """Stop, and wait for the batch that is being made."""
        self._closed.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            for batch in self._batches:
                if not self._put((batch, None)):
                    return
            self._put((_END, None))
        except BaseException as e:
            self._put((_END, e))

    def _put(self, item: Any) -> bool:
        """Wait for room; False where nobody takes batches any more."""
        while not self._closed.is_set():
            try:
                self._ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False


def prefetched(batches: Iterator[Batch], depth: int) -> Iterator[Batch]:
    """The same batches, made by a thread that is up to `depth` ahead. Its errors come out here; it
    ends when this iterator is closed."""
    if depth < 1:
        yield from batches
        return
    ahead = _Ahead(batches, depth)
    try:
        while (batch := ahead.take()) is not _END:
            yield batch
    finally:
        ahead.close()
