"""CPU features of this machine, and the micro-architecture levels that code is built for.

Feature names are LLVM's (`llc -mattr=help`): the compiler passes them on unchanged. They come from
/proc/cpuinfo, where the kernel lists a feature only if it also saves its registers.
"""

import contextlib
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

from .errors import AxecError

_V3 = "avx avx2 bmi bmi2 cx16 f16c fma lzcnt movbe popcnt sahf sse3 sse4.1 sse4.2 ssse3"
_V4 = f"{_V3} avx512bw avx512cd avx512dq avx512f avx512vl"

# level -> (architecture, features that its code may use). Source: x86-64 psABI, section 3.1.1,
# "Micro-Architecture Levels"; for Arm the Armv8.0 base of ARM DDI 0487.
LEVELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "x86-64-v3": ("x86_64", tuple(_V3.split())),
    "x86-64-v4": ("x86_64", tuple(_V4.split())),
    "x86-64-v4-vnni": ("x86_64", (*_V4.split(), "avx512vnni")),
    "x86-64-v4-bf16": ("x86_64", (*_V4.split(), "avx512bf16", "avx512vnni")),
    "x86-64-v4-amx": ("x86_64", (*_V4.split(), "amx-bf16", "amx-int8", "amx-tile")),
    "armv8-a": ("aarch64", ("neon",)),
}

# LLVM name -> /proc/cpuinfo name, where they differ by more than what stands for an underscore.
_RENAMED = {"bmi": "bmi1", "lzcnt": "abm", "neon": "asimd", "pclmul": "pclmulqdq"}
_RENAMED |= {"rdrnd": "rdrand", "sahf": "lahf_lm", "sse3": "pni"}


def architecture() -> str:
    """The machine's architecture as targets name it: "x86_64", "aarch64", ..."""
    return os.uname().machine


@cache
def features() -> frozenset[str]:
    """LLVM names of the features that CPU and kernel support; AxecError `platform-unsupported`."""
    # Its first record says it all, and reading all of them is slow on a large machine.
    with contextlib.suppress(OSError), open("/proc/cpuinfo", errors="replace") as file:
        for name, _, value in (line.partition(":") for line in file):
            if name.strip() in ("flags", "Features"):
                flags = value.split()
                found = {llvm for llvm, flag in _RENAMED.items() if flag in flags}
                return frozenset(found).union(f.replace("_", c) for f in flags for c in ("", *"-."))
    raise AxecError("platform-unsupported", "cannot read CPU features from /proc/cpuinfo")


def choose(targets: Sequence[dict[str, Any]], wanted: str | None = None) -> dict[str, Any]:
    """The first of the manifest's targets (best first) that this machine can run.

    `wanted` allows one name only. AxecError `cpu-unsupported` names what each candidate misses.
    """
    candidates = [t for t in targets if wanted in (None, t["name"])]
    if wanted is not None and not candidates:
        hint = f"it has {', '.join(t['name'] for t in targets)}"
        raise AxecError("option-invalid", f"there is no code for target {wanted!r}", hint=hint)
    machine, reasons = architecture(), []
    for target in candidates:
        if target["arch"] != machine:
            reasons.append(f"{target['name']} is for {target['arch']} machines, this is {machine}")
        elif missing := [f for f in target["features"] if f not in features()]:
            reasons.append(f"{target['name']} needs {', '.join(missing)}, which this CPU lacks")
        else:
            return target
    message = f"no code segment runs on this machine: {'; '.join(reasons) or 'there is none'}"
    raise AxecError("cpu-unsupported", message)
