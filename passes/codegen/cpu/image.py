"""The code segment of a target: kernels, support code and entry stubs, compiled and linked.

foresee   convolutions that write channels last -> the routines that their kernels will call
begin     kernel.define ops -> LLVM modules
finish    and signatures -> the tables of kernels and entries, the support code
link      LLVM modules, and the routines that they call -> one shared object that imports nothing
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from axec.dialects.functions import functions
from axec.dialects.kernel import body_of
from axec.dialects.locations import location_of
from axec.passes.codegen import sources
from axec.passes.codegen.cpu import routines, worker
from axec.passes.codegen.cpu.ahead import begin_support, support
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.cpu.gemm.emit_channels import foreseen
from axec.passes.codegen.cpu.gemm.tile_routine import common
from axec.passes.codegen.cpu.kernels import emit_kernel
from axec.passes.codegen.cpu.routines import is_routine
from axec.passes.codegen.cpu.support import entries_module
from axec.passes.codegen.cpu.support.stub import Signature
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import Module

__all__ = ["Image", "Part", "assembly", "begin", "finish", "foresee", "link", "prepare", "text"]

#: Kernels per LLVM module: a module of one costs a tenth more time, a module of four lets workers
#: wait for each other. A fixed number, not one that depends on the machine's cores: the split shows
#: in the bytes.
KERNELS_PER_MODULE = 2

#: Kernels in this order of their templates, those that LLVM takes longest for first, so that what
#: is left at the end is short. (attention: 35-60 ms, gemm: 10-20, others: 2-10.)
_RANK = {"attention": 0, "gemm": 1, "matrix": 2, "reduce": 3, "row": 4, "map": 5}


@dataclass(frozen=True, slots=True)
class Part:
    """One LLVM module to be: `emit` writes it. `made_from`: all that it depends on besides the
    target and the compiler, where that is known without writing it."""

    emit: Callable[[], Module]
    made_from: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """The parts of one target, and the objects that LLVM is making of them. Routines that these
    call (routines.py) are no parts: the objects say which they are."""

    target: Target
    parts: tuple[Part, ...]
    objects: tuple[Future[bytes], ...]

    def modules(self) -> list[Module]:
        """LLVM IR of all parts and routines, written anew. Inside the MLIR context."""
        made = [part.emit() for part in self.parts]
        return made + routines.called(made, self.target)


def prepare(wanted: Sequence[Target]) -> None:
    """Begin what does not depend on the model, once in a process: the support code of the targets,
    and routines that most models call."""
    new = [target for target in wanted if target not in _prepared]
    begin_support(new)
    if new:
        sources.begin()
        _prepared.update(new)
        threading.Thread(target=_begin_common, args=(new,), daemon=True).start()


#: Targets that this process has prepared.
_prepared: set[Target] = set()


def _begin_common(wanted: Sequence[Target]) -> None:
    """While the first program is traced, and one worker is at the support code, others are idle."""
    with suppress(RuntimeError):  # a process that ends meanwhile takes no more work
        for target in wanted:
            for name in common(target):
                _routine(name, target)


def foresee(module: Any, wanted: Sequence[Target]) -> None:
    """Begin the routines that convolutions will call, while passes make kernels of these."""
    ops = [o.operation for f in functions(module) for o in f.regions[0].blocks[0].operations]
    convolutions = [op for op in ops if op.name == "axe.conv"]
    for target in wanted:
        for name in foreseen(target, convolutions):
            _routine(name, target)


def begin(definitions: Mapping[str, Any], wanted: Sequence[Target]) -> list[Image]:
    """The kernels for every target. `definitions`: kernel.define ops by name."""
    locations = {name: location_of(define) for name, define in definitions.items()}
    groups = _groups(definitions)
    images = []
    for target in wanted:
        parts = [_kernels(i, group, target) for i, group in enumerate(groups)]
        objects = [_object(part, target, locations) for part in parts]
        images.append(Image(target, tuple(parts), tuple(objects)))
    return images


def finish(image: Image, kernels: Sequence[str], signatures: Sequence[Signature]) -> Image:
    """An image of kernels with what it needs besides. `kernels`: names in the order in which
    program tables number them; `signatures` of the entries, by sorted name."""
    more = (Part(partial(entries_module, kernels, signatures)), Part(support))
    objects = [_object(part, image.target, {}) for part in more]
    return Image(image.target, (*image.parts, *more), (*image.objects, *objects))


def _object(part: Part, target: Target, locations: Mapping[str, Any]) -> Future[bytes]:
    """A kernel that was compiled before is not even written again as LLVM IR."""
    if part.made_from is None:
        return worker.submit(part.emit(), target, locations=locations)
    made_from = f"{sources.fingerprint(sources.KERNELS)}\n{part.made_from}"
    found = worker.known(made_from, target)
    if found is None:
        module = part.emit()
        found = worker.submit(module, target, locations=locations, made_from=made_from)
        for name in filter(is_routine, module.imports):
            _routine(name, target)  # what `link` will ask for
    return found


def _routine(name: str, target: Target) -> Future[bytes]:
    """The object of a routine."""
    return _object(Part(partial(routines.module, name, target), name), target, {})


def link(image: Image) -> bytes:
    """Machine code for an image. Raises AxecError `llvm-fatal` with the user's line of the kernel
    that LLVM does not take."""
    objects = [one.result() for one in image.objects]
    names = filter(is_routine, linker.undefined(objects))
    return linker.link([*objects, *[_routine(name, image.target).result() for name in names]])


def text(images: Sequence[Image]) -> str:
    """The LLVM IR of all images. Inside the MLIR context, as is `assembly`."""
    return "\n".join(f"; target {i.target.name}\n{m.text()}" for i in images for m in i.modules())


def assembly(images: Sequence[Image]) -> str:
    """The machine code of all images as assembly text."""
    return "\n".join(
        listing.decode()
        for i in images
        for listing in worker.compile_modules(i.modules(), i.target, "assembly")
    )


def _groups(definitions: Mapping[str, Any]) -> list[list[Any]]:
    """The kernels of each module."""

    def cost(define: Any) -> tuple[int, int]:
        rank = _RANK.get(define.attributes["template"].value, 0)
        return rank, -len(body_of(define).operations)

    ordered = sorted(definitions.values(), key=cost)
    firsts = range(0, len(ordered), KERNELS_PER_MODULE)
    return [ordered[first : first + KERNELS_PER_MODULE] for first in firsts]


def _kernels(number: int, group: Sequence[Any], target: Target) -> Part:
    name = f"kernels_{number}"
    texts = [d.get_asm(print_generic_op_form=True, assume_verified=True) for d in group]

    def emit() -> Module:
        module = Module(name)
        for define in group:
            emit_kernel(module, define, target)
        return module

    return Part(emit, "\n".join((name, *texts)))
