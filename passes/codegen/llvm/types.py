"""LLVM types: one interned object per type, so that types compare with `is`.

`vec(element, 1)` is the element itself: code written for any number of lanes then also
serves one lane (scalar tails) without a second version.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

Kind = Literal["int", "float", "ptr", "void"]


class Type:
    """An LLVM first-class type.

    text: as written in IR ("<16 x float>"); mangled: as in intrinsic names ("v16f32");
    bits: of one element; lanes: 0 for a scalar; element: the scalar type (self for a scalar).
    """

    __slots__ = ("bits", "element", "is_float", "is_int", "kind", "lanes", "mangled", "text")

    def __init__(self, text: str, mangled: str, kind: Kind, bits: int, lanes: int = 0) -> None:
        self.text = text
        self.mangled = mangled
        self.kind = kind
        self.bits = bits
        self.lanes = lanes
        self.element: Type = self
        self.is_float = kind == "float"
        self.is_int = kind == "int"

    @property
    def size(self) -> int:
        """Bytes in memory (an i1 scalar occupies one byte)."""
        return (self.bits * max(self.lanes, 1) + 7) // 8

    def __repr__(self) -> str:
        return self.text


VOID = Type("void", "isVoid", "void", 0)
PTR = Type("ptr", "p0", "ptr", 64)
I1 = Type("i1", "i1", "int", 1)
I8 = Type("i8", "i8", "int", 8)
I16 = Type("i16", "i16", "int", 16)
I32 = Type("i32", "i32", "int", 32)
I64 = Type("i64", "i64", "int", 64)
I128 = Type("i128", "i128", "int", 128)
F16 = Type("half", "f16", "float", 16)
BF16 = Type("bfloat", "bf16", "float", 16)
F32 = Type("float", "f32", "float", 32)
F64 = Type("double", "f64", "float", 64)

_INT_BY_BITS = {t.bits: t for t in (I1, I8, I16, I32, I64)}


@cache
def vec(element: Type, lanes: int) -> Type:
    """The vector `<lanes x element>`; `element` itself when lanes is 1."""
    if element.lanes or element is VOID:
        raise TypeError(f"vector of {element}")
    if lanes == 1:
        return element
    text = f"<{lanes} x {element.text}>"
    vector = Type(text, f"v{lanes}{element.mangled}", element.kind, element.bits, lanes)
    vector.element = element
    return vector


def like(shape: Type, element: Type) -> Type:
    """`element` with the number of lanes of `shape`: like(<8 x float>, i32) = <8 x i32>."""
    return vec(element, shape.lanes) if shape.lanes else element


def int_of(type_: Type) -> Type:
    """The integer type with the bits and lanes of `type_` (for bit casts)."""
    return like(type_, _INT_BY_BITS[type_.bits])
