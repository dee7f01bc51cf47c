"""The only module that imports the MLIR bindings: another build of them can replace the wheel.

PyPI's `mlir-python-bindings` is an empty placeholder; the upstream bindings ship inside the
`torch-mlir` wheel (which needs only numpy). One MLIR context serves the whole process: types and
attributes are uniqued in it, so Python-side caches keyed by them stay valid.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from torch_mlir import ir, passmanager
from torch_mlir.dialects import ext, func
from torch_mlir.dialects._ods_common import _cext

__all__ = ["LOCK", "Pure", "context", "ext", "func", "ir", "passmanager", "unknown_location"]

Pure = ext.Pure

# The context runs without its own threads (Python verifiers and threads deadlock), so two
# compilations in one process take turns.
LOCK = threading.RLock()


@functools.cache
def context() -> Any:
    """The process-wide MLIR context. The dialects load themselves into it (axec.dialects.load)."""
    # Without the search prefix every op view costs 16 us instead of 0.4.
    _cext.globals.append_dialect_search_prefix("axec.dialects")
    return ir.Context()


@functools.cache
def unknown_location() -> Any:
    """`loc(unknown)` of the process-wide context."""
    with context():
        return ir.Location.unknown()
