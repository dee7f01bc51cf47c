"""Which cores the workers of the pool run on, as IR: none takes turns with its caller for one.

A core that other processes use too is a worker's for some milliseconds and then theirs. Whoever
waits for a worker that is off its core in the middle of a piece waits as long. But the caller has a
core, and nothing to do: it fetches the worker there (`axe_fetch`), sleeps until the piece is done,
and sends it away again (`axe_part`). A worker that was woken on the caller's core goes by itself
(`axe_settle`).

The CPUs that a worker may run on change for that moment only: `LENT` says that `MASK` holds what
they were, and the worker takes them back once it has slept and is awake elsewhere. As long as every
thread has a core of its own, nothing here is called. What the system refuses, say because of a
filter, leaves threads where they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from axec.passes.codegen.cpu.support.host import call_host
from axec.passes.codegen.llvm import I1, I32, I64, NULL, PTR, VOID, Builder, Module, Value, constant

__all__ = ["CALLER", "SLOT_BYTES", "emit_cores", "emit_tid", "system_call"]

#: Of a worker's slot, bytes: its thread id; the CPU of the caller that woke it; whether it is to
#: have the CPUs of `MASK` again. Slots begin with what pool.py keeps there, and are cache lines.
TID, CALLER, LENT, MASK, SLOT_BYTES = 16, 24, 32, 64, 192
_MASK_BYTES = SLOT_BYTES - MASK  # 1024 CPUs; where there are more, the system refuses

# x86-64 Linux
_GETTID, _SET_AFFINITY, _GET_AFFINITY, _CLOCK_GETTIME, _GETCPU = 186, 203, 204, 228, 309
_CPU_TIME_OF_THREAD = 6  # the low bits of a clock's number, whose high ones are ~tid


def system_call(b: Builder, number: int, *args: Value) -> Value:
    """Its result, -1 when it fails."""
    given = [constant(I64, number), *args, *[NULL] * (6 - len(args))]
    return call_host(b, "syscall", I64, given)


def emit_cores(module: Module) -> None:
    """Define axe_cpu, axe_time, axe_fetch, axe_part and axe_settle."""
    _emit_cpu(module)
    _emit_time(module)
    _emit_borrow(module)
    _emit_fetch(module)
    _emit_part(module)
    _emit_settle(module)


def emit_tid(b: Builder, slot: Value) -> None:
    """Keep the number of this thread in its slot."""
    b.store(system_call(b, _GETTID), b.offset(slot, TID))


def _emit_cpu(module: Module) -> None:
    """axe_cpu() -> the CPU that this thread runs on."""
    b = module.function("axe_cpu", I64, {}, "internal")
    number = b.alloca(I32)
    b.store(constant(I32, 0), number)
    system_call(b, _GETCPU, number)
    b.ret(b.convert(b.load(I32, number), I64))


def _emit_time(module: Module) -> None:
    """axe_time(slot) -> nanoseconds that a worker has run: they stand still while it does not. 0
    where that is not known."""
    b = module.function("axe_time", I64, {"slot": PTR}, "internal")
    time = b.alloca(I64, 2)
    seconds, rest = time, b.offset(time, 8)
    for at in (seconds, rest):
        b.store(constant(I64, 0), at)
    clock = b.or_(b.shl(b.not_(_word(b, b.args[0], TID)), 3), _CPU_TIME_OF_THREAD)
    system_call(b, _CLOCK_GETTIME, clock, time)
    b.ret(b.add(b.mul(b.load(I64, seconds), 10**9), b.load(I64, rest)))


def _emit_borrow(module: Module) -> None:
    """axe_borrow(slot) -> i1: whether the CPUs of a worker are now known, to be given back."""
    b = module.function("axe_borrow", I1, {"slot": PTR}, "internal")
    (slot,) = b.args
    with b.if_(b.cmp("ne", _word(b, slot, LENT), 0)):
        b.ret(constant(I1, 1))
    known = b.cmp("gt", _affinity(b, _GET_AFFINITY, slot, b.offset(slot, MASK)), 0)
    b.store(b.convert(known, I64, signed=False), b.offset(slot, LENT))
    b.ret(known)


def _emit_fetch(module: Module) -> None:
    """axe_fetch(slot, cpu) -> i1: have a worker run on that CPU alone; false if it must not."""
    b = module.function("axe_fetch", I1, {"slot": PTR, "cpu": I64}, "internal")
    slot, cpu = b.args
    only = _mask(b, [constant(I64, 0)] * (_MASK_BYTES // 8))
    with b.if_(b.not_(b.call("axe_borrow", I1, [slot]))):
        b.ret(constant(I1, 0))
    home, bit = _bit(b, b.offset(slot, MASK), cpu)
    with b.if_(b.cmp("eq", b.and_(b.load(I64, home), bit), 0)):
        b.ret(constant(I1, 0))
    b.store(bit, _bit(b, only, cpu)[0])
    b.ret(b.cmp("eq", _affinity(b, _SET_AFFINITY, slot, only), 0))


def _emit_part(module: Module) -> None:
    """axe_part(slot, cpu): have a worker run on its other CPUs; on that one still if there are
    none, as the system refuses that."""
    b = module.function("axe_part", VOID, {"slot": PTR, "cpu": I64}, "internal")
    slot, cpu = b.args
    others = _mask(b, [_word(b, slot, MASK + at) for at in range(0, _MASK_BYTES, 8)])
    at, bit = _bit(b, others, cpu)
    b.store(b.and_(b.load(I64, at), b.not_(bit)), at)
    _affinity(b, _SET_AFFINITY, slot, others)
    b.ret()


def _emit_settle(module: Module) -> None:
    """axe_settle(slot): a worker that has just been woken leaves its caller's core, and has all of
    its CPUs again."""
    b = module.function("axe_settle", VOID, {"slot": PTR}, "internal")
    (slot,) = b.args
    with b.if_(b.cmp("eq", _word(b, slot, LENT), 0)):
        cpu = b.call("axe_cpu", I64, [])
        with b.if_(b.cmp("ne", cpu, _word(b, slot, CALLER))):
            b.ret()
        with b.if_(b.not_(b.call("axe_borrow", I1, [slot]))):
            b.ret()
        b.call("axe_part", VOID, [slot, cpu])
    _affinity(b, _SET_AFFINITY, slot, b.offset(slot, MASK))
    b.store(constant(I64, 0), b.offset(slot, LENT))
    b.ret()


def _word(b: Builder, slot: Value, at: int) -> Value:
    return b.load(I64, b.offset(slot, at))


def _affinity(b: Builder, number: int, slot: Value, mask: Value) -> Value:
    """Read or write which CPUs a worker may run on."""
    return system_call(b, number, _word(b, slot, TID), constant(I64, _MASK_BYTES), mask)


def _mask(b: Builder, words: Sequence[Value]) -> Value:
    """A mask on the stack."""
    mask = b.alloca(I64, len(words))
    for index, word in enumerate(words):
        b.store(word, b.at(mask, I64, index))
    return mask


def _bit(b: Builder, mask: Value, cpu: Value) -> tuple[Value, Value]:
    """A CPU in a mask: address of the word, and the bit."""
    return b.at(mask, I64, b.lshr(cpu, 6)), b.shl(constant(I64, 1), b.and_(cpu, 63))
