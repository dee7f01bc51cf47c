"""The `.axe` container, written: atomically, and byte for byte as runtime/format.py reads it."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from axec.diag import AxecError
from axec.runtime.format import (
    HEADER,
    KINDS,
    MAGIC,
    PAGE,
    SIGNED_PREFIX,
    Container,
    align,
    canonical,
    parse_manifest,
    signature_block,
)
from axec.runtime.manifest import FORMAT, Manifest, check
from axec.runtime.sign import Path, key_id
from axec.signing import public_key, sign

Chunk = bytes | memoryview


@dataclass(frozen=True)
class Segment:
    """A named run of bytes: `data` is bytes or any contiguous buffer (it is not copied)."""

    name: str
    kind: str
    data: Any

    @cached_property
    def view(self) -> memoryview:
        """The data byte by byte."""
        return memoryview(self.data).cast("B")

    @cached_property
    def sha256(self) -> str:
        """The hash of the data, taken once: weights are gigabytes."""
        return hashlib.sha256(self.view).hexdigest()


def complete(manifest: Manifest, segments: Sequence[Segment]) -> Manifest:
    """The manifest as it is written: with its "format" and "segments" keys filled in."""
    rows, end = [], 0
    for one in segments:
        to, size = KINDS[one.kind], one.view.nbytes
        place = {"offset": align(end, to), "size": size, "align": to}
        rows.append({"name": one.name, "kind": one.kind, "sha256": one.sha256, **place})
        end = place["offset"] + size
    return {**manifest, "format": dict(FORMAT), "segments": rows}


def dumps(manifest: Manifest, segments: Sequence[Segment], keys: Iterable[bytes] = ()) -> bytes:
    """The bytes of an artifact; `keys` are private keys (32 bytes) that sign it."""
    return b"".join(_chunks(manifest, segments, keys))


def write(
    path: Path, manifest: Manifest, segments: Sequence[Segment], keys: Iterable[bytes] = ()
) -> None:
    """Write an artifact atomically: `path` holds the old file or the whole new one, never less.
    AxecError `artifact-corrupt` for a manifest that no reader takes, `artifact-write` on failure.
    """
    replace_file(path, _chunks(manifest, segments, keys))


def add_signature(path: Path, private: bytes) -> None:
    """Sign an artifact that stands on disk; signatures by other keys stay."""
    container = Container(path)
    new = _sign(container.header, private)
    others = [old for old in container.signatures if old[:32] != new[:32]]
    replace_file(path, [container.body, signature_block([*others, new])])


def _chunks(manifest: Manifest, segments: Sequence[Segment], keys: Iterable[bytes]) -> list[Chunk]:
    whole = complete(manifest, segments)
    text = canonical(whole)
    check(parse_manifest(text))
    chunks: list[Chunk] = [text]
    at, start = 64 + len(text), align(64 + len(text), PAGE)
    for row, segment in zip(whole["segments"], segments, strict=True):
        begin = start + row["offset"]
        chunks += [bytes(begin - at), segment.view]
        at = begin + row["size"]
    version, digest = (FORMAT["major"], FORMAT["minor"]), hashlib.sha256(text).digest()
    header = HEADER.pack(MAGIC, *version, 0, at, len(text), digest)
    return [header, *chunks, signature_block([_sign(header, key) for key in keys])]


def _sign(header: bytes, private: bytes) -> bytes:
    return key_id(public_key(private)) + sign(private, SIGNED_PREFIX + header)


def replace_file(path: Path, chunks: Iterable[Chunk]) -> None:
    """Write a file atomically and durably; AxecError `artifact-write`."""
    folder, base = os.path.split(os.path.abspath(path))
    mine = os.path.join(folder, f".{base}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        for stray in glob.glob(os.path.join(glob.escape(folder), f".{glob.escape(base)}.*.*.tmp")):
            pid = stray.split(".")[-3]  # of a writer that was killed, if it is gone
            if pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(stray)
        with open(mine, "xb") as file:
            try:
                file.writelines(chunks)
                file.flush()
                os.fsync(file.fileno())
                os.replace(mine, path)
            except BaseException:
                os.unlink(mine)
                raise
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)  # makes the rename itself durable
        os.close(descriptor)
    except OSError as e:
        message = f"cannot write {path}: {e.strerror}"
        hint = "what stood there before is untouched; check the folder, space and rights"
        raise AxecError("artifact-write", message, hint=hint) from None
