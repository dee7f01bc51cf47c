"""What a pass is: a frozen dataclass whose fields are its options, and a table of all of them.

    @register
    @dataclass(frozen=True)
    class Fuse(Pass):
        '''One line: the summary that `axec opt --list` prints.'''
        name = "fuse"
        max_ops: int = 32          # written fuse{max_ops=8}

        def run(self, module): ...

A pass rewrites the module in place. Python handles of ops that a C++ pass may have erased are dead
after it: a pass fetches what it needs from `module.body` when it starts.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import re
import time
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from axec.diag import AxecError, Location
from axec.dialects import load as load_dialects
from axec.dialects import structure
from axec.mlir import LOCK, context, ir, passmanager

PASSES: dict[str, type[Pass]] = {}

# The modules that declare passes, in pipeline order.
MODULES = (
    "axe.roll", "axe.transform", "axe.decompose", "axe.simplify", "axe.fold_weights",
    "axe.split_reductions", "kernel.straighten", "kernel.layout", "kernel.fuse", "kernel.outline",
    "kernel.unroll", "kernel.pack_weights", "kernel.share", "kernel.choose", "kernel.schedule",
    "kernel.plan",
)  # fmt: skip


class Pass:
    """Base of all passes. `run` may return an object that reports what was done."""

    name: ClassVar[str]

    def run(self, module: Any) -> Any:
        """Rewrite `module` (an MLIR module) in place, inside its context."""
        raise NotImplementedError

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        return (cls.__doc__ or "").partition("\n")[0]

    def spec(self) -> str:
        """The text that `parse_spec` reads; options at their defaults are left out."""
        fields = dataclasses.fields(typing.cast(Any, self))
        given = [(f.name, getattr(self, f.name)) for f in fields]
        changed = [(k, v) for (k, v), f in zip(given, fields, strict=True) if v != f.default]
        return (
            f"{self.name}{{{' '.join(f'{k}={_show(v)}' for k, v in changed)}}}"
            if changed
            else (self.name)
        )


def register(cls: type[Pass]) -> type[Pass]:
    """Enter a pass into the table."""
    assert cls.name not in PASSES, f"two passes are called {cls.name}"
    PASSES[cls.name] = cls
    return cls


def load() -> dict[str, type[Pass]]:
    """All passes by name, in pipeline order."""
    for module in MODULES:
        importlib.import_module(f"axec.passes.{module}")
    return PASSES


class Upstream(Pass):
    """A pass of MLIR itself, run on the whole module."""

    def run(self, module: Any) -> None:
        run_upstream(module, self.name)


@register
@dataclass(frozen=True)
class Cse(Upstream):
    """Merge equal ops without side effects (MLIR's own pass)."""

    name = "cse"


@register
@dataclass(frozen=True)
class SymbolDce(Upstream):
    """Remove private symbols that nobody names (MLIR's own pass)."""

    name = "symbol-dce"


def run_upstream(module: Any, pipeline: str) -> None:
    """Run MLIR passes by name. Every Python handle of an op that they erase is dead afterwards."""
    with module.context:
        manager = passmanager.PassManager.parse(f"builtin.module({pipeline})")
        manager.enable_verifier(False)  # `verify_each` decides that for all passes alike
        manager.run(module.operation)


# ---- option text ---------------------------------------------------------------------------------


def _bool(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.lower()]


def _strings(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


_READERS: dict[Any, tuple[str, Callable[[str], Any]]] = {
    int: ("an integer", int),
    bool: ("true or false", _bool),
    float: ("a number", float),
    str: ("a text", str),
    tuple[str, ...]: ("a list a,b,c", _strings),
}


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


_SPEC = re.compile(r"([\w-]+)\s*(?:\{([^{}]*)\})?")


@cache
def parse_spec(text: str) -> Pass:
    """`NAME` or `NAME{option=value ...}` as a pass.

    Raises AxecError `pass-syntax`, `pass-unknown`, `pass-option-unknown`, `pass-option-invalid`.
    """
    match = _SPEC.fullmatch(text.strip())
    if match is None:
        raise AxecError(
            "pass-syntax", f"cannot read the pass {text!r}", hint="write NAME{option=value ...}"
        )
    name, options = match[1], match[2] or ""
    table = load()
    if name not in table:
        raise _unknown("pass", name, table)
    cls = table[name]
    types = typing.get_type_hints(cls)
    fields = {f.name: types[f.name] for f in dataclasses.fields(typing.cast(Any, cls))}
    given: dict[str, Any] = {}
    for part in options.split():
        key, equals, value = part.partition("=")
        if not equals:
            raise AxecError("pass-syntax", f"pass {name}: option {part!r} lacks a value")
        if key not in fields:
            raise _unknown("pass-option", key, fields, f"pass {name} has no option {key!r}")
        given[key] = _read(name, key, fields[key], value)
    return cls(**given)


def parse_pipeline(text: str) -> list[Pass]:
    """Passes separated by commas (commas inside braces belong to an option)."""
    return [parse_spec(part) for part in re.split(r",(?![^{]*\})", text) if part.strip()]


def _read(name: str, key: str, kind: Any, text: str) -> Any:
    words, read = _READERS[kind]
    try:
        return read(text)
    except (ValueError, KeyError):
        raise AxecError(
            "pass-option-invalid", f"pass {name}: {key} must be {words}, got {text!r}"
        ) from None


def _unknown(what: str, name: str, known: Iterable[str], message: str = "") -> AxecError:
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none'}"
    return AxecError(f"{what}-unknown", message or f"there is no {what} {name!r}", hint=hint)


# ---- running -------------------------------------------------------------------------------------


def parse(text: str, name: str = "-") -> Any:
    """The verified module that a text describes; `name` stands for its file in errors.

    Raises AxecError `ir-invalid` with the place of the first problem.
    """
    with load_dialects():
        try:
            module = ir.Module.parse(text)
        except ir.MLIRError as e:
            raise _invalid(e, "", name) from None
        _verify_structure(module, "", name)
        return module


def verify(module: Any, after: str = "the parser") -> None:
    """Check every op. Raises AxecError `ir-invalid` with the place of the first problem."""
    try:
        module.operation.verify()
    except ir.MLIRError as e:
        raise _invalid(e, f"after {after}: ") from None
    _verify_structure(module, f"after {after}: ")


def _verify_structure(module: Any, prefix: str, name: str | None = None) -> None:
    for op, message in structure.problems(module.operation):
        raise _error(prefix + message, op.location, name)


def _invalid(error: Any, prefix: str, name: str | None = None) -> AxecError:
    found = error.error_diagnostics
    if not found:
        return AxecError("ir-invalid", f"{prefix}{error}")
    return _error(prefix + found[0].message, found[0].location, name)


def _error(message: str, location: Any, name: str | None) -> AxecError:
    where: Any = str(location).removeprefix("loc(").removesuffix(")")
    place = re.fullmatch(r'"-":(\d+):(\d+)', where)
    if name is not None and place is not None:
        where = Location(name, int(place[1]), int(place[2]))
    return AxecError("ir-invalid", message, location=where)


def run_pipeline(
    module: Any,
    passes: Sequence[Pass],
    *,
    verify_each: bool = False,
    after: Callable[[str, Any], None] | None = None,
    timings: list[tuple[str, float]] | None = None,
    reports: dict[str, Any] | None = None,
) -> None:
    """Run passes in order on a module, in place.

    `after(name, module)` is called after each; `timings` collects (name, seconds); `reports` what
    the passes returned, by name. Raises what a pass raises, and `ir-invalid` with `verify_each`.
    """
    with LOCK, context(), ir.Location.unknown():
        for one in passes:
            started = time.perf_counter()
            report = one.run(module)
            if timings is not None:
                timings.append((one.name, time.perf_counter() - started))
            if reports is not None and report is not None:
                reports[one.name] = report
            if verify_each:
                verify(module, one.name)
            if after is not None:
                after(one.name, module)
