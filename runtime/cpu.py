"""CPU features of this machine, and the choice of code that they run.

Feature names are LLVM's (`llc -mattr=help`): the compiler passes them on unchanged. They come from
/proc/cpuinfo, where the kernel lists a feature only if it also saves its registers."""

import os
from collections.abc import Sequence
from contextlib import suppress
from ctypes import CDLL
from functools import cache
from typing import Any

from .errors import AxecError

# /proc/cpuinfo name -> LLVM's, where they differ by more than what stands for an underscore.
_NAMES = {"bmi1": "bmi", "abm": "lzcnt", "asimd": "neon", "lahf_lm": "sahf", "pni": "sse3"}


def architecture() -> str:
    """The machine's architecture as targets name it: "x86_64", "aarch64", ..."""
    return os.uname().machine


@cache
def features() -> frozenset[str]:
    """LLVM names of the features that CPU and kernel support; AxecError `platform-unsupported`."""
    with suppress(OSError, StopIteration), open("/proc/cpuinfo", errors="replace") as file:
        flags = next(line for line in file if line.startswith(("flags", "Features"))).split()
        return frozenset(_NAMES.get(f, f).replace("_", c) for f in flags for c in ("", *"-."))
    raise AxecError("platform-unsupported", "cannot read CPU features from /proc/cpuinfo")


def has(feature: str) -> bool:
    """May this process use it? Tiles are the kernel's to give, when ARCH_REQ_XCOMP_PERM asks."""
    refused = feature == "amx-tile" and CDLL(None).syscall(158, 0x1023, 18)
    return feature in features() and not refused


def choose(targets: Sequence[dict[str, Any]], wanted: str | None = None) -> dict[str, Any]:
    """The first of the manifest's targets (best first) that this machine can run; `wanted` allows
    one name only. AxecError `cpu-unsupported` names what each candidate misses."""
    candidates = [t for t in targets if wanted in (None, t["name"])]
    if wanted is not None and not candidates:
        hint = f"it has {', '.join(t['name'] for t in targets)}"
        raise AxecError("option-invalid", f"there is no code for target {wanted!r}", hint=hint)
    machine, reasons = architecture(), []
    for target in candidates:
        if target["arch"] != machine:
            reasons.append(f"{target['name']} is for {target['arch']} machines, this is {machine}")
        elif missing := [f for f in target["features"] if not has(f)]:
            reasons.append(f"{target['name']} needs {', '.join(missing)}, which this machine lacks")
        else:
            return target
    message = f"no code segment runs on this machine: {'; '.join(reasons) or 'there is none'}"
    raise AxecError("cpu-unsupported", message)
