"""Floating-point formats and the steps that all elementary functions share.

Every function takes the builder and operands that are all scalars or all vectors of f32 or f64, and
gives the same bits for a lane whatever the number of lanes: products and sums that are fused are
written as `fma`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from axec.passes.codegen.llvm import Builder, Value, constant
from axec.passes.codegen.llvm.types import F32, F64, I8, I16, I32, I64, Type, like


@dataclass(frozen=True, slots=True)
class Format:
    """An IEEE 754 binary format. mantissa: stored bits; ln2: ln 2 as a sum of two numbers of the
    format, the larger first."""

    float_: Type
    int_: Type
    mantissa: int
    bias: int
    ln2: tuple[float, float]

    @property
    def magic(self) -> float:
        """1.5 * 2 ** mantissa: adding it rounds a number to an integer, which then stands in the
        last bits. Source: Muller et al., Handbook of Floating-Point Arithmetic, 2nd ed., 3.3."""
        return 1.5 * 2.0**self.mantissa

    @property
    def magic_bits(self) -> int:
        """The bit pattern of `magic`."""
        return ((self.bias + self.mantissa) << self.mantissa) | (1 << (self.mantissa - 1))

    @property
    def least_normal(self) -> float:
        return 2.0 ** (1 - self.bias)


FORMATS = {
    F32: Format(
        F32, I32, 23, 127, (float.fromhex("0x1.62e43p-1"), float.fromhex("-0x1.05c61p-29"))
    ),
    F64: Format(
        F64, I64, 52, 1023,
        (float.fromhex("0x1.62e42fefa39efp-1"), float.fromhex("0x1.abc9e3b39803fp-56")),
    ),
}  # fmt: skip


def format_of(x: Value) -> Format:
    """The format of a value's elements."""
    return FORMATS[x.type.element]


def number(x: Value, n: float) -> Value:
    """A constant of the type of x."""
    return constant(x.type, n)


def polynomial(b: Builder, x: Value, coefficients: Sequence[float]) -> Value:
    """sum of coefficients[i] * x**i by Horner's rule."""
    found = number(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        found = b.fma(found, x, number(x, c))
    return found


def nearest(b: Builder, x: Value, scale: float) -> tuple[Value, Value]:
    """n = x * scale rounded to an integer, as a float and as an integer; |n| < 2 ** (mantissa - 1).
    Anything for larger or non-finite x."""
    f = format_of(x)
    shifted = b.fma(x, number(x, scale), number(x, f.magic))
    whole = b.sub(bits_of(b, shifted), f.magic_bits)
    return b.sub(shifted, number(x, f.magic)), whole


def reduced(b: Builder, x: Value, n: Value, parts: Sequence[float]) -> Value:
    """x - n * (parts[0] + parts[1] + ...), each product exact. Source: Cody and Waite, Software
    Manual for the Elementary Functions, 1980, with fused operations."""
    minus = b.neg(n)
    for part in parts:
        x = b.fma(minus, number(x, part), x)
    return x


def bits_of(b: Builder, x: Value) -> Value:
    """The bit pattern as an integer."""
    return b.bitcast(x, like(x.type, format_of(x).int_))


def float_of(b: Builder, bits: Value) -> Value:
    """The number with a bit pattern."""
    return b.bitcast(bits, like(bits.type, F32 if bits.type.bits == 32 else F64))


def scaled(b: Builder, x: Value, n: Value, power: Value) -> Value:
    """x * 2 ** floor(n) with one rounding, for results in the whole range from 0 to infinity;
    `power` is floor(n) as an integer, less than twice the bias. One instruction, or two factors
    of half the exponent."""
    f = format_of(x)
    if b.avx512 and 8 * x.type.size >= 256:
        return _scalef(b, x, n)
    both = b.add(power, 2 * f.bias)
    half = b.lshr(both, 1)
    for exponent in (half, b.sub(both, half)):
        x = b.mul(x, float_of(b, b.shl(exponent, f.mantissa)))
    return x


def _scalef(b: Builder, x: Value, n: Value) -> Value:
    """vscalefps/pd. Source: Intel 64 and IA-32 Software Developer's Manual, vol. 2C."""
    if 8 * x.type.size > 512:
        half = x.type.lanes // 2
        low, high = (_scalef(b, b.slice(x, at, half), b.slice(n, at, half)) for at in (0, half))
        return b.concat(low, high)
    width, kind = 8 * x.type.size, "ps" if x.type.bits == 32 else "pd"
    everywhere = constant(I16 if x.type.lanes == 16 else I8, -1)
    nearest_even = [constant(I32, 4)] if width == 512 else []  # 4: as MXCSR says
    return b.intrinsic(
        f"x86.avx512.mask.scalef.{kind}.{width}", [], x.type, [x, n, x, everywhere, *nearest_even]
    )


def power_of_two(b: Builder, power: Value) -> Value:
    """2 ** power for exponents of normal numbers."""
    f = FORMATS[F32 if power.type.bits == 32 else F64]
    return float_of(b, b.shl(b.add(power, f.bias), f.mantissa))


def small_float(b: Builder, n: Value) -> Value:
    """An integer of at most mantissa - 1 bits as a float, without a conversion instruction (there
    is none for vectors of i64 before AVX-512)."""
    f = FORMATS[F32 if n.type.bits == 32 else F64]
    shifted = float_of(b, b.add(n, f.magic_bits))
    return b.sub(shifted, number(shifted, f.magic))


def at_most(b: Builder, x: Value, bound: float) -> Value:
    """min(x, bound); NaN stays."""
    limit = number(x, bound)
    return b.select(b.cmp("gt", x, limit), limit, x)


def at_least(b: Builder, x: Value, bound: float) -> Value:
    """max(x, bound); NaN stays."""
    limit = number(x, bound)
    return b.select(b.cmp("lt", x, limit), limit, x)


def keep_zero(b: Builder, x: Value, found: Value) -> Value:
    """`found`, but a zero of either sign stays as it is."""
    return b.select(b.cmp("eq", x, number(x, 0.0)), x, found)
