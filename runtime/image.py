"""Code segments in memory: a private, sealed copy is mapped with dlopen.

Native code is never unmapped, since another thread may stand in it. An image whose program is gone
waits for the next load of the same code instead.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import itertools
import os
import sys
import weakref
from collections.abc import Iterator
from typing import Any

from .abi import HOST_API
from .errors import AxecError

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
_IDLE: dict[bytes, list[ctypes.CDLL]] = {}  # SHA-256 of the code -> images without a program
_LOADS = itertools.count(id(_IDLE) << 20)  # numbers that no copy of this module has too
_pool: int | None = None  # `axe_parallel` of the first image: one thread pool per process


class Image:
    """The functions of one mapped code segment; no other program uses the same mapping."""

    def __init__(self, code: bytes) -> None:
        idle = _IDLE.setdefault(hashlib.sha256(code).digest(), [])
        try:
            self._library = idle.pop()
        except IndexError:
            self._library = _map(code)
        weakref.finalize(self, idle.append, self._library).atexit = False
        held = ctypes.PyDLL(self._library._name, handle=self._library._handle)  # keeps the GIL
        self.run = _function(self._library, "axe_run", 1)
        self.push = _function(held, "axe_arena_push", 2)
        self.pop = _function(held, "axe_arena_pop", 1)

    def address(self, symbol: str) -> int:
        """Where an exported symbol lies."""
        return _address(_function(self._library, symbol))


def check_platform() -> None:
    """AxecError `platform-unsupported` where native code cannot be loaded at all."""
    here = f"{sys.maxsize.bit_length() + 1}-bit {sys.implementation.name} on {sys.platform}"
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()
    if here != "64-bit cpython on linux" or sys.byteorder != "little" or not locked:
        wanted = "64-bit little-endian CPython with its global lock, on Linux"
        raise AxecError("platform-unsupported", f"native code needs {wanted}; this is {here}")


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _function(library: ctypes.CDLL, name: str, pointers: int = 0) -> Any:
    try:
        function = library[name]
    except AttributeError:
        raise AxecError("load-failed", f"the code segment has no {name}") from None
    function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p] * pointers
    return function


def _map(code: bytes) -> ctypes.CDLL:
    global _pool
    try:
        with _private_file(code) as path:
            library = ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_LOCAL)
        known = {"None": id(None), "True": id(True), "parallel": _pool}
        host = [known[n] if n in known else _address(ctypes.pythonapi[n]) for n in HOST_API]
        held = ctypes.PyDLL(path, handle=library._handle)  # calls that keep the GIL
        _function(held, "axe_init", 1)((ctypes.c_void_p * len(host))(*host))
        _pool = _pool or _address(_function(library, "axe_parallel"))
    except OSError as e:
        raise AxecError("load-failed", f"cannot map the code segment: {e}") from None
    return library


@contextlib.contextmanager
def _private_file(code: bytes) -> Iterator[str]:
    """A path that dlopen can map and nobody can change: a sealed memfd, else a nameless file."""
    sealable = True
    try:
        descriptor = os.memfd_create("axe", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        import tempfile

        sealable, (descriptor, name) = False, tempfile.mkstemp(prefix="axe-")  # mode 0600
        os.unlink(name)
    with open(descriptor, "wb") as file:
        file.write(code)
        file.flush()
        if sealable:
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        # dlopen takes an equal path for a library that it has already, and descriptors are reused:
        # spell the load's number into the path with "/" and "/./".
        spelling = "".join("/./" if bit == "1" else "/" for bit in f"{next(_LOADS):b}")
        yield f"/proc/self/fd{spelling}{descriptor}"
