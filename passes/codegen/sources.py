"""Hashes of the compiler's own code: what was compiled before counts only for the same compiler."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

#: What the code of a kernel depends on besides the kernel, and an artifact besides the program.
KERNELS = ("axec.dialects", "axec.passes.codegen", "axec.passes.kernel", "axec.runtime")
PROGRAMS = ("axec",)


def begin() -> None:
    """Compute the hashes in the background: they take some milliseconds, most of it in the file
    system."""
    if not _started.is_set():
        _started.set()
        threading.Thread(target=lambda: (fingerprint(PROGRAMS), fingerprint(KERNELS))).start()


def fingerprint(packages: Sequence[str]) -> str:
    """The hash of all sources of packages and of the versions of the libraries that make code, as
    hexadecimal digits. Equal for equal files, wherever they lie; taken once per process."""
    with _lock:
        return _fingerprint(tuple(packages))


@cache
def _fingerprint(packages: tuple[str, ...]) -> str:
    digest = hashlib.sha256(str(versions()).encode())
    for package in packages:
        root = import_module(package).__path__[0]
        # In a checkout, sub-packages are links.
        for folder, folders, files in os.walk(root, followlinks=True):
            folders.sort()
            for name in sorted(files):
                if name.endswith(".py"):
                    path = Path(folder, name)
                    digest.update(f"{package}/{path.relative_to(root)}\0".encode())
                    digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def versions() -> dict[str, str]:
    """Of the libraries that make code or constants."""
    return {name: version(name) for name in ("llvmlite", "torch-mlir", "numpy")}


_lock = threading.Lock()
_started = threading.Event()
