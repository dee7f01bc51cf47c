"""How factors are multiplied and summed: which instructions, and how many steps of k each takes.

    factors      sums   v3, v4                    v3-vnni, v4-vnni   v4-bf16, v4-amx
    f32, f64     same   fma                       the same           the same
    f16          f32    converted, fma            the same           the same
    bf16         f32    pairs: converted, 2 fma   the same           pairs: vdpbf16ps
    i8, u8       i32    quads: 2 vpmaddwd         vpdpbusd           vpdpbusd
    u8 with u8   i32    quads: 2 vpmaddwd         the same           the same

On v4-amx that is for what no tile of its matrix engine computes: products with one row, dot
products, convolutions; blocks.py has the others.

A word holds a group of neighbours in k of one row or column; a multiply-add takes one word of each
factor. vpdpbusd multiplies unsigned by signed bytes: where both are signed, 128 is added to those
of `left`, and 128 times the sum of `right` is taken from the result (`excess`). Sums of integers
wrap, so they are exact in any order.

vdpbf16ps adds the two products of a pair one after the other, as two fma do; which comes first is
its own, and it takes subnormal numbers for zeros. Source: Intel 64 and IA-32 Software Developer's
Manual, vol. 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from axec.dialects import dtypes
from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu.lanes.registers import from_memory, memory_type, register_type
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import F32, I32, Builder, Type, Value, constant, vec
from axec.passes.codegen.llvm.types import BF16, I8, I16, like

Factor = tuple[Value, ...]  # a vector of words, in the registers that `add` takes
Prepare = Callable[[Builder, Value], Factor]
Add = Callable[[Builder, Value, Factor, Factor], Value]

_BIAS = -0x7F7F7F80  # 128 in each byte
_UPPER = -0x10000  # the upper half of 32 bits
_BYTES = (dtypes.i8, dtypes.u8)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """group: steps of k per word; word, sums: types of a word in memory and of a sum; left, right:
    make of a vector of words what add(b, total, left, right) takes, in `registers` registers;
    excess: what every word of `left` counts too much, 0: nothing."""

    group: int
    word: Type
    sums: Type
    left: Prepare
    right: Prepare
    add: Add
    registers: int = 1
    excess: int = 0


def single(left: DType, right: DType, sums: DType) -> Arithmetic:
    """One step of k at a time, in the dtype of the sums."""
    type_ = register_type(sums)
    prepare_left, prepare_right = (partial(_widened, dtype, type_) for dtype in (left, right))
    return Arithmetic(1, memory_type(right), type_, prepare_left, prepare_right, _fused)


def grouped(target: Target, left: DType, right: DType, sums: DType) -> Arithmetic:
    """As many steps of k at a time as the panels of `right` hold side by side."""
    if right is dtypes.bf16:
        return _PAIRS if target.has("avx512bf16") else _SPLIT_PAIRS
    if right not in _BYTES:
        return single(left, right, sums)
    if (target.has("avx512vnni") or target.has("avxvnni")) and dtypes.i8 in (left, right):
        return _QUADS[left, right]
    halves = {d: partial(_split_bytes, signed=d is dtypes.i8) for d in _BYTES}
    return Arithmetic(4, I32, I32, halves[left], halves[right], _add_halves, registers=2)


def _widened(dtype: DType, sums: Type, b: Builder, x: Value) -> Factor:
    return (b.convert(from_memory(b, dtype, x), sums, signed=dtype.kind != "u"),)


def _fused(b: Builder, total: Value, left: Factor, right: Factor) -> Value:
    if total.type.is_float:
        return b.fma(left[0], right[0], total)
    return b.add(total, b.mul(left[0], right[0]))


def _plain(b: Builder, x: Value) -> Factor:
    return (x,)


# Pairs of bf16.


def _halves(b: Builder, x: Value) -> Factor:
    """The first and the second of each pair as f32: the upper half of the same bits."""
    return tuple(b.bitcast(v, like(x.type, F32)) for v in (b.shl(x, 16), b.and_(x, _UPPER)))


def _add_each(b: Builder, total: Value, left: Factor, right: Factor) -> Value:
    for x, y in zip(left, right, strict=True):
        total = b.fma(x, y, total)
    return total


def _add_pairs(b: Builder, total: Value, left: Factor, right: Factor) -> Value:
    pairs = [b.bitcast(x, vec(BF16, 2 * total.type.lanes)) for x in (*left, *right)]
    return b.intrinsic("x86.avx512bf16.dpbf16ps.512", [], total.type, [total, *pairs])


_PAIRS = Arithmetic(2, I32, F32, _plain, _plain, _add_pairs)
_SPLIT_PAIRS = Arithmetic(2, I32, F32, _halves, _halves, _add_each, registers=2)


# Quads of bytes.


def _split_bytes(b: Builder, x: Value, *, signed: bool) -> Factor:
    """The first and third, the second and fourth byte of each word, as pairs of i16."""
    pairs = b.bitcast(x, vec(I16, 2 * x.type.lanes))
    if signed:
        return b.ashr(b.shl(pairs, 8), 8), b.ashr(pairs, 8)
    return b.and_(pairs, 255), b.lshr(pairs, 8)


_MADD = {8: "x86.avx2.pmadd.wd", 16: "x86.avx512.pmaddw.d.512"}


def _add_halves(b: Builder, total: Value, left: Factor, right: Factor) -> Value:
    name = _MADD[total.type.lanes]
    for x, y in zip(left, right, strict=True):
        total = b.add(total, b.intrinsic(name, [], total.type, [x, y]))
    return total


def _biased(b: Builder, x: Value) -> Factor:
    return (b.xor(x, constant(x.type, _BIAS)),)


def _add_quads(b: Builder, total: Value, unsigned: Factor, signed: Factor) -> Value:
    quads = [b.bitcast(x, vec(I8, 4 * total.type.lanes)) for x in (*unsigned, *signed)]
    name = f"x86.avx512.vpdpbusd.{total.type.lanes * total.type.element.bits}"
    return b.intrinsic(name, [], total.type, [total, *quads])


def _add_quads_mirrored(b: Builder, total: Value, signed: Factor, unsigned: Factor) -> Value:
    return _add_quads(b, total, unsigned, signed)


_QUADS = {
    (dtypes.u8, dtypes.i8): Arithmetic(4, I32, I32, _plain, _plain, _add_quads),
    (dtypes.i8, dtypes.u8): Arithmetic(4, I32, I32, _plain, _plain, _add_quads_mirrored),
    (dtypes.i8, dtypes.i8): Arithmetic(4, I32, I32, _biased, _plain, _add_quads, excess=_BIAS),
}
