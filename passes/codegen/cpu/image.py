"""The code segment of a target: kernels, support code and entry stubs, compiled and linked.

emit      kernel.define ops and signatures -> LLVM modules
link      LLVM modules -> one shared object that imports nothing
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from axec.passes.codegen.cpu import elf
from axec.passes.codegen.cpu.kernels import emit_kernel
from axec.passes.codegen.cpu.stub import Signature
from axec.passes.codegen.cpu.support import entries_module, support_module
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.cpu.worker import compile_modules
from axec.passes.codegen.llvm import Module

__all__ = ["Image", "assembly", "emit", "link", "text"]

#: Kernels per LLVM module. A fixed number, not one that depends on the machine's cores: the split
#: shows in the bytes. One module per kernel would cost about twice the time.
KERNELS_PER_MODULE = 8


@dataclass(frozen=True, slots=True)
class Image:
    """The LLVM modules of one target, and where each kernel comes from in the user's source."""

    target: Target
    modules: tuple[Module, ...]
    locations: Mapping[str, Any]


def emit(
    definitions: Mapping[str, Any], signatures: Sequence[Signature], wanted: Sequence[Target]
) -> list[Image]:
    """LLVM modules for every target. `definitions`: kernel.define ops by name, in the order in
    which program tables number them; `signatures` of the entries, by sorted name."""
    locations = {name: define.location for name, define in definitions.items()}
    return [
        Image(target, tuple(_modules(definitions, signatures, target)), locations)
        for target in wanted
    ]


def link(image: Image) -> bytes:
    """Machine code for an image. Raises AxecError `llvm-fatal` with the user's line of the kernel
    that LLVM does not take."""
    objects = compile_modules(image.modules, image.target, locations=image.locations)
    return elf.link(objects)


def text(images: Sequence[Image]) -> str:
    """The LLVM IR of all images."""
    return "\n".join(f"; target {i.target.name}\n{m.text()}" for i in images for m in i.modules)


def assembly(images: Sequence[Image]) -> str:
    """The machine code of all images as assembly text."""
    return "\n".join(
        listing.decode()
        for i in images
        for listing in compile_modules(i.modules, i.target, "assembly", i.locations)
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
    yield support_module()
