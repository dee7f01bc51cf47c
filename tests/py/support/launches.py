"""Launches of kernels made for tests, on the pool and `axe_run` of an image of their own."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from axec.passes.codegen.cpu import targets, worker
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.cpu.support import entries_module, support_module
from axec.passes.codegen.llvm import F32, I64, PTR, VOID, Module, constant
from axec.runtime.abi import Frame
from axec.runtime.image import Image
from axec.runtime.program import Launch, Op, ProgramTable, Value

KERNELS = ("square", "add_dim", "hold", "meet")


def _kernels() -> Module:
    """square: y[u] = x[u] * x[u] and visits[u] += 1 for every unit u. add_dim: adds
    a dim to every unit. hold: waits until its flag is set. meet: each of two units waits
    for the other to begin, by raising its flag, and then for its own sign to go on."""
    module = Module("kernels")
    b = module.function("square", VOID, {"block": PTR, "lo": I64, "hi": I64})
    block, lo, hi = b.args
    x, y, visits = (b.load(PTR, b.offset(block, 8 * i)) for i in range(3))
    with b.for_(lo, hi, name="unit") as unit:
        number = b.load(F32, b.at(x, F32, unit.index))
        b.store(b.mul(number, number), b.at(y, F32, unit.index))
        seen = b.at(visits, I64, unit.index)
        b.store(b.add(b.load(I64, seen), 1), seen)
    b.ret()
    b = module.function("add_dim", VOID, {"block": PTR, "lo": I64, "hi": I64})
    block, lo, hi = b.args
    target, dim = b.load(PTR, block), b.load(I64, b.offset(block, 8))
    with b.for_(lo, hi, name="unit") as unit:
        at = b.at(target, I64, unit.index)
        b.store(b.add(b.load(I64, at), dim), at)
    b.ret()
    b = module.function("hold", VOID, {"block": PTR, "lo": I64, "hi": I64})
    flag = b.load(PTR, b.args[0])
    with b.loop() as loop:
        loop.break_if(b.cmp("ne", b.atomic_load(I64, flag), 0))
    b.ret()
    b = module.function("meet", VOID, {"block": PTR, "lo": I64, "hi": I64})
    flags, signs = (b.load(PTR, b.offset(b.args[0], 8 * i)) for i in range(2))
    unit = b.args[1]
    b.atomic_store(constant(I64, 1), b.at(flags, I64, unit))
    for words, at in ((flags, b.xor(unit, 1)), (signs, unit)):
        with b.loop() as loop:
            loop.break_if(b.cmp("ne", b.atomic_load(I64, b.at(words, I64, at)), 0))
    b.ret()
    return module


def make_image() -> Image:
    """An image with `KERNELS`."""
    modules = [_kernels(), entries_module(KERNELS, []), support_module()]
    return Image(linker.link(worker.compile_modules(modules, targets.resolve("native"))))


def run(
    image: Image, table: ProgramTable, arrays: Sequence[Any], threads: int, dims: Sequence[int] = ()
) -> None:
    """Call a program whose bases are the arrays, no weights, and an arena."""
    words = table.encode()
    program = ctypes.create_string_buffer(words, len(words))
    arena = np.zeros(512, "i8")
    pointers = [*(a.ctypes.data for a in arrays), None, arena.ctypes.data]
    bases = (ctypes.c_void_p * len(pointers))(*pointers)
    sizes = (ctypes.c_int64 * max(len(dims), 1))(*dims)
    addresses = (ctypes.addressof(o) for o in (program, bases, sizes))
    frame = Frame(*addresses, arena.ctypes.data, threads)
    image.run(ctypes.addressof(frame))


def fixed(number: int) -> Value:
    """A value that no dim changes."""
    return Value(((Op.CONST, number),))


def square(units: int, launches: int = 1, grain: int = 1) -> ProgramTable:
    """Squares of all of x, for arrays of `arrays(units)`."""
    launch = Launch(0, ((0, 0), (1, 0), (2, 0)), (), 1, grain)
    return ProgramTable(0, 5, 3, (fixed(0), fixed(units)), (launch,) * launches)


def arrays(units: int) -> tuple[Any, Any, Any]:
    """x, and zeros for its squares and the visits of units."""
    x = np.random.default_rng(units).random(units, "f4")
    return x, np.zeros(units, "f4"), np.zeros(units, "i8")


def job(sizes: Sequence[tuple[int, int]], starts: Sequence[int]) -> ProgramTable:
    """Squares of parts of x, all in one job; the arrays of `arrays` have 4- and 8-byte items."""
    values = [
        n for (units, _), at in zip(sizes, starts, strict=True) for n in (units, 4 * at, 8 * at)
    ]
    launches = [
        Launch(0, ((0, 3 * i + 1), (1, 3 * i + 1), (2, 3 * i + 2)), (), 3 * i, grain, True)
        for i, (_, grain) in enumerate(sizes)
    ]
    steps = (*launches[:-1], launches[-1]._replace(joined=False))
    return ProgramTable(0, 5, 3, tuple(map(fixed, values)), steps)
