"""The code segment of a target: kernels, support code and entry stubs, compiled and linked.

emit      kernel.define ops and signatures -> LLVM modules
link      LLVM modules -> one shared object that imports nothing
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from typing import Any

from axec.dialects.locations import location_of
from axec.passes.codegen.cpu import elf, worker
from axec.passes.codegen.cpu.kernels import emit_kernel
from axec.passes.codegen.cpu.stub import Signature
from axec.passes.codegen.cpu.support import entries_module, support_module
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import Module

__all__ = ["Image", "assembly", "emit", "link", "prepare", "text"]

#: Kernels per LLVM module. A fixed number, not one that depends on the machine's cores: the split
#: shows in the bytes.
KERNELS_PER_MODULE = 4


@dataclass(frozen=True, slots=True)
class Image:
    """The LLVM modules of one target, and the objects that LLVM is making of them."""

    target: Target
    modules: tuple[Module, ...]
    objects: tuple[Future[bytes], ...]


def prepare(wanted: Sequence[Target]) -> None:
    """Begin what does not depend on the model: the support code of the targets. Where it was
    compiled before, the kernels often were, too, and no worker may be needed."""
    for target in wanted:
        worker.submit(_support(), target, first=True)


def emit(
    definitions: Mapping[str, Any], signatures: Sequence[Signature], wanted: Sequence[Target]
) -> list[Image]:
    """LLVM modules for every target. `definitions`: kernel.define ops by name, in the order in
    which program tables number them; `signatures` of the entries, by sorted name."""
    locations = {name: location_of(define) for name, define in definitions.items()}
    images = []
    for target in wanted:
        modules, objects = [], []
        for module in _modules(definitions, signatures, target):
            modules.append(module)
            objects.append(worker.submit(module, target, locations=locations))
        images.append(Image(target, tuple(modules), tuple(objects)))
    return images


def link(image: Image) -> bytes:
    """Machine code for an image. Raises AxecError `llvm-fatal` with the user's line of the kernel
    that LLVM does not take."""
    return elf.link([one.result() for one in image.objects])


def text(images: Sequence[Image]) -> str:
    """The LLVM IR of all images."""
    return "\n".join(f"; target {i.target.name}\n{m.text()}" for i in images for m in i.modules)


def assembly(images: Sequence[Image]) -> str:
    """The machine code of all images as assembly text."""
    return "\n".join(
        listing.decode()
        for i in images
        for listing in worker.compile_modules(i.modules, i.target, "assembly")
    )


def _modules(
    definitions: Mapping[str, Any], signatures: Sequence[Signature], target: Target
) -> Iterator[Module]:
    names = list(definitions)
    for first in range(0, len(names), KERNELS_PER_MODULE):
        module = Module(f"kernels_{first // KERNELS_PER_MODULE}")
        for name in names[first : first + KERNELS_PER_MODULE]:
            emit_kernel(module, definitions[name], target)
        yield module
    yield entries_module(names, signatures)
    yield _support()


@cache
def _support() -> Module:
    return support_module()
