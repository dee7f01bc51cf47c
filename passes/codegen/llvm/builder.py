"""The builder of one function: everything that can be emitted, in one class.

The parts stand in their own files, each a class on top of the one before:
emitter (text, names, blocks, calls) < arith < memory < vector < control.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axec.passes.codegen.llvm.control import Control
from axec.passes.codegen.llvm.types import Type
from axec.passes.codegen.llvm.values import Value

if TYPE_CHECKING:
    from axec.passes.codegen.llvm.module import Module


class Builder(Control):
    """Fills one function. `args` are its parameters in order."""

    def __init__(self, module: Module, name: str, params: dict[str, Type]) -> None:
        super().__init__(module, list(params))
        self.name = name
        self.args = tuple(Value("%" + n, t) for n, t in params.items())
