"""The support code of a code segment: what every artifact contains besides its kernels.

It does not depend on the model: one object per target, compiled once (`support_module`). What does
depend on the model is data: the program table of each entry, which `axe_run` walks, and the tables
of kernels and entries (`entries_module`). Layouts: runtime/abi.py and runtime/program.py.

    host.py        calls of the process, through the table that axe_init fills
    call.py        from Python's arguments to axe_run: trees.py finds the arrays, arguments.py
                   checks each of them, by the table that stub.py writes for an entry
    run.py         axe_run: walks the program of an entry
    pool.py        axe_parallel: a launch on several threads; cores.py: which cores these run on
"""

from __future__ import annotations

from collections.abc import Sequence

from axec.passes.codegen.cpu.support.arguments import emit_arguments
from axec.passes.codegen.cpu.support.call import emit_call
from axec.passes.codegen.cpu.support.host import emit_host_table, emit_init
from axec.passes.codegen.cpu.support.pool import emit_pool
from axec.passes.codegen.cpu.support.run import emit_run
from axec.passes.codegen.cpu.support.stub import Signature, emit_call_stub
from axec.passes.codegen.cpu.support.trees import emit_trees
from axec.passes.codegen.llvm import I64, NULL, PTR, VOID, Module
from axec.runtime.abi import ARENA_NEXT, State

__all__ = ["entries_module", "support_module"]


def support_module() -> Module:
    """axe_init, axe_parallel, axe_run, axe_arena_pop, axe_arena_push, and the call path."""
    module = Module("support")
    emit_host_table(module)
    emit_init(module)
    emit_pool(module)
    emit_run(module)
    _emit_arenas(module)
    emit_trees(module)
    emit_arguments(module)
    emit_call(module)
    return module


def entries_module(kernels: Sequence[str], signatures: Sequence[Signature]) -> Module:
    """axe_kernels with the kernels in this order, and axe_call_<i> and axe_state_<i> of every
    entry, in the order of the sorted entry names."""
    module = Module("entries")
    for kernel in kernels:
        module.import_(kernel, VOID, [PTR, I64, I64])
    module.pointers("axe_kernels", kernels)
    for index, signature in enumerate(signatures):
        emit_call_stub(module, index, signature)
    return module


def _emit_arenas(module: Module) -> None:
    """The free list of arenas; both run under the GIL."""
    b = module.function("axe_arena_pop", PTR, {"state": PTR}, "export")
    head = b.offset(b.args[0], State.arenas.offset)
    arena = b.load(PTR, head, name="arena")
    with b.if_(b.cmp("ne", arena, NULL)):
        b.store(b.load(PTR, b.offset(arena, ARENA_NEXT)), head)
    b.ret(arena)

    b = module.function("axe_arena_push", VOID, {"state": PTR, "arena": PTR}, "export")
    state, arena = b.args
    head = b.offset(state, State.arenas.offset)
    b.store(b.load(PTR, head), b.offset(arena, ARENA_NEXT))
    b.store(arena, head)
    b.ret()
