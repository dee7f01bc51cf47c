"""The steps of a program table as machine code runs them: loops, branches, copies."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from axec.passes.codegen.cpu import targets, worker
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.cpu.support import entries_module, support_module
from axec.passes.codegen.llvm import I64, PTR, VOID, Module
from axec.runtime.abi import Frame
from axec.runtime.image import Image
from axec.runtime.program import Copy, Launch, Leave, Loop, Op, ProgramTable, Step, Switch, Value

ZERO, ONE = 0, 1  # values that every table here has: a constant 0, a constant 1
DATA, ARENA = 0, 2  # bases


def _kernels() -> Module:
    """add(target, n): adds n to the word there."""
    module = Module("kernels")
    b = module.function("add", VOID, {"block": PTR, "lo": I64, "hi": I64})
    target, number = b.load(PTR, b.args[0]), b.load(I64, b.offset(b.args[0], 8))
    b.store(b.add(b.load(I64, target), number), target)
    b.ret()
    return module


@pytest.fixture(scope="module")
def image() -> Image:
    modules = [_kernels(), entries_module(["add"], []), support_module()]
    return Image(linker.link(worker.compile_modules(modules, targets.resolve("native"))))


def run(image: Image, numbers: Sequence[int], steps: Sequence[Step], data: Sequence[int]) -> Any:
    """What the steps make of words of data; values are 0, 1 and the numbers."""
    values = tuple(Value(((Op.CONST, n),)) for n in (0, 1, *numbers))
    words = ProgramTable.decode(ProgramTable(0, 3, 1, values, tuple(steps)).encode()).encode()
    program = ctypes.create_string_buffer(words, len(words))
    found, arena = np.array(data, "i8"), np.zeros(64, "i8")
    bases = (ctypes.c_void_p * 3)(found.ctypes.data, None, arena.ctypes.data)
    starts = ctypes.addressof(program), ctypes.addressof(bases), None
    frame = Frame(*starts, arena.ctypes.data, 2)
    image.run(ctypes.addressof(frame))
    return found.tolist()


def add(offset: int, number: int) -> Launch:
    """Adds value `number` to the word at the offset that value `offset` is."""
    return Launch(0, ((DATA, offset),), (number,), ONE)


def times(*factors: tuple[int, int]) -> Value:
    """The sum of value * constant."""
    code: list[tuple[Op, int]] = [(Op.CONST, 0)]
    for value, factor in factors:
        code += [(Op.VALUE, value), (Op.CONST, factor), (Op.MUL, 0), (Op.ADD, 0)]
    return Value(tuple(code))


@pytest.mark.parametrize("turns", [-1, 0, 1, 5])
def test_a_loop_runs_as_often_as_its_limit_says(image: Image, turns: int) -> None:
    loop = Loop(2, (times((3, 8)),), (add(4, 3), add(4, ONE)))  # value 3 is the counter
    expected = [turn + 1 if turn < turns else 0 for turn in range(6)]
    assert run(image, [turns], [loop], [0] * 6) == expected


def test_loops_in_loops(image: Image) -> None:
    inner = Loop(2, (times((3, 24), (4, 8)), times((3, 3), (4, 1))), (add(5, 6),))
    found = run(image, [3], [Loop(2, (), (inner,)), Loop(2, (), (add(ZERO, ONE),))], [0] * 9)
    assert found == [3, 1, 2, 3, 4, 5, 6, 7, 8]


def test_leaving_the_inner_loop_only(image: Image) -> None:
    """Both loops are for ever; word 0 counts turns of the outer one, word 1 of the inner one."""
    forever, eight, sixteen, minus = 2, 3, 4, 5

    def leave_at(offset: int) -> Switch:  # when the word there has reached 0
        return Switch((DATA, offset), 8, ((Leave(),), ()))

    inner = Loop(forever, (), (add(eight, minus), add(sixteen, ONE), leave_at(eight)))
    again = Copy((DATA, 6), (DATA, eight), eight)
    outer = Loop(forever, (), (again, inner, add(ZERO, minus), leave_at(ZERO)))
    found = run(image, [2**63 - 1, 8, 16, -1, 24], [outer], [3, 0, 0, 5])
    assert found == [0, 0, 15, 5]


@pytest.mark.parametrize(("width", "kind"), [(1, "i1"), (4, "i4"), (8, "i8")])
@pytest.mark.parametrize("index", [-100, -1, 0, 1, 2, 100])
def test_a_switch_clamps(image: Image, width: int, kind: str, index: int) -> None:
    raw = int.from_bytes(np.array([index], kind).tobytes() + bytes(8 - width), "little")
    branches = tuple((add(2 + n, ONE),) for n in range(3))
    last = (add(5, ONE),)
    word = int(np.array([raw], "u8").view("i8")[0])
    found = run(
        image, [8, 16, 24, 32], [Switch((DATA, ZERO), width, branches), *last], [word] + [0] * 4
    )
    chosen = min(max(index, 0), 2)
    assert found[1:] == [*(int(n == chosen) for n in range(3)), 1]


@pytest.mark.parametrize("nbytes", [0, 1, 7, 31, 32, 33, 64, 200])
def test_a_copy_takes_its_bytes_and_no_more(image: Image, nbytes: int) -> None:
    before = np.random.default_rng(nbytes).integers(-(2**60), 2**60, 64)
    found = run(image, [256, nbytes], [Copy((DATA, ZERO), (DATA, 2), 3)], before.tolist())
    expected = before.view("u1").copy()
    expected[256 : 256 + nbytes] = expected[:nbytes]
    assert np.array(found, "i8").tobytes() == expected.tobytes()


@pytest.mark.parametrize("nbytes", [2**14, 2**14 + 1, 2**19 - 31, 2**20 + 7])
def test_a_large_copy_is_a_job(image: Image, nbytes: int) -> None:
    """Of units that two threads share; the last one may be short."""
    half = 2**17 + 8  # words
    before = np.random.default_rng(nbytes).integers(-(2**60), 2**60, 2 * half)
    steps = [Copy((DATA, ZERO), (DATA, 2), 3)] * 5
    found = run(image, [8 * half, nbytes], steps, before.tolist())
    expected = before.view("u1").copy()
    expected[8 * half :][:nbytes] = expected[:nbytes]
    assert np.array(found, "i8").tobytes() == expected.tobytes()


def test_the_counter_is_a_word_of_the_arena(image: Image) -> None:
    """Kernels read it there: here it is copied to the data."""
    eight = 3
    copy = Copy((ARENA, 4), (DATA, 6), eight)  # value 5, the counter, is word 5 of the arena
    found = run(image, [4, 8, 40], [Loop(2, (times((5, 8)),), (copy,))], [9] * 5)
    assert found == [0, 1, 2, 3, 9]
