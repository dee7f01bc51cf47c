"""How long every kernel of an entry takes: each launch of its program, run by itself."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from axec.measure.timing import measure
from axec.runtime.abi import Frame
from axec.runtime.program import LAUNCH_WORDS

if TYPE_CHECKING:
    from axec.measure.calls import Call

__all__ = ["KernelTime", "State", "launches", "profile"]

_LENGTH, _STEPS_AT, _N_STEPS = 1, 8, 9  # words of a program table's header
_JOINED = 5  # word of a launch


class KernelTime(NamedTuple):
    """Of one call of the entry: the seconds that a kernel takes in all its launches (the shortest
    time of each, which others disturb least), its FLOPs and bytes; None where the dims are not
    those that the artifact states them for."""

    name: str
    template: str
    launches: int
    seconds: float
    flops: int | None
    bytes: int | None


def profile(call: Call, threads: int, seconds: float) -> list[KernelTime]:
    """The kernels of a prepared call, slowest first, in about `seconds`. Programs with loops and
    branches: the kernels before the first of these."""
    state = State(call, threads)
    found: dict[int, list[float]] = {}
    found_at = list(launches(state.words))
    for kernel, at, end in found_at:
        time = measure(partial(state.run, at, end), seconds=seconds / len(found_at), warm=2e-3)
        found.setdefault(kernel, []).append(time.seconds[0])
    # The manifest lists the kernels in the order of their first launches, as `found` does.
    rows = [
        _row(call, stated, times)
        for stated, times in zip(call.spec["kernels"], found.values(), strict=False)
    ]
    return sorted(rows, key=lambda row: -row.seconds)


def _row(call: Call, stated: dict[str, Any], times: list[float]) -> KernelTime:
    known = all(call.dims[name] == high for name, (_, high) in call.spec["dims"].items())
    work = (stated["flops"], stated["bytes"]) if known else (None, None)
    return KernelTime(stated["name"], stated["template"], len(times), sum(times), *work)


def launches(words: list[int]) -> Iterator[tuple[int, int, int]]:
    """(kernel, its words from, to) of every launch before the first step of another kind."""
    at = words[_STEPS_AT]
    for _ in range(words[_N_STEPS]):
        kernel, n_args, n_dims = words[at : at + 3]
        if kernel < 0:
            return
        end = at + LAUNCH_WORDS + 2 * n_args + n_dims
        yield kernel, at, end
        at = end


class State:
    """An entry with its arguments, whose launches can be run one by one: the head of a copy of its
    program table says where the steps begin and end."""

    def __init__(self, call: Call, threads: int) -> None:
        import numpy as np

        from axec.runtime.tree import flatten

        function: Any = call.function  # native, so that it has an entry
        self.entry = function.__self__
        table = bytes(self.entry._program)
        self.words = list(struct.unpack(f"<{len(table) // 8}q", table))
        self.program = ctypes.create_string_buffer(table, len(table))
        self.code = (ctypes.c_int64 * len(self.words)).from_buffer(self.program)
        self.arrays = [np.ascontiguousarray(x) for x in call.inputs]
        self.arrays += flatten(call.spec["out_tree"], call.outputs(), "out")
        arena = self.entry._new_arena()
        weights = self.entry._state.weights or 0
        pointers = [*(x.ctypes.data for x in self.arrays), weights, arena]
        self.bases = (ctypes.c_void_p * len(pointers))(*pointers)
        self.dims = (ctypes.c_int64 * max(1, len(call.dims)))(*call.dims.values())
        starts = ctypes.addressof(self.bases), ctypes.addressof(self.dims)
        self.frame = Frame(ctypes.addressof(self.program), *starts, arena, threads)
        # Once the whole program, which leaves the arena as the kernels find it.
        whole = ctypes.create_string_buffer(table, len(table))
        first = Frame(ctypes.addressof(whole), *starts, arena, threads)
        self.entry._image.run(ctypes.byref(first))

    def run(self, at: int, end: int) -> None:
        """Run the launch of these words, not those that it is one job with."""
        self.code[_STEPS_AT], self.code[_LENGTH] = at, end
        self.code[at + _JOINED] = 0
        self.entry._image.run(ctypes.byref(self.frame))
