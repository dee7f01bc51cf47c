"""The words of the compiler: dialects axe, fn, control, kernel, exec. `load()` gives a context with
them."""

from __future__ import annotations

import contextlib
from typing import Any

from axec.mlir import context, ext


def load() -> Any:
    """Load all dialects into the process-wide context (idempotent) and return the context."""
    from axec.dialects import control, exec, fn, kernel  # noqa: F401  (their ops: structure.py)
    from axec.dialects.axe import Axe

    ctx = context()
    with ctx, contextlib.suppress(ext.DialectAlreadyLoadedError):
        Axe.load()
        ctx.allow_unregistered_dialects = True
    return ctx
