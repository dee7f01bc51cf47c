"""The call path: what is plainly right runs natively, everything else reaches the fallback."""

from __future__ import annotations

import array
import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from axec.passes.codegen.cpu import targets, worker
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.cpu.support import entries_module, support_module
from axec.passes.codegen.cpu.support.stub import ArraySpec, Signature
from axec.passes.codegen.llvm import F32, I64, PTR, VOID, Module
from axec.runtime.abi import ARENA_HEADER, OBJECTS, State
from axec.runtime.image import Image
from axec.runtime.program import Launch, Op, ProgramTable, Value

VECTOR = ArraySpec("f32", (16,))
ADD = Signature((VECTOR, VECTOR), (VECTOR,), {})
#: Dims in sorted order; a compound size comes before the plain one that it depends on.
SHAPES = Signature(
    (ArraySpec("i64", ("2*n + 1",)), ArraySpec("f32", ("n", 4)), ArraySpec("f32", ("m", "n"))),
    (ArraySpec("f32", ("n", 4)), ArraySpec("i64", ("2*n + 1",))),
    {"m": (1, 3), "n": (2, 8)},
)
WAIT = Signature((ArraySpec("i64", (1,)),), (ArraySpec("i64", ()),), {})


def _kernels() -> Module:
    module = Module("kernels")
    b = module.function("add", VOID, {"block": PTR, "lo": I64, "hi": I64})
    x, y, z = (b.load(PTR, b.offset(b.args[0], 8 * i)) for i in range(3))
    with b.for_(b.args[1], b.args[2]) as loop:
        first, second = (b.load(F32, b.at(p, F32, loop.index)) for p in (x, y))
        b.store(b.add(first, second), b.at(z, F32, loop.index))
    b.ret()
    b = module.function("copy", VOID, {"block": PTR, "lo": I64, "hi": I64})  # 8-byte units
    source, target = (b.load(PTR, b.offset(b.args[0], 8 * i)) for i in range(2))
    with b.for_(b.args[1], b.args[2]) as loop:
        b.store(b.load(I64, b.at(source, I64, loop.index)), b.at(target, I64, loop.index))
    b.ret()
    b = module.function("wait", VOID, {"block": PTR, "lo": I64, "hi": I64})
    flag, result = (b.load(PTR, b.offset(b.args[0], 8 * i)) for i in range(2))
    with b.loop() as forever:
        forever.break_if(b.cmp("ne", b.atomic_load(I64, flag), 0))
    b.store(b.load(I64, flag), result)
    b.ret()
    return module


@pytest.fixture(scope="module")
def code() -> bytes:
    entries = entries_module(["add", "copy", "wait"], [ADD, SHAPES, WAIT])
    modules = [_kernels(), entries, support_module()]
    return linker.link(worker.compile_modules(modules, targets.resolve("native")))


class _Method(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("code", ctypes.c_void_p),
        ("flags", ctypes.c_int), ("doc", ctypes.c_char_p),
    )  # fmt: skip


class Native:
    """Entry `index` as a Python function whose fallback records its calls and answers "slow"."""

    def __init__(
        self, code: bytes, index: int, program: ProgramTable, names: Sequence[str],
        makers: list[Callable[..., Any]],
    ) -> None:  # fmt: skip
        self.slow: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.image = Image(code)
        self.makers = makers
        self.fallback = lambda *args, **kwargs: self.slow.append((args, kwargs)) or "slow"
        words = program.encode()
        self.program = ctypes.create_string_buffer(words, len(words))
        self.table = (ctypes.c_void_p * len(makers))(*map(id, makers))
        self.memory = np.zeros(8192, np.uint8)
        arena = self.memory.ctypes.data + ARENA_HEADER
        self.at = self.image.address(f"axe_state_{index}")
        self.state = State.from_address(self.at)
        self.state.fallback = id(self.fallback)
        texts = [sys.intern(text) for text in (*OBJECTS[:3], *names)]
        self.objects = [*texts[:3], np.ndarray, None, *texts[3:]]
        self.known = (ctypes.c_void_p * len(self.objects))(*map(id, self.objects))
        self.state.objects = ctypes.addressof(self.known)
        self.state.program = ctypes.addressof(self.program)
        self.state.threads, self.state.max_threads = 1, 4
        self.state.allocators = ctypes.addressof(self.table)
        self.image.push(self.at, arena)
        method = _Method(b"f", self.image.address(f"axe_call_{index}"), 0x82, None)
        new = ctypes.PYFUNCTYPE(
            ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
        )(("PyCFunction_NewEx", ctypes.pythonapi))
        self.method = method
        self.call: Callable[..., Any] = new(ctypes.addressof(method), None, None)

    def close(self) -> None:
        """Leave the image as it was mapped: another test may get the same one."""
        self.image.pop(self.at)


def _value(*code: tuple[Op, int]) -> Value:
    return Value(code)


ZERO, SIXTEEN = _value((Op.CONST, 0)), _value((Op.CONST, 16))
TWICE_N = _value((Op.DIM, 1), (Op.CONST, 2), (Op.MUL, 0))
TWICE_N_PLUS_1 = _value(*TWICE_N.code, (Op.CONST, 1), (Op.ADD, 0))


@pytest.fixture
def add(code: bytes) -> Iterator[Native]:
    launch = Launch(0, ((0, 0), (1, 0), (2, 0)), (), 1, 4)
    program = ProgramTable(0, 5, 3, (ZERO, SIXTEEN), (launch,))
    native = Native(code, 0, program, "xy", [partial(np.empty, (16,), "f4")])
    yield native
    native.close()


@pytest.fixture
def shapes(code: bytes) -> Iterator[Native]:
    """Outputs: copies of the second and the first input."""
    launches = (Launch(1, ((1, 0), (3, 0)), (), 1, 1), Launch(1, ((0, 0), (4, 0)), (), 2, 1))
    program = ProgramTable(2, 7, 3, (ZERO, TWICE_N, TWICE_N_PLUS_1), launches)
    native = Native(code, 1, program, "abc", [partial(np.empty, dtype=t) for t in ("f4", "i8")])
    yield native
    native.close()


X, Y = np.arange(16, dtype="f4"), np.arange(16, dtype="f4") * 2
TOTAL = (X + Y).tolist()


def test_the_plain_ways_to_call(add: Native) -> None:
    z = np.zeros(16, "f4")
    assert add.call(X, Y).tolist() == TOTAL
    assert add.call(X, Y, out=z) is z
    assert z.tolist() == TOTAL
    assert add.call(X, Y, out=None, threads=None).tolist() == TOTAL
    for threads in (1, 2, 4):
        z[:] = 0
        assert add.call(X, Y, threads=threads, out=z) is z
        assert z.tolist() == TOTAL
    assert add.call(X, X).tolist() == (X + X).tolist()  # inputs may share memory
    assert add.call(X, y=Y).tolist() == TOTAL
    assert add.call(y=Y, threads=2, x=X, out=z) is z
    frozen = X.copy()
    frozen.flags.writeable = False
    assert add.call(frozen, memoryview(Y)).tolist() == TOTAL
    assert add.call(array.array("f", X.tolist()), Y).tolist() == TOTAL
    assert add.slow == []


class _Refuses:
    """An index that raises."""

    def __index__(self) -> int:
        raise ValueError


_PAIR = np.zeros(32, "f4")
_BYTES = np.zeros(65, "u1")
BAD: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "too few": ((X,), {}),
    "too many": ((X, Y, X), {}),
    "none": ((), {}),
    "given twice": ((X, Y), {"y": Y}),
    "one of two by name": ((), {"y": Y}),
    "unknown keyword": ((X, Y), {"axis": 0}),
    "no array": ((X, 3.0), {}),
    "None": ((None, Y), {}),
    "list": ((X, Y.tolist()), {}),
    "text": (("x" * 16, Y), {}),
    "bytes": ((bytes(64), Y), {}),
    "f64": ((X.astype("f8"), Y), {}),
    "i32": ((X.astype("i4"), Y), {}),
    "big-endian": ((X.astype(">f4"), Y), {}),
    "record": ((np.zeros(16, "f4,f4"), Y), {}),
    "strided": ((X, np.repeat(Y, 2)[::2]), {}),
    "reversed": ((X, Y[::-1]), {}),
    "unaligned": ((X, _BYTES[1:].view("f4")), {}),
    "unaligned floats": ((X, memoryview(bytearray(65))[1:].cast("f")), {}),
    "rank 2": ((X.reshape(4, 4), Y), {}),
    "rank 0": ((X[0:1].reshape(()), Y), {}),
    "shorter": ((X[:15], Y), {}),
    "longer": ((np.zeros(17, "f4"), Y), {}),
    "empty": ((np.zeros(0, "f4"), Y), {}),
    "out of another type": ((X, Y), {"out": [0.0] * 16}),
    "out of another dtype": ((X, Y), {"out": np.zeros(16)}),
    "out of another shape": ((X, Y), {"out": np.zeros((16, 1), "f4")}),
    "out read-only": ((X, Y), {"out": np.frombuffer(bytes(64), "f4")}),
    "out is an input": ((_PAIR[:16], Y), {"out": _PAIR[:16]}),
    "out overlaps an input": ((_PAIR[:16], Y), {"out": _PAIR[15:31]}),
    "out in a tuple": ((X, Y), {"out": (np.zeros(16, "f4"),)}),
    "no threads": ((X, Y), {"threads": 0}),
    "threads below 0": ((X, Y), {"threads": -1}),
    "too many threads": ((X, Y), {"threads": 5}),
    "threads beyond 64 bits": ((X, Y), {"threads": 1 << 70}),
    "threads as text": ((X, Y), {"threads": "2"}),
    "threads that raise": ((X, Y), {"threads": _Refuses()}),
}


@pytest.mark.parametrize("name", BAD)
def test_everything_else_reaches_the_fallback_unchanged(add: Native, name: str) -> None:
    args, kwargs = BAD[name]
    # None and small numbers are everybody's: their counts move on their own.
    objects = [o for o in [*args, *kwargs.values()] if isinstance(o, (np.ndarray, list, _Refuses))]
    before = [sys.getrefcount(o) for o in objects]
    for _ in range(3):
        assert add.call(*args, **kwargs) == "slow"
    assert len(add.slow) == 3
    for got_args, got_kwargs in add.slow:
        assert all(a is b for a, b in zip(got_args, args, strict=True))
        assert got_kwargs.keys() == kwargs.keys()
        assert all(got_kwargs[k] is kwargs[k] for k in kwargs)
    add.slow.clear()
    del got_args, got_kwargs
    assert [sys.getrefcount(o) for o in objects] == before
    assert add.call(X, Y).tolist() == TOTAL  # nothing is left behind


def test_items_of_several_numbers_reach_the_fallback(add: Native) -> None:
    """The format "ff" begins as the declared one does."""
    exporter = pytest.importorskip("_testbuffer").ndarray
    pairs = exporter([(1.0, 2.0)] * 16, shape=[16], format="ff")
    assert add.call(X, pairs) == "slow"


def test_the_fallback_may_raise(add: Native) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise LookupError("from the fallback")

    add.state.fallback = id(refuse)
    with pytest.raises(LookupError, match="from the fallback"):
        add.call(X)
    assert add.call(X, Y).tolist() == TOTAL


def test_references_stay_balanced(add: Native) -> None:
    z = np.zeros(16, "f4")
    objects = [X, Y, z, add.fallback, add.makers[0], "out", "threads", "slow"]
    add.slow = _Nowhere()  # type: ignore[assignment]
    before = [sys.getrefcount(o) for o in objects]
    none = sys.getrefcount(None)
    for _ in range(10_000):
        add.call(X, Y, out=z, threads=2)
        add.call(X, Y)
        add.call(X, z[:3], out=z)
        add.call(X, Y, threads=9)
    assert [sys.getrefcount(o) for o in objects] == before
    assert abs(sys.getrefcount(None) - none) < 100


class _Nowhere(list[Any]):
    def append(self, item: Any) -> None:
        """Keep nothing."""


def test_buffers_are_released(add: Native) -> None:
    """A buffer that somebody holds cannot grow."""
    good, bad = array.array("f", [1.0] * 16), array.array("d", [1.0] * 16)
    add.call(good, Y)
    add.call(good, bad)
    add.call(good, Y, out=bad)
    good.append(0)
    bad.append(0)


def test_a_failing_allocator_leaves_no_error(add: Native) -> None:
    def refuse() -> None:
        raise MemoryError

    add.table[0] = id(refuse)
    assert add.call(X, Y) == "slow"
    wrong = np.zeros(3, "f4")
    add.table[0] = id(make := lambda: wrong)
    before = sys.getrefcount(wrong)
    assert add.call(X, Y) == "slow"
    assert sys.getrefcount(wrong) == before
    del make


def test_without_an_arena_the_fallback_is_called(add: Native) -> None:
    arena = add.image.pop(add.at)
    assert add.call(X, Y) == "slow"
    add.image.push(add.at, arena)
    assert add.call(X, Y).tolist() == TOTAL
    assert add.image.pop(add.at) == arena
    assert add.image.pop(add.at) is None
    add.image.push(add.at, arena)


def _sized(n: int, m: int) -> tuple[Any, Any, Any]:
    first = np.arange(2 * n + 1, dtype="i8")
    return first, np.arange(4 * n, dtype="f4").reshape(n, 4), np.ones((m, n), "f4")


@pytest.mark.parametrize(("n", "m"), [(2, 1), (5, 3), (8, 2)])
def test_named_dims_and_several_outputs(shapes: Native, n: int, m: int) -> None:
    inputs = _sized(n, m)
    result = shapes.call(*inputs)
    assert isinstance(result, tuple)
    outs = np.zeros((n, 4), "f4"), np.zeros(2 * n + 1, "i8")
    assert shapes.call(*inputs, out=[*outs])[0] is outs[0]
    assert shapes.call(*inputs, out=outs) is outs
    for copy, given, source in zip(result, outs, inputs[1::-1], strict=True):
        np.testing.assert_array_equal(copy, source)
        np.testing.assert_array_equal(given, source)
    assert shapes.slow == []


def test_dims_that_do_not_fit(shapes: Native) -> None:
    first, second, third = _sized(4, 2)
    wrong: list[tuple[Any, ...]] = [
        (first[:-1], second, third),  # 2 n + 1
        (first, second[:3], third),  # n twice, different
        (first, second, third[:, :3]),
        (first, np.zeros((4, 5), "f4"), third),
        _sized(1, 1),  # below and above the range
        _sized(9, 1),
        _sized(4, 0),
        _sized(4, 4),
        (first, np.asfortranarray(second), third),
    ]
    for args in wrong:
        assert shapes.call(*args) == "slow"
    outs = np.zeros((4, 4), "f4"), np.zeros(9, "i8")
    for out in (outs[0], outs[::-1], outs[:1], (outs[0], outs[1][:8]), (outs[0], None)):
        assert shapes.call(first, second, third, out=out) == "slow"
    both = np.zeros(40, "i8")
    overlapping = both[:8].view("f4").reshape(4, 4), both[7:16]
    assert shapes.call(first, second, third, out=overlapping) == "slow"
    assert len(shapes.slow) == len(wrong) + 6
    assert shapes.call(first, second, third, out=outs) is outs


def test_references_of_dynamic_outputs_stay_balanced(shapes: Native) -> None:
    inputs = _sized(3, 1)
    asked: list[tuple[int, ...]] = []
    shapes.table[0] = id(make := lambda shape: asked.append(shape) or np.empty(shape, "f4"))
    shapes.call(*inputs)
    assert asked == [(3, 4)]
    holders = sys.getrefcount(asked[0])
    assert holders == 2  # the list, and the call just made
    shapes.table[0] = id(shapes.makers[0])
    del make
    objects = [*inputs, *shapes.makers]
    before = [sys.getrefcount(o) for o in objects]
    for _ in range(5000):
        first, second = shapes.call(*inputs)
    assert [sys.getrefcount(first), sys.getrefcount(second)] == [2, 2]
    assert [sys.getrefcount(o) for o in objects] == before


def test_other_threads_run_while_a_program_runs(code: bytes) -> None:
    """The kernel waits for a flag that another Python thread sets: it could not with the GIL."""
    one = _value((Op.CONST, 1))
    program = ProgramTable(0, 4, 3, (ZERO, one), (Launch(2, ((0, 0), (1, 0)), (), 1, 1),))
    native = Native(code, 2, program, "x", [partial(np.empty, (), "i8")])
    flag = np.zeros(1, "i8")
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(int(native.call(flag))), daemon=True)
    thread.start()
    time.sleep(0.05)
    flag[0] = 5
    thread.join(20)
    assert results == [5]
    native.close()


def test_calls_from_many_threads(add: Native) -> None:
    """One arena for eight threads: those that find none take the fallback; no result is wrong."""
    faults: list[Any] = []

    def call(seed: int) -> None:
        x = np.full(16, seed, "f4")
        for _ in range(2000):
            result = add.call(x, Y, threads=2)
            if not isinstance(result, str) and not (result == x + Y).all():
                faults.append(seed)

    threads = [threading.Thread(target=call, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert add.call(X, Y).tolist() == TOTAL
