"""What a compilation gives: the file's parts in memory, and the text of every stage."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from axec import container
from axec.diag import AxecError


@dataclass(frozen=True)
class Artifact:
    """A compiled program, before or after it is saved. `manifest` is what `axec inspect` shows;
    `timings` are seconds by stage; `emit(name)` is the text of one level of the compiler."""

    manifest: dict[str, Any]
    segments: Sequence[container.Segment]
    timings: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, Any] = field(default_factory=dict)  # level -> () -> str

    def save(self, path: str | os.PathLike[str], keys: Iterable[bytes] = ()) -> None:
        """Write the file atomically: an existing one stays until the new one is whole.

        `keys` are Ed25519 private keys (32 bytes) that sign it. Raises AxecError `artifact-write`.
        """
        container.write(path, self.manifest, self.segments, keys)

    def to_bytes(self, keys: Iterable[bytes] = ()) -> bytes:
        """The bytes that `save` writes: equal for equal programs, options and versions, and
        choices of kernels that `axec tune` left on the machine (docs/tuning.md)."""
        return container.dumps(self.manifest, self.segments, keys)

    def load(self, **options: Any) -> Any:
        """Load it in this process without a file; options as for `axe.load`."""
        from axec.runtime import load

        return load(self.to_bytes(), **options)

    def emit(self, level: str) -> str:
        """The text of a level: axe, kernel, exec, llvm or asm. AxecError for any other name."""
        if level not in self.texts:
            known = ", ".join(self.texts)
            raise AxecError(
                "level-unknown", f"there is no level {level!r}", hint=f"one of: {known}"
            )
        return str(self.texts[level]())
