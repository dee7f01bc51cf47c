"""Routines: found by name, linked once, equal to what they stand for."""

from __future__ import annotations

import ctypes
import os

import numpy as np
import pytest

from axec.passes.codegen.cpu import routines, targets, worker
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.cpu.lanes import turn
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import F32, I64, PTR, VOID, Module, constant

TYPES = {"8": np.uint8, "16": np.uint16, "32": np.uint32, "64": np.uint64}
KINDS = [*TYPES, turn.SCALED, turn.MASK]
_RUN = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_float, ctypes.c_void_p, ctypes.c_int64
)


def _library(level: Target, cases: list[tuple[str, int, str]]) -> ctypes.CDLL:
    """A function for every kind and number of lanes that calls the routine."""
    module = Module("callers")
    for kind, lanes, rows in cases:
        b = module.function(f"f_{kind}_{lanes}_{rows}", VOID, turn.TURN.arguments, "export")
        turn.TURN.call(
            b, (kind, lanes, rows), **dict(zip(turn.TURN.arguments, b.args, strict=True))
        )
        b.ret()
    modules = [module, *routines.called([module], level)]
    handle = os.memfd_create("routines")
    os.write(handle, linker.link(worker.compile_modules(modules, level)))
    return ctypes.CDLL(f"/proc/self/fd/{handle}")


def test_squares(target: str) -> None:
    """Rows are clamped, columns masked, whatever the step; what MASK and SCALED make of them."""
    level, rng = targets.TARGETS[target], np.random.default_rng(0)
    sizes = [(k, n) for k in KINDS for n in (2, 4, level.lanes(4)) if (k, n) != ("64", 16)]
    cases = [(*one, rows) for one in sizes for rows in (turn.WHOLE, turn.PART)]
    library = _library(level, cases)
    for kind, lanes, which in cases:
        run = _RUN((f"f_{kind}_{lanes}_{which}", library))
        dtype = np.dtype({turn.SCALED: np.float32, turn.MASK: np.bool_}.get(kind) or TYPES[kind])
        for last, count, beyond in ((lanes - 1, lanes, 0), (0, 1, 3), (lanes // 2, lanes + 5, 1)):
            x = rng.integers(0, 2 if kind == turn.MASK else 99, (lanes, lanes + beyond))
            x = x.astype(dtype)
            out = np.full((lanes, lanes + 2), 7, np.float32 if kind == turn.MASK else dtype)
            addresses = x.ctypes.data, x.strides[0], last, count, 2.0, out.ctypes.data
            run(*addresses, out.strides[0])
            rows = np.minimum(np.arange(lanes), last if which == turn.PART else lanes)
            wanted = np.where(np.arange(lanes) < count, x[rows, :lanes], 0).T
            if kind == turn.MASK:
                wanted = np.where(wanted, 0.0, -np.inf)
            if kind == turn.SCALED:
                wanted = wanted * 2
            np.testing.assert_array_equal(out[:, :lanes], wanted, err_msg=f"{kind} {lanes}")
            assert (out[:, lanes:] == 7).all()


def test_linked_once(target: str) -> None:
    """Two kernels that call one routine share it; it is what their objects do not define."""
    level, modules = targets.TARGETS[target], [Module("a"), Module("b")]
    for module in modules:
        b = module.function(f"in_{module.name}", VOID, {"p": PTR}, "export")
        one = constant(I64, 1)
        arguments = dict.fromkeys(turn.TURN.arguments, one) | {"source": b.args[0]}
        turn.TURN.call(
            b, (32, 4, turn.WHOLE), **arguments | {"out": b.args[0], "factor": constant(F32, 1.0)}
        )
        b.ret()
    objects = worker.compile_modules(modules, level)
    assert linker.undefined(objects) == ["axe_turn_32_4_whole"]
    (made,) = routines.called(modules, level)
    objects += worker.compile_modules([made], level)
    assert linker.undefined(objects) == []
    linker.link(objects)
    with pytest.raises(linker.LinkError, match="axe_turn_32_4_whole"):
        linker.link(objects[:2])


def test_names() -> None:
    """Support code and kernels are no routines, whatever they are called."""
    assert routines.is_routine("axe_turn_32_16_whole")
    assert not any(map(routines.is_routine, ("axe_call_0", "turn_32", "axe_pool", "gemm_0")))
