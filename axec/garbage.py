"""When Python looks for cyclic garbage: not while it compiles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Without searches for cyclic garbage. The ops of a large program are many objects that stay
    until it is compiled; searching them costs a tenth of the time and finds nothing.

    Not around imports: what they make is searched once it is over, in the user's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
