"""Writing an ELF64 shared object: sections get addresses, then everything becomes bytes.

Addresses and file offsets agree modulo the page size, so segments follow each other in the file
without padding; a page on a boundary is mapped twice, once with each protection.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from axec.passes.codegen.cpu.elf.object_file import (
    EHDR,
    EM_X86_64,
    ET_DYN,
    MAGIC,
    SHDR,
    SHT_NOBITS,
    SHT_STRTAB,
    LinkError,
)

PAGE = 0x1000
PT_LOAD, PT_DYNAMIC, PT_GNU_STACK, PT_GNU_RELRO = 1, 2, 0x6474E551, 0x6474E552
PF_X, PF_W, PF_R = 1, 2, 4

_PHDR = struct.Struct("<IIQQQQQQ")


def align_up(number: int, alignment: int) -> int:
    """The smallest multiple of `alignment` that is at least `number`."""
    return -(-number // alignment) * alignment


@dataclass(slots=True, eq=False)
class Chunk:
    """Consecutive bytes of a section. Memory beyond the data (`size` is larger) is zero."""

    data: bytearray
    size: int
    align: int
    address: int = 0
    offset: int = 0


@dataclass(slots=True, eq=False)
class Output:
    """A section of the shared object; `link` names the section that it refers to."""

    name: str
    type: int
    flags: int
    entry_size: int = 0
    link: str = ""
    chunks: list[Chunk] = field(default_factory=list)
    address: int = 0
    offset: int = 0
    size: int = 0

    def add(self, size: int, align: int, data: bytes = b"") -> Chunk:
        """A new chunk at the end; its data may be filled in later."""
        if align > PAGE:
            raise LinkError(f"section alignment {align} exceeds a page")
        chunk = Chunk(bytearray(data), size, align)
        self.chunks.append(chunk)
        return chunk

    @property
    def align(self) -> int:
        """Largest alignment of the chunks."""
        return max((c.align for c in self.chunks), default=1)


@dataclass(slots=True, eq=False)
class Segment:
    """Sections that are mapped together with one protection."""

    flags: int
    outputs: Sequence[Output]
    address: int = 0
    offset: int = 0
    file_size: int = 0
    memory_size: int = 0


def header_size(program_headers: int) -> int:
    """Bytes of the ELF header and the program headers."""
    return EHDR.size + _PHDR.size * program_headers


def sections(segments: Sequence[Segment]) -> list[Output]:
    """The sections that get a header, in file order; header 0 is the empty one."""
    return [o for segment in segments for o in segment.outputs if o.name and o.chunks]


def place(segments: Sequence[Segment]) -> None:
    """Give every segment, section and chunk its address and file offset."""
    address = offset = 0
    for segment in segments:
        address = align_up(address, PAGE) + offset % PAGE
        segment.address, segment.offset = address, offset
        end = offset
        for output in segment.outputs:
            end = _place_output(output, end, address - offset)
            if output.type != SHT_NOBITS:
                segment.file_size = end - offset
        segment.memory_size = end - offset
        address += segment.memory_size
        offset += segment.file_size


def _place_output(output: Output, offset: int, bias: int) -> int:
    """Place the chunks from `offset` on; the offset behind the last."""
    end = output.offset = align_up(offset, output.align)
    output.address = output.offset + bias
    for chunk in output.chunks:
        chunk.offset = align_up(end, chunk.align)
        chunk.address = chunk.offset + bias
        end = chunk.offset + chunk.size
    output.size = end - output.offset
    return end


def write(segments: Sequence[Segment], dynamic: Output, relro: Segment) -> bytes:
    """The file. The first chunk of the first segment is the room for the headers."""
    outputs = sections(segments)
    names = Output(".shstrtab", SHT_STRTAB, 0)
    table = b"\0" + b"".join(o.name.encode() + b"\0" for o in [*outputs, names])
    names.offset = segments[-1].offset + segments[-1].file_size
    names.size = len(table)
    sections_at = align_up(names.offset + names.size, 8)
    image = bytearray(sections_at)
    for output in outputs:
        for chunk in output.chunks:
            image[chunk.offset : chunk.offset + len(chunk.data)] = chunk.data
    image[names.offset : names.offset + names.size] = table
    headers = _program_headers(segments, dynamic, relro)
    start = _elf_header(len(headers), sections_at, len(outputs) + 2) + b"".join(headers)
    image[: len(start)] = start
    return bytes(image) + _section_headers([*outputs, names], table)


def _elf_header(program_headers: int, sections_at: int, sections: int) -> bytes:
    return EHDR.pack(
        MAGIC, ET_DYN, EM_X86_64, 1, 0, EHDR.size, sections_at, 0,
        EHDR.size, _PHDR.size, program_headers, SHDR.size, sections, sections - 1,
    )  # fmt: skip


def _program_headers(segments: Sequence[Segment], dynamic: Output, relro: Segment) -> list[bytes]:
    loads = [
        _PHDR.pack(
            PT_LOAD, s.flags, s.offset, s.address, s.address, s.file_size, s.memory_size, PAGE
        )
        for s in segments
    ]
    at, size = dynamic.address, dynamic.size
    # The loader protects whole pages only, so the relocated data claims its last page entirely.
    protected = align_up(relro.address + relro.memory_size, PAGE) - relro.address
    start = relro.address
    return [
        *loads,
        _PHDR.pack(PT_DYNAMIC, PF_R | PF_W, dynamic.offset, at, at, size, size, 8),
        _PHDR.pack(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16),
        _PHDR.pack(PT_GNU_RELRO, PF_R, relro.offset, start, start, relro.file_size, protected, 1),
    ]


def _section_headers(outputs: Sequence[Output], names: bytes) -> bytes:
    """Tools read these (objdump, gdb, perf); the loader does not."""
    index = {o.name: i for i, o in enumerate(outputs, 1)}
    headers = [bytes(SHDR.size)]
    for o in outputs:
        name = names.index(b"\0" + o.name.encode() + b"\0") + 1
        link = index[o.link] if o.link else 0
        # sh_info of .dynsym: one local symbol (the empty one) comes first.
        info = 1 if o.name == ".dynsym" else 0
        headers.append(
            SHDR.pack(name, o.type, o.flags, o.address, o.offset, o.size, link, info,
                      o.align, o.entry_size)
        )  # fmt: skip
    return b"".join(headers)
