"""Weights from one model into another, by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from axec.runtime.errors import AxecError
from axec.train import safetensors
from axec.train.state import Array, State, leaves, rebuilt


@dataclass(frozen=True, slots=True)
class Transfer:
    """The new state, and what happened: names that were taken over, names of the state that the
    source lacks (they stay), names of the source that the state lacks, and names whose shapes or
    dtypes differ (they stay too)."""

    state: State
    taken: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misfits: tuple[str, ...]

    def __str__(self) -> str:
        rows = ("taken", "missing", "unexpected", "misfits")
        parts = ((name, getattr(self, name)) for name in rows)
        return "\n".join(f"{name}: {', '.join(found) or 'none'}" for name, found in parts)


def transfer(
    state: State,
    source: Any,
    *,
    rename: Mapping[str, str] = {},
    strict: bool = False,
) -> Transfer:
    """`state` with the arrays of `source`, a state or a safetensors file, that have the same names,
    shapes and dtypes. `rename`: beginnings of names in the source -> in the state, the longest that
    fits counts ("" is every beginning). `strict`: AxecError `checkpoint-mismatch` unless each name
    on both sides fits."""
    from_file = isinstance(source, (str, os.PathLike))
    given = safetensors.read(source).arrays if from_file else dict(leaves(source))
    found = {_renamed(name, rename): array for name, array in given.items()}
    here = dict(leaves(state))
    same = [n for n in here if n in found and _kind(here[n]) == _kind(found[n])]
    report = Transfer(
        rebuilt(state, lambda name, a: found[name].copy() if name in same else a.copy()),
        taken=tuple(same),
        missing=tuple(n for n in here if n not in found),
        unexpected=tuple(n for n in found if n not in here),
        misfits=tuple(n for n in here if n in found and n not in same),
    )
    if strict and (report.missing or report.unexpected or report.misfits):
        raise AxecError("checkpoint-mismatch", f"the weights do not fit by name\n{report}")
    return report


def _kind(array: Array) -> tuple[Any, ...]:
    return array.shape, array.dtype


def _renamed(name: str, rename: Mapping[str, str]) -> str:
    old = max((b for b in rename if name.startswith(b)), key=len, default=None)
    return name if old is None else rename[old] + name[len(old) :]
