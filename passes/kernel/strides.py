"""Values as strided windows of buffers: what a product can read where it lies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from axec.dialects import dtypes, types
from axec.dialects.attrs import ints, read
from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.mlir import ir

Axis = tuple[Size, ...]  # size, then a stride per column

TRANSPOSES = frozenset({"axe.transpose"})
WINDOWS = frozenset({"axe.transpose", "axe.slice", "axe.reshape"})
WIDENING = frozenset({"axe.cast"})

# Narrow dtypes, and the dtype in which products of theirs are summed.
SUMS = {
    dtypes.f16: dtypes.f32,
    dtypes.bf16: dtypes.f32,
    dtypes.i8: dtypes.i32,
    dtypes.u8: dtypes.i32,
}


@dataclass(frozen=True, slots=True)
class Strided:
    """Element (i, j, ...) of a value is element offset + i * stride + j * stride ... of the buffer
    that holds `value`."""

    value: Any
    offset: Size
    axes: list[Axis]  # (size, stride)


def strided(value: Any, through: Collection[str] = TRANSPOSES) -> Strided:
    """Look through the ops of those names that make a value: transposes, slices without steps,
    reshapes that move axes of size 1 only, casts of narrow numbers to the dtype of their sums."""
    chain = []
    while (op := producer(value)) is not None and op.name in through and is_window(op):
        chain.append(op)
        value = op.operands[0]
    shape = types.of(value).shape
    found = Strided(value, 0, list(zip(shape, row_major(shape), strict=True)))
    for op in reversed(chain):
        found = _RULES[op.name](op, found)
    return found


def turned(op: Any) -> Any:
    """The transposition to channels last that is the only reader of an axe.conv, or None: its
    kernel writes the result so (channels_last.py)."""
    readers = [use.owner for use in op.results[0].uses]
    if len(readers) != 1 or readers[0].name != "axe.transpose":
        return None
    rank = types.of(op.results[0]).rank
    moved = ints(readers[0], "perm") == (0, *range(2, rank), 1)
    return readers[0] if moved else None


def _is_stored(op: Any) -> bool:
    """Is the order that a transposition gives the one in which its result is to lie? That of
    what a convolution writes, or one that all its readers undo."""
    maker = producer(op.operands[0])
    if maker is not None and maker.name == "axe.conv" and turned(maker) is not None:
        return True
    readers = [use.owner for use in op.results[0].uses]
    return bool(readers) and all(_undoes(op, reader) for reader in readers)


def _undoes(op: Any, reader: Any) -> bool:
    if reader.name != "axe.transpose":
        return False
    first, second = (ints(o, "perm") for o in (op, reader))
    return [first[a] for a in second] == sorted(first)


def is_window(op: Any) -> bool:
    """Does the op give a strided window of its operand's buffer (maybe as wider numbers)?"""
    if op.name == "axe.slice":
        return all(step == 1 for step in ints(op, "step"))
    if op.name == "axe.reshape":
        before, after = (types.of(v).shape for v in (op.operands[0], op.results[0]))
        return [n for n in before if n != 1] == [n for n in after if n != 1]
    if op.name == "axe.cast":
        narrow, wide = (types.of(v).dtype for v in (op.operands[0], op.results[0]))
        return SUMS.get(narrow) is wide
    return bool(op.name == "axe.transpose") and not _is_stored(op)


def _transpose(op: Any, x: Strided) -> Strided:
    return Strided(x.value, x.offset, [x.axes[a] for a in ints(op, "perm")])


def _slice(op: Any, x: Strided) -> Strided:
    start = read("Sizes", op.attributes["start"])
    offset = x.offset
    for first, (_, stride) in zip(start, x.axes, strict=True):
        offset = offset + first * stride
    shape = types.of(op.results[0]).shape
    axes: list[Axis] = [(n, stride) for n, (_, stride) in zip(shape, x.axes, strict=True)]
    return Strided(x.value, offset, axes)


def _reshape(op: Any, x: Strided) -> Strided:
    long = iter([axis for axis in x.axes if axis[0] != 1])
    shape = types.of(op.results[0]).shape
    return Strided(x.value, x.offset, [(1, 0) if n == 1 else next(long) for n in shape])


def _broadcast(op: Any, x: Strided) -> Strided:
    shape = types.of(op.results[0]).shape
    axes: list[Axis] = [(n, 0) for n in shape]
    for a, (size, stride) in zip(ints(op, "axes"), x.axes, strict=True):
        axes[a] = (shape[a], 0 if size == 1 else stride)
    return Strided(x.value, x.offset, axes)


def _regrouped(op: Any, x: Strided) -> Strided | None:
    """A reshape that splits axes, or joins such as walk memory as one; None for others."""
    shape = types.of(op.results[0]).shape
    runs = [] if 0 in shape else merge(x.axes)
    found: list[Axis] = []
    inner: Size = 1
    for size in reversed(shape):
        if size == 1:
            found.append((1, 0))
            continue
        if not runs:
            return None
        found.append((size, inner * runs[-1][1]))
        inner = inner * size
        if inner == runs[-1][0]:
            runs.pop()
            inner = 1
    return None if runs else Strided(x.value, x.offset, found[::-1])


def _cast(op: Any, x: Strided) -> Strided:
    return x


_RULES = {
    "axe.transpose": _transpose,
    "axe.slice": _slice,
    "axe.reshape": _reshape,
    "axe.cast": _cast,
}


_VIEWS = {
    "axe.transpose": _transpose,
    "axe.slice": _slice,
    "axe.reshape": _regrouped,
    "axe.broadcast": _broadcast,
}


def viewed(value: Any) -> tuple[Strided, list[Any]]:
    """The buffer behind a value, seen through everything that strides can say: transposes, slices
    without steps, broadcasts, reshapes that split an axis or join a run; and the ops looked
    through, innermost first."""
    op = producer(value)
    if op is not None and op.name in _VIEWS and (op.name != "axe.slice" or is_window(op)):
        source, chain = viewed(op.operands[0])
        found = _VIEWS[op.name](op, source)
        if found is not None:
            return found, [*chain, op]
    return strided(value, ()), []


def row_major(shape: Shape) -> list[Size]:
    """Strides, in elements, of a row-major buffer."""
    found: list[Size] = []
    step: Size = 1
    for size in reversed(shape):
        found.append(step)
        step = step * size
    return found[::-1]


def merge(axes: Sequence[Axis]) -> list[Axis]:
    """Join neighbouring axes that walk memory as one; axes of size 1 vanish."""
    found: list[Axis] = []
    for size, *strides in axes:
        if size == 1:
            continue
        if found and all(
            outer == size * inner for outer, inner in zip(found[-1][1:], strides, strict=True)
        ):
            found[-1] = (found[-1][0] * size, *strides)
        else:
            found.append((size, *strides))
    return found


def producer(value: Any) -> Any:
    """The operation that makes a value, or None for a block argument."""
    return value.owner if isinstance(value, ir.OpResult) else None
