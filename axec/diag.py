"""Errors as the compiler raises them: one class, with the user's own line and a caret under it."""

from __future__ import annotations

import linecache
from dataclasses import dataclass

from axec.runtime.errors import AxecError

__all__ = ["AxecError", "Location", "render"]


@dataclass(frozen=True, slots=True)
class Location:
    """A span of the user's source: 1-based line, 1-based columns, `end_column` exclusive."""

    file: str
    line: int
    column: int = 1
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def render(error: AxecError) -> str:
    """The whole message as a person reads it: headline, place, source line, caret, hint."""
    lines = [f"error[{error.code}]: {error.message}"]
    where = error.location
    if where is not None:
        lines.append(f"  --> {where}")
    if isinstance(where, Location):
        source = linecache.getline(where.file, where.line).rstrip("\n")
        if source:
            width = max(1, min(where.end_column, len(source) + 1) - where.column)
            lines += [f"    {source}", "    " + " " * (where.column - 1) + "^" * width]
    if error.hint:
        lines.append(f"hint: {error.hint}")
    return "\n".join(lines)
