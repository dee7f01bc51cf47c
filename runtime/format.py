"""The `.axe` container, read: one file, no paths inside, every byte accounted for.

    0  8 bytes   magic 89 'AXE' 0D 0A 1A 0A
    8  u16       format major      10  u16   format minor      12  u32   flags (0)
   16  u64       file length without the signature block
   24  u64       manifest length   32  32 bytes   SHA-256 of the manifest
   64            manifest: canonical JSON (sorted keys, no spaces, ASCII, no floats)
       segments  in the manifest's order; the area starts at the next multiple of PAGE, a segment at
                 its `offset` from there, `align`ed; the gaps are zero
       optional  signature block: 'AXESIG1' 00, u32 count, per signature the SHA-256 of the public
                 key and an Ed25519 signature over 'axe-v1' 00 + the 64 header bytes

Integers are little-endian. Header -> manifest -> segments is a chain of hashes: a signature of the
header covers the file. Equal contents give equal bytes.
"""

import contextlib
import hashlib
import io
import json
import mmap
import os
import stat
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from . import sign
from .abi import ALIGNMENT
from .errors import AxecError, need
from .manifest import FORMAT, check, version_error
from .sign import Path

MAGIC, SIGNATURE_MAGIC, SIGNED_PREFIX = b"\x89AXE\r\n\x1a\n", b"AXESIG1\0", b"axe-v1\0"
HEADER = struct.Struct("<8sHHIQQ32s")
PAGE, MAX_MANIFEST = 4096, 16 << 20
# Segment kind -> alignment inside the segment area.
KINDS = {"code": ALIGNMENT, "program": ALIGNMENT, "weights": PAGE, "meta": ALIGNMENT}

Source = Path | bytes | bytearray | memoryview


class Container:
    """A parsed artifact whose every claim was checked; AxecError otherwise.

    `verify="full"` hashes all segments, "code" all but the weights. `trusted` are public keys;
    with `signed` one of them must have signed. `views` are the segments where they lie: a file is
    memory-mapped, so it may be replaced by renaming while in use, but not truncated in place; or it
    is `copied` to memory, as bytes are.
    """

    def __init__(
        self, source: Source, verify: str = "full", trusted: Iterable[bytes] = (), *,
        signed: bool = False, copied: bool = False,
    ) -> None:  # fmt: skip
        if verify not in ("full", "code"):
            raise AxecError("option-invalid", f'verify must be "full" or "code", not {verify!r}')
        view = memoryview(_open(source, copied))
        self.header = bytes(view[:64])
        minor, file_length, manifest_length, digest = _read_header(self.header, view.nbytes)
        self.body = view[:file_length]
        text = bytes(view[64 : 64 + manifest_length])
        need(hashlib.sha256(text).digest() == digest, "the manifest does not match its hash")
        self.signatures = _read_signatures(bytes(view[file_length:]))
        self.signed_by = [key for key in trusted if self._is_signed_by(key)]
        if signed and not self.signed_by:
            raise AxecError("artifact-unsigned", "the artifact has no signature by a trusted key")
        self.manifest = check(parse_manifest(text))
        need(minor == self.manifest["format"]["minor"], "two format versions")
        self.views = _layout(self.manifest["segments"], self.body, 64 + manifest_length)
        self._hashes = {row["name"]: row["sha256"] for row in self.manifest["segments"]}
        for row in self.manifest["segments"]:
            if verify == "full" or row["kind"] != "weights":
                self._check_hash(row["name"], self.views[row["name"]])

    def read(self, name: str) -> bytes:
        """A private copy of a segment, whose own hash was checked: safe from later writes."""
        copy = bytes(self.views[name])
        self._check_hash(name, copy)
        return copy

    def _check_hash(self, name: str, data: bytes | memoryview) -> None:
        same = hashlib.sha256(data).hexdigest() == self._hashes[name]
        need(same, f"segment {name!r} does not match its hash")

    def _is_signed_by(self, public: bytes) -> bool:
        own = [s[32:] for s in self.signatures if s[:32] == sign.key_id(public)]
        if own and not sign.verify(public, SIGNED_PREFIX + self.header, own[0]):
            raise AxecError("signature-invalid", "a trusted key's signature does not match")
        return bool(own)


def align(number: int, to: int) -> int:
    """The next multiple of `to`."""
    return (number + to - 1) // to * to


def canonical(manifest: Any) -> bytes:
    """The one spelling of a manifest."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def signature_block(signatures: Sequence[bytes]) -> bytes:
    """What stands behind the last segment; nothing if there are none."""
    head = SIGNATURE_MAGIC + struct.pack("<I", len(signatures))
    return head + b"".join(signatures) if signatures else b""


def _open(source: Source, copied: bool) -> mmap.mmap | bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _memory(io.BytesIO(source), memoryview(source).nbytes, copied=True)
    try:
        # Non-blocking, so that a pipe is refused instead of waited for.
        with open(source, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise OSError(0, "not a regular file")
            return _memory(file, info.st_size, copied)
    except OSError as e:
        raise AxecError("artifact-not-found", f"cannot open {source}: {e.strerror}") from None


def _memory(file: io.BufferedIOBase, size: int, copied: bool) -> mmap.mmap | bytes:
    if size == 0:
        return b""
    where = (-1, mmap.ACCESS_COPY) if copied else (file.fileno(), mmap.ACCESS_READ)
    memory = mmap.mmap(where[0], size, access=where[1])
    with contextlib.suppress(OSError):  # large pages, if the kernel has them (decision 0021)
        memory.madvise(mmap.MADV_HUGEPAGE)
    need(not copied or file.readinto(memory) == size, "it became shorter")
    return memory


def _read_header(header: bytes, size: int) -> tuple[int, int, int, bytes]:
    need(len(header) == 64, f"it has {size} bytes")
    magic, major, minor, flags, file_length, manifest_length, digest = HEADER.unpack(header)
    need(magic == MAGIC, "it does not start with the magic bytes")
    if major != FORMAT["major"]:
        raise version_error(f"format {major}.{minor}")
    need(64 <= file_length <= size, f"it ends after {size} of {file_length} bytes")
    need(flags == 0 and manifest_length <= min(MAX_MANIFEST, file_length - 64), "header")
    return minor, file_length, manifest_length, digest


def _read_signatures(block: bytes) -> list[bytes]:
    signatures = [block[at : at + 96] for at in range(12, len(block), 96)]
    sound = len(block) % 96 == (12 if block else 0) and block == signature_block(signatures)
    need(sound and len({s[:32] for s in signatures}) == len(signatures), "signature block")
    return signatures


def parse_manifest(text: bytes) -> Any:
    """Read a manifest in its one spelling; AxecError `artifact-corrupt` otherwise."""

    def refuse(token: str) -> float:
        raise ValueError(f"the number {token[:40]}")

    try:
        manifest = json.loads(text.decode("ascii"), parse_float=refuse)
        # This also finds keys that stand there twice, NaN, and escapes that need not be.
        need(canonical(manifest) == text, "the manifest is not canonical")
    except (ValueError, RecursionError) as e:
        raise AxecError("artifact-corrupt", f"the manifest is no JSON of ours: {e}") from None
    return manifest


def _layout(rows: list[dict[str, Any]], body: memoryview, end: int) -> dict[str, memoryview]:
    found: dict[str, memoryview] = {}
    start = align(end, PAGE)
    for row in rows:
        need(KINDS.get(row["kind"]) == row["align"], f"segment kind {row['kind'][:80]!r}")
        begin, size = start + row["offset"], row["size"]
        need(begin == align(end if found else start, row["align"]), "a segment lies elsewhere")
        need(0 <= size <= body.nbytes - begin, "a segment is longer than the file")
        need(not any(body[end:begin]), "padding is not zero")
        found[row["name"]], end = body[begin : begin + size], begin + size
    need(end == body.nbytes, "bytes behind the last segment")
    return found
