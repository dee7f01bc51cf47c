"""The linker: x86-64 objects become one shared object that imports nothing.

    read -> resolve symbols -> gather sections -> place -> relocate -> write

The result has no DT_NEEDED and no undefined symbol, so mapping it runs nobody else's code. It is
a function of the objects alone: no time, path or hash order enters.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from axec.passes.codegen.cpu.elf.object_file import (
    RELA,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_TLS,
    SHF_WRITE,
    SHN_LORESERVE,
    SHT_DYNAMIC,
    SHT_DYNSYM,
    SHT_HASH,
    SHT_NOBITS,
    SHT_PROGBITS,
    SHT_RELA,
    SHT_STRTAB,
    STV_DEFAULT,
    SYM,
    LinkError,
    ObjectFile,
    Relocation,
    Section,
    Symbol,
    read_object,
)
from axec.passes.codegen.cpu.elf.shared_object import (
    PF_R,
    PF_W,
    PF_X,
    Chunk,
    Output,
    Segment,
    header_size,
    place,
    sections,
    write,
)

__all__ = ["LinkError", "link", "undefined"]

DT_NULL, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ, DT_RELAENT = 0, 4, 5, 6, 7, 8, 9
DT_STRSZ, DT_SYMENT, DT_SONAME, DT_RELACOUNT = 10, 11, 14, 0x6FFFFFF9
R_X86_64_64, R_X86_64_PC32, R_X86_64_PLT32, R_X86_64_RELATIVE = 1, 2, 4, 8

_DYN = struct.Struct("<QQ")
_RUN_AT_LOAD = (".ctors", ".dtors", ".init", ".fini", ".preinit")
_WRITABLE = SHF_ALLOC | SHF_WRITE
_OTHER_PROGRAM_HEADERS = 3  # besides PT_LOAD: PT_DYNAMIC, PT_GNU_STACK, PT_GNU_RELRO


def link(objects: Sequence[bytes], soname: str = "axe.so") -> bytes:
    """Link x86-64 ET_REL objects. Exported: global symbols of default visibility.

    Raises LinkError (code "link"): undefined or duplicate symbol, thread-local data,
    constructors, a relocation that the code model in use does not make, damaged input.
    """
    linker = _Linker(objects)
    linker.resolve()
    linker.gather()
    linker.reserve(soname)
    place(linker.layout.segments)
    linker.relocate()
    linker.fill_tables()
    return write(linker.layout.segments, linker.layout.dynamic, linker.layout.relro)


def undefined(objects: Sequence[bytes]) -> list[str]:
    """The names, sorted, that x86-64 ET_REL objects use and none of them defines."""
    return sorted(_missing([read_object(o) for o in objects]))


def _missing(inputs: Sequence[ObjectFile]) -> set[str]:
    """Names that are used and defined nowhere."""
    used = {name for object_ in inputs for name in object_.uses}
    return used - {symbol.name for object_ in inputs for symbol in object_.defines}


class _Layout:
    """The sections of the result and the segments that they are mapped in."""

    def __init__(self) -> None:
        self.headers = Output("", SHT_PROGBITS, 0)
        self.hash = Output(".hash", SHT_HASH, SHF_ALLOC, 4, ".dynsym")
        self.dynsym = Output(".dynsym", SHT_DYNSYM, SHF_ALLOC, SYM.size, ".dynstr")
        self.dynstr = Output(".dynstr", SHT_STRTAB, SHF_ALLOC)
        self.rela = Output(".rela.dyn", SHT_RELA, SHF_ALLOC, RELA.size, ".dynsym")
        self.rodata = Output(".rodata", SHT_PROGBITS, SHF_ALLOC)
        self.text = Output(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR)
        self.dynamic = Output(".dynamic", SHT_DYNAMIC, _WRITABLE, _DYN.size, ".dynstr")
        self.constants = Output(".data.rel.ro", SHT_PROGBITS, _WRITABLE)
        self.data = Output(".data", SHT_PROGBITS, _WRITABLE)
        self.bss = Output(".bss", SHT_NOBITS, _WRITABLE)
        tables = [self.headers, self.hash, self.dynsym, self.dynstr, self.rela]
        self.relro = Segment(PF_R | PF_W, [self.dynamic, self.constants])
        self.segments = [
            Segment(PF_R, [*tables, self.rodata]),
            Segment(PF_R | PF_X, [self.text]),
            self.relro,
            Segment(PF_R | PF_W, [self.data, self.bss]),
        ]

    def home(self, section: Section) -> Output:
        """Where an input section goes."""
        if section.flags & SHF_TLS or section.name.startswith(_RUN_AT_LOAD):
            raise LinkError(f"section {section.name}: no thread-local data, no constructors")
        if section.flags & SHF_EXECINSTR:
            return self.text
        if not section.flags & SHF_WRITE:
            return self.rodata
        if section.name.startswith(".data.rel.ro"):
            return self.constants
        return self.bss if section.type == SHT_NOBITS else self.data


class _Linker:
    """State of one link; `link` calls the public methods in order."""

    def __init__(self, objects: Sequence[bytes]) -> None:
        self.inputs = [read_object(o) for o in objects]
        self.globals: dict[str, tuple[int, Symbol]] = {}  # name -> (object, definition)
        self.exports: list[tuple[int, Symbol]] = []  # sorted by name
        self.layout = _Layout()
        self.chunks: dict[tuple[int, int], Chunk] = {}  # (object, section) -> its bytes
        self.relative: list[tuple[int, int]] = []  # (where, the address to store there)
        self.soname_at = 0

    def resolve(self) -> None:
        """Find the one definition of every global symbol."""
        for index, object_ in enumerate(self.inputs):
            for symbol in object_.defines:
                if symbol.name in self.globals:
                    raise LinkError(f"symbol {symbol.name} is defined twice")
                self.globals[symbol.name] = (index, symbol)
        if missing := _missing(self.inputs):
            names = ", ".join(sorted(missing))
            raise LinkError(f"undefined symbols: {names} (an artifact imports nothing)")
        definitions = [self.globals[name] for name in sorted(self.globals)]
        self.exports = [(i, s) for i, s in definitions if s.visibility == STV_DEFAULT]

    def gather(self) -> None:
        """Put the input sections that are loaded into the output sections."""
        for index, object_ in enumerate(self.inputs):
            for number, section in enumerate(object_.sections):
                if not section.flags & SHF_ALLOC or section.name == ".eh_frame":
                    continue  # nothing unwinds through generated code
                chunk = self.layout.home(section).add(section.size, section.align, section.data)
                self.chunks[index, number] = chunk

    def reserve(self, soname: str) -> None:
        """Make the tables of the dynamic linker, whose contents need addresses, the right size."""
        layout = self.layout
        if not (layout.data.chunks or layout.bss.chunks):
            layout.segments.pop()
        layout.headers.add(header_size(len(layout.segments) + _OTHER_PROGRAM_HEADERS), 1)
        names = [symbol.name for _, symbol in self.exports]
        strings = b"\0" + b"".join(n.encode() + b"\0" for n in [*names, soname])
        layout.dynstr.add(len(strings), 1, strings)
        self.soname_at = len(strings) - len(soname) - 1
        table = _hash_table(names)
        layout.hash.add(len(table), 8, table)
        layout.dynsym.add(SYM.size * (1 + len(names)), 8)
        absolute = sum(
            r.type == R_X86_64_64 and (index, r.section) in self.chunks
            for index, object_ in enumerate(self.inputs)
            for r in object_.relocations
        )
        layout.rela.add(RELA.size * absolute, 8)
        layout.dynamic.add(_DYN.size * len(_dynamic_entries(layout, 0)), 8)

    def relocate(self) -> None:
        """Patch every reference; absolute addresses are left to the loader."""
        for index, object_ in enumerate(self.inputs):
            for relocation in object_.relocations:
                chunk = self.chunks.get((index, relocation.section))
                if chunk is not None:
                    symbol = object_.symbols[relocation.symbol]
                    target = self._address(index, symbol) + relocation.addend
                    self._patch(chunk, relocation, target)
        self.relative.sort()

    def _address(self, index: int, symbol: Symbol) -> int:
        if not symbol.defined:
            index, symbol = self.globals[symbol.name]
        chunk = self.chunks.get((index, symbol.section))
        if chunk is None or symbol.section >= SHN_LORESERVE:
            raise LinkError(f"symbol {symbol.name or '?'} is not in a loaded section")
        return chunk.address + symbol.value

    def _patch(self, chunk: Chunk, relocation: Relocation, target: int) -> None:
        """Formulas of the psABI: S + A is `target`, P the place."""
        offset, kind = relocation.offset, relocation.type
        place_ = chunk.address + offset
        if kind == R_X86_64_64:
            self.relative.append((place_, target))
            return
        if kind not in (R_X86_64_PC32, R_X86_64_PLT32):
            raise LinkError(f"x86-64 relocation type {kind} is not supported")
        try:
            struct.pack_into("<i", chunk.data, offset, target - place_)
        except struct.error as error:
            raise LinkError(f"relocation at {place_:#x}: {error}") from error

    def fill_tables(self) -> None:
        """Write the tables of the dynamic linker."""
        outputs = enumerate(sections(self.layout.segments), 1)
        section_of = {id(chunk): number for number, o in outputs for chunk in o.chunks}
        symbols = [bytes(SYM.size)]
        name_at = 1
        for index, symbol in self.exports:
            address = self._address(index, symbol)
            section = section_of[id(self.chunks[index, symbol.section])]
            info = symbol.bind << 4 | symbol.type
            symbols.append(SYM.pack(name_at, info, 0, section, address, symbol.size))
            name_at += len(symbol.name) + 1
        rela = [RELA.pack(where, R_X86_64_RELATIVE, target) for where, target in self.relative]
        layout = self.layout
        layout.dynsym.chunks[0].data[:] = b"".join(symbols)
        layout.rela.chunks[0].data[:] = b"".join(rela)
        layout.dynamic.chunks[0].data[:] = b"".join(
            _DYN.pack(*entry) for entry in _dynamic_entries(layout, self.soname_at)
        )


def _dynamic_entries(layout: _Layout, soname_at: int) -> list[tuple[int, int]]:
    """(tag, value) pairs; their number does not depend on the values."""
    return [
        (DT_SONAME, soname_at),
        (DT_HASH, layout.hash.address),
        (DT_STRTAB, layout.dynstr.address),
        (DT_STRSZ, layout.dynstr.size),
        (DT_SYMTAB, layout.dynsym.address),
        (DT_SYMENT, SYM.size),
        (DT_RELA, layout.rela.address),
        (DT_RELASZ, layout.rela.size),
        (DT_RELAENT, RELA.size),
        (DT_RELACOUNT, layout.rela.size // RELA.size),
        (DT_NULL, 0),
    ]


def _hash_table(names: Sequence[str]) -> bytes:
    """The symbol lookup table (System V ABI, chapter 5); symbol 0 is the empty one."""
    count = len(names) + 1
    buckets = [0] * max(1, count // 2)
    chains = [0] * count
    for index, name in enumerate(names, 1):
        bucket = _elf_hash(name) % len(buckets)
        chains[index], buckets[bucket] = buckets[bucket], index
    words = [len(buckets), count, *buckets, *chains]
    return struct.pack(f"<{len(words)}I", *words)


def _elf_hash(name: str) -> int:
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high & 0xFFFFFFFF
    return value
