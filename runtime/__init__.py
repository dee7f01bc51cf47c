"""The axec runtime: loads and calls `.axe` artifacts. It needs NumPy and the standard library only,
and works as a copied folder under any name. Its parts are imported at first use."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import AxecError
    from .loader import Program, load, verify

__all__ = ["AxecError", "Program", "load", "verify"]

_HOMES = {"AxecError": "errors", "Program": "loader", "load": "loader", "verify": "loader"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    return globals()[name]
