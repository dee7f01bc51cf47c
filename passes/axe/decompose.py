"""Replace composite ops by their definitions in core ops; those that kernels compute whole stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects.axe import OPS
from axec.dialects.emit import IrEmit
from axec.dialects.functions import functions
from axec.dialects.opdef import OpDef
from axec.mlir import ir
from axec.passes.base import Pass, register
from axec.passes.kernel.templates import attention


@register
@dataclass(frozen=True)
class Decompose(Pass):
    """Replace composite ops (softmax, layer_norm, ...) by core ops, in place."""

    name = "decompose"
    keep: tuple[str, ...] = ()  # composites that stay whole wherever they stand
    fused: bool = True  # those that a kernel template takes whole (attention) stay, too

    def run(self, module: Any) -> None:
        for function in functions(module):
            for op in list(function.regions[0].blocks[0].operations):
                self._visit(op.operation)

    def _visit(self, operation: Any) -> None:
        op = OPS.get(operation.name)
        if op is None or op.group != "composite" or op.name in self.keep:
            return
        if self.fused and attention.takes(operation):
            return
        # The composite's name goes into the location: whoever reads a kernel or an error sees both
        # the user's line and the word that the user wrote there.
        where = ir.Location.name(op.name, childLoc=operation.location)
        with ir.InsertionPoint(operation):
            emit = _Nested(where, self.keep, self.fused)
            value = emit.expand(op, *operation.operands, **op.attrs_from_ir(operation))
        operation.results[0].replace_all_uses_with(value)
        operation.erase()


class _Nested(IrEmit):
    """Creates core ops; composites that a definition uses are expanded in turn."""

    def __init__(self, loc: Any, keep: tuple[str, ...], fused: bool) -> None:
        super().__init__(loc)
        self.keep, self.fused = keep, fused

    def __call__(self, op: OpDef, *operands: Any, **given: Any) -> Any:
        whole = self.fused and attention.takes_types(op.full_name, [*map(self.type, operands)])
        if op.group == "composite" and op.name not in self.keep and not whole:
            return self.expand(op, *operands, **op.with_defaults(given))
        return super().__call__(op, *operands, **given)

    def expand(self, op: OpDef, *operands: Any, **given: Any) -> Any:
        assert op.expand is not None, f"{op.full_name} has no decomposition"
        return op.expand(self, *operands, **given)
