"""The LLVM workers: results in order, errors that name the kernel, deaths that harm nobody."""

from __future__ import annotations

import os
import select
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from axec.diag import AxecError, Location
from axec.passes.codegen.cpu import targets, worker
from axec.passes.codegen.llvm import F32, I64, PTR, VOID, Builder, Module, constant, vec

V3, V4 = targets.TARGETS["x86-64-v3"], targets.TARGETS["x86-64-v4"]


def _module(name: str, number: int = 0) -> Module:
    """A kernel whose text, and so whose compilation, no other test has seen."""
    module = Module(name)
    b = module.function(name, I64, {"x": I64})
    b.ret(b.add(b.args[0], number))
    return module


def _unknown_intrinsic(b: Builder) -> None:
    b.intrinsic("amdgcn.s.barrier", [], VOID, [])  # "Cannot select": LLVM ends the process
    b.ret()


def _wrong_type(b: Builder) -> None:
    b.emit("add i64 %block, 1", I64)  # refused by the parser
    b.ret()


def _broken_function(b: Builder) -> None:
    b.emit("load i64, ptr %later", I64)
    b.emit("getelementptr i8, ptr %block, i64 1", PTR, "later")  # refused by the verifier
    b.ret()


@pytest.mark.parametrize("fault", [_unknown_intrinsic, _wrong_type, _broken_function])
def test_a_fatal_error_is_an_error_of_the_kernel(fault: Any) -> None:
    module = Module("kernels")
    for name, emit in (("good", lambda b: b.ret()), ("bad", fault)):
        emit(module.function(name, VOID, {"block": PTR}))
    where = Location("model.py", 7, 3)
    with pytest.raises(AxecError, match="kernel bad for x86-64-v3") as caught:
        worker.compile_modules([module], V3, locations={"bad": where})
    assert caught.value.code == "llvm-fatal"
    assert caught.value.location is where
    assert "--emit llvm" in str(caught.value.hint)
    assert worker.compile_modules([_module(f"after_{fault.__name__}")], V3)


def test_results_come_in_order() -> None:
    names = [f"ordered{i}" for i in range(7)]
    listings = worker.compile_modules([_module(n) for n in names], V3, "assembly")
    assert [name for name, text in zip(names, listings, strict=True) if name in text.decode()] == (
        names
    )


def test_compiling_again_gives_the_same_bytes_without_a_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = worker.compile_modules([_module("again", 1), _module("again", 2)], V3)
    assert first[0] != first[1]
    monkeypatch.setattr(worker, "_Worker", None)
    assert worker.compile_modules([_module("again", 1), _module("again", 2)], V3) == first


def test_what_was_compiled_is_known_by_what_it_was_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AXEC_CACHE", str(tmp_path))
    assert worker.known("a kernel", V3) is None
    made = worker.submit(_module("known"), V3, made_from="a kernel").result()
    for forgotten in (False, True):  # then only the disk has it
        if forgotten:
            monkeypatch.setattr(worker, "_compiled", {})
        found = worker.known("a kernel", V3)
        assert found is not None
        assert found.result() == made
        assert worker.known("another kernel", V3) is None


def test_what_one_level_was_given_no_other_gets() -> None:
    """Some levels differ in nothing but features beyond the same CPU of LLVM's."""
    keys = {worker._key("a kernel", target, "object") for target in targets.TARGETS.values()}
    assert len(keys) == len(targets.TARGETS)


def test_an_idle_worker_is_asked_before_a_thread_waits_for_it() -> None:
    worker.start(1)
    idle, held = worker._idle[-1], threading.Event()
    busy = [worker._threads[0].submit(held.wait) for _ in range(worker.worker_count())]
    try:
        found = worker.submit(_module("asked"), V3)
        answered, _, _ = select.select([idle._stdout], [], [], 60)
        assert answered
    finally:
        held.set()
    assert found.result()
    assert all(one.result() for one in busy)


def test_a_killed_worker_is_replaced() -> None:
    worker.start(1)
    for idle in list(worker._idle):
        os.kill(idle._process.pid, signal.SIGKILL)
        idle._process.wait()
    modules = [_module("killed", i) for i in range(3)]
    assert len(worker.compile_modules(modules, V3)) == 3


def test_targets_give_their_own_code() -> None:
    module = Module("wide")
    b = module.function("wide", VOID, {"p": PTR})
    lanes = vec(F32, 16)
    b.store(b.fma(b.load(lanes, b.args[0]), 2.0, constant(lanes, 1)), b.args[0])
    b.ret()
    (wide,) = worker.compile_modules([module], V4, "assembly")
    (narrow,) = worker.compile_modules([module], V3, "assembly")
    assert b"%zmm" in wide
    assert b"%zmm" not in narrow
    assert b"%ymm" in narrow


def test_threads_compile_at_the_same_time() -> None:
    found: dict[int, bytes] = {}

    def run(i: int) -> None:
        (found[i],) = worker.compile_modules([_module(f"thread{i}")], V3, "assembly")

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f"thread{i}".encode() in found[i] for i in range(4))


def test_a_fork_has_workers_of_its_own() -> None:
    worker.start(1)
    child = os.fork()
    if child == 0:
        ok = bool(worker.compile_modules([_module("forked")], V3))
        worker._close_all()
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert worker.compile_modules([_module("not_forked")], V3)


class _Kernel:
    """Gives whatever it is asked for."""

    def __init__(self, library: None) -> None:
        pass

    def syscall(self, *words: int) -> int:
        return 0


def test_native_is_the_best_level_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    v3, v4 = (targets.LEVELS[name][1] for name in ("x86-64-v3", "x86-64-v4"))
    for features, name in ((v3, "x86-64-v3"), (v4, "x86-64-v4")):
        monkeypatch.setattr(targets.cpu, "features", lambda f=features: frozenset(f))
        assert targets.resolve("native").name == name
    everything = frozenset(f for _, features in targets.LEVELS.values() for f in features)
    monkeypatch.setattr(targets.cpu, "features", lambda: everything)
    monkeypatch.setattr(targets.cpu, "CDLL", _Kernel)
    assert targets.TARGETS["x86-64-v4-amx"].runs_here
    assert targets.resolve("native").name == "x86-64-v4-bf16"  # none that was never tried
    monkeypatch.setattr(targets.cpu, "features", frozenset)
    with pytest.raises(AxecError) as caught:
        targets.resolve("native")
    assert caught.value.code == "cpu-unsupported"


def test_unknown_target() -> None:
    with pytest.raises(AxecError, match="unknown target 'riscv'") as caught:
        targets.resolve("riscv")
    assert "x86-64-v3" in str(caught.value.hint)


def test_targets_are_listed_best_first_and_once() -> None:
    names = ["x86-64-v3", "x86-64-v4", "x86-64-v3"]
    assert [t.name for t in targets.resolve_all(names)] == ["x86-64-v4", "x86-64-v3"]
    assert targets.TARGETS["x86-64-v4"].lanes(4) == 16
