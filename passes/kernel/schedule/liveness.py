"""Which buffers the calls of one function read and write, and how long each must live.

The order of calls is chosen from this. It is coarser than the flow that is planned later
(passes/kernel/plan/flow.py): a loop is one step here, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from axec.diag import AxecError
from axec.dialects import control, types
from axec.dialects.dims import Size
from axec.dialects.types import TensorType
from axec.passes.kernel.launches import Launches


@dataclass(slots=True, eq=False)
class Buffer:
    """Memory that values share: a kernel's result and its reshapes, or scratch of one call.

    `home`: "arena", "argument" or "result" (the caller's memory, counted from 0 by `number`).
    """

    nbytes: Size
    home: str
    number: int
    value: Any = None  # what the kernel makes; None: scratch


@dataclass(slots=True, eq=False)
class Step:
    """One kernel.call or control op: indices of the buffers that it reads and writes (results, then
    scratch)."""

    op: Any
    reads: list[int]
    writes: list[int]


@dataclass(slots=True, eq=False)
class Flow:
    """A function as steps over buffers. `holder` tells the buffer of each value."""

    steps: list[Step] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)
    holder: dict[Any, int] = field(default_factory=dict)

    def add(self, nbytes: Size, home: str, number: int, value: Any = None) -> int:
        self.buffers.append(Buffer(nbytes, home, number, value))
        return len(self.buffers) - 1


def flow_of(function: Any, launches: Launches) -> Flow:
    """The flow of a func.func of kernel.call, control and axe.reshape ops; `launches`: of the
    module. Raises AxecError `plan-order` for any other op."""
    block = function.regions[0].blocks[0]
    flow = Flow()
    for i, argument in enumerate(block.arguments):
        flow.holder[argument] = flow.add(types.of(argument).nbytes, "argument", i, argument)
    *inner, terminator = (o.operation for o in block.operations)
    for op in inner:
        if op.name == "axe.reshape":
            flow.holder[op.results[0]] = flow.holder[op.operands[0]]
        elif op.name == "kernel.call":
            launch = launches.of(op)
            _add_step(flow, op, launch.types[launch.inputs :], launch.workspace)
        elif control.bodies(op):
            _add_step(flow, op, [types.of(r) for r in op.results])
        else:
            message = f"{op.name} is no kernel: run `fuse` and `outline` first"
            raise AxecError("plan-order", message, location=op.location)
    for i, value in enumerate(terminator.operands):
        buffer = flow.buffers[flow.holder[value]]
        if buffer.home == "arena":
            buffer.home, buffer.number = "result", i
    return flow


def _add_step(
    flow: Flow, op: Any, results: Sequence[TensorType], scratch: Sequence[Size] = ()
) -> None:
    """An op that makes tensors of these types and takes scratch of these bytes."""
    reads = list(dict.fromkeys([flow.holder[v] for v in op.operands]))
    writes = []
    for value, t in zip(op.results, results, strict=True):
        flow.holder[value] = flow.add(t.nbytes, "arena", 0, value)
        writes.append(flow.holder[value])
    writes += [flow.add(nbytes, "arena", 0) for nbytes in scratch]
    flow.steps.append(Step(op, reads, writes))


def lifetimes(flow: Flow, order: Sequence[int]) -> list[tuple[int, int]]:
    """(first, last) position in `order` (indices of steps) at which each buffer is in use."""
    first, last = [len(order)] * len(flow.buffers), [-1] * len(flow.buffers)
    for at, s in enumerate(order):
        for b in (*flow.steps[s].reads, *flow.steps[s].writes):
            if last[b] < 0:
                first[b] = at
            last[b] = at
    return list(zip(first, last, strict=True))


def peak(flow: Flow, order: Sequence[int], nbytes: Sequence[int]) -> int:
    """The most bytes of the arena that are in use at once; `nbytes` by buffer."""
    change = [0] * (len(order) + 1)
    for (first, last), buffer, n in zip(lifetimes(flow, order), flow.buffers, nbytes, strict=True):
        if buffer.home == "arena" and last >= 0:
            change[first] += n
            change[last + 1] -= n
    most = live = 0
    for delta in change:
        live += delta
        most = max(most, live)
    return most
