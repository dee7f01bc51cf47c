"""What users call: `axe.compile` ahead of time, `axe.jit` at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.artifact import Artifact
from axec.diag import AxecError
from axec.driver import Traceable, compile_entries
from axec.lang import tree
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.dispatch import tracing
from axec.lang.arrays.tensor import Tensor
from axec.lang.entry import Entry
from axec.lang.spec import Spec, spec
from axec.lang.tracing import Traced, trace

__all__ = ["compile", "jit"]


@dataclass(frozen=True, slots=True)
class Function:
    """A function with what it is compiled for."""

    fn: Callable[..., Any]
    specs: Sequence[Any]
    name: str | None
    donate: Sequence[str]

    def trace(self) -> Traced:
        return trace(self.fn, self.specs, name=self.name, donate=self.donate)


def compile(
    fn: Callable[..., Any] | Sequence[Entry],
    *specs: Any,
    name: str | None = None,
    donate: Sequence[str] = (),
    **options: Any,
) -> Artifact:
    """Compile ahead of time: `axe.compile(f, axe.spec((4, 8)), target="x86-64-v3").save("f.axe")`.

    `fn`: a function, with a pytree of specs (an input) or of arrays (weights) per parameter; or an
    `@axe.entry`, or a list of them, which have theirs. `name`: of the entry, by default the
    function's. `donate`: of a function, as for `@axe.entry`. Options: see `axec.driver.Options`.
    Raises AxecError with the user's own line for whatever is wrong with the program.
    """
    sources: Sequence[Traceable]
    if isinstance(fn, Entry) and not specs:
        sources = [fn]
    elif callable(fn):
        sources = [Function(fn.fn if isinstance(fn, Entry) else fn, specs, name, donate)]
    elif not specs and all(isinstance(one, Entry) for one in fn):
        sources = list(fn)
    else:
        raise AxecError(
            "argument-type",
            f"cannot compile {fn!r}",
            hint="pass a function with its specs, an @axe.entry, or a list of entries",
        )
    artifact = compile_entries(sources, **options)
    if artifact is None:
        raise AxecError("option-invalid", "stop_after leaves no artifact to return")
    return artifact


def jit(fn: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`fn` compiled at its first call with arguments of each structure, shapes and dtypes.

    For notebooks: production compiles ahead of time. Takes and gives pytrees of arrays; inside a
    trace it is `fn` itself. Options as for `axe.compile`.
    """
    programs: dict[Hashable, Any] = {}

    @functools.wraps(fn)
    def call(*args: Any) -> Any:
        if tracing() is not None:
            return fn(*args)
        found: list[Hashable] = []
        arrays = [_plain(arg, found) for arg in args]
        key = tuple(found)
        if key not in programs:
            programs[key] = compile(fn, *tree.map(_spec_of, args), **options).load()
        return _tensors(programs[key](*arrays))

    return call


def _plain(value: Any, key: list[Hashable]) -> Any:
    """A pytree as the runtime takes it: arrays in dicts, lists and tuples. `key` gets its
    structure, shapes and dtypes."""
    if type(value) is Tensor and value.trace is None:
        value = value.value
    if type(value) is not np.ndarray:
        kind, names, children = tree.children(value)
        if kind != "leaf":
            key.append((kind, names, len(children)))
            inner = [_plain(child, key) for child in children]
            if kind == "dict":
                return dict(zip(names, inner, strict=True))
            return None if kind == "none" else tuple(inner) if kind == "tuple" else inner
        value = np.asarray(as_tensor(value))
    key.append((value.shape, value.dtype))
    return value


def _tensors(value: Any) -> Any:
    """The result of a program with tensors for its arrays."""
    kind = type(value)
    if kind is dict:
        return {name: _tensors(child) for name, child in value.items()}
    if kind is list or kind is tuple:
        return kind(map(_tensors, value))
    return value if value is None else Tensor(value)


def _spec_of(leaf: Any) -> Spec:
    array = np.asarray(as_tensor(leaf))
    return spec(array.shape, array.dtype)
