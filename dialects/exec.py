"""The exec dialect: a program over planned buffers. Target-neutral: every back end walks the same.

    exec.program @main {dims, arena_bytes, ...} ({ ^bb(%x, %w, %y):  // inputs, weights, outputs
      %t = exec.slice {offset = "256*batch"} : !exec.buffer<tensor<...>>  // of the one arena
      %v = exec.view(%t) : ...                                    // same bytes, other shape
      exec.launch(%x, %w, %t) {callee = @k0, dims, units, grain}  // inputs, outputs, scratch
      exec.return
    })

`roles` says of each block argument whether it is "input:NAME", "weight:NAME" or "output:NAME".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from axec.dialects import structure, types
from axec.dialects.types import TensorType
from axec.mlir import context, ir

ROLES = ("input", "output", "weight")


@structure.op("exec.program", attributes=("sym_name", "roles", "dims", "arena_bytes"))
def _(op: Any) -> Iterator[str]:
    """One entry of the artifact. `roles`: a text per block argument; `dims`: the ranges of the
    named dims; `arena_bytes`, `flops`: texts of dim expressions; `lower_bound_bytes`: an arena
    cannot be smaller, at the upper ends of the ranges."""
    found = list(structure.body_problems(op, "exec.return"))
    yield from found
    if found:
        return
    roles = [r.value for r in op.attributes["roles"]]
    if len(roles) != len(op.regions[0].blocks[0].arguments):
        yield "needs one role per block argument"
    for role in roles:
        if role.partition(":")[0] not in ROLES:
            yield f"has no role {role!r}; a role is one of {', '.join(ROLES)}, a colon and a name"


@structure.op("exec.slice", attributes=("offset",))
def _(op: Any) -> Iterator[str]:
    """A buffer at a byte offset (a dim expression) of the arena."""
    yield from _buffer_problems(op, operands=0, results=1)


@structure.op("exec.view")
def _(op: Any) -> Iterator[str]:
    """The same bytes under another shape."""
    found = list(_buffer_problems(op, operands=1, results=1))
    yield from found
    if found:
        return
    source, result = held_type(op.operands[0]), held_type(op.results[0])
    if source.nbytes != result.nbytes:
        yield f"views {source} as {result}, which has not as many bytes"


@structure.op("exec.launch", attributes=("callee", "dims", "units", "grain"))
def _(op: Any) -> Iterator[str]:
    """Run a kernel: buffers are its inputs, outputs, scratch. `dims` and `units` are in the
    program's dims; `grain`: the fewest units that are worth a thread of their own."""
    yield from _buffer_problems(op, operands=None, results=0)


@structure.op("exec.return")
def _(op: Any) -> Iterator[str]:
    """Ends a program."""
    yield from _buffer_problems(op, operands=0, results=0)


def _buffer_problems(op: Any, operands: int | None, results: int) -> Iterator[str]:
    if operands is not None and len(op.operands) != operands:
        yield f"takes {operands} operands, got {len(op.operands)}"
    if len(op.results) != results:
        yield f"has {results} results, got {len(op.results)}"
    if any(not str(v.type).startswith("!exec.buffer<") for v in (*op.operands, *op.results)):
        yield "works on values of type !exec.buffer<...>"


@cache
def buffer_type(t: TensorType) -> Any:
    """The MLIR type `!exec.buffer<tensor<...>>` of a row-major buffer that holds `t`."""
    with context():
        return ir.OpaqueType.get("exec", f"buffer<{t.ir()}>")


def held_type(value: Any) -> TensorType:
    """The TensorType that a buffer value holds."""
    return _held(value.type)


@cache
def _held(buffer: Any) -> TensorType:
    with context():
        return types.of(ir.Type.parse(ir.OpaqueType(buffer).data[len("buffer<") : -1]))
