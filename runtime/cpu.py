"""CPU features of this machine, and the choice of code that they run.

Feature names are LLVM's (`llc -mattr=help`): the compiler passes them on unchanged. They come from
/proc/cpuinfo, where the kernel lists a feature only if it also saves its registers.
"""

import contextlib
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

from .errors import AxecError

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
