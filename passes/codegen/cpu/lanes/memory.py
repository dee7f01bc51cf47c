"""Loads and stores of lanes: contiguous, strided, gathered; masked where lanes may not exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu.graph.nodes import Node
from axec.passes.codegen.cpu.lanes.registers import from_memory, memory_type, to_memory
from axec.passes.codegen.llvm import Builder, Value, constant, vector_constant, zero
from axec.passes.codegen.llvm.types import I1, I64, PTR, Type, like, vec
from axec.runtime.abi import ALIGNMENT

if TYPE_CHECKING:
    from axec.passes.codegen.cpu.graph.emission import Emission

WIDE = 4  # a load of every 2nd to 4th element reads all of them and drops the others


def address(e: Emission, node: Node) -> Value:
    """Address of an element: base + number of elements."""
    base, amount = node.inputs
    return e.b.at(e.value(base), memory_type(node.data), e.value(amount))


def load(e: Emission, node: Node) -> Value:
    """One element for all lanes. Where the mask does not hold, the argument block is read: it is
    always there and as large as any element."""
    dtype, _, masked = node.data
    pointer = e.value(node.inputs[0])
    if masked:
        pointer = e.b.select(e.value(node.inputs[1]), pointer, e.block)
    return from_memory(e.b, dtype, e.b.load(memory_type(dtype), pointer))


def load_lanes(e: Emission, node: Node) -> Value:
    """Elements that are a constant step apart."""
    dtype, step, masked = node.data
    pointer = e.value(node.inputs[0])
    mask = _mask(e, node.inputs[1] if masked else None)
    found = read(e.b, e.type(memory_type(dtype)), pointer, step, mask)
    return from_memory(e.b, dtype, found)


def read(b: Builder, type_: Type, pointer: Value, step: int, mask: Value | None) -> Value:
    """A vector of elements that are `step` apart, from the first; lanes outside the mask are 0."""
    if step == 1 or not type_.lanes:
        return _load_vector(b, type_, pointer, mask)
    if step == -1:
        return _load_reversed(b, type_, pointer, mask)
    if 1 < step <= WIDE:
        return _load_strided(b, type_, pointer, step, mask)
    offsets = vector_constant(vec(I64, type_.lanes), [step * lane for lane in range(type_.lanes)])
    return _gather(b, type_, pointer, offsets, mask)


def gather(e: Emission, node: Node) -> Value:
    """Elements anywhere: base + one offset per lane, in elements."""
    dtype, _, masked = node.data
    pointer, offsets = e.value(node.inputs[0]), e.vector(node.inputs[1])
    mask = _mask(e, node.inputs[2] if masked else None)
    type_ = e.type(memory_type(dtype))
    return from_memory(e.b, dtype, _gather(e.b, type_, pointer, offsets, mask))


def store(e: Emission, dtype: DType, pointer: Value, value: Value, around: bool = False) -> None:
    """Write lanes one after another, those in the tail mask if there is one. around: past the
    caches; vectors begin at multiples of their size then, and a fence must follow."""
    write(e, pointer, to_memory(e.b, dtype, value), around)


def write(e: Emission, pointer: Value, stored: Value, around: bool = False) -> None:
    """`store` of what is in memory form already."""
    if e.tail is None and around:
        e.b.stream(stored, pointer, min(stored.type.size, ALIGNMENT))
    elif e.tail is None:
        e.b.store(stored, pointer)
    else:
        e.b.masked_store(stored, pointer, e.tail)


def _mask(e: Emission, where: Node | None) -> Value | None:
    if where is None:
        return e.tail
    mask = e.vector(where)
    return mask if e.tail is None else e.b.and_(mask, e.tail)


def _load_vector(b: Builder, type_: Type, pointer: Value, mask: Value | None) -> Value:
    if mask is None:
        return b.load(type_, pointer)
    if not type_.lanes:
        return _load_if(b, type_, pointer, mask)
    return b.masked_load(type_, pointer, mask, zero(type_))


def _load_if(b: Builder, type_: Type, pointer: Value, mask: Value) -> Value:
    with b.if_(mask, [zero(type_)]) as arm:
        arm.yield_(b.load(type_, pointer))
    return arm.results[0]


def _load_reversed(b: Builder, type_: Type, pointer: Value, mask: Value | None) -> Value:
    backwards = range(type_.lanes - 1, -1, -1)
    first = b.at(pointer, type_.element, 1 - type_.lanes)
    mask = None if mask is None else b.shuffle(mask, None, backwards)
    return b.shuffle(_load_vector(b, type_, first, mask), None, backwards)


def _load_strided(b: Builder, type_: Type, pointer: Value, step: int, mask: Value | None) -> Value:
    """Read the elements in between too, except those after the last lane's, which may lie outside
    of the buffer."""
    n = type_.lanes
    parts = []
    for first in range(0, n * step, n):
        at = range(first, first + n)
        place = b.at(pointer, type_.element, first)
        if mask is not None:
            lanes = [i // step if i % step == 0 else n for i in at]
            wanted = b.shuffle(mask, constant(mask.type, 0), lanes)
            parts.append(b.masked_load(type_, place, wanted, zero(type_)))
        elif at[-1] <= (n - 1) * step:
            parts.append(b.load(type_, place))
        else:
            wanted = b.tail_mask(constant(I64, (n - 1) * step + 1 - first), n)
            parts.append(b.masked_load(type_, place, wanted, zero(type_)))
    return _every(b, parts, step)


def _every(b: Builder, parts: Sequence[Value], step: int) -> Value:
    """Every `step`-th lane of vectors in a row, of which there are `step`."""
    n = parts[0].type.lanes
    found = parts[0]
    taken = len(range(0, n, step))
    chosen = [*range(0, n, step), *[-1] * (n - taken)]
    found = b.shuffle(found, None, chosen)
    for i, part in enumerate(parts[1:], 1):
        first = -i * n % step
        lanes = range(first, n, step)
        chosen = [*range(taken), *[n + lane for lane in lanes]]
        taken = len(chosen)
        found = b.shuffle(found, part, [*chosen, *[-1] * (n - taken)])
    return found


def _gather(b: Builder, type_: Type, pointer: Value, offsets: Value, mask: Value | None) -> Value:
    if not type_.lanes:
        return _load_vector(b, type_, b.at(pointer, type_, offsets), mask)
    text = f"getelementptr {type_.element.text}, {pointer.typed}, {offsets.typed}"
    pointers = b.emit(text, like(type_, PTR))
    everywhere = constant(like(type_, I1), 1)
    return b.gather(type_, pointers, mask or everywhere, zero(type_))
