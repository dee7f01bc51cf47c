"""A hash of the compiler's own code: what was compiled before counts only for the same compiler."""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from importlib import import_module
from pathlib import Path

#: What the code of a kernel depends on besides the kernel.
PACKAGES = ("axec.dialects", "axec.passes.codegen", "axec.passes.kernel", "axec.runtime")


def begin() -> None:
    """Compute the fingerprint in the background: it takes 2 ms, most of it in the file system."""
    if not _started.is_set():
        _started.set()
        threading.Thread(target=fingerprint, daemon=True).start()


def fingerprint() -> str:
    """The hash of all sources of PACKAGES, as hexadecimal digits. Equal for equal files, wherever
    they lie; taken once per process."""
    with _lock:
        return _fingerprint()


@cache
def _fingerprint() -> str:
    digest = hashlib.sha256()
    for package in PACKAGES:
        folder = Path(import_module(package).__path__[0])
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{package}/{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


_lock = threading.Lock()
_started = threading.Event()
