"""Compile many kernels at once, run them on arrays, and know what they must give.

`Kernels` collects kernel.define ops in one MLIR module; `load(target)` compiles them in one go. A
loaded kernel runs on arrays that end at (or begin after) a page that must not be touched, so that
reading or writing outside of a buffer ends the test.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from support.guarded import fenced
from support.programs import Builder, Value

from axec.dialects import dims, kernel, types
from axec.dialects.emit import evaluate
from axec.dialects.opdef import Array
from axec.mlir import ir, unknown_location
from axec.passes.codegen.cpu import routines, targets, worker
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.cpu.graph.body import Body, read
from axec.passes.codegen.cpu.kernels import emit_kernel
from axec.passes.codegen.llvm import I64, PTR, VOID, Module
from axec.passes.kernel import templates

Make = Callable[..., Value]  # (ops, *arguments) -> result or list of results
Bound = Mapping[str, int]

_MODULES = 2  # one per worker
_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


class Ops(Builder):
    """The builder of programs, with shorthands for kernels."""

    def rows(self, x: Value, like: Value) -> Value:
        """One value per row of `like`, repeated along the row."""
        return self.broadcast(x, shape=self.shape(like), axes=tuple(range(types.of(x).rank)))

    def columns(self, x: Value, like: Value) -> Value:
        """One value per column of `like`, repeated in every row."""
        rank, shape = types.of(x).rank, self.shape(like)
        return self.broadcast(x, shape=shape, axes=tuple(range(len(shape) - rank, len(shape))))

    def fold(self, x: Value, kind: str) -> Value:
        """A reduction over the last axis."""
        return self.reduce(x, kind=kind, axes=(types.of(x).rank - 1,))


class Kernels:
    """Kernels under test, in one MLIR module."""

    def __init__(self) -> None:
        self.module = ir.Module.create(unknown_location())
        self.defines: list[Any] = []

    def add(self, template: str, inputs: Sequence[str], make: Make, label: str = "") -> int:
        """Define a kernel by its template, input types as text and body; its number."""
        declared = [types.parse(t) for t in inputs]
        with ir.InsertionPoint(self.module.body), unknown_location() as loc:
            attributes = {
                "sym_name": ir.StringAttr.get(f"k{len(self.defines)}_{label}"),
                "template": ir.StringAttr.get(template),
            }
            made = ir.Operation.create("kernel.define", regions=1, attributes=attributes)
            arguments = [t.ir() for t in declared]
            block = made.regions[0].blocks.append(*arguments, arg_locs=[loc] * len(inputs))
            with ir.InsertionPoint(block):
                found = make(Ops(), *block.arguments)
                found = found if isinstance(found, list | tuple) else [found]
                ir.Operation.create("kernel.yield", operands=list(found))
        return self.adopt(made, _names([*declared, *map(types.of, found)]))

    def adopt(self, define: Any, names: Sequence[str] | None = None) -> int:
        """Take a kernel.define of any module (which the caller keeps)."""
        if names is not None:
            define.attributes["dims"] = kernel.sizes_attr(names)
            define.attributes["units"] = ir.StringAttr.get(str(templates.units(define)))
            define.attributes["workspace"] = kernel.sizes_attr(templates.workspace(define))
        self.defines.append(define)
        return len(self.defines) - 1

    def emit(self, target: str) -> list[Module]:
        """The LLVM modules of all kernels, and last a table of them."""
        modules = [Module(f"part{i}") for i in range(_MODULES)]
        table, names = Module("table"), []
        for define, module in zip(self.defines, itertools.cycle(modules), strict=False):
            emit_kernel(module, define, targets.TARGETS[target])
            names.append(define.attributes["sym_name"].value)
            table.import_(names[-1], VOID, [PTR, I64, I64])
        table.pointers("kernels", names)
        return [*(m for m in modules if m.functions), table]

    def load(self, target: str) -> list[Loaded]:
        """Machine code of all kernels, in order of definition."""
        level, modules = targets.TARGETS[target], self.emit(target)
        objects = worker.compile_modules([*modules, *routines.called(modules, level)], level)
        path = f"/proc/self/fd/{_memory_file(linker.link(objects))}"
        table = (ctypes.c_void_p * len(self.defines)).in_dll(ctypes.CDLL(path), "kernels")
        return [
            Loaded(read(d), templates.units(d), templates.workspace(d), _FUNCTION(address), self)
            for d, address in zip(self.defines, table, strict=True)
        ]


@dataclass
class Loaded:
    """A compiled kernel."""

    body: Body
    units: dims.Size
    workspace: Sequence[dims.Size]
    function: Callable[[int, int, int], None]
    owner: Kernels = field(repr=False)

    def run(
        self, inputs: Sequence[Array], bound: Bound, cuts: Sequence[float] = (), low: bool = False
    ) -> list[Array]:
        """The results; `cuts` (fractions of the units) say how the work is split, `low` that the
        forbidden pages are before the arrays and not behind."""
        outputs = [
            fenced(np.full(r.type.shape_at(bound), 99, r.type.dtype.numpy), low)
            for r in self.body.results
        ]
        scratch = [
            fenced(np.full(dims.evaluate(n, bound), 99, np.uint8), low) for n in self.workspace
        ]
        buffers = [*(fenced(x, low) for x in inputs), *outputs, *scratch]
        words = [b.ctypes.data for b in buffers] + [bound[n] for n in self.body.dims]
        block = (ctypes.c_int64 * max(len(words), 1))(*words)
        units = dims.evaluate(self.units, bound)
        at = [0, *(round(units * c) for c in cuts), units]
        for lo, hi in itertools.pairwise(at):
            self.function(ctypes.addressof(block), lo, hi)  # also where there is nothing to do
        return [np.array(o) for o in outputs]

    def expected(self, inputs: Sequence[Array], bound: Bound) -> list[Array]:
        """The results by the NumPy references."""
        known = dict(zip(self.body.inputs, inputs, strict=True))
        for d in self.body.ops:
            assert d.op is not None
            assert d.attrs is not None
            operands = [known[x] for x in d.operands]
            known[d] = np.asarray(evaluate(d.op, operands, d.op.attrs_at(d.attrs, bound)))
        return [known[r] for r in self.body.results]

    def random(self, bound: Bound, seed: int = 0) -> list[Array]:
        """Small halves, or integers, for the inputs."""
        rng = np.random.default_rng(seed)
        found = []
        for d in self.body.inputs:
            numbers = rng.integers(-6, 7, d.type.shape_at(bound))
            scale = 2 if d.type.dtype.is_float else 1
            if d.type.dtype.kind in "ub":
                numbers = abs(numbers) % (2 if d.type.dtype.kind == "b" else 256)
            found.append(np.asarray(numbers / scale).astype(d.type.dtype.numpy))
        return found


def check(
    loaded: Loaded, inputs: Sequence[Array], bound: Bound, tolerance: float = 3e-5
) -> list[Array]:
    """Run whole and in parts: equal bits, and equal to the reference up to rounding."""
    whole = loaded.run(inputs, bound)
    parts = loaded.run(inputs, bound, cuts=(0.2, 0.5, 0.9), low=True)
    for found, again, wanted in zip(whole, parts, loaded.expected(inputs, bound), strict=True):
        assert found.tobytes() == again.tobytes(), f"{loaded.body.name}: split units, other bits"
        assert_close(found, wanted, tolerance, loaded.body.name)
    return whole


_EPS = {"float64": 1e-12, "float32": 0.0, "float16": 2e-3, "bfloat16": 1.6e-2}


def assert_close(found: Array, wanted: Array, tolerance: float, what: str = "") -> None:
    """Integers are equal; floats up to a tolerance for f32, or what their own dtype allows."""
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), what
    if found.dtype.kind in "biu":
        np.testing.assert_array_equal(found, wanted, err_msg=what)
        return
    eps = _EPS[str(found.dtype)] or tolerance
    a, b = (x.astype(np.float64) for x in (found, wanted))
    np.testing.assert_allclose(a, b, rtol=eps, atol=eps, equal_nan=True, err_msg=what)


def _names(declared: Sequence[types.TensorType]) -> list[str]:
    return sorted(set().union(*(dims.names(n) for t in declared for n in t.shape)))


def _memory_file(data: bytes) -> int:
    import os

    handle = os.memfd_create("kernels")
    os.write(handle, data)
    return handle
