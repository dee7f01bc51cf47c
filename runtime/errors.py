"""The one error class of axec, and the codes that the runtime raises."""

from __future__ import annotations

from typing import Any

__all__ = ["CODES", "AxecError"]

# Stable names: scripts may match on them, so a released one is never renamed or reused.
CODES: dict[str, str] = {
    "artifact-not-found": "the file is missing, unreadable, or no regular file",
    "artifact-corrupt": "not an .axe file, or its bytes are not those that were written",
    "artifact-version": "written for a newer major version or another runtime ABI",
    "artifact-write": "the file could not be written; what stood there before is untouched",
    "artifact-unsigned": "a signature by a trusted key is required and there is none",
    "signature-invalid": "a signature by a trusted key does not match the file",
    "key-invalid": "a key file does not hold an Ed25519 key",
    "cpu-unsupported": "this machine lacks CPU features that every code segment needs",
    "platform-unsupported": "this Python or operating system cannot run native code segments",
    "load-failed": "the operating system refused to map the code segment",
    "option-invalid": "an option has a value that it cannot take",
    "entry-unknown": "the artifact has no entry of that name",
    "entry-ambiguous": "the artifact has several entries and none was named",
    "input-count": "too few or too many inputs",
    "input-name": "a keyword that names no input, or an input given twice",
    "input-structure": "an argument is not the tree (dict, list, tuple) that it was compiled for",
    "input-dtype": "an array has another dtype than declared",
    "input-shape": "an array has another shape than declared",
    "dim-out-of-range": "a named dim has a size outside its declared range",
    "dim-conflict": "one named dim has two sizes in one call",
    "output-invalid": "`out` is no writable array of the declared dtype and shape",
    "threads-invalid": "`threads` is no integer between 1 and the CPUs of this machine",
    "out-of-memory": "memory for outputs or the arena could not be had",
}


class AxecError(Exception):
    """An error that a user can act on.

    `code` is a stable kebab-case name, `message` one sentence with the values at fault, `location`
    the place at fault if there is one (printed with `str`), `hint` what to do about it.
    """

    def __init__(
        self, code: str, message: str, *, location: Any = None, hint: str | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.location = location
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {self.message}"]
        if self.location is not None:
            lines.append(f"  --> {self.location}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process boundaries (code generation runs in a worker).
        return _rebuild, (type(self), self.code, self.message, self.location, self.hint)


def _rebuild(
    kind: type[AxecError], code: str, message: str, location: Any, hint: str | None
) -> AxecError:
    return kind(code, message, location=location, hint=hint)
