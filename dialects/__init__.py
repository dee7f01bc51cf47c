"""The words of the compiler: dialects axe, kernel, exec. `load()` puts them into the context."""

from __future__ import annotations

from typing import Any

from axec.mlir import context, ext


def load() -> Any:
    """Load all dialects into the process-wide context (idempotent) and return the context."""
    from axec.dialects.axe import Axe
    from axec.dialects.exec import Exec
    from axec.dialects.kernel import Kernel

    ctx = context()
    with ctx:
        for dialect in (Axe, Kernel, Exec):
            try:
                dialect.load()
            except ext.DialectAlreadyLoadedError:
                return ctx
    return ctx
