"""Weights that are only read as narrower floats, stored as these.

    func @f(%x, %w: tensor<64x128xf32> {axe.weight = "w"}) { axe.cast(%w) {dtype = bf16}, ... }
    ->
    func @f(%x, %w: tensor<64x128xbf16> {axe.weight = "w", axe.layout = "bf16"})

Mixed precision (`axe.amp`) casts parameters where products read them. A parameter that is a weight
is known when compiling, so it is cast then: half the bytes, and nothing to do in a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects import types
from axec.dialects.dtypes import DType
from axec.dialects.kernel import functions
from axec.mlir import ir
from axec.passes.base import Pass, register


@register
@dataclass(frozen=True)
class NarrowWeights(Pass):
    """Store weights that are only cast to one narrower float dtype in that dtype."""

    name = "narrow_weights"

    def run(self, module: Any) -> None:
        for function in functions(module):
            rows = list(function.attributes.get("arg_attrs", ()))
            for number, row in enumerate(rows):
                argument = function.regions[0].blocks[0].arguments[number]
                dtype = _narrower(argument) if "axe.weight" in row else None
                if dtype is not None:
                    _narrow(argument, dtype)
                    named = {n.name: n.attr for n in row}
                    named["axe.layout"] = ir.StringAttr.get(dtype.name)
                    rows[number] = ir.DictAttr.get(named)
            _set_signature(function, rows)


def _narrower(argument: Any) -> DType | None:
    """The dtype that all uses of a weight cast it to, None where they differ or widen."""
    own, found = types.of(argument).dtype, None
    for use in argument.uses:
        if use.owner.name != "axe.cast":
            return None
        wanted = types.of(use.owner.results[0]).dtype
        narrower = own.is_float and wanted.is_float and wanted.size < own.size
        if not narrower or found not in (None, wanted):
            return None
        found = wanted
    return found


def _narrow(argument: Any, dtype: DType) -> None:
    casts = [use.owner for use in argument.uses]
    argument.set_type(types.TensorType(dtype, types.of(argument).shape).ir())
    for cast in casts:
        cast.results[0].replace_all_uses_with(argument)
        cast.erase()


def _set_signature(function: Any, rows: list[Any]) -> None:
    arguments = [a.type for a in function.regions[0].blocks[0].arguments]
    old = function.attributes["function_type"].value
    if arguments != list(old.inputs):
        kind = ir.FunctionType.get(arguments, list(old.results))
        function.attributes["function_type"] = ir.TypeAttr.get(kind)
        function.attributes["arg_attrs"] = ir.ArrayAttr.get(rows)
