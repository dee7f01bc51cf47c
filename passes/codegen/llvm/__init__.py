"""A small structured builder of LLVM IR text.

module = Module("example")
b = module.function("axpy", VOID, {"x": PTR, "y": PTR, "n": I64})
x, y, n = b.args
with b.for_(0, n, 8) as loop: ...
b.ret()
module.text()
"""

from axec.passes.codegen.llvm.builder import Builder
from axec.passes.codegen.llvm.module import Linkage, Module
from axec.passes.codegen.llvm.types import (
    BF16,
    F16,
    F32,
    F64,
    I1,
    I8,
    I16,
    I32,
    I64,
    PTR,
    VOID,
    Type,
    int_of,
    like,
    vec,
)
from axec.passes.codegen.llvm.values import (
    NULL,
    Operand,
    Value,
    constant,
    poison,
    vector_constant,
    zero,
)

__all__ = [
    "BF16", "F16", "F32", "F64", "I1", "I8", "I16", "I32", "I64", "NULL", "PTR", "VOID",
    "Builder", "Linkage", "Module", "Operand", "Type", "Value",
    "constant", "int_of", "like", "poison", "vec", "vector_constant", "zero",
]  # fmt: skip
