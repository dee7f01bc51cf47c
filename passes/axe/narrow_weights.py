"""Weights that are only read as narrower floats, stored as these.

    func @f(%x, %w: tensor<64x128xf32> {axe.weight = "w"}) { axe.cast(%w) {dtype = bf16}, ... }
    ->
    func @f(%x, %w: tensor<64x128xbf16> {axe.weight = "w", axe.layout = "bf16"})

Mixed precision (`axe.amp`) casts parameters where products read them. A parameter that is a weight
is known when compiling, so it is cast then: half the bytes, and nothing to do in a call. A function
that is called with weights alone for an argument (`roll`) gets narrower ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from axec.dialects import control, types
from axec.dialects.dtypes import DType
from axec.dialects.functions import functions, name_of, set_type
from axec.mlir import ir
from axec.passes.base import Pass, register

Argument = Any  # an MLIR block argument


@register
@dataclass(frozen=True)
class NarrowWeights(Pass):
    """Store weights that are only cast to one narrower float dtype in that dtype."""

    name = "narrow_weights"

    def run(self, module: Any) -> None:
        program = _Program.of(module)
        seen: set[Argument] = set()
        for weight in program.weights:
            if weight not in seen:
                alike = program.alike(weight)
                seen.update(alike)
                if (dtype := program.narrower(alike)) is not None:
                    for argument in alike:
                        _narrow(argument, dtype)
        for function in program.functions.values():
            _set_signature(function)


@dataclass(frozen=True, slots=True)
class _Program:
    functions: dict[str, Any]  # by name
    weights: list[Argument]
    calls: dict[str, list[Any]] = field(default_factory=dict)  # by callee

    @staticmethod
    def of(module: Any) -> _Program:
        named = {name_of(f): f for f in functions(module)}
        program = _Program(named, [w for f in named.values() for w in _weights(f)])
        for function in named.values():
            for o in function.regions[0].blocks[0].operations:
                if o.operation.name == "control.call":
                    callee = control.Call.of(o.operation).callee
                    program.calls.setdefault(callee, []).append(o.operation)
        return program

    def alike(self, weight: Argument) -> list[Any]:
        """The values that have the type of a weight: it, arguments that it is given to, and what
        else is given to these."""
        found: dict[Any, None] = {}
        waiting = [weight]
        while waiting:
            value = waiting.pop()
            if value not in found:
                found[value] = None
                for use in value.uses:
                    if use.owner.name == "control.call":
                        callee, number = control.Call.of(use.owner).callee, use.operand_number
                        block = self.functions[callee].regions[0].blocks[0]
                        waiting.append(block.arguments[number])
                        waiting += [call.operands[number] for call in self.calls[callee]]
        return list(found)

    def narrower(self, alike: list[Any]) -> DType | None:
        """The dtype that all uses of some values cast them to; None where one of them is neither a
        weight nor an argument of a function that is called, where they differ or widen."""
        own, found = types.of(alike[0]).dtype, None
        for value in alike:
            called = isinstance(value, ir.BlockArgument) and _name(value.owner.owner) in self.calls
            if not called and value not in self.weights:
                return None
            for use in value.uses:
                if use.owner.name == "control.call":
                    continue
                wanted = types.of(use.owner.results[0]).dtype if _is_cast(use.owner) else own
                narrower = own.is_float and wanted.is_float and wanted.size < own.size
                if not narrower or found not in (None, wanted):
                    return None
                found = wanted
        return found


def _weights(function: Any) -> Iterator[Argument]:
    arguments = function.regions[0].blocks[0].arguments
    for argument, row in zip(arguments, function.attributes.get("arg_attrs", ()), strict=False):
        if "axe.weight" in row:
            yield argument


def _name(function: Any) -> str:
    return str(function.attributes["sym_name"].value)


def _is_cast(op: Any) -> bool:
    return bool(op.name == "axe.cast")


def _narrow(argument: Argument, dtype: DType) -> None:
    casts = [use.owner for use in argument.uses if _is_cast(use.owner)]
    argument.set_type(types.TensorType(dtype, types.of(argument).shape).ir())
    for cast in casts:
        cast.results[0].replace_all_uses_with(argument)
        cast.erase()


def _set_signature(function: Any) -> None:
    """Give a function the types of its arguments, and its weights the layouts that say so."""
    arguments = [a.type for a in function.regions[0].blocks[0].arguments]
    old = function.attributes["function_type"].value
    if arguments == list(old.inputs):
        return
    set_type(function)
    rows = list(function.attributes.get("arg_attrs", ()))
    for number, (row, before) in enumerate(zip(rows, old.inputs, strict=False)):
        if arguments[number] != before:
            named = {n.name: n.attr for n in row}
            named["axe.layout"] = ir.StringAttr.get(types.of(arguments[number]).dtype.name)
            rows[number] = ir.DictAttr.get(named)
    if rows:
        function.attributes["arg_attrs"] = ir.ArrayAttr.get(rows)
