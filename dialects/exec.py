"""The exec dialect: a program over planned buffers. Target-neutral: every back end walks the same.

    exec.program @main {dims, arena_bytes, ...} ({ ^bb(%x, %w, %y):   // inputs, weights, outputs
      %t = exec.slice {offset = "256*batch"} : !exec.buffer<tensor<...>>   // of the one arena
      %v = exec.view(%t) : ...                                             // same bytes, other shape
      exec.launch(%x, %w, %t) {callee = @k0, dims, units, grain}           // inputs, outputs, scratch
      exec.return
    })

`roles` says of each block argument whether it is "input:NAME", "weight:NAME" or "output:NAME".
"""

# No `from __future__ import annotations` here: the bindings read the annotations of op classes.
from collections.abc import Sequence
from typing import Any

from axec.dialects import types
from axec.mlir import ext, ir


class Exec(ext.Dialect, name="exec"):  # type: ignore[misc,call-arg]
    """Programs over planned buffers."""


class BufferType(Exec.Type, name="buffer"):  # type: ignore[misc]
    """A row-major buffer that holds a tensor of the given type."""

    type: ir.TypeAttr


class ProgramOp(Exec.Operation, name="program", traits=[ir.IsIsolatedFromAboveTrait]):
    """One entry of the artifact. `arena_bytes` is the text of a dim expression."""

    sym_name: Any
    roles: Any
    arena_bytes: Any
    body: ext.Region

    def verify_region_invariants(self) -> bool:
        block = self.operation.regions[0].blocks[0]
        if len(self.operation.attributes["roles"]) != len(block.arguments):
            self.location.emit_error("'exec.program' op needs one role per block argument")
            return False
        return True


class SliceOp(Exec.Operation, name="slice"):
    """A buffer at a byte offset (a dim expression) of the arena."""

    offset: Any
    result: ext.Result[BufferType]


class ViewOp(Exec.Operation, name="view"):
    """The same bytes under another shape."""

    source: ext.Operand[BufferType]
    result: ext.Result[BufferType]


class LaunchOp(Exec.Operation, name="launch"):
    """Run a kernel: buffers are its inputs, outputs, scratch. `units` as in kernel.define, in the
    program's dims; `grain`: the fewest units that are worth a thread of their own."""

    buffers: Sequence[ext.Operand[BufferType]]
    callee: Any
    dims: Any
    units: Any
    grain: Any


class ReturnOp(Exec.Operation, name="return", traits=[ir.IsTerminatorTrait]):
    """Ends a program."""


def buffer_type(t: types.TensorType) -> Any:
    """The MLIR type of a buffer that holds `t`."""
    return BufferType.get(ir.TypeAttr.get(t.ir()))


def held_type(value: Any) -> types.TensorType:
    """The TensorType that a buffer value holds."""
    return types.of(ir.TypeAttr(value.type.type).value)
