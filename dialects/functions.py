"""Functions of a module (func.func): found, read, made. Entries are public; what others apply or
run is private."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from axec.dialects import types
from axec.dialects.types import TensorType
from axec.mlir import func, ir

Value = Any  # an MLIR value

#: The module inside a program's that holds how weights are made (passes/axe/fold_weights).
RECIPES = "axe.recipes"


def functions(module: Any) -> Iterator[Any]:
    """The functions of a module, in order."""
    found = (o.operation for o in module.body.operations)
    return (o for o in found if o.name == "func.func")


def recipes_of(module: Any) -> Any:
    """The module of the recipes in a module, or None."""
    found = (o.operation for o in module.body.operations)
    return next((o for o in found if o.name == "builtin.module"), None)


def functions_above(op: Any) -> dict[str, Any]:
    """The functions of the module that an operation stands in, by name."""
    while op.name != "builtin.module":
        op = op.parent.operation
    return {name_of(f): f for f in functions(op.opview)}


def name_of(function: Any) -> str:
    """The name that others call it by."""
    name: str = function.attributes["sym_name"].value
    return name


def block_of(function: Any) -> Any:
    """Its one block."""
    return function.regions[0].blocks[0]


def terminator(block: Any) -> Any:
    """The last operation of a block."""
    return block.operations[len(block.operations) - 1].operation


def signature(function: Any) -> tuple[list[TensorType], list[TensorType]]:
    """Argument and result types."""
    block = block_of(function)
    return [types.of(a) for a in block.arguments], [types.of(v) for v in terminator(block).operands]


def is_private(function: Any) -> bool:
    """Whether it exists for others of the module alone."""
    attributes = function.attributes
    return (
        "sym_visibility" in attributes
        and ir.StringAttr(attributes["sym_visibility"]).value == "private"
    )


def define(
    name: str,
    arguments: Sequence[Any],
    body: Callable[..., Sequence[Value]],
    *,
    private: bool = False,
) -> Any:
    """A function at the insertion point, with arguments of these MLIR types; `body(*arguments)`
    emits its ops and gives its results."""
    made = func.FuncOp(name, (list(arguments), []))
    if private:
        made.attributes["sym_visibility"] = ir.StringAttr.get("private")
    block = made.add_entry_block()
    with ir.InsertionPoint(block):
        func.ReturnOp(list(body(*block.arguments)))
    set_type(made.operation)
    return made.operation


def set_type(function: Any) -> None:
    """Give a function the type that its block has."""
    block = block_of(function)
    results = [v.type for v in terminator(block).operands]
    kind = ir.FunctionType.get([a.type for a in block.arguments], results)
    function.attributes["function_type"] = ir.TypeAttr.get(kind)
