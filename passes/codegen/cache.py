"""Compiled kernels and programs on disk, by the hash of what they were made from.

A file is the SHA-256 of its content, then the content: one that was cut or changed does not match,
is dropped, and what it stood for is compiled again. Files appear by renaming, so that compilers
that share the folder never see half of one. The folder is bounded; what was used longest ago goes
first. Whatever the file system refuses only costs time: the cache is never needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Environment: the folder of the cache, or "off". Default: axec below $XDG_CACHE_HOME or ~/.cache.
FOLDER = "AXEC_CACHE"
MAX_BYTES = 256 << 20
#: The bound is looked after at one of so many new files: looking at a full folder takes a while.
TRIM_ODDS = 32

_HASH_BYTES = 32
_SUFFIX = ".axeobj"


@dataclass(frozen=True, slots=True)
class Info:
    """What the cache holds."""

    folder: Path | None  # None: switched off
    files: int
    size: int  # bytes


class Cache:
    """A folder of results. Safe for several processes and threads at once."""

    def __init__(
        self, folder: Path | None, max_bytes: int = MAX_BYTES, trim_odds: int = TRIM_ODDS
    ) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.trim_odds = trim_odds

    def get(self, key: bytes) -> bytes | None:
        """The result that was put under this key, or None."""
        if self.folder is None:
            return None
        path = self._path(key)
        try:
            data = path.read_bytes()
            if data[:_HASH_BYTES] == hashlib.sha256(data[_HASH_BYTES:]).digest():
                os.utime(path)  # "used now", for `_trim`
                return data[_HASH_BYTES:]
            path.unlink()
        except OSError:
            pass
        return None

    def put(self, key: bytes, data: bytes) -> None:
        """Keep a result."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder)
        except OSError:
            return
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            os.replace(name, self._path(key))
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)
        if key[0] % self.trim_odds == 0:
            self._trim()

    def info(self) -> Info:
        """Count what is there."""
        found = list(self._entries())
        return Info(self.folder, len(found), sum(size for _, size, _ in found))

    def clear(self) -> Info:
        """Remove everything; gives what was there."""
        before = self.info()
        for _, _, path in self._entries():
            path.unlink(missing_ok=True)
        return before

    def _path(self, key: bytes) -> Path:
        assert self.folder is not None
        return self.folder / (key.hex() + _SUFFIX)

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """(time of last use, bytes, path) of every file."""
        if self.folder is None or not self.folder.is_dir():
            return
        for path in self.folder.glob("*" + _SUFFIX):
            with contextlib.suppress(OSError):  # another process removed it
                status = path.stat()
                yield status.st_mtime, status.st_size, path

    def _trim(self) -> None:
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= self.max_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size


def open_cache() -> Cache:
    """The cache that the environment names."""
    named = os.environ.get(FOLDER)
    if named:
        return Cache(None if named == "off" else Path(named))
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        return Cache((Path(home) if home else Path.home() / ".cache") / "axec")
    except RuntimeError:  # no home directory
        return Cache(None)
