"""Memory between pages that cannot be touched, and a process of its own for code that may do so.

`Guarded` ends (or begins) right at such a page; what is left of its own pages holds a pattern that
must stay. `isolated` runs a function in a forked child, in which a touch of a forbidden page is
told as the place it belongs to: `writes 4 bytes behind the end of result 0`.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Memory = np.ndarray[Any, np.dtype[np.uint8]]

PAGE = mmap.PAGESIZE
CANARY = 0xC5
_LIBC = ctypes.CDLL(None, use_errno=True)
_FAULT = 86  # how a child ends that has told of a fault

# x86-64 Linux: siginfo_t.si_addr; ucontext_t.uc_mcontext.gregs[REG_ERR], whose bit 1 is "a write".
_SI_ADDRESS, _REG_ERR, _WRITE = 16, 40 + 8 * 19, 2
_SA_SIGINFO = 4
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class _SigAction(ctypes.Structure):
    _fields_ = (
        ("handler", _HANDLER),
        ("mask", ctypes.c_uint64 * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


class Guarded:
    """A copy of bytes in pages of its own.

    low: they begin right behind the forbidden page, else they end right before one, as closely as
    an alignment of their first byte to `align` bytes permits."""

    def __init__(self, content: Memory, label: str, low: bool = False, align: int = 1) -> None:
        self.label, self.size = label, len(content)
        room = max(-(-self.size // PAGE), 1) * PAGE
        self._pages = mmap.mmap(-1, room + 2 * PAGE)
        self._start = ctypes.addressof(ctypes.c_char.from_buffer(self._pages))
        for at in (0, room + PAGE):
            page = ctypes.c_void_p(self._start + at)
            assert _LIBC.mprotect(page, ctypes.c_size_t(PAGE), 0) == 0
        at = 0 if low else (room - self.size) // align * align
        own = np.frombuffer(self._pages, np.uint8, room, PAGE)
        own[:] = CANARY
        self._slack = own[:at], own[at + self.size :]
        self.data: Memory = own[at : at + self.size]
        self.data[:] = content
        self.address = self._start + PAGE + at
        self._end = self._start + room + 2 * PAGE

    def spoilt(self) -> str:
        """Which byte beside the memory was written, "" if none."""
        before, behind = (np.flatnonzero(slack != CANARY) for slack in self._slack)
        if len(before):
            where = f"{len(self._slack[0]) - before[-1]} bytes before the begin"
        elif len(behind):
            where = f"{behind[0]} bytes behind the end"
        else:
            return ""
        return f"wrote {where} of {self.label} ({self.size} bytes)"

    def told(self, address: int) -> str:
        """How an address lies to the memory, "" if it is not in these pages."""
        if not self._start <= address < self._end:
            return ""
        behind = address - self.address - self.size
        where = f"{behind} bytes behind the end" if behind >= 0 else ""
        where = where or f"{self.address - address} bytes before the begin"
        return f"{where} of {self.label} ({self.size} bytes)"


def fenced(x: np.ndarray[Any, Any], low: bool = False) -> np.ndarray[Any, Any]:
    """A copy of x that ends right before a page that cannot be touched, or begins behind one."""
    own = Guarded(np.ascontiguousarray(x).reshape(-1).view(np.uint8), "an array", low)
    return own.data.view(x.dtype).reshape(x.shape)


class Doing:
    """What this process is at, for the report of a fault."""

    what = "nothing"
    memories: Sequence[Guarded] = ()


def isolated(run: Callable[[], list[str]]) -> list[str]:
    """What a function finds wrong, in a process of its own; a fault is one more thing wrong.

    Anything else that ends the process is told by its status."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _child(run, writer)
    os.close(writer)
    with open(reader) as stream:
        found = [line for line in stream.read().split("\n") if line]
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return found if code in (0, _FAULT) else [*found, f"the process ended with {code}"]


def _child(run: Callable[[], list[str]], writer: int) -> None:
    status = 1
    try:
        _tell_faults(writer)
        os.write(writer, "\n".join(run()).encode())
        status = 0
    except BaseException as e:  # the child must not go on as a second pytest
        os.write(writer, f"{Doing.what}: {type(e).__name__}: {e}".encode())
    finally:
        os._exit(status)


def _tell_faults(writer: int) -> None:
    def fault(_: int, info: int, context: int) -> None:
        address = ctypes.c_uint64.from_address(info + _SI_ADDRESS).value
        writes = ctypes.c_uint64.from_address(context + _REG_ERR).value & _WRITE
        places = [m.told(address) for m in Doing.memories]
        where = next(filter(None, places), f"{address:#x}, which is nobody's")
        os.write(writer, f"{Doing.what}: {'writes' if writes else 'reads'} {where}".encode())
        os._exit(_FAULT)

    action = _SigAction(handler=_HANDLER(fault), flags=_SA_SIGINFO)
    _tell_faults.kept = action  # type: ignore[attr-defined]
    for number in (signal.SIGSEGV, signal.SIGBUS):
        assert _LIBC.sigaction(number, ctypes.byref(action), None) == 0
