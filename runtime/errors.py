"""The one error class of axec, and the codes that the runtime raises."""

from typing import Any

# Code -> hint, unless the error has a better one. A released name is never changed or reused.
CODES: dict[str, str | None] = {
    "artifact-not-found": "check the path; it must be a regular file that you may read",
    "artifact-corrupt": "copy or compile the artifact again",
    "artifact-version": "compile it again, or use the runtime that belongs to its compiler",
    "artifact-unsigned": "sign it with `axec sign`, or trust the key that signed it",
    "signature-invalid": "do not use this file: it was changed after it was signed",
    "key-invalid": "make a pair of keys with `axec keygen`",
    "cpu-unsupported": "compile with `--target` for a level that this machine has (`axec doctor`)",
    "load-failed": "check that this process may map code (SELinux, noexec)",
    "entry-ambiguous": 'name one: program["name"](...)',
    "input-structure": "pass the same dicts, lists and tuples as at compile time",
    "input-shape": "pass the declared shape, or compile for this one",
    "dim-out-of-range": "split or pad the input, or compile with a wider range",
    "dim-conflict": "inputs that share a dim must have the same size there",
    "output-invalid": "leave `out` away to get fresh arrays",
    "threads-invalid": "leave it out to use all available CPUs",
    "out-of-memory": "raise the memory limit, or use smaller dims",
    **dict.fromkeys(("platform-unsupported", "option-invalid", "entry-unknown")),
    **dict.fromkeys(("input-count", "input-name", "input-dtype")),
}


class AxecError(Exception):
    """An error that a user can act on: `code` is a stable kebab-case name, `message` one sentence
    with the values at fault, `location` the place if there is one, `hint` what to do about it."""

    def __init__(
        self, code: str, message: str, *, location: Any = None, hint: str | None = None
    ) -> None:
        super().__init__(code, message)
        self.code, self.message, self.location = code, message, location
        self.hint = hint or CODES.get(code)

    def __str__(self) -> str:
        where = [] if self.location is None else [f"  --> {self.location}"]
        hint = [f"hint: {self.hint}"] if self.hint else []
        return "\n".join([f"error[{self.code}]: {self.message}", *where, *hint])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message), self.__dict__  # they cross processes


def need(condition: object, what: str) -> None:
    """Raise AxecError `artifact-corrupt` unless the condition holds."""
    if not condition:
        raise AxecError("artifact-corrupt", f"this is no valid .axe file: {what[:300]}")
