"""What is compiled before anything is known of a program. No part of MLIR or NumPy is imported for
it: the command line has LLVM load, and compile this, while Python loads the rest of the compiler.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from axec.passes.codegen.cpu import worker
from axec.passes.codegen.cpu.support import support_module
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import Module


@cache
def support() -> Module:
    """The support code; it is the same for all programs and targets."""
    return support_module()


def begin_support(wanted: Iterable[Target]) -> None:
    """Begin to compile the support code. Where that was done before, the kernels often were, too,
    and no worker may be needed."""
    for target in wanted:
        worker.submit(support(), target, first=True)
