"""`@axe.entry`: what `axec compile FILE.py` finds, and what `axe.compile(fn)` needs to know."""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from axec.diag import Location
from axec.lang import tree
from axec.lang.arrays.core import as_tensor
from axec.lang.errors import AxecError, did_you_mean, error
from axec.lang.signature import ranges
from axec.lang.source import user_location
from axec.lang.spec import Spec
from axec.lang.tracing import Traced, raised, trace

__all__ = ["Entry", "entry"]

_NO_VALUE = inspect.Parameter.empty


class Entry:
    """A function with what it is compiled for. Attributes: `name`, `fn` (the plain function),
    `bindings` (parameter -> pytree of specs, pytree of arrays, or a callable that gives one), and
    `donate` (inputs whose memory results take)."""

    def __init__(
        self, fn: Callable[..., Any], bindings: Mapping[str, Any], donate: Sequence[str] = ()
    ) -> None:
        functools.update_wrapper(self, fn)
        self.fn = fn
        self.donate = tuple(donate)
        self.name: str = fn.__name__
        self.bindings = {k: bindings[k] for k in self._checked(bindings)}
        self.location = user_location()
        known = [leaf for v in bindings.values() if not callable(v) for leaf in tree.leaves(v)]
        ranges(leaf for leaf in known if isinstance(leaf, Spec))  # two of one dim differ?

    def _checked(self, bindings: Mapping[str, Any]) -> list[str]:
        """The bound parameters in the function's order."""
        parameters = inspect.signature(self.fn).parameters
        for given in bindings:
            if given not in parameters:
                raise error(
                    "entry-binding",
                    f"`{self.name}` has no parameter `{given}`",
                    hint=did_you_mean(given, parameters),
                )
        for name, p in parameters.items():
            if name not in bindings and p.default is _NO_VALUE:
                raise error(
                    "entry-binding",
                    f"@axe.entry says nothing about `{name}` of `{self.name}`",
                    hint=f"an input: `{name}=axe.spec(shape, dtype)`; "
                    f"weights: `{name}=` arrays or a function that returns them",
                )
        return [p for p in parameters if p in bindings]

    @functools.cached_property
    def specs(self) -> dict[str, Any]:
        """Parameter -> pytree of specs (inputs) or of arrays (weights); callables are called."""
        return {k: v() if callable(v) else v for k, v in self.bindings.items()}

    @property
    def inputs(self) -> list[str]:
        """The parameters that a call of the artifact takes."""
        return [
            k
            for k, v in self.specs.items()
            if all(isinstance(leaf, Spec) for leaf in tree.leaves(v))
        ]

    def trace(self) -> Traced:
        """Trace the function for its declared inputs and weights."""
        try:
            specs = self.specs
            parameters = inspect.signature(self.fn).parameters
            named = [k for k in specs if parameters[k].kind is inspect.Parameter.KEYWORD_ONLY]
            return trace(
                self.fn,
                [v for k, v in specs.items() if k not in named],
                name=self.name,
                keywords={k: specs[k] for k in named},
                donate=self.donate,
            )
        except AxecError as e:
            e.location = e.location or self.location  # the command line has no user's frame
            raise
        except Exception as e:
            raise raised(e, "trace-failed", f"binding the parameters of `{self.name}`") from e

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function at once. Bound parameters are filled in when the arguments are the
        inputs alone, as in a call of the artifact."""
        if len(args) + len(kwargs) == len(self.inputs) < len(self.bindings):
            given = dict(zip((n for n in self.inputs if n not in kwargs), args, strict=False))
            kwargs = {**self.specs, **given, **kwargs}
            args = ()
        return self.fn(*tree.map(_eager, args), **tree.map(_eager, kwargs))

    def __repr__(self) -> str:
        return f"<axe.entry {self.name}({', '.join(self.bindings)})>"


def entry(*, donate: Sequence[str] = (), **bindings: Any) -> Callable[[Callable[..., Any]], Entry]:
    """Mark a function as an entry: `@axe.entry(x=axe.spec(...), params=load_params)`.

    Every parameter without a default is named: a pytree of `axe.spec` makes it an input of the
    artifact; a pytree of arrays, or a function that returns one when compiling, makes it weights
    of the artifact. `donate`: names of inputs that a call gives away: what the function returns
    in their structure takes their memory (docs/training.md). AxecError `entry-binding` where names
    and parameters differ.
    """

    def mark(fn: Callable[..., Any]) -> Entry:
        return Entry(fn, bindings, donate)

    return mark


def _eager(leaf: Any) -> Any:
    return as_tensor(leaf) if isinstance(leaf, (np.ndarray, np.generic)) else leaf


def find_entries(path: str, name: str | None = None) -> list[Entry]:
    """The entries of a Python file, in order of definition; the one called `name` if given.

    The file is run as a module of its own, from its folder, and leaves nothing in sys.modules.
    AxecError: `entry-file` (missing, no Python), `entry-import` (it raised), `entry-missing` (no
    entry in it), `entry-unknown` (none of that name).
    """
    module = run_file(os.path.abspath(path), path)
    found = list(dict.fromkeys(v for v in vars(module).values() if isinstance(v, Entry)))
    if not found:
        raise AxecError(
            "entry-missing",
            f"{path} has no entry",
            hint="mark a function with `@axe.entry(x=axe.spec((4,), axe.float32))`",
        )
    chosen = [e for e in found if name in (None, e.name)]
    if not chosen:
        hint = did_you_mean(str(name), [e.name for e in found])
        raise AxecError("entry-unknown", f"{path} has no entry `{name}`", hint=hint)
    return chosen


def run_file(path: str, shown: str) -> ModuleType:
    """Run a Python file (an absolute path; `shown` in messages) as a module. Its source is compiled
    here, so that no .pyc is written or read. AxecError `entry-file`, `entry-import`."""
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
    except OSError as e:
        message = f"cannot read {shown}: {e.strerror}"
        raise AxecError("entry-file", message, hint="axec compile FILE.py:ENTRY") from None
    except (SyntaxError, ValueError) as e:
        line, column = getattr(e, "lineno", None) or 1, getattr(e, "offset", None) or 1
        where = Location(shown, line, column, getattr(e, "end_offset", None) or column + 1)
        text = getattr(e, "msg", str(e))
        raise AxecError("entry-file", f"{shown} is no Python: {text}", location=where) from None
    linecache.checkcache(path)  # it may have been edited since it was last read
    module = ModuleType(f"axe_program_{os.path.splitext(os.path.basename(path))[0]}")
    module.__file__ = path
    with _as_imported(module, os.path.dirname(path)):
        try:
            exec(code, vars(module))
        except AxecError:
            raise
        except (Exception, SystemExit) as e:
            raise raised(e, "entry-import", f"importing {shown}") from e
    return module


@contextmanager
def _as_imported(module: ModuleType, folder: str) -> Iterator[None]:
    """Like a script's: its folder comes first on sys.path. What it imports from there, and the
    module itself, are forgotten afterwards."""
    before = set(sys.modules)
    sys.modules[module.__name__] = module
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        for key in set(sys.modules) - before:
            file = getattr(sys.modules[key], "__file__", None) or ""
            if key == module.__name__ or file.startswith(folder + os.sep):
                del sys.modules[key]
