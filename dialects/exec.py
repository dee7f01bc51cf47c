"""The exec dialect: a program over planned buffers. Target-neutral: every back end walks the same.

    exec.program @main {dims, arena_bytes, ...} ({ ^bb(%x, %w, %y):  // inputs, weights, outputs
      %t = exec.slice {offset = "256*batch"} : !exec.buffer<tensor<...>>  // of the one arena
      %v = exec.view(%t) : ...                                    // same bytes, other shape
      exec.launch(%x, %w, %t) {callee = @k0, dims, units, grain}  // inputs, outputs, scratch
      exec.group ({ exec.launch(...) ...; exec.launch(...) ...; exec.yield })  // one job
      exec.loop {counter = "k0", trip = "T", index = "T - k0 - 1"} ({ ^bb(%i):  // 0-d i64: index
        %s = exec.slice(%x) {offset = "4*T - 4*k0 - 4"} : ...     // of a buffer
        ...
        exec.yield
      })
      exec.while {counter = "k1"} ({ ... exec.test(%b) }, { ... exec.yield }, { ... exec.yield })
      exec.switch(%n) ({ ... exec.yield }, { ... exec.yield })
      exec.copy(%s, %t)                                           // all bytes of the first
      exec.return
    })

`roles` says of each block argument whether it is "input:NAME", "weight:NAME" or "output:NAME".
A counter is 0, 1, ... in the turns of its loop; expressions inside name it like a dim. The regions
of loops and switches read and write the buffers around them: nothing else is handed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from axec.dialects import structure, types
from axec.dialects.kernel import body_of, definitions_above
from axec.dialects.types import TensorType
from axec.mlir import context, ir

ROLES = ("input", "output", "weight")


@structure.op("exec.program", attributes=("sym_name", "roles", "dims", "arena_bytes"))
def _(op: Any) -> Iterator[str]:
    """One entry of the artifact. `roles`: a text per block argument; `dims`: the ranges of the
    named dims; `arena_bytes`, `flops`: texts of dim expressions; `lower_bound_bytes`: an arena
    cannot be smaller, at the upper ends of the ranges. `donors`: [output, input] where both are
    one and the same memory, which the output's argument then does not name."""
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
    """A buffer at a byte offset (a dim expression) of the arena, or of the operand."""
    yield from _buffer_problems(op, operands=min(len(op.operands), 1), results=1)


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
    program's dims; `grain`: the fewest units that are worth a thread of their own; `bytes`: what
    is moved where the result lies on an operand of which it replaces a window."""
    yield from _buffer_problems(op, operands=None, results=0)


@structure.op("exec.group")
def _(op: Any) -> Iterator[str]:
    """Launches that are one job for the threads: none reads or writes what another one writes.
    That buffers with offsets of dims lie apart is the planner's to prove."""
    found = list(_region_problems(op, ("exec.yield",)))
    yield from found
    if found:
        return
    *members, _ = (o.operation for o in op.regions[0].blocks[0].operations)
    if len(members) < 2 or any(m.name != "exec.launch" for m in members):
        yield "holds launches, two at least, and nothing else"
        return
    kernels = definitions_above(op)
    used = [_used(member, kernels) for member in members]
    for i, (_, writes) in enumerate(used):
        for j, (reads, others) in enumerate(used):
            if i != j and any(_overlap(a, b) for a in writes for b in (*reads, *others)):
                yield f"launch {i} writes what launch {j} of the same group uses"


@structure.op("exec.return")
def _(op: Any) -> Iterator[str]:
    """Ends a program."""
    yield from _buffer_problems(op, operands=0, results=0)


@structure.op("exec.copy")
def _(op: Any) -> Iterator[str]:
    """Copy the bytes of the first buffer to the second, which has as many."""
    found = list(_buffer_problems(op, operands=2, results=0))
    yield from found
    if not found and held_type(op.operands[0]).nbytes != held_type(op.operands[1]).nbytes:
        yield "copies between buffers of different sizes"


@structure.op("exec.loop", attributes=("counter", "trip", "index"))
def _(op: Any) -> Iterator[str]:
    """Run the region with the counter 0, 1, ..., trip - 1. Its argument holds `index`, an
    expression of the counter, in every turn."""
    yield from _region_problems(op, ("exec.yield",), arguments=1)


@structure.op("exec.while", attributes=("counter",))
def _(op: Any) -> Iterator[str]:
    """Run condition, then body, while the condition's test holds; then the last region, once."""
    yield from _region_problems(op, ("exec.test", "exec.yield", "exec.yield"))


@structure.op("exec.switch")
def _(op: Any) -> Iterator[str]:
    """Run one region: the one whose number a 0-d bool, i32 or i64 buffer holds, clamped."""
    found = list(_buffer_problems(op, operands=1, results=0))
    yield from found or _integer_problems(op, ("bool", "i32", "i64"))
    yield from _region_problems(op, ("exec.yield",) * max(1, len(op.regions)))


@structure.op("exec.test")
def _(op: Any) -> Iterator[str]:
    """Ends a condition: a 0-d bool buffer that says whether the loop goes on."""
    found = list(_buffer_problems(op, operands=1, results=0))
    yield from found or _integer_problems(op, ("bool",))


@structure.op("exec.yield")
def _(op: Any) -> Iterator[str]:
    """Ends a region of a loop or switch."""
    yield from _buffer_problems(op, operands=0, results=0)


def _used(launch: Any, kernels: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """The buffers that a launch reads, and those that it writes (all, if its kernel is unknown)."""
    define = kernels.get(launch.attributes["callee"].value)
    reads = len(body_of(define).arguments) if define is not None else 0
    return list(launch.operands)[:reads], list(launch.operands)[reads:]


def _overlap(x: Any, y: Any) -> bool:
    """Do two buffers share bytes, as far as numbers tell?"""
    (base, at, size), (other, begin, count) = _bytes_of(x), _bytes_of(y)
    if base != other:
        return False
    if all(isinstance(n, int) for n in (at, size, begin, count)):
        return bool(at < begin + count and begin < at + size)
    return str(at) == str(begin)


def _bytes_of(value: Any) -> tuple[Any, Any, Any]:
    """The number of the argument that holds the bytes of a value (-1: the arena, -2: the counter
    of a loop), their offset and count."""
    if not isinstance(value, ir.OpResult):
        own = value.owner.owner.name == "exec.program"
        return value.arg_number if own else -2, 0, held_type(value).nbytes
    made = value.owner
    if made.name == "exec.view":
        return _bytes_of(made.operands[0])
    text = made.attributes["offset"].value
    base, at, _ = _bytes_of(made.operands[0]) if len(made.operands) else (-1, 0, 0)
    nbytes = held_type(value).nbytes
    if text.isdigit() and isinstance(at, int):
        return base, at + int(text), nbytes
    return base, f"{at} + {text}", nbytes


def inner_ops(program: Any) -> Iterator[Any]:
    """All operations inside, outer ones before those in their regions."""
    for region in program.regions:
        for block in region.blocks:
            for o in block.operations:
                yield o.operation
                yield from inner_ops(o.operation)


def _integer_problems(op: Any, dtypes: tuple[str, ...]) -> Iterator[str]:
    t = held_type(op.operands[0])
    if t.shape != () or t.dtype.name not in dtypes:
        yield f"reads one {' or '.join(dtypes)}, not {t}"


def _region_problems(op: Any, ends: tuple[str, ...], arguments: int = 0) -> Iterator[str]:
    if len(op.regions) != len(ends) or any(len(r.blocks) != 1 for r in op.regions):
        yield f"needs {len(ends)} regions of one block"
        return
    for region, end in zip(op.regions, ends, strict=True):
        block = region.blocks[0]
        *_, last = [None, *(o.operation.name for o in block.operations)]
        if last != end:
            yield f"region must end in {end}"
        if len(block.arguments) != arguments:
            yield f"region has {arguments} arguments, got {len(block.arguments)}"


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
