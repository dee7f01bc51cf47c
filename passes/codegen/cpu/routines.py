"""Routines: functions that kernels call, each compiled once for all kernels of all programs.

What many kernels would hold alike (the inner loop of products, squares turned in registers) and
what LLVM needs long for stands in a function of its own. Its name says all that it depends on
besides the target, so that a kernel only names what it calls: what objects of kernels do not define
is written when they are linked, and compiled, or found, like any kernel (image.py). Names:

    axe_FAMILY_PARAMETER_PARAMETER...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import VOID, Builder, Module, Type, Value, poison

#: Writes the body of a routine from its parameters, as the name has them.
Emit = Callable[[Builder, Target, Sequence[str]], None]

_PREFIX = "axe_"


@dataclass(frozen=True, slots=True)
class Family:
    """Routines that differ in parameters only: how they are called, and their code."""

    name: str
    arguments: dict[str, Type]
    emit: Emit

    def routine(self, parameters: Iterable[object]) -> str:
        """The name of a routine."""
        return _PREFIX + "_".join((self.name, *map(str, parameters)))

    def call(self, b: Builder, parameters: Iterable[object], **arguments: Value | None) -> None:
        """Call the routine with these parameters (words without `_`); it does not look at
        arguments that are not given."""
        name = self.routine(parameters)
        b.module.import_(name, VOID, list(self.arguments.values()))
        b.call(name, VOID, [arguments.get(a) or poison(t) for a, t in self.arguments.items()])


_FAMILIES: dict[str, Family] = {}


def family(name: str, **arguments: Type) -> Callable[[Emit], Family]:
    """Declare a family by the function that writes its code."""

    def declare(emit: Emit) -> Family:
        _FAMILIES[name] = Family(name, arguments, emit)
        return _FAMILIES[name]

    return declare


def is_routine(name: str) -> bool:
    """Is this the name of a function that `module` can write?"""
    return name.startswith(_PREFIX) and name[len(_PREFIX) :].split("_")[0] in _FAMILIES


def module(name: str, target: Target) -> Module:
    """The routine of that name, as an LLVM module of its own."""
    key, *parameters = name[len(_PREFIX) :].split("_")
    made = Module(name)
    found = _FAMILIES[key]
    b = made.function(name, VOID, found.arguments)
    b.avx512 = target.has("avx512f")
    found.emit(b, target, parameters)
    b.ret()
    return made


def called(modules: Iterable[Module], target: Target) -> list[Module]:
    """The routines that modules call, sorted by name."""
    names = {name for one in modules for name in one.imports if is_routine(name)}
    return [module(name, target) for name in sorted(names)]
