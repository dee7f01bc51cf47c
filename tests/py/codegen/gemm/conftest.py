"""Compile one gemm kernel, load it, call it on arrays."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import memory_engine

from axec import dialects
from axec.dialects import dims, kernel
from axec.dialects.axe import OPS
from axec.dialects.emit import IrEmit
from axec.dialects.opdef import Array
from axec.dialects.types import TensorType
from axec.mlir import context, ir, unknown_location
from axec.passes.codegen.cpu import routines, targets, worker
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.cpu.kernels import emit_kernel
from axec.passes.codegen.llvm import I64, PTR, VOID, Module
from axec.passes.kernel import templates

GUARD = 0x7F  # what outputs and scratch hold before; as f32 3.4e38, as f64 1e306


@dataclass
class Code:
    """A gemm kernel for one target. Calling it computes all units, or parts of them one by one."""

    define: Any
    names: Sequence[str]
    function: Callable[[int, int, int], None]
    module: Any  # owns the definition

    @property
    def units(self) -> dims.Size:
        return templates.units(self.define)

    @property
    def workspace(self) -> tuple[dims.Size, ...]:
        return templates.workspace(self.define)

    def __call__(
        self, *inputs: Array, cuts: Callable[[int], Sequence[int]] | None = None, **sizes: int
    ) -> list[Array]:
        """The results. cuts(units): boundaries of the parts, in the order in which they run."""
        _, results = kernel.signature(self.define)
        made = [
            filled(tuple(dims.evaluate(n, sizes) for n in t.shape), t.dtype.numpy) for t in results
        ]
        scratch = [filled((dims.evaluate(n, sizes),), np.uint8) for n in self.workspace]
        buffers = [np.ascontiguousarray(x) for x in inputs] + made + scratch
        units = dims.evaluate(self.units, sizes)
        self.call(buffers, cuts(units) if cuts else (0, units), **sizes)
        return made

    def call(self, buffers: Sequence[Array], cuts: Sequence[int], **sizes: int) -> None:
        """Run the parts between neighbouring cuts."""
        words = [b.ctypes.data for b in buffers] + [sizes[n] for n in self.names]
        block = (ctypes.c_int64 * len(words))(*words)
        for lo, hi in pairwise(cuts):
            if lo < hi:
                self.function(ctypes.addressof(block), lo, hi)


def filled(shape: tuple[int, ...], dtype: Any) -> Array:
    """An array of GUARD bytes, aligned as arenas are."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.full(count + 64, GUARD, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count].view(dtype).reshape(shape)


@cache
def runnable(target: str) -> bool:
    return targets.TARGETS[target].runs_here


def _runnable(request: pytest.FixtureRequest) -> str:
    if not runnable(request.param):
        pytest.skip(f"this machine does not run {request.param}")
    return str(request.param)


#: The other levels differ in products of narrow numbers alone.
target = pytest.fixture(params=["x86-64-v4", "x86-64-v3"], name="target")(_runnable)


@pytest.fixture(params=[*targets.TARGETS, memory_engine.NAME], name="level")
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A level that this machine runs; one has AMX's tiles in memory."""
    if request.param == memory_engine.NAME:
        memory_engine.install(monkeypatch)
    return _runnable(request)


Build = Callable[..., Any]
Make = Callable[..., Code]


def define(
    inputs: Sequence[TensorType], build: Build, layouts: Sequence[str]
) -> tuple[Any, Any, list[str]]:
    """A module with one gemm kernel, the kernel, its dims. build(op, *values): the results, where
    op(name, *operands, **attributes) makes an op."""
    dialects.load()
    names = sorted({n for t in inputs for size in t.shape for n in dims.names(size)})
    with context(), unknown_location() as loc:
        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            made = ir.Operation.create("kernel.define", regions=1, attributes={
                "sym_name": ir.StringAttr.get("gemm"), "template": ir.StringAttr.get("gemm"),
                "dims": kernel.sizes_attr(names),
            })  # fmt: skip
        arguments = [t.ir() for t in inputs]
        block = made.regions[0].blocks.append(*arguments, arg_locs=[loc] * len(inputs))
        with ir.InsertionPoint(block):
            emit = IrEmit(loc)
            found = build(lambda n, *a, **k: emit(OPS[f"axe.{n}"], *a, **k), *block.arguments)
            found = found if isinstance(found, list) else [found]
            ir.Operation.create("kernel.yield", operands=found)
        if layouts:
            made.attributes["layouts"] = kernel.sizes_attr(layouts)
        made.attributes["units"] = ir.StringAttr.get(str(templates.units(made)))
        made.attributes["workspace"] = kernel.sizes_attr(templates.workspace(made))
    return module, made, names


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(target, input types, build): the kernel's code. layouts: how the inputs lie, each."""

    def make(
        target: str, inputs: Sequence[TensorType], build: Build, layouts: Sequence[str] = ()
    ) -> Code:
        owner, made, names = define(inputs, build, layouts)
        module = Module("gemm")
        with context():
            emit_kernel(module, made, targets.TARGETS[target])
        b = module.function("run", VOID, {"block": PTR, "lo": I64, "hi": I64}, "export")
        b.call("gemm", VOID, list(b.args))
        b.ret()
        level = targets.TARGETS[target]
        objects = worker.compile_modules([module, *routines.called([module], level)], level)
        path = tmp_path / f"{len(os.listdir(tmp_path))}.so"
        path.write_bytes(linker.link(objects))
        function = ctypes.CDLL(str(path)).run
        function.argtypes, function.restype = (
            [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64],
            None,
        )
        return Code(made, names, function, owner)

    return make
