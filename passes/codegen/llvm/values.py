"""SSA values and constants as IR text.

A `Value` is what an instruction yields or a constant. `const` is the Python integer of a
scalar integer constant, so that the builder can fold index arithmetic; None otherwise.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from functools import lru_cache

from axec.passes.codegen.llvm.types import BF16, F16, F32, F64, I1, PTR, Type


class Value:
    """One operand: `text` ("%x", "@f", "42"), its type, and the integer if it is one."""

    __slots__ = ("const", "text", "type")

    def __init__(self, text: str, type_: Type, const: int | None = None) -> None:
        self.text = text
        self.type = type_
        self.const = const

    @property
    def typed(self) -> str:
        """The operand with its type: "i64 %n"."""
        return f"{self.type.text} {self.text}"

    def __repr__(self) -> str:
        return self.typed


#: What an instruction takes: a value, or a Python number that takes the other operand's type.
Operand = Value | int | float

NULL = Value("null", PTR)


def constant(type_: Type, number: int | float) -> Value:
    """`number` as a constant of `type_`, exact for floats; splat to all lanes of a vector."""
    if type_.is_int:
        return _integer(type_, int(number))
    number = float(number)
    return _float(type_, number, math.copysign(1.0, number))  # 0.0 and -0.0 are equal keys


@lru_cache(maxsize=4096)
def _integer(type_: Type, number: int) -> Value:
    text, value = _int_text(type_, number)
    return _splat(type_, text) if type_.lanes else Value(text, type_, value)


@lru_cache(maxsize=4096)
def _float(type_: Type, number: float, _sign: float) -> Value:
    text = float_text(type_.element, number)
    return _splat(type_, text) if type_.lanes else Value(text, type_)


def _splat(type_: Type, text: str) -> Value:
    return Value(f"splat ({type_.element.text} {text})", type_)


def vector_constant(type_: Type, numbers: Sequence[int | float]) -> Value:
    """A constant vector with one number per lane."""
    if len(numbers) != type_.lanes:
        raise TypeError(f"{len(numbers)} numbers for {type_}")
    lanes = ", ".join(constant(type_.element, n).typed for n in numbers)
    return Value(f"<{lanes}>", type_)


def zero(type_: Type) -> Value:
    """The all-zero value of any type."""
    if type_ is PTR:
        return NULL
    return Value("zeroinitializer", type_) if type_.lanes else constant(type_, 0)


def poison(type_: Type) -> Value:
    """A value that must not be observed (the pass-through of a fully written result)."""
    return Value("poison", type_)


def wrap(bits: int, number: int) -> int:
    """`number` reduced to a signed integer of `bits` bits."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def _int_text(type_: Type, number: int) -> tuple[str, int]:
    if type_.element is I1:
        return ("true", 1) if number & 1 else ("false", 0)
    number = wrap(type_.bits, number)
    return str(number), number


def float_text(type_: Type, number: float) -> str:
    """The IR literal of `number` rounded to `type_` (nearest even): decimal when that is exact
    and short, hexadecimal otherwise (LLVM refuses inexact decimals)."""
    bits = float_bits(type_, number)
    rounded = _DECODE[type_](bits)
    if abs(rounded) < 1 << 16 and (rounded * 1024).is_integer():
        return repr(rounded)
    if type_ is F16:
        return f"0xH{bits:04X}"
    if type_ is BF16:
        return f"0xR{bits:04X}"
    return f"0x{_pack_int('<d', '<Q', rounded):016X}"


def float_bits(type_: Type, number: float) -> int:
    """The bit pattern of `number` rounded to `type_`; too large a number becomes infinite."""
    if type_ is BF16:
        return _bfloat_bits(number)
    code, width = _FORMATS[type_]
    try:
        return _pack_int(code, width, number)
    except OverflowError:
        return _pack_int(code, width, math.copysign(math.inf, number))


def _pack_int(code: str, width: str, number: float) -> int:
    bits: int = struct.unpack(width, struct.pack(code, number))[0]
    return bits


def _unpack(code: str, width: str, bits: int) -> float:
    number: float = struct.unpack(code, struct.pack(width, bits))[0]
    return number


def _bfloat_bits(number: float) -> int:
    bits = float_bits(F32, number)
    if math.isnan(number):
        return (bits >> 16) | 0x40  # keep a NaN a NaN when its payload is cut
    # Rounding f64 -> f32 -> bf16 may round twice; constants in kernels are f32 already.
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16


_FORMATS = {F16: ("<e", "<H"), F32: ("<f", "<I"), F64: ("<d", "<Q")}
_DECODE = {
    F16: lambda bits: _unpack("<e", "<H", bits),
    BF16: lambda bits: _unpack("<f", "<I", bits << 16),
    F32: lambda bits: _unpack("<f", "<I", bits),
    F64: lambda bits: _unpack("<d", "<Q", bits),
}
