"""What may be chosen of a kernel: how its work is cut up, never what is computed.

The attribute `choice` of a kernel.define, `"tile=8x3,rows=96"`, says it; for what it does not name
the cost model decides, which is the property or function that the table names. Every choice leaves
each sum in its one order, so that results are the same bits (decision 0020).

    field   of              what                                          the cost model
    tile    gemm            rows x vectors that stay in registers     codegen/cpu/gemm/tiles.py
    rows    gemm            rows of a unit; of a convolution that     row_block of products;
                            writes channels first: output channels    Conv.m_block
    depth   gemm, products  words along k that are packed at a time   Gemm.depth
    pack    gemm, products  are columns packed, or read in place?     Gemm.packs
    block   map, reduce     elements of a unit along the last axis    walks.MAP_BLOCK, ...
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from axec.diag import AxecError

__all__ = ["AS_MODELLED", "Choice", "of", "parse"]

_MOST = 1 << 30  # of any number; far above what makes sense, far below what overflows


@dataclass(frozen=True, slots=True)
class Choice:
    """None: what the cost model says. `str` is the text form."""

    tile: tuple[int, int] | None = None
    rows: int | None = None
    depth: int | None = None
    pack: bool | None = None
    block: int | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what is chosen."""
        return tuple(f.name for f in dataclasses.fields(self) if getattr(self, f.name) is not None)

    def __str__(self) -> str:
        return ",".join(f"{name}={_show(getattr(self, name))}" for name in self.fields)


AS_MODELLED = Choice()


def of(kernel: Any) -> Choice:
    """The choice that a kernel has as an attribute. AxecError `choice-invalid`."""
    found = kernel.attributes
    return parse(found["choice"].value) if "choice" in found else AS_MODELLED


def parse(text: str) -> Choice:
    """The choice of a text. AxecError `choice-invalid` for one that is none."""
    given: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in _READERS or name in given:
            known = ", ".join(f"{n}={example}" for n, (example, _) in _READERS.items())
            raise _invalid(f"{part!r} is no choice, or the second one of its kind", known)
        example, read = _READERS[name]
        given[name] = read(value)
        if given[name] is None:
            raise _invalid(f"{name} cannot be {value!r}", f"{name}={example}")
    return Choice(**given)


def _invalid(message: str, hint: str) -> AxecError:
    return AxecError("choice-invalid", message, hint=f"for example {hint}")


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _number(text: str) -> int | None:
    found = int(text) if re.fullmatch(r"[1-9]\d{0,9}", text) else 0
    return found if 0 < found <= _MOST else None


def _pair(text: str) -> tuple[int, int] | None:
    rows, vectors = map(_number, [*text.split("x"), ""][:2])
    whole = text.count("x") == 1 and rows is not None and vectors is not None
    return (rows, vectors) if whole and rows and vectors else None


#: Field -> an example, what reads its text (None: it cannot).
_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "tile": ("6x4", _pair),
    "rows": ("96", _number),
    "depth": ("256", _number),
    "pack": ("yes", {"yes": True, "no": False}.get),
    "block": ("1024", _number),
}
