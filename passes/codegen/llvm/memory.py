"""Loads, stores, addresses, prefetch, atomics.

Addresses are byte-exact: `offset` counts bytes, `at` counts elements. Alignment is explicit;
the default is that of one element, which is what every caller's array guarantees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from axec.passes.codegen.llvm.arith import Conversion
from axec.passes.codegen.llvm.emitter import operand
from axec.passes.codegen.llvm.types import I1, I32, I64, PTR, VOID, Type, like
from axec.passes.codegen.llvm.values import Operand, Value, constant, poison

Order = Literal["monotonic", "acquire", "release", "acq_rel", "seq_cst"]


def element_size(type_: Type) -> int:
    """Bytes of one element: the alignment that arrays of `type_` have at least."""
    return max(type_.bits // 8, 1)


class Memory(Conversion):
    """The memory part of the builder."""

    # Addresses.

    def offset(self, ptr: Value, bytes_: Operand, name: str = "") -> Value:
        """ptr + bytes. A vector of byte offsets gives a vector of addresses."""
        amount = operand(I64, bytes_)
        if amount.const == 0:
            return ptr
        result = like(amount.type, PTR)
        return self.emit(f"getelementptr i8, {ptr.typed}, {amount.typed}", result, name)

    def at(self, ptr: Value, type_: Type, index: Operand, name: str = "") -> Value:
        """Address of element `index` of an array of `type_`; of a vector of indices, each."""
        index = operand(I64, index)
        if index.const is not None:
            return self.offset(ptr, index.const * type_.size, name)
        text = f"getelementptr {type_.text}, {ptr.typed}, {index.typed}"
        return self.emit(text, like(index.type, PTR), name)

    # Plain access.

    def load(self, type_: Type, ptr: Value, align: int = 0, name: str = "") -> Value:
        """Read a `type_`; align in bytes, 0 = of one element."""
        align = align or element_size(type_)
        return self.emit(f"load {type_.text}, ptr {ptr.text}, align {align}", type_, name)

    def store(self, value: Value, ptr: Value, align: int = 0) -> None:
        """Write `value`; align in bytes, 0 = of one element."""
        align = align or element_size(value.type)
        self.lines.append(f"  store {value.typed}, ptr {ptr.text}, align {align}")

    def stream(self, value: Value, ptr: Value, align: int) -> None:
        """Write around the caches: for results larger than the last cache."""
        self.lines.append(f"  store {value.typed}, ptr {ptr.text}, align {align}, !nontemporal !1")

    def alloca(self, type_: Type, count: Operand = 1, align: int = 8, name: str = "") -> Value:
        """`count` elements on the stack of this call. Use in the entry block only."""
        number = operand(I64, count)
        return self.emit(f"alloca {type_.text}, {number.typed}, align {align}", PTR, name)

    # Masked access: lanes whose mask bit is 0 touch no memory.

    def masked_load(
        self,
        type_: Type,
        ptr: Value,
        mask: Value,
        passthru: Value | None = None,
        align: int = 0,
        name: str = "",
    ) -> Value:
        """Read the lanes in `mask`; the others are those of `passthru` (undefined without)."""
        base = f"llvm.masked.load.{type_.mangled}.p0"
        other = passthru or poison(type_)
        return self._masked(
            base, type_, [self._aligned(ptr, type_, align), mask.typed, other.typed],
            [PTR, mask.type, type_], name,
        )  # fmt: skip

    def masked_store(self, value: Value, ptr: Value, mask: Value, align: int = 0) -> None:
        """Write the lanes in `mask`."""
        base = f"llvm.masked.store.{value.type.mangled}.p0"
        address = self._aligned(ptr, value.type, align)
        types = [value.type, PTR, mask.type]
        self._masked(base, VOID, [value.typed, address, mask.typed], types, "")

    def gather(
        self, type_: Type, ptrs: Value, mask: Value, passthru: Value | None = None, name: str = ""
    ) -> Value:
        """Read one element per lane from a vector of addresses."""
        base = f"llvm.masked.gather.{type_.mangled}.{ptrs.type.mangled}"
        other = passthru or poison(type_)
        return self._masked(
            base, type_, [self._aligned(ptrs, type_, 0), mask.typed, other.typed],
            [ptrs.type, mask.type, type_], name,
        )  # fmt: skip

    def scatter(self, value: Value, ptrs: Value, mask: Value) -> None:
        """Write one element per lane to a vector of addresses, lane 0 first."""
        base = f"llvm.masked.scatter.{value.type.mangled}.{ptrs.type.mangled}"
        address = self._aligned(ptrs, value.type, 0)
        types = [value.type, ptrs.type, mask.type]
        self._masked(base, VOID, [value.typed, address, mask.typed], types, "")

    def prefetch(self, ptr: Value, *, write: bool = False, locality: int = 3) -> None:
        """Ask for the cache line of ptr; any address is allowed. locality 3 = keep in L1."""
        args = [ptr, constant(I32, int(write)), constant(I32, locality), constant(I32, 1)]
        self.intrinsic("prefetch", [PTR], VOID, args)

    # Atomics, sequentially consistent unless said otherwise.

    def atomic_load(self, type_: Type, ptr: Value, order: Order = "seq_cst") -> Value:
        """Read with memory order `order`."""
        align = element_size(type_)
        return self.emit(f"load atomic {type_}, ptr {ptr.text} {order}, align {align}", type_)

    def atomic_store(self, value: Value, ptr: Value, order: Order = "seq_cst") -> None:
        """Write with memory order `order`."""
        align = element_size(value.type)
        self.lines.append(f"  store atomic {value.typed}, ptr {ptr.text} {order}, align {align}")

    def atomic_rmw(
        self, op: str, ptr: Value, value: Value, order: Order = "seq_cst", name: str = ""
    ) -> Value:
        """Old value of *ptr; *ptr becomes `op`(old, value): add, sub, xchg, and, or, max, ..."""
        return self.emit(f"atomicrmw {op} ptr {ptr.text}, {value.typed} {order}", value.type, name)

    def compare_exchange(self, ptr: Value, expected: Value, new: Value) -> Value:
        """i1: *ptr was `expected` and is `new` now."""
        pair = f"{{ {expected.type.text}, i1 }}"
        text = f"cmpxchg ptr {ptr.text}, {expected.typed}, {new.typed} acq_rel acquire"
        result = self.emit(text, VOID)
        return self.emit(f"extractvalue {pair} {result.text}, 1", I1)

    # Shared.

    @staticmethod
    def _aligned(ptr: Value, type_: Type, align: int) -> str:
        return f"{ptr.type.text} align {align or element_size(type_)} {ptr.text}"

    def _masked(
        self, base: str, result: Type, args: Sequence[str], types: Sequence[Type], name: str
    ) -> Value:
        """Masked intrinsics carry the alignment as an attribute of the pointer argument."""
        self.module.declare(base, result, types)
        text = f"call {result.text} @{base}({', '.join(args)})"
        if result is VOID:
            self.lines.append("  " + text)
            return Value("", VOID)
        return self.emit(text, result, name)
