"""The verifier of the kernel and exec dialects.

MLIR does not know their ops: the bindings' op classes (dialects.ext) make all operands of a
variadic field have one type, because IRDL constraints are variables, and kernels take tensors of
any types. So the context allows unregistered ops, and this table says which there are and what
holds for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from axec.mlir import ir

Check = Callable[[Any], Iterator[str]]  # operation -> what is wrong with it

CHECKS: dict[str, Check] = {}

# Dialects that MLIR verifies.
_REGISTERED = ("axe.", "func.", "builtin.")


def op(name: str, *, attributes: tuple[str, ...] = ()) -> Callable[[Check], Check]:
    """Declare an op by what must hold: the attributes that it needs, and a check."""

    def enter(check: Check) -> Check:
        def whole(operation: Any) -> Iterator[str]:
            missing = [a for a in attributes if a not in operation.attributes]
            if missing:
                yield f"needs the attribute {missing[0]!r}"
            else:
                yield from check(operation)

        CHECKS[name] = whole
        return check

    return enter


def problems(operation: Any) -> Iterator[tuple[Any, str]]:
    """(operation, what is wrong) for an operation and all inside it."""
    check = CHECKS.get(operation.name)
    if check is not None:
        yield from ((operation, f"'{operation.name}' op {text}") for text in check(operation))
    elif not operation.name.startswith(_REGISTERED):
        yield operation, f"there is no op {operation.name!r}"
    for region in operation.regions:
        for block in region.blocks:
            for inner in block.operations:
                yield from problems(inner.operation)


def body_problems(operation: Any, terminator: str) -> Iterator[str]:
    """What holds for every op with a body: one block that ends in `terminator` and reads nothing
    from outside."""
    if len(operation.regions) != 1 or len(operation.regions[0].blocks) != 1:
        yield "needs one region of one block"
        return
    block = operation.regions[0].blocks[0]
    inner = [o.operation for o in block.operations]
    if not inner or inner[-1].name != terminator:
        yield f"body must end in {terminator}"
    for one in inner:
        for value in one.operands:
            made = isinstance(value, ir.OpResult)
            home = value.owner.operation.block if made else value.owner
            if home != block:
                yield f"{one.name} reads a value from outside of the body"
