"""The thread pool, as IR: `axe_parallel` splits the units of kernels among threads.

A job is one launch, or several that do not depend on each other: their units are laid one after
another. The caller cuts these into one range per thread and runs the first itself. Every thread
takes pieces from the front of its own range, each half of what is left there but of one launch,
then from the back of the others': a thread on a core that other processes use too holds nobody up
for longer than the piece it is at, and undisturbed threads meet the same part of the data in every
kernel. Units do not depend on each other, so neither the number of threads nor who ran what ever
changes a result.

Every worker thread owns a slot with a range and a state word in one cache line. Both sides first
spin, then sleep on the state word (futex):

    IDLE    -> ASLEEP    worker gave up spinning    IDLE|ASLEEP -> READY    caller posts a job
    RUNNING -> AWAITED   caller gave up spinning    READY       -> RUNNING  worker takes part
    RUNNING -> FETCHED   caller gave its core away  (as AWAITED)-> IDLE     worker is done
    READY   -> IDLE      caller found no work left

Whoever overwrites a state in which the other sleeps wakes it. A caller that waits looks now and
then whether the worker runs; one that has lost its core to another process is fetched to that of
the caller (cores.py), and sleeps as soon as it is done.

When the pool is in use by another caller, the caller does all the work itself. After a fork the
threads are gone: the pool notices the new process id and starts afresh.
"""

from __future__ import annotations

from axec.passes.codegen.cpu.support.cores import (
    CALLER,
    LENT,
    SLOT_BYTES,
    emit_cores,
    emit_tid,
    system_call,
)
from axec.passes.codegen.cpu.support.host import call_host, host_pointer
from axec.passes.codegen.llvm import (
    I1,
    I32,
    I64,
    NULL,
    PTR,
    VOID,
    Builder,
    Module,
    Value,
    constant,
)
from axec.runtime.abi import LAUNCH_RECORD, MAX_THREADS

__all__ = ["emit_pool"]

#: From ASLEEP on, one side sleeps.
IDLE, READY, RUNNING, ASLEEP, AWAITED, FETCHED = (constant(I32, n) for n in range(6))
#: Pauses before sleeping: 0.3 to 0.8 ms (a pause takes 40 to 140 cycles). Waking a sleeping thread
#: takes 30-300 us, so the pool stays awake between the kernels of a program and between calls that
#: follow each other closely.
SPIN = 1 << 14
LOOKS = 64  # at whether the worker runs, during these pauses: every 6 to 12 us
RESETTING = -1  # in the pid word: another thread is starting the pool afresh

SLOT_STATE, SLOT_RANGE = 0, 8  # a range is one word, so that it changes at once: hi << 32 | lo
MAX_UNITS = 2**31 - 1  # that fit a range; a job with more is the caller's alone
JOB_LAUNCHES, JOB_PARTS, JOB_WORDS = 0, 8, 2
# Of a launch (runtime/abi.py); END is where its units end among those of the job.
KERNEL, BLOCK, UNITS, GRAIN, END = (8 * word for word in range(LAUNCH_RECORD))
_PART = 8  # bits behind the point of a launch's share of a thread

_FUTEX = 202  # x86-64 Linux
_FUTEX_WAIT_PRIVATE, _FUTEX_WAKE_PRIVATE = 128, 129

_SLOTS, _JOB, _COUNT = "axe_slots", "axe_pool_job", "axe_pool_threads"
_PID, _BUSY = "axe_pool_pid", "axe_pool_busy"


def emit_pool(module: Module) -> None:
    """Define `axe_parallel` and what it needs. The module must have the host table."""
    module.variable(_SLOTS, I64, MAX_THREADS * SLOT_BYTES // 8, align=64)
    module.variable(_PID, I32, align=64)  # read by every caller; own cache lines for both
    module.variable(_BUSY, I32, align=64)
    module.variable(_JOB, I64, JOB_WORDS, align=64)  # of all slots; they only read it
    module.variable(_COUNT, I64)
    emit_cores(module)
    _emit_spin(module)
    _emit_sleep(module)
    _emit_post(module)
    _emit_await(module)
    _emit_find(module)
    _emit_drain(module)
    _emit_work(module)
    _emit_thread(module)
    _emit_renew(module)
    _emit_grow(module)
    _emit_parallel(module)


def _slot(b: Builder, index: Value) -> Value:
    """Slot of thread `index`; the caller has number 0."""
    return b.offset(b.module.address(_SLOTS), b.mul(index, SLOT_BYTES), "slot")


def _futex(b: Builder, word: Value, operation: int, number: Value) -> None:
    system_call(b, _FUTEX, word, constant(I64, operation), number)


def _emit_spin(module: Module) -> None:
    """axe_spin(word, state, pauses) -> i1: whether *word became another than `state` meanwhile."""
    params = {"word": PTR, "state": I32, "pauses": I64}
    b = module.function("axe_spin", I1, params, "internal")
    word, state, pauses = b.args
    with b.for_(0, pauses, name="spin"):
        with b.if_(b.cmp("ne", b.atomic_load(I32, word, "acquire"), state)):
            b.ret(constant(I1, 1))
        b.intrinsic("x86.sse2.pause", [], VOID, [])
    b.ret(constant(I1, 0))


def _emit_sleep(module: Module) -> None:
    """axe_sleep(word, state, asleep): unless *word is no longer `state`, sleep with `asleep` in its
    place until it is overwritten."""
    b = module.function("axe_sleep", VOID, {"word": PTR, "state": I32, "asleep": I32}, "internal")
    word, state, asleep = b.args
    slept = b.compare_exchange(word, state, asleep)
    with b.if_(slept), b.loop(name="sleep") as sleep:
        sleep.break_if(b.cmp("ne", b.atomic_load(I32, word, "acquire"), asleep))
        _futex(b, word, _FUTEX_WAIT_PRIVATE, b.convert(asleep, I64))
    b.ret()


def _emit_post(module: Module) -> None:
    """axe_post(word, state) -> the state before: *word = state; wake the other side if it slept."""
    b = module.function("axe_post", I32, {"word": PTR, "state": I32}, "internal")
    word, state = b.args
    before = b.atomic_rmw("xchg", word, state)
    with b.if_(b.cmp("ge", before, ASLEEP)):
        _futex(b, word, _FUTEX_WAKE_PRIVATE, constant(I64, 1))
    b.ret(before)


def _emit_await(module: Module) -> None:
    """axe_await(slot): return when the worker, which was RUNNING, no longer is."""
    b = module.function("axe_await", VOID, {"slot": PTR}, "internal")
    (slot,) = b.args
    word = b.offset(slot, SLOT_STATE)
    with b.for_(0, LOOKS, carried=[constant(I64, 0)], name="look") as look:
        with b.if_(b.call("axe_spin", I1, [word, RUNNING, constant(I64, SPIN // LOOKS)])):
            b.ret()
        time = b.call("axe_time", I64, [slot])
        stands = b.and_(b.cmp("eq", time, look.carried[0]), b.cmp("ne", time, 0))
        with b.if_(stands):
            cpu = b.call("axe_cpu", I64, [])
            with b.if_(b.call("axe_fetch", I1, [slot, cpu])):
                b.call("axe_sleep", VOID, [word, RUNNING, FETCHED])
                b.call("axe_part", VOID, [slot, cpu])
                b.ret()
        look.yield_(time)
    b.call("axe_sleep", VOID, [word, RUNNING, AWAITED])
    b.ret()


def _field(b: Builder, launch: Value, at: int) -> Value:
    return b.load(I64, b.offset(launch, at))


def _emit_kernel(b: Builder, launch: Value, first: Value, last: Value) -> None:
    """Run some units of a launch, counted from its own first one."""
    kernel, block = (b.load(PTR, b.offset(launch, at)) for at in (KERNEL, BLOCK))
    b.call(kernel, VOID, [block, first, last])


def _emit_find(module: Module) -> None:
    """axe_find(unit) -> the launch of the job that has this unit."""
    b = module.function("axe_find", PTR, {"unit": I64}, "internal")
    first = b.load(PTR, b.offset(module.address(_JOB), JOB_LAUNCHES))
    with b.loop(carried=[first], name="launch") as find:
        (launch,) = find.carried
        find.break_if(b.cmp("lt", b.args[0], _field(b, launch, END)), launch)
        find.yield_(b.at(launch, I64, LAUNCH_RECORD))
    b.ret(find.results[0])


def _emit_drain(module: Module) -> None:
    """axe_drain(slot, own): run pieces of a slot's range until it is empty: from its front when it
    is the thread's own, otherwise from its back."""
    b = module.function("axe_drain", VOID, {"slot": PTR, "own": I1}, "internal")
    slot, own = b.args
    word = b.offset(slot, SLOT_RANGE)
    with b.loop(name="piece") as piece:
        left = b.atomic_load(I64, word, "acquire")
        lo, hi = b.and_(left, 0xFFFFFFFF), b.lshr(left, 32)
        units = b.sub(hi, lo)
        piece.break_if(b.cmp("le", units, 0))
        launch = b.call("axe_find", PTR, [b.select(own, lo, b.sub(hi, 1))])
        grain, end = (_field(b, launch, at) for at in (GRAIN, END))
        begin = b.sub(end, _field(b, launch, UNITS))
        least = b.max(b.lshr(grain, 1), 1)  # half of what is worth waking a thread for
        taken = b.min(b.max(b.lshr(b.add(units, 1), 1), least), units)
        front, back = b.min(b.add(lo, taken), end), b.max(b.sub(hi, taken), begin)
        rest = b.select(own, _range(b, front, hi), _range(b, lo, back))
        with b.if_(b.compare_exchange(word, left, rest)):
            first, last = b.select(own, lo, back), b.select(own, front, hi)
            _emit_kernel(b, launch, b.sub(first, begin), b.sub(last, begin))
    b.ret()


def _range(b: Builder, lo: Value, hi: Value) -> Value:
    return b.or_(b.shl(hi, 32), lo)


def _emit_work(module: Module) -> None:
    """axe_work(thread): run what is left of the job, beginning with the thread's own range."""
    b = module.function("axe_work", VOID, {"thread": I64}, "internal")
    (thread,) = b.args
    parts = b.load(I64, b.offset(module.address(_JOB), JOB_PARTS), name="parts")
    with b.for_(0, parts, name="ahead") as ahead:
        number = b.add(thread, ahead.index)
        wrapped = b.select(b.cmp("ge", number, parts), b.sub(number, parts), number)
        own = b.cmp("eq", ahead.index, 0)
        b.call("axe_drain", VOID, [_slot(b, wrapped), own])
    b.ret()


def _emit_thread(module: Module) -> None:
    """axe_thread(thread): what a worker thread does for ever."""
    b = module.function("axe_thread", PTR, {"thread": I64}, "internal")
    (thread,) = b.args
    slot = _slot(b, thread)
    word = b.offset(slot, SLOT_STATE)
    emit_tid(b, slot)
    with b.loop(carried=[constant(I64, SPIN)], name="serve") as serve:
        changed = b.call("axe_spin", I1, [word, IDLE, *serve.carried])
        with b.if_(b.not_(changed)):
            b.call("axe_sleep", VOID, [word, IDLE, ASLEEP])
            b.call("axe_settle", VOID, [slot])
        with b.if_(b.compare_exchange(word, READY, RUNNING), [constant(I64, SPIN)]) as part:
            b.call("axe_work", VOID, [thread])
            fetched = b.cmp("eq", b.call("axe_post", I32, [word, IDLE]), FETCHED)
            part.yield_(b.select(fetched, constant(I64, 0), SPIN))
        serve.yield_(*part.results)
    b.unreachable()


def _emit_renew(module: Module) -> None:
    """axe_renew() -> i1: make the pool belong to this process (it does not after a fork); false
    while another thread is at it."""
    b = module.function("axe_renew", I1, {}, "internal")
    pid_word = module.address(_PID)
    pid = call_host(b, "getpid", I32)
    owner = b.atomic_load(I32, pid_word, "acquire")
    with b.if_(b.cmp("eq", owner, pid)):
        b.ret(constant(I1, 1))
    with b.if_(b.cmp("eq", owner, RESETTING)):
        b.ret(constant(I1, 0))
    mine = b.compare_exchange(pid_word, owner, constant(I32, RESETTING))
    with b.if_(mine):
        with b.for_(0, MAX_THREADS, name="worker") as worker:
            slot = _slot(b, worker.index)
            b.store(IDLE, b.offset(slot, SLOT_STATE))
            b.store(constant(I64, 0), b.offset(slot, LENT))
        b.store(constant(I64, 0), module.address(_COUNT))
        b.store(constant(I32, 0), module.address(_BUSY))
        b.atomic_store(pid, pid_word, "release")
    b.ret(mine)


def _emit_grow(module: Module) -> None:
    """axe_grow(parts) -> parts that there are threads for; creates the missing ones. Only the
    caller that holds the pool comes here."""
    b = module.function("axe_grow", I64, {"parts": I64}, "internal")
    (parts,) = b.args
    count = module.address(_COUNT)
    handle = b.alloca(I64, name="handle")
    with b.loop(name="create") as create:
        threads = b.load(I64, count)
        create.break_if(b.cmp("ge", b.add(threads, 1), parts), parts)
        next_ = b.add(threads, 1)
        args = [handle, NULL, module.address("axe_thread"), next_]
        failed = b.cmp("ne", call_host(b, "pthread_create", I32, args), 0)
        create.break_if(failed, next_)
        b.store(next_, count)
    b.ret(create.results[0])


def _emit_parallel(module: Module) -> None:
    """axe_parallel, as runtime/abi.py says."""
    b = module.function(
        "axe_parallel", VOID, {"launches": PTR, "count": I64, "threads": I64}, "export"
    )
    launches, count, threads = b.args
    alone = b.label("alone")
    b.branch_if(b.cmp("le", threads, 1), alone)
    units, largest, worth = _emit_total(b, launches, count)
    parts = b.min(b.min(threads, MAX_THREADS), b.lshr(worth, _PART), "parts")
    b.branch_if(b.cmp("le", parts, 1), alone)
    b.branch_if(b.cmp("gt", b.max(units, largest), MAX_UNITS), alone)
    shared = host_pointer(b, "parallel")
    with b.if_(b.cmp("ne", shared, NULL)):  # the process has a pool already
        b.call(shared, VOID, list(b.args))
        b.ret()
    b.branch_if(b.not_(b.call("axe_renew", I1, [])), alone)
    busy = module.address(_BUSY)
    b.branch_if(b.not_(b.compare_exchange(busy, constant(I32, 0), constant(I32, 1))), alone)
    parts = b.call("axe_grow", I64, [parts])
    for offset, value in {JOB_LAUNCHES: launches, JOB_PARTS: parts}.items():
        b.store(value, b.offset(module.address(_JOB), offset))
    _emit_share(b, units, parts)
    b.atomic_store(constant(I32, 0), busy, "release")
    b.ret()
    b.place(alone)
    with b.for_(0, count, name="launch", nonempty=True) as each:
        launch = b.at(launches, I64, b.mul(each.index, LAUNCH_RECORD))
        whole = _field(b, launch, UNITS)
        with b.if_(b.cmp("gt", whole, 0)):
            _emit_kernel(b, launch, constant(I64, 0), whole)
    b.ret()


def _emit_total(b: Builder, launches: Value, count: Value) -> tuple[Value, Value, Value]:
    """Lay the units of launches one after another: how many there are, the most of one launch (a
    sum of larger ones may wrap), and how many threads all are worth, with a binary point."""
    zero = constant(I64, 0)
    with b.for_(0, count, carried=[zero, zero, zero], name="member", nonempty=True) as each:
        total, largest, worth = each.carried
        launch = b.at(launches, I64, b.mul(each.index, LAUNCH_RECORD))
        units = b.max(_field(b, launch, UNITS), 0)
        total = b.add(total, units)
        b.store(units, b.offset(launch, UNITS))
        b.store(total, b.offset(launch, END))
        share = b.udiv(b.shl(units, _PART), _field(b, launch, GRAIN))
        each.yield_(total, b.max(largest, units), b.add(worth, share))
    total, largest, worth = each.results
    return total, largest, worth


def _emit_share(b: Builder, units: Value, parts: Value) -> None:
    """Post a range to every thread; work; wait for those who took part."""
    with b.for_(0, parts, name="part", nonempty=True) as part:
        lo, hi = (b.udiv(b.mul(units, p), parts) for p in (part.index, b.add(part.index, 1)))
        b.atomic_store(_range(b, lo, hi), b.offset(_slot(b, part.index), SLOT_RANGE), "release")
    with b.for_(1, parts, name="part") as part:
        slot = _slot(b, part.index)
        word = b.offset(slot, SLOT_STATE)
        with b.if_(b.cmp("eq", b.atomic_load(I32, word, "acquire"), ASLEEP)):
            b.store(b.call("axe_cpu", I64, []), b.offset(slot, CALLER))
        b.call("axe_post", I32, [word, READY])
    b.call("axe_work", VOID, [constant(I64, 0)])
    with b.for_(1, parts, name="part") as part:
        slot = _slot(b, part.index)
        with b.if_(b.not_(b.compare_exchange(b.offset(slot, SLOT_STATE), READY, IDLE))):
            b.call("axe_await", VOID, [slot])
