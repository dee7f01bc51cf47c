"""axec: an ahead-of-time compiler for machine learning. `import axec as axe`.

Importing this loads nothing: each name is imported on its first use, so that `axec.runtime` stays
free of the compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from axec import train as train
    from axec.api import compile as compile
    from axec.api import jit as jit
    from axec.lang import *  # noqa: F403
    from axec.runtime.loader import load as load

__version__ = "0.1.0"
__array_api_version__ = "2024.12"

# Names that come from elsewhere than axec.lang.
_ELSEWHERE = {"compile": "axec.api", "jit": "axec.api", "load": "axec.runtime"}
_MODULES = ("train",)


def _find(name: str) -> Any:
    """The value of a public name, imported from its home."""
    import importlib

    if name.startswith("_") and name != "__array_namespace_info__":
        raise AttributeError(f"module 'axec' has no attribute {name!r}", name=name)
    if name in _MODULES:
        value = importlib.import_module(f"axec.{name}")
    elif name in _ELSEWHERE:
        value = getattr(importlib.import_module(_ELSEWHERE[name]), name)
    else:
        lang = importlib.import_module("axec.lang")
        importlib.import_module("axec.eager")
        if name not in lang.NAMES:
            raise AttributeError(_unknown(name, lang.NAMES), name=name)
        value = getattr(lang, name)
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # a type checker that saw it would take any name for right
    __getattr__ = _find


def _unknown(name: str, known: list[str]) -> str:
    from axec.lang.errors import nearest

    close = nearest(name, known)
    return f"axec has no {name!r}" + (f", did you mean {close!r}?" if close else "")


def __dir__() -> list[str]:
    from axec import lang

    return sorted({*globals(), *_ELSEWHERE, *_MODULES, *lang.NAMES})
