"""From a path to a callable program."""

import os
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from . import cpu, sign
from .call import CPUS, Entry, check_threads
from .errors import AxecError, need
from .format import Container, Source
from .image import Image, check_platform
from .manifest import Manifest
from .program import ProgramTable
from .sign import Path

Function = Callable[..., Any]
Keys = Iterable[bytes | Path] | None


class Program:
    """A loaded artifact. `program["name"]` is an entry; with one entry, so is `program` itself.

    An entry is called with arrays (or the trees of arrays that it was compiled for), in order or by
    name, and gives new arrays, or `out` if that was passed: `f(x, y, out=z, threads=2)`. Calls from
    several threads run at the same time. `target` is the one that was picked for this CPU.
    """

    def __init__(self, manifest: Manifest, target: str, entries: dict[str, Function]) -> None:
        self.manifest, self.target = manifest, target
        self.entries: Mapping[str, Function] = MappingProxyType(entries)

    def __getitem__(self, name: str) -> Function:
        if name not in self.entries:
            hint = f"its entries: {', '.join(self.entries)}"
            raise AxecError("entry-unknown", f"the artifact has no entry {name!r}", hint=hint)
        return self.entries[name]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        message = f"the artifact has {len(self.entries)} entries: {', '.join(self.entries)}"
        raise AxecError("entry-ambiguous", message)

    def __repr__(self) -> str:
        return f"<Program {', '.join(self.entries)} for {self.target}>"


def load(
    path: Source, *, verify: str = "full", weights: str = "map", trusted: Keys = None,
    require_signature: bool | None = None, threads: int | None = None, target: str | None = None,
) -> Program:  # fmt: skip
    """Load an artifact from a path (or its bytes). No native code is mapped before all checks.

    `verify`: "full" checks the hash of every segment, "code" spares the weights. `weights`: "map"
    the file or "copy" it to memory. `trusted`: public keys or `.pub` paths, by default those in the
    folder $AXEC_TRUST; `require_signature`: by default when there are any. `threads`: of calls that
    do not say, by default the CPUs of this process. `target`: run this one, not the best.
    """
    import numpy as np

    check_platform()
    keys = sign.trusted_keys(trusted)
    required = bool(keys) if require_signature is None else require_signature
    parts = min(len(os.sched_getaffinity(0)), CPUS) if threads is None else check_threads(threads)
    if weights not in ("map", "copy"):
        raise AxecError("option-invalid", f'weights must be "map" or "copy", not {weights!r}')
    container = Container(path, verify, keys, signed=required, copied=weights == "copy")
    manifest = container.manifest
    chosen = cpu.choose(manifest["targets"], target)
    rows = sorted(manifest["entries"].items())
    programs = [_program(container, row) for _, row in rows]
    names = (s["name"] for s in manifest["segments"] if s["kind"] == "weights" and s["size"])
    memory = next((np.frombuffer(container.views[name], np.uint8) for name in names), None)
    image = Image(container.read(chosen["code"]))
    calls: dict[str, Function] = {}
    for index, (name, row) in enumerate(rows):
        calls[name] = Entry(name, row, image, index).start(programs[index], memory, parts)
    # A class of its own whose __call__ is the entry: `program(x)` costs no Python frame.
    own = {"__call__": next(iter(calls.values()))} if len(calls) == 1 else {}
    kind: type[Program] = type("Program", (Program,), own)
    return kind(manifest, chosen["name"], calls)


def verify(path: Source, *, trusted: Keys = None) -> Manifest:
    """Check every byte of an artifact without mapping its code; gives the manifest."""
    keys = sign.trusted_keys(trusted)
    container = Container(path, trusted=keys, signed=bool(keys))
    for row in container.manifest["entries"].values():
        _program(container, row)
    return container.manifest


def _program(container: Container, row: Manifest) -> bytes:
    data = container.read(row["program"])
    table = ProgramTable.decode(data)
    bases, room = len(row["inputs"]) + len(row["outputs"]) + 2, row["arena_bytes"] // 8
    need((table.n_dims, table.n_bases) == (len(row["dims"]), bases), "inputs of a program")
    need(table.is_static or table.n_slots <= room, "arena of a program")
    return data
