"""What `axec tune` found on this machine: choices of kernels, in the cache (cache.py).

One entry per compiler, target and model of CPU holds them all, {kernel's key: choice}, oldest
first. It is small, so a compilation reads one file, and its content says all that a compilation
depends on besides the program.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from axec.passes.codegen import sources
from axec.passes.codegen.cache import Cache, open_cache
from axec.passes.codegen.cpu.targets import Target

#: Environment: "off" leaves every kernel to the cost model.
SWITCH = "AXEC_TUNED"
#: Choices of an entry; those that were found first go first.
MOST = 4096

_LOCK = "tuned.lock"
_MODEL = ("vendor_id", "cpu family", "model", "model name", "cache size")  # in /proc/cpuinfo


def find(target: Target) -> dict[str, str]:
    """Texts of choices by key of the kernel (choose.key); {} where AXEC_TUNED is "off"."""
    return {} if os.environ.get(SWITCH) == "off" else _read(open_cache(), target)


def keep(target: Target, found: Mapping[str, str]) -> None:
    """Add choices to what is kept; "" takes one away. Processes that do this at the same time wait
    for each other."""
    cache = open_cache()
    if cache.folder is None:
        return
    # What the file system refuses is not kept, as everywhere in the cache.
    with suppress(OSError), _alone(cache.folder):
        kept = {k: c for k, c in _read(cache, target).items() if k not in found}
        kept |= {k: c for k, c in found.items() if c}
        newest = list(kept.items())[-MOST:]
        cache.put(_key(target), json.dumps(dict(newest)).encode())


def _read(cache: Cache, target: Target) -> dict[str, str]:
    data = cache.get(_key(target))
    found: dict[str, str] = json.loads(data) if data else {}
    return found


def _key(target: Target) -> bytes:
    """What choices are good for: this compiler, target and CPU."""
    made_from = ("choices", sources.fingerprint(sources.KERNELS), target.name, _cpu())
    return hashlib.sha256("\0".join(made_from).encode()).digest()


@cache
def _cpu() -> str:
    """The model of the machine's CPU, as Linux calls it: a folder may be shared by machines."""
    found = {}
    with suppress(OSError), Path("/proc/cpuinfo").open(errors="replace") as file:
        for name, _, value in (line.partition(":") for line in file):
            if not name.strip():
                break  # the first record says it all
            found[name.strip()] = value.strip()
    return " ".join(found.get(name, "") for name in _MODEL)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
