"""How each dtype stands in memory and in registers.

bool is a byte in memory and one bit in registers; f16 and bf16 are 16 bits in memory and computed
as f32, rounded after every op, so that a value does not depend on which ops were fused.
"""

from __future__ import annotations

from axec.dialects import dtypes
from axec.dialects.dtypes import DType
from axec.passes.codegen.llvm import Builder, Value, constant
from axec.passes.codegen.llvm.types import F16, F32, F64, I1, I8, I16, I32, I64, Type, like

_MEMORY = {
    dtypes.f64: F64, dtypes.f32: F32, dtypes.f16: I16, dtypes.bf16: I16, dtypes.i64: I64,
    dtypes.i32: I32, dtypes.i8: I8, dtypes.u8: I8, dtypes.bool_: I8,
}  # fmt: skip
_REGISTER = _MEMORY | {dtypes.f16: F32, dtypes.bf16: F32, dtypes.bool_: I1}
NARROW = (dtypes.f16, dtypes.bf16)


def memory_type(dtype: DType) -> Type:
    """The LLVM type of an element in memory."""
    return _MEMORY[dtype]


def register_type(dtype: DType) -> Type:
    """The LLVM type of an element in a register."""
    return _REGISTER[dtype]


def from_memory(b: Builder, dtype: DType, x: Value) -> Value:
    """An element, or a vector of them, as it was loaded, in register form."""
    if dtype is dtypes.bool_:
        return b.cmp("ne", x, 0)
    if dtype is dtypes.bf16:
        return b.bitcast(b.shl(b.convert(x, I32, signed=False), 16), like(x.type, F32))
    return b.convert(b.bitcast(x, like(x.type, F16)), F32) if dtype is dtypes.f16 else x


def to_memory(b: Builder, dtype: DType, x: Value) -> Value:
    """A register value as it is stored; it is rounded already (`rounded`)."""
    if dtype is dtypes.bool_:
        return b.convert(x, I8)
    if dtype is dtypes.bf16:
        return b.convert(b.lshr(b.bitcast(x, like(x.type, I32)), 16), I16)
    return b.bitcast(b.convert(x, F16), like(x.type, I16)) if dtype is dtypes.f16 else x


def rounded(b: Builder, dtype: DType, x: Value) -> Value:
    """An f32 register value rounded to f16 or bf16 (nearest even), still as f32; values of other
    dtypes are what they are."""
    if dtype is dtypes.f16:
        return b.convert(b.convert(x, F16), F32)
    if dtype is not dtypes.bf16:
        return x
    bits = b.bitcast(x, like(x.type, I32))
    odd = b.and_(b.lshr(bits, 16), 1)
    near = b.add(b.add(bits, 0x7FFF), odd)
    # Rounding must not carry a NaN into infinity.
    quiet = b.or_(bits, constant(bits.type, 0x400000))
    found = b.select(b.cmp("unordered", x, x), quiet, near)
    return b.bitcast(b.and_(found, -0x10000), x.type)
