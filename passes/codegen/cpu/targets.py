"""The CPUs that code is generated for: one row per micro-architecture level.

A new level is a row in each of the two tables. The features that it needs stand in the manifest
of what is compiled for it, where the loader finds them (runtime/cpu.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from axec.diag import AxecError
from axec.runtime import cpu

__all__ = ["LEVELS", "NATIVE", "TARGETS", "Target", "resolve", "resolve_all"]

NATIVE = "native"

_V3 = "avx avx2 bmi bmi2 cx16 f16c fma lzcnt movbe popcnt sahf sse3 sse4.1 sse4.2 ssse3"
_V4 = f"{_V3} avx512bw avx512cd avx512dq avx512f avx512vl"
_AMX = "amx-bf16 amx-int8 amx-tile"

# level -> (architecture, features that its code may use). Source: x86-64 psABI, section 3.1.1,
# "Micro-Architecture Levels"; for Arm the Armv8.0 base of ARM DDI 0487.
LEVELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "x86-64-v3": ("x86_64", tuple(_V3.split())),
    "x86-64-v3-vnni": ("x86_64", (*_V3.split(), "avxvnni")),
    "x86-64-v4": ("x86_64", tuple(_V4.split())),
    "x86-64-v4-vnni": ("x86_64", (*_V4.split(), "avx512vnni")),
    "x86-64-v4-bf16": ("x86_64", (*_V4.split(), "avx512bf16", "avx512vnni")),
    "x86-64-v4-amx": ("x86_64", (*_V4.split(), *_AMX.split(), "avx512bf16", "avx512vnni")),
    "armv8-a": ("aarch64", ("neon",)),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A micro-architecture level.

    name: as in `--target` and the manifest; triple, cpu, tuning: as LLVM takes them (`tuning`
    only switches heuristics, never instructions; `cpu` is the level that this one extends, or its
    own name); vector_bytes: width of one vector register; vector_registers: how many there are;
    engine: what multiplies tiles of narrow numbers (gemm/engine.py), if anything does; tried: has
    its code run on such a CPU? "native" is no other.
    """

    name: str
    triple: str
    cpu: str
    tuning: str
    vector_bytes: int
    vector_registers: int
    engine: str = ""
    tried: bool = True

    @property
    def arch(self) -> str:
        """Machine architecture as `uname -m` says it."""
        return LEVELS[self.name][0]

    def has(self, feature: str) -> bool:
        """May code use this CPU feature (LLVM's name)? The loader has checked for it then."""
        return feature in self.required

    @property
    def required(self) -> tuple[str, ...]:
        """CPU features without which the code must not run."""
        return LEVELS[self.name][1]

    @property
    def runs_here(self) -> bool:
        """Does this machine have what the code needs?"""
        return self.arch == cpu.architecture() and all(map(cpu.has, self.required))

    @property
    def features(self) -> str:
        """What LLVM is told besides `cpu`: the tuning, and what the level has beyond that CPU."""
        beyond = [f"+{f}" for f in self.required if f not in LEVELS[self.cpu][1]]
        return ",".join([self.tuning, *beyond] if self.tuning else beyond)

    def lanes(self, element_bytes: int) -> int:
        """Elements of one vector register."""
        return self.vector_bytes // element_bytes


_LINUX = "x86_64-unknown-linux-gnu"
# Kernels clear the upper halves of registers once, at their end (kernels.py): LLVM would do so
# around every call of a routine, too. LLVM would divide shorter where both numbers are short, by
# two more blocks at every division; units are divided into positions once each.
_LEFT = "-vzeroupper,-idivq-to-divl"
# LLVM would rather split 64-byte vectors on generic v4; ours are meant as they stand.
_WIDE = f"-prefer-256-bit,{_LEFT}"

#: Best first: "native" is the first that this machine runs; the loader tries them in this order.
TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("x86-64-v4-amx", _LINUX, "x86-64-v4", _WIDE, 64, 32, "amx", tried=False),
        Target("x86-64-v4-bf16", _LINUX, "x86-64-v4", _WIDE, 64, 32),
        Target("x86-64-v4-vnni", _LINUX, "x86-64-v4", _WIDE, 64, 32),
        Target("x86-64-v4", _LINUX, "x86-64-v4", _WIDE, 64, 32),
        Target("x86-64-v3-vnni", _LINUX, "x86-64-v3", _LEFT, 32, 16, tried=False),
        Target("x86-64-v3", _LINUX, "x86-64-v3", _LEFT, 32, 16),
    )
}


def resolve(name: str) -> Target:
    """The target of that name; "native" is the best level of this machine that was tried.

    Raises AxecError `option-invalid` for an unknown name, `cpu-unsupported` when "native" is asked
    on a machine below every level.
    """
    if name in TARGETS:
        return TARGETS[name]
    known = ", ".join([NATIVE, *TARGETS])
    if name != NATIVE:
        raise AxecError("option-invalid", f"unknown target {name!r}", hint=f"targets: {known}")
    for target in TARGETS.values():
        if target.tried and target.runs_here:
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
