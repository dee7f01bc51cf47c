"""Errors of the DSL: each names the user's own expression and says what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from axec.diag import AxecError, Location
from axec.lang.source import user_location

__all__ = ["CODES", "AxecError", "did_you_mean", "error", "nearest"]

# Stable names, like those of runtime/errors.py.
CODES: dict[str, str] = {
    "shape-mismatch": "sizes that must agree do not",
    "reshape-size": "a reshape to another number of elements",
    "axis-range": "an axis that the array does not have, or one named twice",
    "dtype-mix": "dtypes without a common one: integer with float, or bool with number",
    "dtype-unsupported": "an op that is not defined for this dtype",
    "unsupported-dtype": "a dtype that axec does not have",
    "bad-attribute": "an option with a value that it cannot take",
    "not-offered": "a function of the standard that axec leaves out",
    "scalar-range": "a Python number that the array's dtype cannot hold",
    "index-range": "an index outside the array, or one that cannot be proven inside",
    "index-type": "an index that is no integer, slice, None, ... or integer array",
    "index-count": "more indices than axes",
    "traced-value": "Python needs the value of an array that is only being traced",
    "trace-failed": "the traced function raised an error of its own",
    "traced-leak": "an array of a finished or outer trace is used",
    "numpy-function": "a NumPy function is applied to a traced array",
    "tensor-immutable": "assignment into an array",
    "dim-range": "one named dim with two ranges, or an empty range",
    "dim-unbound": "a named dim that no input has as the size of an axis",
    "dim-value": "Python needs a number or a size that only a run of the program knows",
    "dim-undecided": "a comparison that is true for some sizes of a named dim and false for others",
    "argument-type": "an argument that is no array or of no tree that axec knows",
    "argument-name": "a name that is no parameter or attribute",
    "input-count": "too few or too many inputs",
    "tree-structure": "pytrees that differ where they must not",
    "einsum-subscripts": "an einsum text that cannot be read or does not fit its operands",
    "grad-dtype": "differentiation with respect to what is not floating point",
    "grad-scalar": "the gradient of a function whose value is no floating point scalar",
    "grad-custom": "a derivative of the user's own that is missing or of the wrong form",
    "grad-check": "a derivative that differs from central differences",
    "vmap-axis": "a batch axis that an array does not have, or none at all",
    "vmap-size": "arguments whose batch axes have different sizes",
    "control-condition": "a condition that is no 0-d bool, or an index that is no 0-d integer",
    "control-carry": "the body of a loop gives back another carry than it was given",
    "control-branches": "branches that give different results",
    "scan-length": "xs of different lengths, or a scan of no known length",
    "entry-file": "the program file is missing, unreadable or no Python",
    "entry-import": "the program file raised an error while it was imported",
    "entry-missing": "the program file has no @axe.entry function",
    "entry-unknown": "the program file has no entry of that name",
    "donate-invalid": "`donate` names no input, or one that no part of the results is like",
    "entry-binding": "@axe.entry does not fit the function's parameters",
}


def error(
    code: str, message: str, *, hint: str | None = None, location: Location | None = None
) -> AxecError:
    """An AxecError at the user's current expression (unless `location` is given)."""
    assert code in CODES, code
    return AxecError(code, message, location=location or user_location(), hint=hint)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like a misspelt one, if any is."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: the nearest known one, otherwise the list."""
    names = list(known)
    close = nearest(name, names)
    if close is not None:
        return f"did you mean `{close}`?"
    return f"there is {', '.join(f'`{n}`' for n in names)}" if names else "there is none"
