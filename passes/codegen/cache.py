"""Compiled kernels and programs on disk, by the hash of what they were made from.

A file is the SHA-256 of its key and content, then the content: one that was cut, changed or renamed
does not match, is dropped, and what it stood for is compiled again. Files appear by renaming, so
that compilers that share the folder never see half of one. The folder is bounded; what was used
longest ago goes first, and so does what a compiler that was killed left half written. Whatever the
file system refuses only costs time: the cache is never needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Environment: the folder of the cache, or "off". Default: axec below $XDG_CACHE_HOME or ~/.cache.
FOLDER = "AXEC_CACHE"
MAX_BYTES = 256 << 20
#: The bound is looked after at one of so many new files: looking at a full folder takes a while.
TRIM_ODDS = 32

_HASH_BYTES = 32
_SUFFIX, _HALF = ".axeobj", ".axehalf"  # of results; of files that are being written
_WRITING_SECONDS = 600  # whoever has not renamed a file by then is gone


@dataclass(frozen=True, slots=True)
class Info:
    """What the cache holds."""

    folder: Path | None  # None: switched off
    files: int
    size: int  # bytes
    writable: bool  # by this process: if not, nothing new is kept


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
        except OSError:
            return None
        found = data[_HASH_BYTES:]
        right = data[:_HASH_BYTES] == _hash(key, found)
        with contextlib.suppress(OSError):  # a folder that others own may be read all the same
            if right:
                os.utime(path)  # "used now", for `_trim`
            else:
                path.unlink()
        return found if right else None

    def put(self, key: bytes, data: bytes) -> None:
        """Keep a result."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(_HALF, dir=self.folder)
        except OSError:
            return
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_hash(key, data) + data)
            os.replace(name, self._path(key))
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)
        if key[0] % self.trim_odds == 0:
            self._trim()

    def info(self) -> Info:
        """Count what is there."""
        found = list(self._entries())
        size = sum(size for _, size, _ in found)
        return Info(self.folder, len(found), size, self._is_writable())

    def clear(self) -> Info:
        """Remove everything; gives what is left, which others own."""
        for suffix in (_SUFFIX, _HALF):
            for _, _, path in self._entries(suffix):
                with contextlib.suppress(OSError):
                    path.unlink()
        return self.info()

    def _path(self, key: bytes) -> Path:
        assert self.folder is not None
        return self.folder / (key.hex() + _SUFFIX)

    def _is_writable(self) -> bool:
        """Can `put` make files, and the folder if it is missing?"""
        if self.folder is None:
            return False
        folder = self.folder.absolute()
        nearest = next(p for p in (folder, *folder.parents) if os.path.exists(p))
        return os.path.isdir(nearest) and os.access(nearest, os.W_OK | os.X_OK)

    def _entries(self, suffix: str = _SUFFIX) -> Iterator[tuple[float, int, Path]]:
        """(time of last use, bytes, path) of every file."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            for name in os.listdir(self.folder):
                if name.endswith(suffix):
                    with contextlib.suppress(OSError):  # another process removed it
                        status = os.stat(self.folder / name)
                        yield status.st_mtime, status.st_size, self.folder / name

    def _trim(self) -> None:
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        now = time.time()
        old = [path for used, _, path in self._entries(_HALF) if now - used > _WRITING_SECONDS]
        for _, size, path in entries:
            if total <= self.max_bytes:
                break
            old.append(path)
            total -= size
        for path in old:
            with contextlib.suppress(OSError):
                path.unlink()


def _hash(key: bytes, data: bytes) -> bytes:
    found = hashlib.sha256(key)
    found.update(data)
    return found.digest()


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
