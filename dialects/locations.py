"""From MLIR locations back to places in the user's source."""

from __future__ import annotations

from typing import Any

from axec.diag import Location
from axec.mlir import ir


def location_of(operation: Any) -> Location | None:
    """The place that an operation comes from: the innermost file location, the first of several;
    None where none is known. The file is named as in the IR."""
    waiting = [operation.location]
    while waiting:
        where = waiting.pop()
        if isinstance(where, ir.FileLineColLoc):
            end = where.end_col if where.end_line == where.start_line else 0
            return Location(where.filename, where.start_line, where.start_col, end)
        if isinstance(where, ir.NameLoc):
            waiting.append(where.child_loc)
        elif isinstance(where, ir.CallSiteLoc):
            waiting += [where.caller, where.callee]
        elif isinstance(where, ir.FusedLoc):
            waiting += reversed(where.locations)
    return None
