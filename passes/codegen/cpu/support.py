"""The support code of a code segment: what every artifact contains besides its kernels.

It does not depend on the model: one object per target, compiled once (`support_module`). What does
depend on the model is data: the program table of each entry, which `axe_run` walks, and the tables
of kernels and entries (`entries_module`). Layouts: runtime/abi.py and runtime/program.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axec.passes.codegen.cpu.arguments import emit_arguments
from axec.passes.codegen.cpu.call import emit_call
from axec.passes.codegen.cpu.host import emit_host_table, host_table
from axec.passes.codegen.cpu.pool import emit_pool
from axec.passes.codegen.cpu.stub import Signature, emit_call_stub
from axec.passes.codegen.llvm import I64, NULL, PTR, VOID, Builder, Module, Value
from axec.runtime.abi import ARENA_NEXT, HOST_API, Frame, State
from axec.runtime.program import LAUNCH_WORDS, MAX_STACK, Op

__all__ = ["entries_module", "support_module"]

# Words of the program table's header.
_N_VALUES, _N_CODE, _VALUES_AT, _LAUNCHES_AT, _N_LAUNCHES, _BLOCK_SLOTS = 5, 6, 7, 8, 9, 10


def support_module() -> Module:
    """axe_init, axe_parallel, axe_run, axe_arena_pop, axe_arena_push, and the call path."""
    module = Module("support")
    emit_host_table(module)
    _emit_init(module)
    emit_pool(module)
    _emit_values(module)
    _emit_run(module)
    _emit_arenas(module)
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


def _emit_init(module: Module) -> None:
    b = module.function("axe_init", VOID, {"host": PTR}, "export")
    for index in range(len(HOST_API)):
        pointer = b.load(PTR, b.at(b.args[0], PTR, index))
        b.store(pointer, b.at(host_table(b), PTR, index))
    b.ret()


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


# Expressions over the dims.

#: (value, where it goes, the new top of the stack); `top` points behind the last word.
_Effect = tuple[Value, Value, Value]


def _push(b: Builder, top: Value, value: Value) -> _Effect:
    return value, top, b.offset(top, 8)


def _binary(b: Builder, top: Value, combine: Callable[[Value, Value], Value]) -> _Effect:
    slot, second = b.offset(top, -16), b.offset(top, -8)
    return combine(b.load(I64, slot), b.load(I64, second)), slot, second


def _floordiv(b: Builder, top: Value, divisor: Value) -> _Effect:
    slot = b.offset(top, -8)
    dividend = b.load(I64, slot)
    negative = b.cmp("lt", b.rem(dividend, divisor), 0)
    quotient = b.div(dividend, divisor)
    return b.sub(quotient, b.convert(negative, I64)), slot, top


def _step(b: Builder, op: Op, operand: Value, top: Value, dims: Value, out: Value) -> _Effect:
    """One instruction of a value program."""
    steps: dict[Op, Callable[[], _Effect]] = {
        Op.CONST: lambda: _push(b, top, operand),
        Op.DIM: lambda: _push(b, top, b.load(I64, b.at(dims, I64, operand))),
        Op.ADD: lambda: _binary(b, top, b.add),
        Op.MUL: lambda: _binary(b, top, b.mul),
        Op.FLOORDIV: lambda: _floordiv(b, top, operand),
        Op.MAX: lambda: _binary(b, top, b.max),
        Op.STORE: lambda: (
            b.load(I64, b.offset(top, -8)), b.at(out, I64, operand), b.offset(top, -8),
        ),
    }  # fmt: skip
    return steps[op]()


def _emit_values(module: Module) -> None:
    """axe_values(code, count, dims, out): run a value program (runtime/program.py, VALUES)."""
    params = {"code": PTR, "count": I64, "dims": PTR, "out": PTR}
    b = module.function("axe_values", VOID, params, "internal")
    code, count, dims, out = b.args
    stack = b.alloca(I64, MAX_STACK, name="stack")
    with b.for_(0, count, carried=[stack], name="pc") as loop:
        (top,) = loop.carried
        at = b.at(code, I64, b.mul(loop.index, 2))
        opcode, operand = b.load(I64, at, name="op"), b.load(I64, b.offset(at, 8), name="operand")
        labels = {op: b.label(op.name.lower()) for op in Op}
        join = b.label("join")
        b.switch(opcode, {int(op): label for op, label in labels.items()}, labels[Op.CONST])
        effects = []
        for op, label in labels.items():
            b.place(label)
            effects.append((_step(b, op, operand, top, dims, out), b.block))
            b.branch(join)
        b.place(join)
        value, slot, top = (b.phi([(e[i], block) for e, block in effects]) for i in range(3))
        b.store(value, slot)
        loop.yield_(top)
    b.ret()


# The program.


def _emit_run(module: Module) -> None:
    """axe_run(frame): compute the values, then every launch in order."""
    b = module.function("axe_run", VOID, {"frame": PTR}, "export")
    (frame,) = b.args
    program, bases, dims, arena = (
        b.load(PTR, b.offset(frame, field.offset), name=name)
        for name, field in (
            ("program", Frame.program), ("bases", Frame.bases),
            ("dims", Frame.dims), ("arena", Frame.arena),
        )
    )  # fmt: skip
    threads = b.load(I64, b.offset(frame, Frame.threads.offset), name="threads")

    def header(word: int, name: str) -> Value:
        return b.load(I64, b.at(program, I64, word), name=name)

    block = b.alloca(I64, header(_BLOCK_SLOTS, "slots"), name="block")
    table = b.at(program, I64, header(_VALUES_AT, "values_at"), "table")
    n_code = header(_N_CODE, "n_code")
    with b.if_(b.cmp("ne", n_code, 0), [table]) as dynamic:
        b.call("axe_values", VOID, [table, n_code, dims, arena])
        dynamic.yield_(arena)
    (values,) = dynamic.results
    first = b.at(program, I64, header(_LAUNCHES_AT, "launches_at"))
    n_launches = header(_N_LAUNCHES, "n_launches")
    with b.for_(0, n_launches, carried=[first], name="launch") as loop:
        (launch,) = loop.carried
        loop.yield_(_emit_launch(b, launch, bases, values, block, threads))
    b.ret()


def _emit_launch(
    b: Builder, launch: Value, bases: Value, values: Value, block: Value, threads: Value
) -> Value:
    """Fill the block and call the kernel; the address of the next launch."""

    def word(index: int, name: str) -> Value:
        return b.load(I64, b.at(launch, I64, index), name=name)

    def value(index: Value, name: str = "") -> Value:
        return b.load(I64, b.at(values, I64, index), name=name)

    index, n_args, n_dims, units_at, grain = (
        word(i, n) for i, n in enumerate(("kernel", "n_args", "n_dims", "units", "grain"))
    )
    args = b.at(launch, I64, LAUNCH_WORDS, "args")
    with b.for_(0, n_args, name="arg") as arg:
        pair = b.at(args, I64, b.mul(arg.index, 2))
        base = b.load(PTR, b.at(bases, PTR, b.load(I64, pair)), name="base")
        offset = value(b.load(I64, b.offset(pair, 8)), "offset")
        b.store(b.offset(base, offset), b.at(block, PTR, arg.index))
    dims = b.at(args, I64, b.mul(n_args, 2), "dims")
    dim_slots = b.at(block, I64, n_args)
    with b.for_(0, n_dims, name="dim") as dim:
        size = value(b.load(I64, b.at(dims, I64, dim.index)), "size")
        b.store(size, b.at(dim_slots, I64, dim.index))
    kernel = b.load(PTR, b.at(b.module.external("axe_kernels"), PTR, index))
    b.call("axe_parallel", VOID, [kernel, block, value(units_at), grain, threads])
    return b.at(dims, I64, n_dims)
