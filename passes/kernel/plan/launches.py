"""What the calls of an entry take, in the entry's own dims: units, time, work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from axec.dialects import dims
from axec.dialects.dims import Ranges, Size
from axec.dialects.kernel import bound_dims
from axec.passes.kernel import cost
from axec.passes.kernel.plan.flow import Call, Group, Loop, Step, Switch, While
from axec.passes.kernel.plan.group import Work


@dataclass(frozen=True, slots=True)
class Kernel:
    """What is needed of a definition, in the kernel's own dims."""

    define: Any
    units: Size
    flops: Size
    time: Size

    @staticmethod
    def of(define: Any) -> Kernel:
        units, flops = (dims.parse(define.attributes[k].value) for k in ("units", "flops"))
        return Kernel(define, units, flops, cost.picoseconds(define))


@dataclass(frozen=True, slots=True)
class Launches:
    """The calls of one entry: its kernels by name, the ranges of its dims."""

    kernels: Mapping[str, Kernel]
    ranges: Ranges

    def kernel(self, op: Any) -> tuple[Kernel, dict[str, Size]]:
        """The kernel of a call, and its dims as expressions of the entry's."""
        kernel = self.kernels[op.attributes["callee"].value]
        return kernel, bound_dims(kernel.define, op)

    def units(self, call: Call) -> Size:
        """Independent parts of a call."""
        kernel, bound = self.kernel(call.op)
        return _substituted(call.window.units if call.window else kernel.units, bound)

    def moved(self, call: Call) -> Size | None:
        """Bytes of a call that replaces a window; None of others."""
        _, bound = self.kernel(call.op)
        return _substituted(call.window.nbytes, bound) if call.window else None

    def time(self, call: Call) -> Size:
        """Picoseconds on one thread."""
        if (moved := self.moved(call)) is not None:
            return cost.moving(moved)
        kernel, bound = self.kernel(call.op)
        return _substituted(kernel.time, bound)

    def work(self, call: Call) -> Work:
        """Time and units in the middle of the dims' ranges."""
        at = cost.middle(self.ranges)
        time, units = (dims.evaluate(size, at) for size in (self.time(call), self.units(call)))
        return Work(max(1, time), max(1, units))

    def flops(self, steps: Sequence[Step]) -> cost.Work:
        """Of a call: scans as often as they run, a while once, the largest branch of a switch."""
        total = cost.Work()
        for step in steps:
            match step:
                case Call(op=op):
                    kernel, bound = self.kernel(op)
                    total = total + cost.Work(_substituted(kernel.flops, bound))
                case Group(calls=calls):
                    total = total + self.flops(calls)
                case Loop(trip=trip, body=body):
                    total = total + self.flops(body).times(trip)
                case While():
                    total = total + self.flops(step.condition) + self.flops(step.body)
                case Switch(branches=branches):
                    total = total + cost.most([self.flops(b) for b in branches])
        return total


def _substituted(size: Size, bound: dict[str, Size]) -> Size:
    return size if isinstance(size, int) else _substitute(size, tuple(bound.items()))


@lru_cache(maxsize=4096)
def _substitute(size: Size, bound: tuple[tuple[str, Size], ...]) -> Size:
    return dims.substitute(size, dict(bound))
