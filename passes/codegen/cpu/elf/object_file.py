"""Reading ELF64 relocatable objects: what the linker in linker.py needs and no more.

Source of the layouts and numbers: System V ABI, chapter 4, and the x86-64 psABI 1.0.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from axec.diag import AxecError

MAGIC = b"\x7fELF\x02\x01\x01"  # 64-bit, little-endian, version 1
ET_REL, ET_DYN = 1, 3
EM_X86_64 = 62

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_HASH, SHT_DYNAMIC = 1, 2, 3, 4, 5, 6
SHT_NOBITS, SHT_DYNSYM = 8, 11
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_TLS = 1, 2, 4, 0x400
SHN_UNDEF, SHN_LORESERVE = 0, 0xFF00
STB_LOCAL = 0
MAX_SIZE = 1 << 31  # of a section: what 32-bit relative references can span
STV_DEFAULT = 0

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
SHDR = struct.Struct("<IIQQQQIIQQ")
SYM = struct.Struct("<IBBHQQ")
RELA = struct.Struct("<QQq")


class LinkError(AxecError):
    """The objects cannot become one shared object (code "link")."""

    def __init__(self, message: str) -> None:
        super().__init__("link", message)


@dataclass(frozen=True, slots=True)
class Section:
    """A section with its bytes (empty for zero-filled memory of `size` bytes)."""

    name: str
    type: int
    flags: int
    data: bytes
    size: int
    align: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """`section` is an index into the object's sections; SHN_UNDEF when defined elsewhere."""

    name: str
    section: int
    value: int
    size: int
    bind: int
    type: int
    visibility: int

    @property
    def defined(self) -> bool:
        """Whether this object holds the definition."""
        return self.section != SHN_UNDEF


@dataclass(frozen=True, slots=True)
class Relocation:
    """Patch `section` at `offset` with a function (`type`) of `symbol` and `addend`."""

    section: int
    offset: int
    type: int
    symbol: int
    addend: int


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """One relocatable object; indices are those of the file. `defines`: its global symbols;
    `uses`: names of symbols that it refers to and does not define."""

    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]
    relocations: tuple[Relocation, ...]
    defines: tuple[Symbol, ...]
    uses: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Header:
    """A raw section header."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry_size: int


@lru_cache(maxsize=512)
def read_object(data: bytes) -> ObjectFile:
    """Parse one x86-64 ET_REL object; most are parts of many programs, as the support code is of
    all. Raises LinkError when it is something else or damaged."""
    try:
        headers, names = _read_headers(data)
        sections = tuple(_read_section(data, h, names) for h in headers)
        symbols: tuple[Symbol, ...] = ()
        for header in headers:
            if header.type == SHT_SYMTAB:
                symbols = _read_symbols(data, header, headers[header.link])
        relocations = tuple(
            relocation
            for header in headers
            if header.type == SHT_RELA
            for relocation in _read_relocations(data, header)
        )
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise LinkError(f"damaged object file: {error}") from error
    _check(sections, symbols, relocations)
    defines = tuple(s for s in symbols if s.defined and s.bind != STB_LOCAL)
    used = (symbols[r.symbol] for r in relocations)
    uses = frozenset(s.name for s in used if not s.defined)
    return ObjectFile(sections, symbols, relocations, defines, uses)


def _check(
    sections: Sequence[Section], symbols: Sequence[Symbol], relocations: Sequence[Relocation]
) -> None:
    """Indices and sizes that the linker relies on."""
    sane = (
        all(s.size <= MAX_SIZE and s.align.bit_count() == 1 for s in sections)
        and all(s.section < len(sections) or s.section >= SHN_LORESERVE for s in symbols)
        and all(s.value <= MAX_SIZE for s in symbols)
        and all(r.section < len(sections) and r.symbol < len(symbols) for r in relocations)
        and all(abs(r.addend) <= MAX_SIZE for r in relocations)
    )
    if not sane:
        raise LinkError("damaged object file: a number is out of range")


def _read_headers(data: bytes) -> tuple[list[_Header], bytes]:
    """All section headers, and the table that holds their names."""
    ident, type_, machine, *_, sh_offset, _flags, _, _, _, sh_size, count, names = EHDR.unpack_from(
        data
    )
    if not ident.startswith(MAGIC) or type_ != ET_REL or sh_size != SHDR.size:
        raise LinkError("not a little-endian ELF64 relocatable object")
    if machine != EM_X86_64:
        raise LinkError(f"objects of ELF machine {machine} cannot be linked, only x86-64")
    headers = [_Header(*SHDR.unpack_from(data, sh_offset + i * sh_size)) for i in range(count)]
    return headers, _bytes_of(data, headers[names])


def _bytes_of(data: bytes, header: _Header) -> bytes:
    if header.type == SHT_NOBITS:
        return b""
    end = header.offset + header.size
    if end > len(data):
        raise ValueError("section outside the file")
    return data[header.offset : end]


def _read_section(data: bytes, header: _Header, names: bytes) -> Section:
    content = _bytes_of(data, header) if header.flags & SHF_ALLOC else b""
    name = _string(names, header.name)
    return Section(name, header.type, header.flags, content, header.size, max(header.align, 1))


def _read_symbols(data: bytes, table: _Header, strings: _Header) -> tuple[Symbol, ...]:
    names = _bytes_of(data, strings)
    return tuple(
        Symbol(_string(names, name), section, value, size, info >> 4, info & 15, other & 3)
        for name, info, other, section, value, size in SYM.iter_unpack(_bytes_of(data, table))
    )


def _read_relocations(data: bytes, table: _Header) -> list[Relocation]:
    return [
        Relocation(table.info, offset, info & 0xFFFFFFFF, info >> 32, addend)
        for offset, info, addend in RELA.iter_unpack(_bytes_of(data, table))
    ]


def _string(table: bytes, start: int) -> str:
    return table[start : table.index(0, start)].decode("ascii")
