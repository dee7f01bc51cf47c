"""Kernels as machine code: `void k(ptr block, i64 lo, i64 hi)` does the units [lo, hi).

`block` is an array of 8-byte words: addresses of inputs, outputs, workspaces, then the sizes of the
kernel's dims. Which loops are written is the template's business; one row per template.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axec.passes.codegen.cpu import attention, gemm, matrix, reduce, row
from axec.passes.codegen.cpu import map as map_
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.graph.body import read
from axec.passes.codegen.cpu.graph.emission import Emission
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import Graph
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import I64, PTR, VOID, Module

#: Template -> what writes its loops.
TEMPLATES: dict[str, Callable[[Frame], None]] = {
    "map": map_.emit,
    "row": row.emit,
    "reduce": reduce.emit,
    "gemm": gemm.emit,
    "attention": attention.emit,
    "matrix": matrix.emit,
}


def emit_kernel(module: Module, define: Any, target: Target) -> None:
    """Add the function of a `kernel.define` to `module`, under its symbol name."""
    body, graph = read(define), Graph()
    b = module.function(body.name, VOID, {"block": PTR, "lo": I64, "hi": I64})
    b.avx512 = target.has("avx512f")
    block, lo, hi = b.args
    buffers = len(body.inputs) + len(body.results) + len(define.attributes["workspace"])
    TEMPLATES[body.template](
        Frame(
            define=define,
            body=body,
            target=target,
            b=b,
            graph=graph,
            evaluator=Evaluator(body, graph, module),
            emission=Emission(b, block, body.dims, buffers),
            lo=lo,
            hi=hi,
        )
    )
    b.intrinsic("x86.avx.vzeroupper", [], VOID, [])  # code without AVX may follow
    b.ret()
