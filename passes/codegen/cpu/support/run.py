"""`axe_run`: walks the program table of an entry (runtime/program.py has its words)."""

from __future__ import annotations

from collections.abc import Callable

from axec.passes.codegen.llvm import (
    I1,
    I8,
    I32,
    I64,
    PTR,
    VOID,
    Builder,
    Module,
    Value,
    constant,
)
from axec.passes.codegen.llvm.types import vec
from axec.runtime.abi import LAUNCH_RECORD, Frame
from axec.runtime.program import (
    COPY,
    COPY_WORDS,
    LAUNCH_WORDS,
    LEAVE,
    LOOP,
    LOOP_WORDS,
    MAX_STACK,
    SWITCH,
    SWITCH_WORDS,
    Op,
)

# Words of the program table's header.
_LENGTH, _N_CODE, _VALUES_AT, _STEPS_AT, _BLOCK_SLOTS, _N_MEMBERS = 1, 6, 7, 8, 10, 11


def emit_run(module: Module) -> None:
    """Define axe_run(frame), and axe_values, which evaluates expressions of the dims."""
    _emit_values(module)
    _emit_copy(module)
    _emit_steps(module)
    _emit_run(module)


# Expressions over the dims and loop counters.

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
        Op.VALUE: lambda: _push(b, top, b.load(I64, b.at(out, I64, operand))),
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

#: What all steps of a call share, as words on the stack of `axe_run`.
_BASES, _VALUES, _BLOCK, _THREADS, _DIMS, _RECORDS = range(6)


def _emit_run(module: Module) -> None:
    """axe_run(frame): compute the values, then every step in order."""
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
    records = b.mul(header(_N_MEMBERS, "members"), LAUNCH_RECORD)
    run = b.alloca(I64, 6, name="run")
    table = b.at(program, I64, header(_VALUES_AT, "values_at"), "table")
    n_code = header(_N_CODE, "n_code")
    with b.if_(b.cmp("ne", n_code, 0), [table]) as dynamic:
        b.call("axe_values", VOID, [table, n_code, dims, arena])
        dynamic.yield_(arena)
    (values,) = dynamic.results
    shared = {
        _BASES: bases, _VALUES: values, _BLOCK: block, _THREADS: threads, _DIMS: dims,
        _RECORDS: b.alloca(I64, records, name="records"),
    }  # fmt: skip
    for word, value in shared.items():
        b.store(value, b.at(run, I64, word))
    first, end = (header(word, "at") for word in (_STEPS_AT, _LENGTH))
    b.call("axe_steps", I1, [*(b.at(program, I64, at) for at in (first, end)), run])
    b.ret()


class _Steps:
    """The code that runs the steps of one sequence."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.at, self.end, self.run = b.args
        self.bases, self.values, self.block, self.dims, self.records = (
            b.load(PTR, b.at(self.run, I64, word))
            for word in (_BASES, _VALUES, _BLOCK, _DIMS, _RECORDS)
        )
        self.threads = b.load(I64, b.at(self.run, I64, _THREADS))

    def word(self, step: Value, index: int, name: str = "") -> Value:
        return self.b.load(I64, self.b.at(step, I64, index), name=name)

    def value(self, index: Value, name: str = "") -> Value:
        return self.b.load(I64, self.b.at(self.values, I64, index), name=name)

    def address(self, place: Value) -> Value:
        """Where a place (base index, value index of the offset) lies."""
        b = self.b
        base = b.load(PTR, b.at(self.bases, PTR, self.word(place, 0)), name="base")
        return b.offset(base, self.value(self.word(place, 1), "offset"))

    def inner(self, first: Value, n_words: Value) -> Value:
        """Run steps that this one holds; whether they came to their end."""
        end = self.b.at(first, I64, n_words)
        return self.b.call("axe_steps", I1, [first, end, self.run])


def _emit_steps(module: Module) -> None:
    """axe_steps(at, end, run) -> i1: run a sequence of steps; false when LEAVE ended it."""
    b = module.function("axe_steps", I1, {"at": PTR, "end": PTR, "run": PTR}, "internal")
    steps = _Steps(b)
    with b.loop(carried=[steps.at], name="step") as loop:
        (step,) = loop.carried
        loop.break_if(b.cmp("eq", step, steps.end))
        kinds = {LOOP: _loop, SWITCH: _switch, COPY: _copy, LEAVE: _leave}
        labels = {kind: b.label(emit.__name__.strip("_")) for kind, emit in kinds.items()}
        launch, join = b.label("launch"), b.label("join")
        b.switch(b.load(I64, step, name="kind"), labels, launch)
        b.place(launch)
        nexts = [(_launch(steps, step), b.block)]
        b.branch(join)
        for kind, emit in kinds.items():
            b.place(labels[kind])
            following = emit(steps, step)
            if following is not None:
                nexts.append((following, b.block))
                b.branch(join)
        b.place(join)
        loop.yield_(b.phi(nexts))
    b.ret(constant(I1, 1))


def _launch(s: _Steps, launch: Value) -> Value:
    """Run a job: this launch, and those that follow it as long as one is joined to the next. The
    address of the next step."""
    b = s.b
    with b.loop(carried=[launch, constant(I64, 0), s.block], name="job") as job:
        step, before, block = job.carried
        record = b.at(s.records, I64, b.mul(before, LAUNCH_RECORD))
        following, block = _record(s, step, record, block)
        count = b.add(before, 1)
        job.break_if(b.cmp("eq", s.word(step, 5, "joined"), 0), following, count)
        job.yield_(following, count, block)
    following, count = job.results
    b.call("axe_parallel", VOID, [s.records, count, s.threads])
    return following


def _record(s: _Steps, launch: Value, record: Value, block: Value) -> tuple[Value, Value]:
    """Describe a launch to `axe_parallel`, with its block filled; where the next launch and the
    next block begin."""
    b = s.b
    index, n_args, n_dims, units_at, grain = (
        s.word(launch, i, n) for i, n in enumerate(("kernel", "n_args", "n_dims", "units", "grain"))
    )
    args = b.at(launch, I64, LAUNCH_WORDS, "args")
    with b.for_(0, n_args, name="arg") as arg:
        place = b.at(args, I64, b.mul(arg.index, 2))
        b.store(s.address(place), b.at(block, PTR, arg.index))
    dims = b.at(args, I64, b.mul(n_args, 2), "dims")
    dim_slots = b.at(block, I64, n_args)
    with b.for_(0, n_dims, name="dim") as dim:
        size = s.value(b.load(I64, b.at(dims, I64, dim.index)), "size")
        b.store(size, b.at(dim_slots, I64, dim.index))
    kernel = b.load(PTR, b.at(b.module.external("axe_kernels"), PTR, index))
    for word, value in enumerate((kernel, block, s.value(units_at), grain)):
        b.store(value, b.at(record, I64, word))
    return b.at(dims, I64, n_dims), b.at(dim_slots, I64, n_dims)


def _loop(s: _Steps, loop: Value) -> Value:
    """Run the body while the counter is below the limit and nothing leaves."""
    b = s.b
    counter, limit, n_code, n_words = (s.word(loop, i) for i in range(1, LOOP_WORDS))
    code = b.at(loop, I64, LOOP_WORDS, "code")
    body = b.at(code, I64, b.mul(n_code, 2), "body")
    count = s.value(limit, "count")
    with b.loop(carried=[constant(I64, 0)], name="turn") as turns:
        (turn,) = turns.carried
        turns.break_if(b.cmp("ge", turn, count))
        b.store(turn, b.at(s.values, I64, counter))
        b.call("axe_values", VOID, [code, n_code, s.dims, s.values])
        turns.break_if(b.not_(s.inner(body, n_words)))
        turns.yield_(b.add(turn, 1))
    return b.at(body, I64, n_words)


def _switch(s: _Steps, switch: Value) -> Value:
    """Run the branch that an integer in memory chooses."""
    b = s.b
    place = s.address(b.at(switch, I64, 1))
    width, n_branches, n_words = (s.word(switch, i) for i in range(3, SWITCH_WORDS))
    types = {1: I8, 4: I32, 8: I64}
    labels, join = {n: b.label(f"bytes{n}") for n in types}, b.label("chosen")
    b.switch(width, labels, labels[8])
    found = []
    for n, label in labels.items():
        b.place(label)
        found.append((b.convert(b.load(types[n], place), I64), b.block))
        b.branch(join)
    b.place(join)
    chosen = b.max(b.min(b.phi(found), b.sub(n_branches, 1)), 0, "branch")
    branches = b.at(switch, I64, SWITCH_WORDS)
    with b.for_(0, chosen, carried=[branches], name="skipped") as skip:
        (branch,) = skip.carried
        skip.yield_(b.at(branch, I64, b.add(s.word(branch, 0), 1)))
    (branch,) = skip.results
    ended = s.inner(b.at(branch, I64, 1), s.word(branch, 0))
    with b.if_(b.not_(ended)):
        b.ret(constant(I1, 0))
    return b.at(branches, I64, n_words)


def _leave(s: _Steps, leave: Value) -> None:
    """End this sequence and those around it, up to the loop."""
    s.b.ret(constant(I1, 0))


def _copy(s: _Steps, copy: Value) -> Value:
    """Copy bytes: a job of a kernel of our own."""
    b = s.b
    source, target = (s.address(b.at(copy, I64, i)) for i in (1, 3))
    b.call("axe_copy", VOID, [source, target, s.value(s.word(copy, 5), "count"), s.threads])
    return b.at(copy, I64, COPY_WORDS)


#: Bytes of a unit of a copy, and the units that are worth a thread.
_COPY_UNIT, _COPY_GRAIN = 1 << 14, 16


def _emit_copy(module: Module) -> None:
    """axe_copy(source, target, bytes, threads), and its kernel: 32 bytes at a time, then one by
    one."""
    b = module.function("axe_copy_units", VOID, {"block": PTR, "lo": I64, "hi": I64}, "internal")
    block, lo, hi = b.args
    source, target = (b.load(PTR, b.at(block, PTR, i)) for i in range(2))
    first = b.mul(lo, _COPY_UNIT)
    last = b.min(b.mul(hi, _COPY_UNIT), b.load(I64, b.at(block, I64, 2)))
    wide = vec(I8, 32)
    whole = b.add(first, b.mul(b.div(b.sub(last, first), 32), 32))
    with b.for_(first, whole, 32) as part:
        b.store(b.load(wide, b.offset(source, part.index)), b.offset(target, part.index))
    with b.for_(whole, last) as rest:
        b.store(b.load(I8, b.offset(source, rest.index)), b.offset(target, rest.index))
    b.ret()

    params = {"source": PTR, "target": PTR, "bytes": I64, "threads": I64}
    b = module.function("axe_copy", VOID, params, "internal")
    source, target, count, threads = b.args
    block, record = b.alloca(I64, 3, name="block"), b.alloca(I64, LAUNCH_RECORD, name="record")
    units = b.div(b.add(count, _COPY_UNIT - 1), _COPY_UNIT)
    kernel, grain = module.address("axe_copy_units"), constant(I64, _COPY_GRAIN)
    for at, values in ((block, (source, target, count)), (record, (kernel, block, units, grain))):
        for word, value in enumerate(values):
            b.store(value, b.at(at, I64, word))
    b.call("axe_parallel", VOID, [record, constant(I64, 1), threads])
    b.ret()
