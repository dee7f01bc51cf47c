"""The kernel dialect: fused kernels, each defined once, and calls of them. Target-neutral.

    %y = kernel.fused(%x, %w) {template = "gemm"} ({ ^bb(%a, %b): ...axe ops...; kernel.yield %r })
        a group that the fuser decided on, still in place;
    kernel.define @k0 {template, dims, units, workspace} ({ ^bb(...): ...; kernel.yield })
        the same as a symbol: outlined and deduplicated; its named dims are d0, d1, ...;
    %y = kernel.call(%x, %w) {callee = @k0, dims = ["batch"]}
        an application: `dims` are the caller's expressions for d0, d1, ..., or numbers where one
        kernel serves several sizes (passes/kernel/share.py);

Values stay tensors with value semantics: buffers appear in the exec dialect only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from axec.dialects import dims, structure, types
from axec.dialects.dims import Size
from axec.mlir import ir

# What a template's body may hold; passes/kernel/templates/ has the rules, the back ends the code.
TEMPLATES = {
    "map": "pointwise and rearranging ops; every result has the iteration shape",
    "row": "reductions over trailing axes and pointwise ops around them, row by row",
    "reduce": "one folding op over any axes or windows, with pointwise ops before and after",
    "gemm": "one dot_general or conv as tiled matrix products, with a pointwise epilogue",
    "attention": "ops of the attention family that share operands, read and written as strides say",
    "matrix": "one decomposition of matrices, alone",
}


def body_of(op: Any) -> Any:
    """The single block of a kernel.fused or kernel.define."""
    return op.regions[0].blocks[0]


def yielded(op: Any) -> list[Any]:
    """The values that the body hands out."""
    return list(body_of(op).operations[-1].operands)


@structure.op("kernel.yield")
def _(op: Any) -> Iterator[str]:
    """Ends a kernel body; operands are the kernel's results."""
    if len(op.results):
        yield "has no results"


@structure.op("kernel.fused", attributes=("template",))
def _(op: Any) -> Iterator[str]:
    """A group of axe ops that becomes one kernel. Block arguments stand for the operands."""
    found = list(_kernel_problems(op))
    yield from found
    if found:
        return
    if [a.type for a in body_of(op).arguments] != [v.type for v in op.operands]:
        yield "block arguments must have the types of the operands"
    if [v.type for v in yielded(op)] != [r.type for r in op.results]:
        yield "kernel.yield must have the types of the results"


@structure.op("kernel.define", attributes=("sym_name", "template", "dims", "units", "workspace"))
def _(op: Any) -> Iterator[str]:
    """A kernel as a symbol. `units`: text of a dim expression, the number of independent parts that
    the work may be split into; `workspace`: scratch buffers, bytes as dim expressions; `flops`,
    `bytes`: of one launch. All in its own dims. `cut`, of one that share.py made: into how many
    parts, which calls say, too."""
    yield from _kernel_problems(op)


@structure.op("kernel.call", attributes=("callee", "dims"))
def _(op: Any) -> Iterator[str]:
    """Apply a kernel to tensors; `dims` are the caller's expressions for the kernel's dims."""
    define = definitions_above(op).get(op.attributes["callee"].value)
    if define is None:
        yield f"calls {op.attributes['callee']}, which no kernel.define has as its name"
        return
    own, given = len(define.attributes["dims"]), len(op.attributes["dims"])
    if own != given:
        yield f"gives {given} dims to a kernel of {own}"
        return
    bound = bound_dims(define, op)
    for what, found, wanted in zip(
        ("operands", "results"), (op.operands, op.results), signature(define), strict=True
    ):
        expected = [t.with_shape(tuple(dims.substitute(n, bound) for n in t.shape)) for t in wanted]
        if [types.of(v) for v in found] != expected:
            yield f"{what} must be {expected}, are {[types.of(v) for v in found]}"


def _kernel_problems(op: Any) -> Iterator[str]:
    template = op.attributes["template"].value
    if template not in TEMPLATES:
        yield f"has no template {template!r}; there are {', '.join(TEMPLATES)}"
    yield from structure.body_problems(op, "kernel.yield")


def definitions_above(op: Any) -> dict[str, Any]:
    """The kernel.define ops of the module that an operation stands in."""
    while op.name != "builtin.module":
        op = op.parent.operation
    return definitions(op.opview)


@cache
def texts(attr: Any) -> tuple[str, ...]:
    """The strings of an ArrayAttr of StringAttr."""
    return tuple([a.value for a in attr])


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


def bound_dims(define: Any, call: Any) -> dict[str, Size]:
    """The kernel's own dims as expressions of the caller's."""
    own = texts(define.attributes["dims"])
    return dict(zip(own, sizes(call.attributes["dims"]), strict=True)) if own else {}


def signature(define: Any) -> tuple[list[types.TensorType], list[types.TensorType]]:
    """Input and output types of a kernel, in terms of its own dims."""
    ins = [types.of(a) for a in body_of(define).arguments]
    return ins, [types.of(v) for v in yielded(define)]
