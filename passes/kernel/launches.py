"""What kernel calls take, in the dims of their caller: units, time, memory.

Calls that differ in buffers only, as those of layers do, share one `Launch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from axec.dialects import dims, types
from axec.dialects.dims import Size
from axec.dialects.kernel import bound_dims, sizes
from axec.dialects.types import TensorType
from axec.passes.kernel import cost, in_place


@dataclass(frozen=True, eq=False)
class Kernel:
    """What is needed of a definition, in the kernel's own dims."""

    define: Any

    @cached_property
    def units(self) -> Size:
        """Independent parts."""
        return dims.parse(self.define.attributes["units"].value)

    @cached_property
    def flops(self) -> Size:
        """Floating point operations."""
        return dims.parse(self.define.attributes["flops"].value)

    @cached_property
    def time(self) -> Size:
        """Picoseconds on one thread."""
        return cost.picoseconds(self.define)

    @cached_property
    def window(self) -> in_place.Window | None:
        """What it may replace of an operand that its result lies on."""
        return in_place.window(self.define)

    @cached_property
    def overwritten(self) -> list[int]:
        """The inputs that its results may lie on."""
        return in_place.overwritten(self.define)


@dataclass(frozen=True, eq=False)
class Launch:
    """A kernel at some sizes: all that its calls share. `types`: of the inputs, of which there are
    `inputs`, and the results; `replaces`: its result lies on an operand, of which it writes the
    kernel's window."""

    kernel: Kernel
    name: Any  # attributes of the calls
    dims: Any
    bound: Mapping[str, Size]
    inputs: int
    types: tuple[TensorType, ...]
    replaces: bool = False

    @cached_property
    def replacing(self) -> Launch:
        """The same, but for where the result lies."""
        return replace(self, replaces=True)

    @cached_property
    def workspace(self) -> list[Size]:
        """Bytes of every scratch buffer."""
        return [self._bound(n) for n in sizes(self.kernel.define.attributes["workspace"])]

    @cached_property
    def units(self) -> Size:
        """Independent parts."""
        window = self.kernel.window if self.replaces else None
        return self._bound(window.units if window else self.kernel.units)

    @cached_property
    def flops(self) -> Size:
        """Floating point operations."""
        return self._bound(self.kernel.flops)

    @cached_property
    def moved(self) -> Size | None:
        """Bytes that are read and written where a window is replaced; else None."""
        window = self.kernel.window if self.replaces else None
        return self._bound(window.nbytes) if window else None

    @cached_property
    def time(self) -> Size:
        """Picoseconds on one thread."""
        if self.moved is not None:
            return cost.moving(self.moved)
        return self._bound(self.kernel.time)

    def _bound(self, size: Size) -> Size:
        return size if isinstance(size, int) else dims.substitute(size, self.bound)


class Launches:
    """The launches of a module, found by its kernel.call ops. `definitions`: kernels by name."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._kernels = {name: Kernel(define) for name, define in definitions.items()}
        self._found: dict[tuple[Any, Any], Launch] = {}

    def of(self, call: Any) -> Launch:
        """What a kernel.call op starts."""
        given = call.attributes
        key = given["callee"], given["dims"]
        if key not in self._found:
            kernel, inputs = self._kernels[key[0].value], list(call.operands)
            held = tuple(types.of(v) for v in (*inputs, *call.results))
            bound = bound_dims(kernel.define, call)
            self._found[key] = Launch(kernel, *key, bound, len(inputs), held)
        return self._found[key]
