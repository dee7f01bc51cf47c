"""The kernel dialect: fused kernels, each defined once, and calls of them. Target-neutral.

    %y = kernel.fused(%x, %w) {template = "gemm"} ({ ^bb(%a, %b): ...axe ops...; kernel.yield %r })
        a group that the fuser decided on, still in place;
    kernel.define @k0 {template, dims, units, workspace} ({ ^bb(...): ...; kernel.yield })
        the same as a symbol: outlined and deduplicated; its named dims are d0, d1, ...;
    %y = kernel.call(%x, %w) {callee = @k0, dims = ["batch"]}
        an application: `dims` are the caller's expressions for d0, d1, ...

Values stay tensors with value semantics: buffers appear in the exec dialect only.
"""

# No `from __future__ import annotations` here: the bindings read the annotations of op classes.
from collections.abc import Iterator, Sequence
from typing import Any

from axec.dialects import dims, types
from axec.dialects.dims import Size
from axec.mlir import Pure, ext, ir

# What a template's body may hold; passes/kernel/templates.py has the rules, the back ends the code.
TEMPLATES = {
    "map": "pointwise and rearranging ops; every result has the iteration shape",
    "row": "reductions over trailing axes and pointwise ops around them, row by row",
    "reduce": "one folding op over any axes or windows, with pointwise ops before and after",
    "gemm": "one dot_general as a tiled matrix product, with a pointwise epilogue",
}


class Kernel(ext.Dialect, name="kernel"):  # type: ignore[misc,call-arg]
    """Fused kernels and calls of them."""


def _fail(op: Any, message: str) -> bool:
    op.location.emit_error(f"'{op.OPERATION_NAME}' op {message}")
    return False


def body_of(op: Any) -> Any:
    """The single block of a kernel.fused or kernel.define."""
    return op.regions[0].blocks[0]


def yielded(op: Any) -> list[Any]:
    """The values that the body hands out."""
    return list(body_of(op).operations[-1].operands)


def _verify_body(self: Any) -> bool:
    block = body_of(self)
    template = self.attributes["template"].value
    if template not in TEMPLATES:
        return _fail(self, f"has no template {template!r}; there are {', '.join(TEMPLATES)}")
    if block.operations[-1].operation.name != "kernel.yield":
        return _fail(self, "body must end in kernel.yield")
    return True


class YieldOp(Kernel.Operation, name="yield", traits=[ir.IsTerminatorTrait, Pure]):
    """Ends a kernel body; operands are the kernel's results."""

    values: Sequence[ext.Operand[ir.RankedTensorType]]


class FusedOp(Kernel.Operation, name="fused", traits=[ir.IsIsolatedFromAboveTrait, Pure]):
    """A group of axe ops that becomes one kernel. Block arguments stand for the operands."""

    inputs: Sequence[ext.Operand[ir.RankedTensorType]]
    template: Any
    outputs: Sequence[ext.Result[ir.RankedTensorType]]
    body: ext.Region

    def verify_region_invariants(self) -> bool:
        block = body_of(self)
        if [a.type for a in block.arguments] != [v.type for v in self.operation.operands]:
            return _fail(self, "block arguments must have the types of the operands")
        if not _verify_body(self):
            return False
        if [v.type for v in yielded(self)] != [r.type for r in self.operation.results]:
            return _fail(self, "kernel.yield must have the types of the results")
        return True


class DefineOp(Kernel.Operation, name="define", traits=[ir.IsIsolatedFromAboveTrait]):
    """A kernel as a symbol. `units`: text of a dim expression, the number of independent parts that
    the work may be split into; `workspace`: scratch buffers, bytes as dim expressions."""

    sym_name: Any
    template: Any
    dims: Any
    units: Any
    workspace: Any
    body: ext.Region

    def verify_region_invariants(self) -> bool:
        return _verify_body(self)


class CallOp(Kernel.Operation, name="call", traits=[Pure]):
    """Apply a kernel to tensors."""

    inputs: Sequence[ext.Operand[ir.RankedTensorType]]
    callee: Any
    dims: Any
    outputs: Sequence[ext.Result[ir.RankedTensorType]]


def texts(attr: Any) -> list[str]:
    """The strings of an ArrayAttr of StringAttr."""
    return [a.value for a in attr]


def sizes(attr: Any) -> list[Size]:
    """The dim expressions of an ArrayAttr of StringAttr."""
    return [dims.parse(t) for t in texts(attr)]


def sizes_attr(values: Sequence[Size | str]) -> Any:
    """The ArrayAttr of StringAttr that `sizes` reads."""
    return ir.ArrayAttr.get([ir.StringAttr.get(str(v)) for v in values])


def definitions(module: Any) -> dict[str, Any]:
    """The kernel.define ops of a module by name, in order."""
    found = (o.operation for o in module.body.operations)
    return {o.attributes["sym_name"].value: o for o in found if o.name == "kernel.define"}


def functions(module: Any) -> Iterator[Any]:
    """The func.func ops (entries) of a module."""
    return (o for o in module.body.operations if o.operation.name == "func.func")


def signature(define: Any) -> tuple[list[types.TensorType], list[types.TensorType]]:
    """Input and output types of a kernel, in terms of its own dims."""
    ins = [types.of(a) for a in body_of(define).arguments]
    return ins, [types.of(v) for v in yielded(define)]
