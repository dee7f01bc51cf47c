"""The vector math library: elementary functions as inline instructions, without calls."""

from __future__ import annotations

from collections.abc import Callable

from axec.passes.codegen.llvm import Value

FUNCTIONS: dict[str, Callable[..., Value]] = {}
WEIGHT: dict[str, int] = {}
