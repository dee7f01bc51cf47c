"""The CPUs that code is generated for: one row per micro-architecture level.

The CPU features that a level needs at load time stand in runtime/cpu.py (the loader checks them);
here stands what code generation has to know. A new level is a row here and a row there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from axec.diag import AxecError
from axec.runtime import cpu

__all__ = ["NATIVE", "TARGETS", "Target", "resolve", "resolve_all"]

NATIVE = "native"


@dataclass(frozen=True, slots=True)
class Target:
    """A micro-architecture level.

    name: as in `--target` and the manifest; triple, cpu, tuning: as LLVM takes them (`tuning`
    only switches heuristics, never instructions; `cpu` is the level that this one extends, or its
    own name); vector_bytes: width of one vector register; vector_registers: how many there are.
    """

    name: str
    triple: str
    cpu: str
    tuning: str
    vector_bytes: int
    vector_registers: int

    @property
    def arch(self) -> str:
        """Machine architecture as `uname -m` says it."""
        return cpu.LEVELS[self.name][0]

    def has(self, feature: str) -> bool:
        """May code use this CPU feature (LLVM's name)? The loader has checked for it then."""
        return feature in self.required

    @property
    def required(self) -> tuple[str, ...]:
        """CPU features without which the code must not run."""
        return cpu.LEVELS[self.name][1]

    @property
    def features(self) -> str:
        """What LLVM is told besides `cpu`: the tuning, and what the level has beyond that CPU."""
        beyond = [f"+{f}" for f in self.required if f not in cpu.LEVELS[self.cpu][1]]
        return ",".join([self.tuning, *beyond] if self.tuning else beyond)

    def lanes(self, element_bytes: int) -> int:
        """Elements of one vector register."""
        return self.vector_bytes // element_bytes


_LINUX = "x86_64-unknown-linux-gnu"
# LLVM would rather split 64-byte vectors on generic v4; ours are meant as they stand.
_WIDE = "-prefer-256-bit"

#: Best first: "native" is the first that this machine runs; the loader tries them in this order.
TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("x86-64-v4-bf16", _LINUX, "x86-64-v4", _WIDE, 64, 32),
        Target("x86-64-v4-vnni", _LINUX, "x86-64-v4", _WIDE, 64, 32),
        Target("x86-64-v4", _LINUX, "x86-64-v4", _WIDE, 64, 32),
        Target("x86-64-v3", _LINUX, "x86-64-v3", "", 32, 16),
    )
}


def resolve(name: str) -> Target:
    """The target of that name; "native" is the best level of this machine.

    Raises AxecError `option-invalid` for an unknown name, `cpu-unsupported` when "native" is asked
    on a machine below every level.
    """
    if name in TARGETS:
        return TARGETS[name]
    known = ", ".join([NATIVE, *TARGETS])
    if name != NATIVE:
        raise AxecError("option-invalid", f"unknown target {name!r}", hint=f"targets: {known}")
    for target in TARGETS.values():
        if target.arch == cpu.architecture() and cpu.features().issuperset(target.required):
            return target
    raise AxecError(
        "cpu-unsupported",
        f"this {cpu.architecture()} machine is below every level that axec compiles for",
        hint=f"name the target of the machine that will run the code: {', '.join(TARGETS)}",
    )


def resolve_all(names: Iterable[str]) -> tuple[Target, ...]:
    """Targets of one artifact, best first, each once."""
    wanted = {resolve(name).name for name in names}
    return tuple(target for target in TARGETS.values() if target.name in wanted)
