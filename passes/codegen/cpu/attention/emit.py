"""The function of an attention kernel."""

from __future__ import annotations

from collections.abc import Callable

from axec.passes.codegen.cpu.attention import forward, keys, queries
from axec.passes.codegen.cpu.attention.setting import Setting, setting
from axec.passes.codegen.cpu.frame import Frame

#: By what blocks are made of (passes/kernel/templates/attention.py).
WAYS: dict[str, Callable[[Setting], None]] = {
    "forward": forward.emit,
    "queries": queries.emit,
    "keys": keys.emit,
}


def emit(f: Frame) -> None:
    """Write an attention kernel."""
    if all(0 in r.shape for r in f.body.results):
        return
    s = setting(f)
    WAYS[s.a.way](s)
